"""A wave about to be frozen, and what those that were opened together with it would each find alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from outreach.model.campaign import Campaign, Step
from outreach.model.occasion import Occasion, Revision
from outreach.store.runs import Run, Wave
from outreach.store.session import Session

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Same:
    """What waves opened together would each find alike: asked for the first, kept for the others.

    Half of a storm's questions are asked again for the next class. Never kept: what the wave before has
    written itself, and what other outages are and tell, or two of them would tell one person the same.
    """

    _known: dict[tuple[object, ...], Any] = field(default_factory=dict)

    def ask(self, question: Callable[..., Answer], session: Session, *given: object) -> Answer:
        """`question(session, *given)`; what is given can be looked up by."""
        return self.found((question, *given), lambda: question(session, *given))

    def found(self, key: tuple[object, ...], find: Callable[[], Answer]) -> Answer:
        """The same where what is given cannot: what it is known by, and how it is found."""
        if key not in self._known:
            self._known[key] = find()
        return cast("Answer", self._known[key])


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A step of a run at a revision, about to be frozen."""

    occasion: Occasion
    revision: Revision
    run: Run
    campaign: Campaign
    step: Step
    wave: Wave
    beside: tuple[Wave, ...]
    """All waves of the run."""
    same: Same
    """What the waves opened together with it have found."""
