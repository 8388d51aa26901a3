"""Events of what became of messages: gathered each minute from the ledger, never from the way a message takes.

A document holds up to 500 public ids of one run and one outcome. Delivery, or its failure, is learnt from receipts
once they are a minute old and applied; what failed at the send, or stayed without a word, from the ledger itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, islice

from outreach.addresses import Keyring
from outreach.campaigns import news
from outreach.campaigns.news import Event
from outreach.model.news import NewsKind
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import MessageState
from outreach.store import known, news as store, occasions, runs
from outreach.store.news import Outcome
from outreach.store.runs import Run
from outreach.store.session import Database, Session

KINDS: Mapping[MessageState, NewsKind] = {
    MessageState.DELIVERED: NewsKind.MESSAGE_DELIVERED,
    MessageState.UNDELIVERED: NewsKind.MESSAGE_UNDELIVERED,
    MessageState.FAILED: NewsKind.MESSAGE_FAILED,
    MessageState.UNKNOWN: NewsKind.MESSAGE_UNKNOWN,
}
MOST_IDS = 500
"""In one document: some 7 kB."""
MOST_RECEIPTS = 20_000
"""Looked at in one round; the rest follows in the next, five seconds later."""
_RECEIPTS, _LOOKED = "news:receipts", "news:looked"
_SETTLES = timedelta(seconds=30)
"""After it, no transaction of a receipt is open any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Messages that ended like this are looked for so long after they were claimed."""

    state: MessageState
    lag: timedelta
    without_receipt: bool | None = None


_WINDOWS = (
    _Window(state=MessageState.FAILED, lag=timedelta(minutes=2)),
    # Doubts are given up after ten minutes, silence after three days.
    _Window(state=MessageState.UNKNOWN, lag=timedelta(minutes=15), without_receipt=False),
    _Window(state=MessageState.UNKNOWN, lag=timedelta(hours=73), without_receipt=True),
)


def gather(database: Database, keyring: Keyring, *, now: datetime) -> int:
    """Writes the events of the minutes that are over; how many documents. Nobody wants them: reads one row.

    It looks in a transaction that only reads, and writes if nobody else has moved the marks since: after a crash
    the same is gathered again, once.
    """
    with database.read() as session:
        if not news.wanting(session, *KINDS.values()):
            return 0
        marks = _marks(session)
        found = None if marks is None else _look(session, keyring, marks, now=now)
    if found is not None and found.marks == marks:
        return 0
    with database.write() as session:
        if _marks(session) != marks:
            return 0
        if found is None:
            _keep(session, _beginning(session, now=now), now=now)
            return 0
        _keep(session, found.marks, now=now)
        return sum(news.write(session, each, now=now) for each in found.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marks:
    """How far all has been gathered."""

    receipt: int
    looked: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one look found, and the marks after it."""

    events: tuple[Event, ...]
    marks: _Marks


def _marks(session: Session) -> _Marks | None:
    """None: nothing was wanted until now."""
    receipt, looked = known.of(session, _RECEIPTS), known.of(session, _LOOKED)
    if receipt is None or looked is None:
        return None
    return _Marks(receipt=int(receipt.value), looked=datetime.fromisoformat(looked.value))


def _keep(session: Session, marks: _Marks, *, now: datetime) -> None:
    known.keep(session, _RECEIPTS, str(marks.receipt), now=now)
    known.keep(session, _LOOKED, marks.looked.isoformat(), now=now)


def _beginning(session: Session, *, now: datetime) -> _Marks:
    """From now on: what was before nobody asked for."""
    return _Marks(receipt=store.newest_receipt(session), looked=_minute_over(now))


def _minute_over(now: datetime) -> datetime:
    return (now - _SETTLES).replace(second=0, microsecond=0)


def _look(session: Session, keyring: Keyring, marks: _Marks, *, now: datetime) -> _Found:
    until = max(_minute_over(now), marks.looked)
    end = store.settled_receipt(session, until=until, after=marks.receipt, most=MOST_RECEIPTS)
    found = [
        *store.by_receipt(session, tuple(KINDS), after=marks.receipt, until=end),
        *_by_claims(session, marks.looked, until),
    ]
    events = tuple(_events(session, keyring, found))
    return _Found(events=events, marks=_Marks(receipt=end, looked=until))


def _by_claims(session: Session, since: datetime, until: datetime) -> Iterator[Outcome]:
    for window in _WINDOWS:
        yield from store.by_claim(
            session,
            window.state,
            since=since - window.lag,
            until=until - window.lag,
            without_receipt=window.without_receipt,
        )


def _events(session: Session, keyring: Keyring, found: Iterable[Outcome]) -> Iterator[Event]:
    def place(one: Outcome) -> tuple[int, str, datetime]:
        return one.run, one.state.value, one.at.replace(second=0, microsecond=0)

    for (number, state, minute), lot in groupby(sorted(found, key=place), key=place):
        run = runs.get(session, number)
        occasion = occasions.get(session, OccasionId(run.occasion_id))
        each = iter(lot)
        while part := list(islice(each, MOST_IDS)):
            ids = [keyring.public_id("msg", one.message) for one in part]
            yield _event(run, occasion, MessageState(state), minute, ids)


def _event(
    run: Run, occasion: Occasion, state: MessageState, minute: datetime, ids: list[str]
) -> Event:
    ref = f"{news.PREFIXES[occasion.kind]}:{occasion.id}"
    return Event(
        kind=KINDS[state],
        subject=ref,
        data={"campaign": run.campaign, "minute": minute, "count": len(ids), "messages": ids},
        about={"occasion": ref},
    )
