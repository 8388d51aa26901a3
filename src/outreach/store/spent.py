"""What a lane has spent today, and what it may still claim: counted in the claim's own transaction.

A claim books each message as one segment, the least it can cost; the settling adds what the text really
had, or takes back what never left. Charging when settled alone would lose what a killed worker had sent.
While messages are in hand, the most that their texts may still cost is held back, so that a spend cap is
passed by one message at most: the last one, which is let go while anything is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, bindparam, case, delete, func, select, update

from outreach.model.words import MessageState, PriorityClass
from outreach.store import bulk, dialects, queue_rows, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.settle import Settled

MOST_SEGMENTS = 10
"""What a text in hand may come to: 1,530 characters; carriers take no more than 1,600."""
COUNTRY_NOT_ALLOWED = "country_not_allowed"
_KEPT = timedelta(days=1)
_ROUNDING = 1e-9
_MAY_HAVE_LEFT = {MessageState.ACCEPTED, MessageState.SENT, MessageState.IN_DOUBT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What one lane may spend; None: without limit. `prices` of a segment by country, `*` the rest."""

    zone: str = "UTC"
    """The company's, whose date a day is."""
    country: str = "*"
    """The lane's own."""
    daily: int | None = None
    spend: float | None = None
    countries: tuple[str, ...] = ()
    """Those that may be written to; empty: whatever the lane's pool holds."""
    prefix: int | None = None
    """Messages an hour to one number prefix, over all lanes."""
    prices: Mapping[str, float] = field(default_factory=dict)

    def day(self, now: datetime) -> str:
        return now.astimezone(ZoneInfo(self.zone)).date().isoformat()

    def price(self, country: str) -> float:
        return self.prices.get(country, self.prices.get("*", 0.0))

    @property
    def is_set(self) -> bool:
        """Whether a day may be used up."""
        return self.daily is not None or self.spend is not None

    @property
    def is_one_price(self) -> bool:
        """Whether a segment costs the same whoever of the pool gets it."""
        return self.country != "*" or len(set(self.prices.values())) <= 1


UNCAPPED = Caps()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """One lane's day. `cost` in the company's currency."""

    messages: int = 0
    segments: int = 0
    cost: float = 0.0


def today(session: Session, lane: str, caps: Caps, *, now: datetime) -> Spent:
    """What the lane has spent on the company's date."""
    d = t.lane_day.c
    row = session.execute(
        select(d.messages, d.segments, d.cost).where(d.lane == lane, d.day == caps.day(now))
    ).first()
    return Spent(messages=row[0], segments=row[1], cost=row[2]) if row else Spent()


def met(caps: Caps, spent: Spent) -> str:
    """Which cap is used up, in words; empty while none is."""
    if caps.daily is not None and spent.messages >= caps.daily:
        return f"daily_cap: {spent.messages:,} of {caps.daily:,} messages today"
    if caps.spend is not None and spent.cost >= caps.spend - _ROUNDING:
        return f"spend_cap: {spent.cost:,.2f} of {caps.spend:,.2f} today"
    return ""


def allowance(session: Session, lane: str, caps: Caps, *, now: datetime, wanted: int) -> int:
    """How many of `wanted` messages may be claimed now; 0: a cap is met.

    Called in the claim's transaction, after the lane's row was locked by renewing its lease: two
    claims of one lane never read the same rest.
    """
    if not caps.is_set:
        return wanted
    spent = today(session, lane, caps, now=now)
    allowed = wanted if caps.daily is None else min(wanted, caps.daily - spent.messages)
    if caps.spend is not None:
        allowed = min(allowed, _affordable(caps, caps.spend - spent.cost, _in_hand(session, lane)))
    return max(0, allowed)


