"""A storm against the IVR: outages change second by second, clocks jump, the database goes away; nothing stale is spoken.

    python -m tests.fleet.ivr_storm [CHANGES] [SEED]

By default 50,000 changes. Every answer goes the whole way of a request; what is stale is judged by rules of
its own. Prints the tally; the last number must be 0.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tests.contactcenter.make_truths import make_premise, make_truth
from tests.entry.web import World, make_context

from outreach.contactcenter.answer import Rules
from outreach.entry.http.ivr import IvrRoutes
from outreach.entry.http.live import Board, LaterClock
from outreach.entry.http.questions import Recognition
from outreach.model.contactcenter import CallerPremise, LiveTruth, Part
from outreach.model.errors import StoreUnusable
from outreach.model.notice import Facts, Spoken
from outreach.model.words import OccasionState
from outreach.store.ivr import Callers

BEGAN = datetime(2026, 6, 12, 22, tzinfo=UTC)
FEED_LAPSE = timedelta(seconds=300)
AWAY_FOR = timedelta(seconds=300)
MOST_OPEN = 300
NO_TEXT = ("none", "stale")
_CHANGES = ("etr", "etr", "later", "withdrawn", "news", "partial", "restored", "restored", "reopened")  # fmt: skip


@dataclass(kw_only=True)
class Tally:
    """What a storm came to; `stale` must be 0."""

    changes: int = 0
    asked: int = 0
    away: int = 0
    jumps: int = 0
    slowest_ms: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    stale: list[str] = field(default_factory=list)


class NoSession:
    """Answers the one question that the board asks of its database: whether anything changed."""

    def __init__(self, changes: int) -> None:
        self._changes = changes

    def execute(self, _statement: Any) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="truth", counter=self._changes)]


class NoDatabase:
    """The board's database: it counts changes, and it can be taken away."""

    is_sqlite = True

    def __init__(self) -> None:
        self.changes = 0
        self.is_away = False

    @contextmanager
    def read(self) -> Iterator[NoSession]:
        if self.is_away:
            raise StoreUnusable("the database is away")
        yield NoSession(self.changes)


class OneSupplyEach(Callers):
    """Account `n` is supplied in zone `n`, at tree order 10 n; every other one by its upper half."""

    def __init__(self) -> None:
        self.is_local = True

    def by_account(self, ref: str) -> tuple[CallerPremise, ...]:
        number, _dot, part = ref.partition(".")
        order = 10 * int(number) + int(part or 0)
        return (make_premise(premise_id=order, tree_order=order, locality=f"Zona {number}"),)

    def close(self) -> None:
        """Nothing is open."""


def telling(template: str, _locale: str, facts: Facts) -> Spoken:
    """Says what a caller could hear, so that it can be judged."""
    said = {"template": template, "etr": _iso(facts.etr_at), "next": _iso(facts.next_update_at)}
    return Spoken(text=json.dumps(said), ssml="", seconds=1.0)


def _iso(at: datetime | None) -> str:
    return at.isoformat() if at else ""


