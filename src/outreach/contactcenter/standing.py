"""How one truth stands for one place at one instant: its status, its words, how long they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.model.contactcenter import AnswerStatus, LiveTruth
from outreach.model.notice import Facts
from outreach.model.occasion import Revision
from outreach.model.words import OccasionKind, OccasionState

_OVER = {OccasionState.RESTORED, OccasionState.ENDED}
_RESTORED = {OccasionKind.OUTAGE: "outage_restored", OccasionKind.PLANNED: "planned_restored"}
_RUNNING = {OccasionState.ACTIVE, OccasionState.PARTIAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Until when a truth is worth telling, and until when it is fresh."""

    restored_for: timedelta = timedelta(hours=2)
    planned_ahead: timedelta = timedelta(hours=72)
    feed_lapse: timedelta = timedelta(seconds=300)
    unkept_for: timedelta = timedelta(minutes=60)
    """How long a person's outage without a promised next news is fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A spoken place inside a truth; `is_back`: restored there; `is_guess`: nobody said so."""

    area: str
    zone: str = ""
    is_back: bool = False
    is_guess: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One thing that could be told; the lowest rank is."""

    status: AnswerStatus
    template: str
    facts: Facts
    shown_id: str
    version: int
    is_fresh: bool
    rank: tuple[int, int, int]
    """Kind of news (worst first), stale after fresh, largest first."""
    ends: tuple[datetime, ...]
    """Instants at which what is said stops being so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saying:
    status: AnswerStatus
    template: str
    weight: int
    until: datetime | None = None


def stand(each: LiveTruth, place: Place, *, now: datetime, limits: Limits) -> Standing | None:
    """None where this truth has nothing (any more) to tell this place."""
    saying = _saying(each, place, now, limits)
    if saying is None:
        return None
    fresh_until = _fresh_until(each, saying, limits)
    revision = each.occasion.revision
    ends = tuple(
        end for end in (saying.until, fresh_until, _ahead(revision.next_update_at, now)) if end
    )
    is_fresh = fresh_until is None or now < fresh_until
    return Standing(
        status=saying.status,
        template=saying.template,
        facts=_facts(each, place, now=now, saying=saying),
        shown_id=each.shown_id,
        version=revision.version,
        is_fresh=is_fresh,
        rank=(saying.weight + place.is_guess, not is_fresh, -each.customers),
        ends=ends,
    )


def _saying(each: LiveTruth, place: Place, now: datetime, limits: Limits) -> _Saying | None:
    revision = each.occasion.revision
    if revision.state in _OVER or (place.is_back and revision.state in _RUNNING):
        return _restored(each, now, limits)
    if revision.state is OccasionState.CANCELLED:
        return _cancelled(each, now)
    if not revision.state.is_open:
        return None
    match each.occasion.kind:
        case OccasionKind.OUTAGE:
            return _outage(revision, now)
        case OccasionKind.PLANNED:
            return _planned(revision, now, limits)
        case OccasionKind.ADVISORY:
            return _advisory(revision, now)


def _outage(revision: Revision, now: datetime) -> _Saying:
    """A past estimate is never spoken: from its instant on we are investigating again."""
    etr = revision.public_etr
    if etr is not None and etr > now:
        return _Saying(status=AnswerStatus.ETR, template="outage_etr", weight=0, until=etr)
    template = "outage_opened" if etr is None else "outage_next_news"
    return _Saying(status=AnswerStatus.INVESTIGATING, template=template, weight=0)


def _planned(revision: Revision, now: datetime, limits: Limits) -> _Saying | None:
    end = revision.public_etr or revision.end_at
    is_over = end is not None and end <= now
    if revision.state in _RUNNING:
        return _running(revision, None if is_over else end)
    if is_over or now < revision.start_at - limits.planned_ahead:
        return None
    until = revision.start_at if now < revision.start_at else end
    return _Saying(status=AnswerStatus.PLANNED, template="planned_notice", weight=6, until=until)


def _running(revision: Revision, end: datetime | None) -> _Saying:
    """Works under way; past their end without a new one they are an outage like another."""
    if end is None:
        return _Saying(status=AnswerStatus.INVESTIGATING, template="outage_next_news", weight=0)
    if revision.public_etr is not None:
        return _Saying(status=AnswerStatus.ETR, template="planned_delayed", weight=0, until=end)
    return _Saying(status=AnswerStatus.PLANNED, template="planned_started", weight=2, until=end)


def _cancelled(each: LiveTruth, now: datetime) -> _Saying | None:
    revision = each.occasion.revision
    until = revision.end_at or revision.start_at
    if each.occasion.kind is not OccasionKind.PLANNED or until <= now:
        return None
    return _Saying(status=AnswerStatus.KNOWN, template="planned_cancelled", weight=7, until=until)


def _advisory(revision: Revision, now: datetime) -> _Saying | None:
    if now < revision.start_at or (revision.end_at is not None and revision.end_at <= now):
        return None
    return _Saying(status=AnswerStatus.KNOWN, template="advisory", weight=8, until=revision.end_at)


def _restored(each: LiveTruth, now: datetime, limits: Limits) -> _Saying | None:
    revision = each.occasion.revision
    until = _restored_at(revision) + limits.restored_for
    if until <= now:
        return None
    template = _RESTORED.get(each.occasion.kind)
    if template is None:
        return None
    return _Saying(status=AnswerStatus.RESTORED, template=template, weight=4, until=until)


def _restored_at(revision: Revision) -> datetime:
    return revision.restored_at or revision.recorded_at


def _fresh_until(each: LiveTruth, saying: _Saying, limits: Limits) -> datetime | None:
    """A feed's truth lives by its heartbeat, a person's outage by the news they promised."""
    revision = each.occasion.revision
    if each.is_feed:
        return (each.heartbeat_at or revision.recorded_at) + limits.feed_lapse
    if saying.status in {AnswerStatus.RESTORED, AnswerStatus.KNOWN, AnswerStatus.PLANNED}:
        return None
    if revision.next_update_at is not None:
        return revision.next_update_at
    since = max(revision.recorded_at, revision.end_at or revision.recorded_at)
    return saying.until or since + limits.unkept_for


def _ahead(instant: datetime | None, now: datetime) -> datetime | None:
    return instant if instant is not None and instant > now else None


def _facts(each: LiveTruth, place: Place, *, now: datetime, saying: _Saying) -> Facts:
    occasion, revision = each.occasion, each.occasion.revision
    is_etr = saying.status is AnswerStatus.ETR
    is_restored = saying.status is AnswerStatus.RESTORED
    return Facts(
        kind=occasion.kind,
        state=OccasionState.RESTORED if is_restored else revision.state,
        service=occasion.service,
        area=place.area or "".join(each.areas[:1]) or occasion.name,
        zone=place.zone or occasion.zone,
        start_at=revision.start_at,
        as_of=revision.recorded_at,
        end_at=revision.end_at,
        etr_at=revision.public_etr if is_etr else None,
        etr_confidence=revision.etr_confidence,
        next_update_at=_ahead(revision.next_update_at, now),
        restored_at=_restored_at(revision) if is_restored else None,
        cause=revision.cause,
        fact=revision.text,
        customers=each.customers,
    )
