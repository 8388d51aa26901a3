"""Judges a fleet row by row over database, carrier's ledger and history.

lost        neither with the carrier nor in a state that says so
stuck       still queued, sending or in doubt at the end
doubled     the carrier has two copies; unflagged, if the ledger does not say so
invented    called accepted or more, and the carrier has no copy
denied      called failed, expired or stopped, and the carrier has a copy
misnamed    carries a reference that is no copy of it
unasked     a copy without a call in the history: the fleet itself is broken
regressed   its state is less than what its acknowledged callbacks say
forged      moved by a callback that nobody signed
told        a number, an address or a secret in a process's log
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select
from tests.fleet import history
from tests.fleet.terms import Fleet
from tests.make import KEYRING
from tests.overheard import personal

from outreach import clock
from outreach.delivery import receipts
from outreach.model.words import MessageState as S
from outreach.store import attempts, ledger, tables as t
from outreach.store.session import Database
from outreach.store.settle import DUPLICATE

_GONE = {S.ACCEPTED, S.SENT, S.DELIVERED, S.UNDELIVERED}
_NOT_SENT = {S.FAILED, S.EXPIRED, S.SUPERSEDED, S.CANCELLED, S.SUPPRESSED}
_OPEN = {S.QUEUED, S.SENDING, S.IN_DOUBT}
_SAID = {
    "sent": S.SENT, "delivered": S.DELIVERED, "undelivered": S.UNDELIVERED, "processed": S.ACCEPTED
}  # fmt: skip
_STOPS_WITHIN_S = 1.0


@dataclass(kw_only=True)
class Verdict:
    """How many rows break which rule, and the first of each to look at."""

    recipients: int = 0
    copies: int = 0
    lost: int = 0
    stuck: int = 0
    doubled: int = 0
    unflagged: int = 0
    invented: int = 0
    denied: int = 0
    misnamed: int = 0
    unasked: int = 0
    regressed: int = 0
    forged: int = 0
    uneven: int = 0
    told: int = 0
    late_calls: int = 0
    """Calls begun more than a second after what forbids them was committed."""
    unknown: int = 0
    """Not a fault: rows that own up to not knowing."""
    states: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def broken(self) -> dict[str, int]:
        """The rules that were broken; empty: all is well. A double that is flagged breaks none."""
        named = ("lost", "stuck", "unflagged", "invented", "denied", "misnamed", "unasked",
                 "regressed", "forged", "uneven", "told", "late_calls")  # fmt: skip
        return {name: count for name in named if (count := getattr(self, name))}

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def add(self, rule: str, what: Any) -> None:
        setattr(self, rule, getattr(self, rule) + 1)
        self.examples.setdefault(rule, [])
        if len(self.examples[rule]) < 5:
            self.examples[rule].append(what)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """All that is known of one message from outside the database."""

    copies: list[dict[str, Any]]
    called: set[str]
    said: list[tuple[int, str]]
    """(try, state) of callbacks that were acknowledged."""


def check(fleet: Fleet, database: Database) -> Verdict:
    """Reads everything and judges every row."""
    verdict = Verdict()
    _apply_what_waits(database)
    events = history.read(fleet.history)
    seen = _seen(list(history.lines(fleet.ledger)), events)
    with database.read() as session:
        rows = session.execute(select(t.message)).mappings().all()
        flagged = set(session.scalars(_flagged()))
        verdict.uneven = int(not ledger.adds_up(session))
        verdict.forged = _forged(session)
    verdict.recipients = len(rows)
    verdict.states = dict(Counter(row["state"] for row in rows))
    verdict.unknown = verdict.states.get(S.UNKNOWN, 0)
    for row in rows:
        _judge(verdict, row, seen.pop(row["id"], _NOTHING), flagged=row["id"] in flagged)
    for message in seen:
        verdict.add(
            "lost", {"message": message, "why": "the carrier has it, the database does not"}
        )
    verdict.copies = sum(1 for one in history.lines(fleet.ledger) if one["event"] == "accepted")
    late(verdict, events, {row["id"]: row for row in rows})
    for log in sorted((fleet.folder / "logs").glob("*.log")):
        for said in personal(log.read_text()):
            verdict.add("told", {"log": log.name, "said": said})
    return verdict


def _apply_what_waits(database: Database) -> None:
    """Receipts that were acknowledged and not looked at when the fleet ended."""
    applied = -1
    while applied:
        with database.write() as session:
            applied = receipts.apply(session, KEYRING, now=clock.now())


_NOTHING = _Seen(copies=[], called=set(), said=[])


def _flagged() -> Any:
    a = t.attempt
    return select(a.c.message_id).where(a.c.settled_as == attempts.RESENT)


def _forged(session: Any) -> int:
    m = t.message
    named = session.execute(select(m.c.id).where(m.c.provider_ref.startswith("FORGED"))).all()
    return len(named)


def _seen(taken: list[dict[str, Any]], events: Iterable[dict[str, Any]]) -> dict[int, _Seen]:
    """By message; a token names message and try."""
    copies: dict[int, list[dict[str, Any]]] = defaultdict(list)
    called: dict[int, set[str]] = defaultdict(set)
    said: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for one in taken:
        if one["event"] == "accepted":
            copies[_named(one["token"])[0]].append(one)
    for one in events:
        if one.get("what") == "call" and one["event"] == "invoke":
            called[_named(one["token"])[0]].add(one["token"])
        if one.get("what") == "callback" and one["event"] == "ok" and not one["forged"]:
            message, try_ = _named(one["token"])
            said[message].append((try_, one["status"]))
    return {
        message: _Seen(copies=copies[message], called=called[message], said=said[message])
        for message in {*copies, *called, *said}
    }


def _named(token: str) -> tuple[int, int]:
    named = KEYRING.read_token(token)
    assert named is not None, f"a token that is not ours: {token}"
    return named


def _judge(verdict: Verdict, row: Any, seen: _Seen, *, flagged: bool) -> None:
    state, copies = S(row["state"]), seen.copies
    what = {"message": row["id"], "state": state.value, "try": row["try"], "reason": row["reason"],
            "copies": [(one["sid"][-6:], one["token"].split(".")[1]) for one in copies]}  # fmt: skip
    for rule in _rules(row, state, seen):
        verdict.add(rule, what)
    if len(copies) > 1:
        verdict.add("doubled", what)
        if not (flagged or row["reason"] in {DUPLICATE, attempts.RESENT}):
            verdict.add("unflagged", what)


def _rules(row: Any, state: S, seen: _Seen) -> Iterable[str]:
    copies = seen.copies
    if not copies and state not in _NOT_SENT | _OPEN | _GONE | {S.UNKNOWN}:
        yield "lost"
    if state in _OPEN:
        yield "stuck"
    if state in _GONE and not copies:
        yield "invented"
    if state in _NOT_SENT and copies:
        yield "denied"
    if row["provider_ref"] and row["provider_ref"] not in {one["sid"] for one in copies}:
        yield "misnamed"
    if any(one["token"] not in seen.called for one in copies):
        yield "unasked"
    if _regressed(state, row["try"], seen.said):
        yield "regressed"


def _regressed(state: S, try_: int, said: list[tuple[int, str]]) -> bool:
    """Less than the best that this try's acknowledged callbacks say; of two last words either may stand."""
    ranks = [receipts.RANKS[_SAID[status]] for each, status in said if each == try_ and status in _SAID]  # fmt: skip
    return bool(ranks) and state in _GONE and receipts.RANKS.get(state, 3) < max(ranks)


def late(verdict: Verdict, events: list[dict[str, Any]], rows: dict[int, Any]) -> None:
    """G4, G6: calls begun more than a second after a stop's commit, by wave, class or address."""
    stops = [one for one in events if one["event"] == "ok" and one.get("what") == "stop"]
    if not stops:
        return
    waves = {wave: one["at"] for one in stops for wave in one.get("waves", ())}
    points = {point: one["at"] for one in stops for point in one.get("points", ())}
    for one in events:
        if one.get("what") != "call" or one["event"] != "invoke":
            continue
        row = rows.get(_named(one["token"])[0])
        if row is None:
            continue
        since = [at for at in (waves.get(row["step_run_id"]), points.get(row["contact_point_id"])) if at]  # fmt: skip
        if since and one["at"] - min(since) > _STOPS_WITHIN_S:
            verdict.add("late_calls", {"message": row["id"], "after_s": round(one["at"] - min(since), 3)})  # fmt: skip