def charge(
    session: Session,
    lane: str,
    caps: Caps,
    *,
    now: datetime,
    claimed: Collection[int] = (),
    settled: Sequence[Settled] = (),
) -> None:
    """Books claimed messages at a segment each, and puts right what was settled: one upsert a chunk."""
    deltas = [(one, 1, 1) for one in claimed] + [_correction(one) for one in settled]
    if not deltas:
        return
    prices = _prices(session, caps, [number for number, _messages, _segments in deltas])
    _add(
        session, lane, caps.day(now),
        Spent(
            messages=sum(messages for _one, messages, _segments in deltas),
            segments=sum(segments for _one, _messages, segments in deltas),
            cost=sum(segments * prices(number) for number, _messages, segments in deltas),
        ),
    )  # fmt: skip
    if caps.prefix is not None:
        _give_back(session, [one.id for one in settled if one.state not in _MAY_HAVE_LEFT], now)


def sift(session: Session, caps: Caps, ids: Sequence[int], *, now: datetime) -> set[int]:
    """Which of these candidates, in claim order, stay queued till the next hour: over their prefix's cap.

    Those of a country that is not allowed are failed here; their queue rows are the claim's to take
    away. Class A passes the prefix cap, which is there against fraud, and is counted.
    """
    if not ids or not (caps.countries or caps.prefix is not None):
        return set()
    found = _places(session, ids)
    foreign = [one for one in ids if caps.countries and found[one].country not in caps.countries]
    _refuse(session, foreign)
    if caps.prefix is None:
        return set()
    abroad = set(foreign)
    able = [found[one] for one in ids if one not in abroad and found[one].prefix]
    late = _over_prefix(session, caps.prefix, able, now)
    _defer(session, late, until=_hour(now) + timedelta(hours=1))
    return late


def full_prefixes(session: Session, caps: Caps, *, now: datetime) -> dict[str, int]:
    """Prefixes that have used up their hour -> messages: what pumping looks like."""
    p = t.prefix_hour.c
    if caps.prefix is None:
        return {}
    rows = session.execute(
        select(p.prefix, p.messages)
        .where(p.hour == _hour(now), p.messages >= caps.prefix)
        .order_by(p.messages.desc(), p.prefix)
    )
    return {row[0]: row[1] for row in rows}


def sweep(session: Session, *, now: datetime) -> None:
    """Forgets the hours of prefixes that are over; days are kept."""
    session.execute(delete(t.prefix_hour).where(t.prefix_hour.c.hour < now - _KEPT))


def _affordable(caps: Caps, rest: float, in_hand: int) -> int:
    """Whole messages at the most they may cost; one while anything is left and nothing in hand."""
    dearest = max(caps.prices.values()) if caps.country == "*" else caps.price(caps.country)
    if dearest <= 0:
        return 1 << 30
    rest -= in_hand * (MOST_SEGMENTS - 1) * dearest
    fits = int(rest / (MOST_SEGMENTS * dearest) + _ROUNDING)
    return fits if fits > 0 or in_hand else int(rest > _ROUNDING)


def _in_hand(session: Session, lane: str) -> int:
    m = t.message.c
    return session.execute(
        select(func.count()).where(m.state == MessageState.SENDING, m.lane == lane)
    ).scalar_one()


def _correction(one: Settled) -> tuple[int, int, int]:
    """(message, messages, segments) to add to what the claim has booked."""
    if one.state in _MAY_HAVE_LEFT:
        return one.id, 0, (one.segments or 1) - 1
    return one.id, -1, -1


def _prices(session: Session, caps: Caps, ids: Sequence[int]) -> Any:
    """message -> price of its segment."""
    if caps.is_one_price:
        price = caps.price(caps.country)
        return lambda _one: price
    rows = session.execute(
        select(t.message.c.id, t.contact_point.c.country)
        .join(t.contact_point, t.contact_point.c.id == t.message.c.contact_point_id)
        .where(bulk.among(session, t.message.c.id, ids))
    )
    by_id = {row[0]: caps.price(row[1]) for row in rows}
    return lambda one: by_id.get(one, caps.price("*"))


