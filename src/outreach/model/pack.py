"""The rules of a country as data: what was read where, how sure of it we are, and what it asks of a notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from outreach.model.words import Service


class Certainty(StrEnum):
    """How a rule is known (field-rules.md)."""

    SEEN = "D"
    """Seen in a document."""
    REPORTED = "W"
    """Seen in press or other secondary text."""
    RECALLED = "R"
    """Recalled, not read."""
    UNSETTLED = "X"
    """Sources disagree, or the source is incomplete."""

    @property
    def may_be_called_legal(self) -> bool:
        """What is recalled or unsettled is a configured value, until somebody confirms it."""
        return self in {Certainty.SEEN, Certainty.REPORTED}


class RuleKind(StrEnum):
    """What a rule is about; the first seven are checked on every planned notice."""

    PLANNED_NOTICE = "planned_notice"
    """Elapsed time before the start at which people must have been told."""
    PLANNED_REPEAT = "planned_repeat"
    """Elapsed time before the start at which they are told again."""
    PLANNED_ITEMS = "planned_items"
    """What every notice must state."""
    PLANNED_WINDOW = "planned_window"
    """Days and local hours within which a work must lie."""
    LIFE_SUPPORT_NOTICE = "life_support_notice"
    """As planned_notice, for premises on the life-support register."""
    LIFE_SUPPORT_MANNER = "life_support_manner"
    """How these must hear: `written`, `spoken`, always by name and never by a post alone."""
    PLANNED_CANCEL = "planned_cancel"
    """A cancelled work must be told."""
    CAUSE_CLOCK = "cause_clock"
    EVENT_CLOCK = "event_clock"
    PAGE_REFRESH = "page_refresh"
    RESTORATION_LIMIT = "restoration_limit"
    COMPENSATION = "compensation"
    COMPLAINTS = "complaints"
    LIFE_SUPPORT_DUTY = "life_support_duty"
    PRIVACY = "privacy"
    OPT_OUT = "opt_out"
    QUIET_HOURS = "quiet_hours"
    NOTICE_EVIDENCE = "notice_evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a notice must state: by values of fields, or in words of the template."""

    name: str
    every: tuple[str, ...] = ()
    """Fields of which all must be there; or else one of the following."""
    fields: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    """Lower case; any of them, as part of the text, will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Local days (0 Monday) and hours within which a work must lie."""

    days: tuple[int, ...]
    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule with its source; `value` is what was read, as it may be shown."""

    id: str
    """`ar.planned_notice`, unique in its pack; what a recorded exception names."""
    kind: RuleKind
    value: str
    source: str
    as_of: date
    """When it was read there."""
    certainty: Certainty
    service: Service | None = None
    """None: every service."""
    lead: timedelta | None = None
    items: tuple[Item, ...] = ()
    hours: Hours | None = None
    manners: tuple[str, ...] = ()
    note: str = ""
    file: str = ""
    """Where it stands: shipped, or the workspace's own."""
    refuses: bool = True
    """Whether a notice that breaks it is refused; otherwise it is listed only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """The rules of one country, in the order of its file."""

    country: str
    """ISO 3166, upper case; empty with no rules where we have no pack."""
    rules: tuple[Rule, ...] = ()
    file: str = ""

    def of(self, service: Service, *kinds: RuleKind) -> tuple[Rule, ...]:
        """Rules of these kinds for a service; its own come in the place of general ones."""
        fit = [
            rule for rule in self.rules if rule.kind in kinds and rule.service in {None, service}
        ]
        own = {rule.kind for rule in fit if rule.service is not None}
        return tuple(rule for rule in fit if rule.service is not None or rule.kind not in own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One notice that a campaign sends ahead: how long before, to which classes, on which channels."""

    step: str
    before: timedelta
    classes: frozenset[str]
    channels: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What one text of a notice says: the fields whose value is in it, and the words around them."""

    where: str
    """`planned_notice/es/sms.txt`."""
    fields: frozenset[str]
    text: str
    """Lower case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNotice:
    """All that the rules look at of one work and of what announces it."""

    service: Service
    zone: str
    start_at: datetime
    end_at: datetime
    told_at: datetime
    """When its first notice left, or now."""
    priority_customers: int = 0
    """On the life-support register."""
    leads: tuple[Lead, ...] = ()
    stated: tuple[Stated, ...] = ()
    tells_cancelled: bool = True
    """Whether a step answers to its cancellation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A rule that a notice breaks, and by what."""

    rule: Rule
    why: str
