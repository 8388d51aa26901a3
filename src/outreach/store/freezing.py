"""Everything that the freeze of one wave needs, decided beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table

from outreach.model.audience import Segment
from outreach.model.stakeholder import ContactList
from outreach.model.words import Audience, Channel, PriorityClass
from outreach.store.daily_cap import DailyCap
from outreach.store.overlap import ALONE, Beside
from outreach.store.runs import Wave
from outreach.store.scopes import Remaining


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """When a message of this zone and class may leave, and until when it is true."""

    zone: str
    not_before: datetime | None
    priority_not_before: datetime | None
    """The same for class A."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """A random share of classes B and C that hears last of all, at one instant; never who lives with class A."""

    share: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Whose own quiet hours, in a zone, hold until an instant what would leave before it."""

    zone: str
    begins: tuple[int, ...]
    """Minutes of the local day at which they begin."""
    ends: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Untold:
    """Customers, and every contact point that one of them has."""

    customers: tuple[int, ...]
    points: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezing:
    """Everything one wave's freeze needs, decided beforehand."""

    wave: Wave
    seed: bytes
    scope: Remaining
    channels: tuple[Channel, ...]
    siblings: tuple[int, ...]
    """Waves of the same run and revision: nobody hears twice of one revision."""
    earlier: tuple[int, ...]
    """Every other wave of the run, and of what was merged into its occasion: who was told before."""
    releases: tuple[Release, ...]
    not_after: datetime | None
    pools: tuple[str, ...]
    """`sms:CL`, `sms:*`: pools that have a lane; an address goes to its country's, else to `home`."""
    home: str = "*"
    """The pool of an address without one of its country; of a drill, all of it goes there."""
    everybody_told: bool = False
    """TOLD: on every channel they heard on, and also who heard last that they are no longer concerned."""
    together: tuple[PriorityClass, ...] = ()
    """Classes that hear on every channel of the step that they have."""
    segment: Segment | None = None
    """Whom of the scope the step speaks to; None: everybody."""
    only_in_scope: bool = False
    """TOLD leaves out who is out of the scope by now: what still holds no longer holds for them."""
    heard_in: tuple[int, ...] | None = None
    """TOLD, LEFT: only who heard last in one of these waves; None: in any but those for LEFT."""
    untold: Untold | None = None
    """JOINED: only these, for all the others were told of these places; None: anybody in the scope."""
    within: Remaining | None = None
    """TOLD, LEFT: of who was told only those who lie in it; None: all."""
    lists: tuple[ContactList, ...] = ()
    """It speaks to these contact lists, and to no customer."""
    posts_at: datetime | None = None
    """When our own accounts say it too, in the company's `locale` and the area's `zone`; None: they do not."""
    locale: str = ""
    zone: str = ""
    is_emergency: bool = False
    """It is also said where somebody wants no service notices; a No to everything holds."""
    laid: Table | None = None
    """Where whom it found in the ledger lies aside: found once, and not again for who is left out."""
    beside: Beside = ALONE
    """Other occasions that keep the same premises dark."""
    cap: DailyCap | None = None
    """How much of its storm a person may hear today."""
    muted: tuple[Remaining, ...] = ()
    """Where this purpose has to be silent: who is in the dark is spared bills and offers."""
    tail: Tail | None = None
    """Who hears last, so that told and untold can be compared for longer; None: nobody is kept back."""
    holdout: float = 0.0
    """Random share of the households of classes B and C that is never told."""
    silences: tuple[Silence, ...] | None = None
    """What people wished for on their pages, their language beside it; None: nobody wished for anything."""

    @property
    def is_to_told(self) -> bool:
        """Whether it speaks to people of the ledger, not to places."""
        return self.wave.audience in {Audience.TOLD, Audience.LEFT}

    @property
    def bars(self) -> bool:
        """Whether some of the found must not be written to today."""
        return bool(self.cap or self.muted or self.holdout)

    @property
    def is_for_nobody(self) -> bool:
        """Whether it surely speaks to nobody: to no class, or to who was told, of whom there are none."""
        if not self.wave.classes:
            return True
        return self.is_to_told and not self.lists and (not self.earlier or self.heard_in == ())