def _add(session: Session, lane: str, day: str, more: Spent) -> None:
    session.execute(
        _added(session.get_bind().dialect.name),
        {
            "of_lane": lane, "of_day": day, "more_messages": more.messages,
            "more_segments": more.segments, "more_cost": more.cost,
        },
    )  # fmt: skip


@cache
def _added(dialect: str) -> Any:
    """Made once: it stands in every claim and every settling."""
    d, names = t.lane_day.c, ("messages", "segments", "cost")
    more = {name: bindparam(f"more_{name}", type_=d[name].type) for name in names}
    new = {name: _not_below_0(each) for name, each in more.items()}
    return (
        dialects.INSERT[dialect](t.lane_day)
        .values(lane=bindparam("of_lane"), day=bindparam("of_day"), **new)
        .on_conflict_do_update(
            index_elements=["lane", "day"],
            set_={name: _not_below_0(d[name] + each) for name, each in more.items()},
        )
    )


def _not_below_0(sum_: ColumnElement[Any]) -> ColumnElement[Any]:
    """What was booked before midnight is taken back after it, from a day that does not have it."""
    return case((sum_ < 0, 0), else_=sum_)


def _places(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    m, p = t.message, t.contact_point
    rows: Sequence[Any] = session.execute(
        select(m.c.id, m.c.priority, p.c.country, p.c.prefix)
        .join(p, p.c.id == m.c.contact_point_id)
        .where(bulk.among(session, m.c.id, ids))
    ).all()
    return {row.id: row for row in rows}


def _refuse(session: Session, ids: Sequence[int]) -> None:
    m = t.message
    if ids:
        session.execute(
            update(m)
            .where(bulk.among(session, m.c.id, ids), m.c.state == MessageState.QUEUED)
            .values(state=MessageState.FAILED, reason=COUNTRY_NOT_ALLOWED)
        )


def _over_prefix(session: Session, cap: int, able: Sequence[Row[Any]], now: datetime) -> set[int]:
    """Counts the candidates into their prefix's hour; who does not fit any more, the last first."""
    over: set[int] = set()
    # In one order, for each upsert locks its row till the commit.
    for prefix in sorted({row.prefix for row in able}):
        ours = [row for row in able if row.prefix == prefix]
        excess = max(0, _count_prefix(session, prefix, len(ours), now) - cap)
        bulk_ids = [row.id for row in ours if row.priority != PriorityClass.A]
        late = bulk_ids[max(0, len(bulk_ids) - excess) :]
        if late:
            _count_prefix(session, prefix, -len(late), now)
        over.update(late)
    return over


def _count_prefix(session: Session, prefix: str, more: int, now: datetime) -> int:
    """The prefix's hour after adding so many."""
    p = t.prefix_hour.c
    total: int = session.execute(
        insert_into(session, t.prefix_hour)
        .values(prefix=prefix, hour=_hour(now), messages=max(0, more))
        .on_conflict_do_update(
            index_elements=["prefix", "hour"],
            set_={"messages": _not_below_0(p.messages + more)},
        )
        .returning(p.messages)
    ).scalar_one()
    return total


def _defer(session: Session, ids: Collection[int], *, until: datetime) -> None:
    if not ids:
        return
    those = bulk.among(session, t.message.c.id, list(ids))
    for table, theirs in ((t.message, those), (t.queue, queue_rows.of(those))):
        session.execute(update(table).where(theirs).values(not_before=until))


def _give_back(session: Session, ids: Sequence[int], now: datetime) -> None:
    """What never left does not count against its prefix."""
    rows: Iterable[Any] = session.scalars(
        select(t.contact_point.c.prefix)
        .join(t.message, t.message.c.contact_point_id == t.contact_point.c.id)
        .where(bulk.among(session, t.message.c.id, ids), t.contact_point.c.prefix != "")
    )
    for prefix, count in sorted(Counter(rows).items()):
        _count_prefix(session, prefix, -count, now)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