class Storm:
    """Outages that change by a seed; `step` makes one change and moves the clock."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  a schedule, no secret
        self.world = World(now=BEGAN)
        self.truths: dict[int, LiveTruth] = {}
        self.database = NoDatabase()
        self._next = 0

    def load(self) -> list[LiveTruth]:
        if self.database.is_away:
            raise StoreUnusable("the database is away")
        return list(self.truths.values())

    def change(self) -> int:
        """Opens an outage, or revises one; its number."""
        self.database.changes += 1
        is_new = len(self.truths) < MOST_OPEN and self.random.random() < 0.3
        if is_new or not self.truths:
            return self._opened()
        number = self.random.choice(list(self.truths))
        self._revised(number)
        return number

    def _opened(self) -> int:
        self._next += 1
        number = self._next
        is_feed = self.random.random() < 0.5
        self.truths[number] = make_truth(
            number,
            scope=Part(spans=((10 * number, 10 * number + 9),)),
            areas=(f"Zona {number}",),
            recorded_at=self.world.now,
            start_at=self.world.now,
            next_update_at=self._soon(90) if self.random.random() < 0.8 else None,
            is_feed=is_feed,
            heartbeat_at=self.world.now if is_feed else None,
        )
        return number

    def _revised(self, number: int) -> None:
        kind = self.random.choice(_CHANGES)
        old, now = self.truths[number], self.world.now
        changed: dict[str, Any] = {"version": old.occasion.revision.version + 1, "recorded_at": now}
        back = old.back
        if kind in {"etr", "later"}:
            changed |= {"public_etr": self._soon(120), "state": OccasionState.ACTIVE}
        elif kind == "withdrawn":
            changed |= {"public_etr": None, "next_update_at": self._soon(60)}
        elif kind == "news":
            changed |= {"next_update_at": self._soon(60)}
        elif kind == "partial":
            changed |= {"state": OccasionState.PARTIAL}
            back = Part(spans=((10 * number + 5, 10 * number + 9),))
        elif kind == "restored":
            changed |= {"state": OccasionState.RESTORED, "restored_at": now}
        else:
            changed |= {"state": OccasionState.ACTIVE, "restored_at": None, "public_etr": None}
            back = Part()
        revision = replace(old.occasion.revision, **changed)
        beat = now if old.is_feed else None
        occasion = replace(old.occasion, revision=revision)
        self.truths[number] = replace(old, occasion=occasion, back=back, heartbeat_at=beat)
        self._forget_the_over(now)

    def _forget_the_over(self, now: datetime) -> None:
        over = [
            number
            for number, each in self.truths.items()
            if (at := each.occasion.revision.restored_at) and at < now - timedelta(hours=2)
        ]
        for number in over:
            del self.truths[number]

    def _soon(self, minutes: int) -> datetime:
        """Sometimes past already: a source may say so."""
        return self.world.now + timedelta(seconds=self.random.randint(-60, 60 * minutes))


class Ringing:
    """Somebody who calls from every zone, through the whole of a request."""

    def __init__(self, storm: Storm) -> None:
        world = storm.world
        self.storm = storm
        self.clock = LaterClock(lambda: world.now, lambda: world.steady)
        self.board = Board(
            storm.database,  # type: ignore[arg-type]  # all that the board asks of it
            storm.load,
            monotonic=lambda: world.steady,
            clock=self.clock,
            large_from=10**9,
        )
        rules = Rules(sector={"es": "su sector"})
        context = make_context(storm.database, world, speak=telling, rules=rules)
        recognition = Recognition(
            OneSupplyEach(), keyring=context.keyring, normalise=context.normalise, locale="es"
        )
        self.routes = IvrRoutes(context, self.board, recognition)
        self.close = recognition.close

    async def hears(self, ref: str) -> dict[str, Any]:
        body = json.dumps({"account": ref, "call_id": ref}).encode()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        scope = {"method": "POST", "headers": [], "query_string": b"", "path": "/v1/ivr/answer"}
        reply = await self.routes.answer(scope, receive)
        heard: dict[str, Any] = json.loads(reply.body)
        return heard


def judged(truth: LiveTruth, heard: dict[str, Any], *, is_back: bool, now: datetime) -> str:
    """Why an answer is stale; empty for a good one. Knows nothing of how answers are made."""
    revision = truth.occasion.revision
    expires = datetime.fromisoformat(heard["expires_at"])
    if heard["status"] in NO_TEXT:
        return "silent but it says something" if heard["text"] else ""
    if expires <= now:
        return "spoken past its own expiry"
    said = json.loads(heard["text"])
    is_over = revision.state is OccasionState.RESTORED or is_back
    if is_over != (heard["status"] == "restored"):
        return "spoken as out where it is restored" if is_over else "spoken as restored too early"
    return "" if is_over else _of_open(truth, said, expires, now)


def _of_open(truth: LiveTruth, said: dict[str, str], expires: datetime, now: datetime) -> str:
    revision = truth.occasion.revision
    if truth.is_feed and (truth.heartbeat_at or now) + FEED_LAPSE <= now:
        return "the feed is silent for too long"
    if not truth.is_feed and revision.next_update_at and revision.next_update_at <= now:
        return "the promised news is overdue"
    return _estimate(revision.public_etr, said, expires, now)


def _estimate(etr: datetime | None, said: dict[str, str], expires: datetime, now: datetime) -> str:
    promised = datetime.fromisoformat(said["next"]) if said["next"] else None
    if promised and promised <= now:
        return "promises news in the past"
    if not said["etr"]:
        return ""
    spoken = datetime.fromisoformat(said["etr"])
    if etr is None or spoken != etr:
        return "an estimate that was withdrawn or changed"
    if spoken <= now:
        return "an estimate in the past"
    return "" if expires <= spoken else "may be repeated past its estimate"


async def blow(storm: Storm, changes: int, *, others: int = 3) -> Tally:
    """Changes, and asks at the change, a second before and at what expires next, and in between."""
    tally, callers = Tally(), Ringing(storm)
    known: dict[int, LiveTruth] = {}
    away_since: float | None = None
    for turn in range(changes):
        storm.world.passes(seconds=storm.random.randint(1, 20))
        tally.jumps += _jumped(storm)
        number = storm.change()
        tally.changes += 1
        away_since = _taken_away(storm, turn, away_since, tally)
        callers.board.refresh()
        if not storm.database.is_away:
            known = dict(storm.truths)
        await _ask_around(storm, callers, tally, known, [number], others=others)
        if turn % 10 == 0:
            await _ask_at_the_end(storm, callers, tally, known, number)
    callers.close()
    return tally


def _jumped(storm: Storm) -> int:
    """A clock that is set back, and one that is set forward, now and then."""
    if storm.random.random() > 0.001:
        return 0
    storm.world.now += timedelta(minutes=storm.random.choice((-45, -10, 10, 45)))
    return 1


def _taken_away(storm: Storm, turn: int, since: float | None, tally: Tally) -> float | None:
    """Every thousandth change the database goes away, for up to ten minutes."""
    if since is None and turn % 1000 == 500:
        storm.database.is_away = True
        tally.away += 1
        return storm.world.steady
    if since is not None and storm.world.steady - since > 600:
        storm.database.is_away = False
        return None
    return since


async def _ask_around(
    storm: Storm,
    callers: Ringing,
    tally: Tally,
    known: dict[int, LiveTruth],
    changed: list[int],
    *,
    others: int,
) -> None:
    sample = storm.random.sample(sorted(known), min(others, len(known)))
    for number in {*changed, *sample} & known.keys():
        for part in (0, 7):
            await _ask(storm, callers, tally, known[number], number, part)


async def _ask_at_the_end(
    storm: Storm, callers: Ringing, tally: Tally, known: dict[int, LiveTruth], number: int
) -> None:
    """A second before what it promises expires, at that second, and the one after."""
    if number not in known:
        return
    revision = known[number].occasion.revision
    ends = [at for at in (revision.public_etr, revision.next_update_at) if at]
    now = storm.world.now
    ahead = sorted(at for at in ends if timedelta(seconds=2) < at - now < timedelta(minutes=3))
    for at in ahead[:1]:
        storm.world.passes(seconds=(at - now).total_seconds() - 1)
        for _second in range(3):
            callers.board.refresh()
            await _ask(storm, callers, tally, known[number], number, 0)
            storm.world.passes(seconds=1)


async def _ask(
    storm: Storm, callers: Ringing, tally: Tally, truth: LiveTruth, number: int, part: int
) -> None:
    began = time.perf_counter()
    heard = await callers.hears(f"{number}.{part}")
    tally.slowest_ms = max(tally.slowest_ms, (time.perf_counter() - began) * 1000)
    tally.asked += 1
    tally.statuses[heard["status"]] += 1
    now = callers.clock()
    why = judged(truth, heard, is_back=truth.back.covers(_supply(number, part)), now=now)
    if (
        storm.database.is_away
        and heard["text"]
        and callers.board.age_s() > AWAY_FOR.total_seconds()
    ):
        why = "spoken from too old a look"
    if why:
        tally.stale.append(f"{why}: zone {number} at {now:%H:%M:%S}: {heard['text']}")


def _supply(number: int, part: int) -> CallerPremise:
    return make_premise(tree_order=10 * number + part, locality=f"Zona {number}")


def main(arguments: list[str]) -> int:
    changes = int(arguments[0]) if arguments else 50_000
    seed = int(arguments[1]) if len(arguments) > 1 else 1
    tally = asyncio.run(blow(Storm(seed), changes))
    counts = " ".join(f"{name} {count:,}" for name, count in tally.statuses.most_common())
    lines = [
        f"seed {seed} · {tally.changes:,} changes · {tally.asked:,} answers",
        f"away {tally.away} · clock jumps {tally.jumps} · slowest {tally.slowest_ms:.1f} ms",
        counts,
        *tally.stale[:20],
        f"stale sentences {len(tally.stale)}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if tally.stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
