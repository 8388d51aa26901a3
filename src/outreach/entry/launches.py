"""Launches that a machine asks for: as `key:NAME`, by the rules for everybody, and never as the second person.

What a person would be refused after a look at the preview, a machine is refused too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import approving, launching, pins, works
from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import Preview, in_words, preview
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import OccasionId
from outreach.model.words import OccasionKind
from outreach.store import occasions, runs

_NO_OCCASION = "no such occasion; GET /v1/outages lists the open ones"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """What became of the asking: a run, or an approval that a person has to give first."""

    run: int | None = None
    is_new: bool = False
    approval: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedAt:
    """What a launch would do now."""

    preview: Preview
    refused: tuple[str, ...]
    """Why it would be refused; empty: it would not."""
    needs_approval: bool
    """A second person would have to say yes first."""
    was_launched: bool
    """A launch would send nothing new."""


def look(engine: Engine, occasion: OccasionId, campaign: str, *, now: datetime) -> LookedAt:
    """What `launch` would do at `now`; nothing is written.

    InputRefused: no such occasion or campaign. GuardRefused: the campaign serves something else.
    """
    pinned = pins.read(engine.settings, campaign)
    try:
        with engine.database.read() as session:
            launching.refuse_other_kind(occasions.get(session, occasion), pinned.campaign)
        shown = preview(engine, occasion, campaign, now=now)
        is_needed = approving.is_needed(engine, occasion, campaign)
    except KeyError:
        raise InputRefused(_NO_OCCASION) from None
    with engine.database.read() as session:
        was_launched = bool(runs.of(session, occasion, campaign=campaign))
    refused = tuple(_refusals(engine, shown, now=now))
    return LookedAt(
        preview=shown, refused=refused, needs_approval=is_needed, was_launched=was_launched
    )


def launch(
    engine: Engine, occasion: OccasionId, campaign: str, *, actor: str, now: datetime
) -> Launched:
    """Launches a campaign for an occasion, or asks a second person where one is needed.

    InputRefused: no such occasion or campaign. GuardRefused: as for whoever types it.
    """
    try:
        _refuse(engine, occasion, campaign, now=now)
        if approving.is_needed(engine, occasion, campaign):
            asked = approving.ask(engine, occasion, campaign, author=actor, now=now)
            return Launched(approval=asked.id)
        applied = engine.launch(occasion, campaign, actor=actor, now=now)
    except KeyError:
        raise InputRefused(_NO_OCCASION) from None
    with engine.database.read() as session:
        run = runs.of(session, occasion, campaign=campaign)[0]
    return Launched(run=run.id, is_new=bool(applied.launched))


def _refusals(engine: Engine, shown: Preview, *, now: datetime) -> Iterator[str]:
    occasion, pinned = shown.occasion, pins.read(engine.settings, shown.campaign)
    with engine.database.read() as session:
        run = next(iter(runs.of(session, occasion.id, campaign=shown.campaign)), None)
        try:
            launching.refuse_suspected(occasion)
            if run is not None:
                launching.refuse_cancelled(occasion, run)
            works.refuse_broken(session, engine.settings, pinned, occasion, now=now)
        except GuardRefused as error:
            yield str(error)
    if run is None and not shown.may_pass:
        yield from _too_late(shown)


def _refuse(engine: Engine, occasion: OccasionId, campaign: str, *, now: datetime) -> None:
    """As `look` says: before a second person is asked for what could not go. What was launched is a no-op."""
    pinned = pins.read(engine.settings, campaign)
    with engine.database.read() as session:
        current = occasions.get(session, occasion)
        if runs.of(session, occasion, campaign=campaign):
            return
        launching.refuse_other_kind(current, pinned.campaign)
        launching.refuse_suspected(current)
        works.refuse_broken(session, engine.settings, pinned, current, now=now)
    if current.kind is OccasionKind.OUTAGE:
        return  # late news is better than none
    said = list(_too_late(preview(engine, occasion, campaign, now=now)))
    if said:
        raise GuardRefused("; ".join(said))


def _too_late(shown: Preview) -> Iterator[str]:
    return (in_words(step, each, zone=shown.occasion.zone) for step, each in shown.overlong)
