"""How one truth stands for one place at one instant: its status, its words, how long they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.model.contactcenter import AnswerStatus, LiveTruth
from outreach.model.notice import Facts
from outreach.model.occasion import Revision
from outreach.model.storm import Statement
from outreach.model.words import OccasionKind, OccasionState

_OVER = {OccasionState.RESTORED, OccasionState.ENDED}
_RESTORED = {OccasionKind.OUTAGE: "outage_restored", OccasionKind.PLANNED: "planned_restored"}
_ADVISORY = "advisory"
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
    locale: str = ""
    main: str = ""
    """The language of what a person typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One thing that could be told; the lowest rank is."""

    status: AnswerStatus
    template: str
    facts: Facts
    shown_id: str
    occasion: int
    version: int
    is_fresh: bool
    rank: tuple[int, int, int]
    """Kind of news (worst first), stale after fresh, largest first."""
    ends: tuple[datetime, ...]
    """Instants at which what is said stops being so."""
    locale: str = ""
    """In which it must be spoken; empty: as the caller likes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saying:
    status: AnswerStatus
    template: str
    weight: int
    until: datetime | None = None
    statement: Statement | None = None
    """The event's word, where the outage has nothing better."""


def stand(each: LiveTruth, place: Place, *, now: datetime, limits: Limits) -> Standing | None:
    """None where this truth has nothing (any more) to tell this place."""
    saying = _saying(each, place, now, limits)
    if saying is None:
        return None
    fresh_until = _fresh_until(each, saying, limits)
    revision, facts = each.occasion.revision, _facts(each, place, now=now, saying=saying)
    ends = tuple(end for end in (saying.until, fresh_until, facts.next_update_at) if end)
    is_fresh = fresh_until is None or now < fresh_until
    return Standing(
        status=saying.status,
        template=saying.template,
        facts=facts,
        shown_id=each.shown_id,
        occasion=each.occasion.id,
        version=revision.version,
        is_fresh=is_fresh,
        rank=(saying.weight + place.is_guess, not is_fresh, -each.customers),
        ends=ends,
        locale=place.main if saying.template == _ADVISORY and not _own_words(each, place) else "",
    )


def _saying(each: LiveTruth, place: Place, now: datetime, limits: Limits) -> _Saying | None:
    revision = each.occasion.revision
    if revision.state in _OVER or (place.is_back and revision.state in _RUNNING):
        return _restored(each, now, limits)
    if revision.state is OccasionState.CANCELLED:
        return _cancelled(each, now)
    if not revision.state.is_open:
        return _suspected(each, place, now, limits)
    match each.occasion.kind:
        case OccasionKind.OUTAGE:
            return _outage(each, place, now)
        case OccasionKind.PLANNED:
            return _planned(revision, now, limits)
        case OccasionKind.ADVISORY:
            return _advisory(revision, now)


def _outage(each: LiveTruth, place: Place, now: datetime) -> _Saying:
    """A past estimate is never spoken: from its instant on we are investigating again."""
    etr = each.occasion.revision.public_etr
    if etr is not None and etr > now:
        return _Saying(status=AnswerStatus.ETR, template="outage_etr", weight=0, until=etr)
    template = "outage_opened" if etr is None else "outage_next_news"
    said = _statement(each, place, now)
    return _Saying(status=AnswerStatus.INVESTIGATING, template=template, weight=0, statement=said)


def _suspected(each: LiveTruth, place: Place, now: datetime, limits: Limits) -> _Saying | None:
    """That people report it, to who is fed from there; never to a caller whose place is guessed."""
    revision = each.occasion.revision
    until = revision.recorded_at + limits.unkept_for
    if revision.state is not OccasionState.SUSPECTED or place.is_guess or until <= now:
        return None
    status = AnswerStatus.INVESTIGATING
    return _Saying(status=status, template="outage_suspected", weight=3, until=until)


def _statement(each: LiveTruth, place: Place, now: datetime) -> Statement | None:
    """The event's newest word, while the news that it promised is ahead, in its own language alone."""
    said = each.statement
    if said is None or not said.text or not _speaks(place, place.main):
        return None
    return said if _ahead(said.next_update_at, now) else None


def _speaks(place: Place, locale: str) -> bool:
    return not locale or place.locale.partition("-")[0] == locale.partition("-")[0]


def _advice(each: LiveTruth, place: Place) -> str:
    """The text of an advisory; what a correction said of an outage is not the outage's own."""
    if each.occasion.kind is not OccasionKind.ADVISORY:
        return ""
    return _own_words(each, place) or each.occasion.revision.text


def _own_words(each: LiveTruth, place: Place) -> str:
    """What was written for the caller's language; empty where only the main one has words."""
    if _speaks(place, place.main) and not each.texts:
        return each.occasion.revision.text
    code = place.locale.partition("-")[0]
    alike = (text for name, text in each.texts.items() if name.partition("-")[0] == code)
    return each.texts.get(place.locale) or next(alike, "")


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
    return _Saying(status=AnswerStatus.KNOWN, template=_ADVISORY, weight=8, until=revision.end_at)


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
    if saying.statement is not None:
        return saying.statement.next_update_at
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
    said = saying.statement
    promised = said.next_update_at if said else revision.next_update_at
    return Facts(
        kind=occasion.kind,
        state=OccasionState.RESTORED if is_restored else revision.state,
        service=occasion.service,
        area=place.area or "".join(each.areas[:1]) or occasion.name,
        zone=place.zone or occasion.zone,
        start_at=revision.start_at,
        as_of=max(revision.recorded_at, said.recorded_at) if said else revision.recorded_at,
        end_at=revision.end_at,
        etr_at=revision.public_etr if is_etr else None,
        etr_from=revision.etr_from if is_etr else None,
        etr_confidence=revision.etr_confidence,
        next_update_at=_ahead(promised, now),
        restored_at=_restored_at(revision) if is_restored else None,
        cause=revision.cause,
        fact=said.text if said else _advice(each, place),
        customers=each.customers,
    )
