"""Alarms before it is too late: promised news, expiring estimates, and the two clocks; cleared by the act itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.addresses import Keyring
from outreach.campaigns import tasks
from outreach.campaigns.tasks import AGAIN_AFTER, EVERY, DutyPhone
from outreach.model.alarm import Alarm, AlarmKind
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.message import Accepted, InDoubt, Outcome as Sent
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import OccasionKind
from outreach.outages import clocks
from outreach.outages.clocks import ClockKind, Noticed
from outreach.store import alarms, audit, events, notices_told, occasions
from outreach.store.alarms import Push
from outreach.store.notices_told import Silence
from outreach.store.session import Database, Session

BEFORE = timedelta(minutes=15)
"""Staff hear so long before promised news or an estimate is due (night.md, rule 4)."""
LOOKS_BACK = timedelta(days=2)
"""Outages older than this had their clocks decided long ago."""
KINDS = (
    AlarmKind.NEWS_DUE,
    AlarmKind.ETR_EXPIRING,
    AlarmKind.CAUSE_CLOCK,
    AlarmKind.EVENT_CLOCK,
)
"""The kinds that are raised and cleared here; others come from feeds, works and the record."""
PREFIX = "alm"
PUSHED, NOT_PUSHED = "alarm.push", "alarm.push_failed"
_SYSTEM = "outreach"
_CLOCKS = {ClockKind.EVENT: AlarmKind.EVENT_CLOCK, ClockKind.CAUSE: AlarmKind.CAUSE_CLOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An alarm that should be open now."""

    kind: AlarmKind
    subject: str
    due_at: datetime
    detail: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[AlarmKind, str, datetime]:
        return self.kind, self.subject, self.due_at


# ── deciding ────────────────────────────────────────────────────────────────────────────────────


def news(open_ones: Iterable[Occasion], storms: frozenset[int], *, now: datetime) -> list[Due]:
    """Promised news and estimates that are about to pass, or have, and nothing newer was said.

    Outages of an open event without an estimate of their own speak at its clock: one alarm for all of them.
    """
    found: dict[tuple[AlarmKind, str], Due] = {}
    for occasion in open_ones:
        for due in _of_one(occasion, storms, now=now):
            known = found.get((due.kind, due.subject))
            if known is None or due.due_at < known.due_at:
                found[due.kind, due.subject] = due
    return list(found.values())


def _of_one(occasion: Occasion, storms: frozenset[int], *, now: datetime) -> Iterator[Due]:
    revision = occasion.revision
    if occasion.kind is not OccasionKind.OUTAGE or occasion.drill:
        return
    etr, promised = revision.public_etr, revision.next_update_at
    if etr is not None and _is_near(etr, revision.recorded_at, now):
        yield _due(AlarmKind.ETR_EXPIRING, occasion, etr)
    if promised is not None and promised != etr and _is_near(promised, revision.recorded_at, now):
        shared = occasion.event_id if etr is None and occasion.event_id in storms else None
        yield _due(AlarmKind.NEWS_DUE, occasion, promised, event=shared)


def _is_near(promised: datetime, said_at: datetime, now: datetime) -> bool:
    """Not before half of the time has passed: whoever promises news in 10 minutes knows it."""
    return now >= promised - min(BEFORE, max(promised - said_at, timedelta()) / 2)


def _due(kind: AlarmKind, occasion: Occasion, at: datetime, *, event: int | None = None) -> Due:
    detail = {"name": occasion.name, "zone": occasion.zone}
    if event is not None:
        return Due(kind=kind, subject=f"event:{event}", due_at=at, detail={"zone": occasion.zone})
    return Due(kind=kind, subject=f"occasion:{occasion.id}", due_at=at, detail=detail)


def unheard(silent: Iterable[tuple[Occasion, Noticed]], *, now: datetime) -> Iterator[Due]:
    """Clocks that run out soon, or have, without a notice."""
    for occasion, noticed in silent:
        for clock in clocks.clocks(noticed):
            if clock.alarms(now):
                yield _due(_CLOCKS[clock.kind], occasion, clock.due_at)


# ── acting ──────────────────────────────────────────────────────────────────────────────────────


def tick(database: Database, *, now: datetime) -> Counter[str]:
    """Raises what is due and clears what was done; how many `raised` and `cleared`. Writes only where there is any."""
    with database.read() as session:
        due = _wanted(session, now=now)
        standing = alarms.open_ones(session, kinds=KINDS)
        known = {_key(one) for one in alarms.of(session, {each.subject for each in due})}
    new = [each for each in due if each.key not in known]
    wanted = {each.key for each in due}
    over = [one for one in standing if _key(one) not in wanted]
    if not new and not over:
        return Counter()
    with database.write() as session:
        return Counter(
            raised=sum(_raised(session, each, now=now) for each in new),
            cleared=sum(
                alarms.clear_one(session, one.id, _cleared_by(session, one), now) for one in over
            ),
        )


def _wanted(session: Session, *, now: datetime) -> list[Due]:
    open_ones = occasions.open_ones(session)
    storms = frozenset(storm.id for storm in events.open_ones(session))
    by_id = {int(one.id): one for one in open_ones}
    silent = [
        one
        for one in notices_told.silent(session, since=now - LOOKS_BACK)
        if one.occasion_id in by_id
    ]
    known = notices_told.known(session, [one.occasion_id for one in silent]) if silent else {}
    heard = [(by_id[one.occasion_id], _noticed(one, known[one.occasion_id])) for one in silent]
    return [*news(open_ones, storms, now=now), *unheard(heard, now=now)]


def _noticed(silence: Silence, known: notices_told.Known) -> Noticed:
    """What was told, was told in time or not: no alarm either way."""
    return Noticed(
        recognised_at=known.recognised_at,
        cause_known_at=known.cause_known_at,
        told_at=None if silence.untold else known.recognised_at,
        cause_told_at=None if silence.cause_untold else known.cause_known_at,
    )


def _raised(session: Session, due: Due, *, now: datetime) -> bool:
    detail = dict(due.detail)
    if due.subject.startswith("event:"):
        detail["name"] = events.get(session, _number(due.subject)).name
    return alarms.raise_(session, due.kind, due.subject, due.due_at, now, **detail)


def _key(alarm: Alarm) -> tuple[AlarmKind, str, datetime]:
    return alarm.kind, alarm.subject, alarm.due_at


def _number(subject: str) -> int:
    return int(subject.partition(":")[2])


def _cleared_by(session: Session, alarm: Alarm) -> str:
    """Who acted: the author of what was said since; else the notice that left."""
    if alarm.kind in _CLOCKS.values():
        return "notice"
    if alarm.subject.startswith("event:"):
        said = events.get(session, _number(alarm.subject)).statement
        is_newer = said is not None and said.recorded_at >= alarm.raised_at
        return said.author if said is not None and is_newer else "clock"
    occasion = occasions.get(session, OccasionId(_number(alarm.subject)))
    return occasion.revision.author or "clock"


def clear(database: Database, keyring: Keyring, number: int, *, who: str, now: datetime) -> Alarm:
    """A person takes an alarm off the list; the audit keeps who. InputRefused: none such; GuardRefused: cleared."""
    with database.write() as session:
        alarm = alarms.get(session, number)
        if alarm is None:
            raise InputRefused("no such alarm; `outreach alarm list` shows them")
        if not alarms.clear_one(session, number, who, now):
            raise GuardRefused(f"cleared already, by {alarm.cleared_by}")
        shown = keyring.public_id(PREFIX, number)
        audit.write(session, who, "alarm.clear", shown, now=now, kind=alarm.kind.value)
    return alarm


# ── the duty phone ──────────────────────────────────────────────────────────────────────────────


async def push(
    database: Database,
    keyring: Keyring,
    phone: DutyPhone,
    words: Callable[[Push], str],
    *,
    now: datetime,
) -> Sent | None:
    """Tells the duty phone of the open alarms, at most every 5 minutes until they are cleared; None: none was due.

    The same way as tasks go: by the lane's channel directly, and again in a minute if it did not leave.
    """
    with database.read() as session:
        if not alarms.open_ones(session):
            return None
    with database.write() as session:
        due = alarms.claim_push(session, now=now, every=EVERY)
    if due is None:
        return None
    # Tasks count their pushes from 1: an instant never meets one of their numbers.
    sent = await tasks.told(phone, keyring, words(due), number=int(now.timestamp()))
    has_left = isinstance(sent, Accepted | InDoubt)
    with database.write() as session:
        if not has_left:
            alarms.push_again_at(session, due, now - EVERY + AGAIN_AFTER)
        audit.write(
            session, _SYSTEM, PUSHED if has_left else NOT_PUSHED, "duty_phone", now=now,
            alarms=len(due.alarms), said=type(sent).__name__, code=getattr(sent, "code", ""),
        )  # fmt: skip
    return sent


def push_trouble(session: Session) -> str | None:
    """Why the last push did not leave, as a provider's code; None: it left, or nothing was pushed."""
    last = audit.last(session, (PUSHED, NOT_PUSHED))
    if last is None or last.action == PUSHED:
        return None
    return str(last.detail.get("code") or "?")
