"""Row "beside a hand-written pipeline": a Celery task per SMS with SQLAlchemy and the SDK, and ours.

    python bench/handwritten.py [--quick] [--json] [--size MESSAGES] [--delay MS] [--only sqlite|postgresql]

Both send to the same stub carrier on loopback, which counts how often it took each recipient; both commit
durably to the same kind of database. Limit: the peer, right before. The full form also kills each one's only
worker with SIGKILL at a third and starts it again at once; ours through the fleet of tests/, with
four times as many messages. The peer's packages, its broker among them, go into an environment of their own on
first use. Where they cannot be had, or a rate is measured for under a second, the peer is skipped with a word.
The quick form is for SQLite alone, if not told otherwise; the full one takes about seven minutes a database.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

import _databases
import _sending
import dispatch
from _figures import Asked, Figure, run
from peers import carrier, environment
from peers.pipeline import Killed, Pipeline, Rate

from outreach.channels.twilio_sms import TwilioSms
from outreach.model.words import Channel

GOAL = 50.0
OURS = 10
"""Times as many messages for us: a rate wants to be measured for longer than a blink."""
_REAL_DELAY_S = 0.06
"""A provider's answer takes so long: a kill meets a call under way."""
_CORES = os.cpu_count() or 1
_Peer = Callable[[str, str], Pipeline]
"""The pipeline on a database's URL, for a carrier's."""


def measured(asked: Asked) -> Iterator[Figure]:
    wanted = asked.databases[:1] if asked.quick else asked.databases
    with _peer(asked) as peer, _databases.urls(wanted) as urls:
        for name, url in urls.items():
            with carrier.running(asked.delay) as line:
                yield from _rates(name, url, line, peer, asked)
        if not asked.quick:
            yield from _kills(urls, peer, asked)


@contextmanager
def _peer(asked: Asked) -> Iterator[_Peer | None]:
    """The peer ready to run, or None, with a word on the way."""
    if asked.seconds < 1:
        _say("the peer is skipped: under a second shows nothing of it")
        yield None
        return
    try:
        interpreter = environment.python()
        with tempfile.TemporaryDirectory() as folder, environment.broker(interpreter, Path(folder)) as (what, url):  # fmt: skip
            _say(f"the peer's broker: {what}")
            yield partial(Pipeline, interpreter, url)
    except environment.Absent as absent:
        _say(f"the peer is skipped: {absent}")
        yield None


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def _rates(name: str, url: str, line: str, peer: _Peer | None, asked: Asked) -> Iterator[Figure]:
    """Process beside process has the goal; our one beside as many of theirs as there are cores is shown."""
    limits: dict[str, Rate] = {}
    if peer:
        for processes in sorted({1, _CORES}):
            who = f"peer of {processes}"
            limits[who] = peer(url, line).rate(
                asked.size, processes=processes, seconds=asked.seconds
            )
            yield _shown(f"{who} worker processes, {name}", limits[who].a_second)
    how_many = asked.size * (OURS if limits else 1)
    ours, taken = _ours(url, line, how_many)
    for who, limit in limits.items():
        value, is_alike = ours.a_second, who == next(iter(limits))
        yield Figure(
            figure=f"ours, 1 process, beside the {who}, {name}", value=value, unit="messages/s",
            limit=limit.a_second, goal=f">= {GOAL:.0f} x the peer" if is_alike else "shown",
            met=value >= GOAL * limit.a_second or not is_alike,
        )  # fmt: skip
        yield Figure(
            figure=f"  a second of CPU, beside the {who}", value=ours.a_cpu_second, unit="messages",
            limit=limit.a_cpu_second, goal="shown", met=True,
        )  # fmt: skip
    if not limits:
        yield _shown(f"ours, 1 process, {name}", ours.a_second)
    once = taken.recipients - taken.doubled
    yield _once(f"ours, taken exactly once, {name}", once, how_many, "all, each once")


def _shown(name: str, value: float) -> Figure:
    return Figure(figure=name, value=value, unit="messages/s", goal="shown", met=True)


def _once(name: str, value: int, all_of_them: int, goal: str) -> Figure:
    met = value == all_of_them or goal.startswith("shown")
    return Figure(
        figure=name, value=value, unit="recipients", limit=all_of_them, goal=goal, met=met
    )  # fmt: skip


def _ours(url: str, line: str, how_many: int) -> tuple[Rate, carrier.Taken]:
    """The product's sender in one process, and what the carrier says of it.

    The SDK is loaded before, as it is in a worker that runs, ours or the peer's.
    """
    import_module("twilio.rest")
    with _databases.migrated(url) as database:
        _sending.fill(database, how_many, Channel.SMS)
        carrier.taken(line, forget=True)
        channel = TwilioSms(
            account_sid=dispatch.ACCOUNT, auth_token="x" * 32, public_url="https://luz.example.com",
            base_url=line, transport=_sending.transport(dispatch.IN_FLIGHT),
        )  # fmt: skip
        spent = time.process_time()
        rate = _sending.with_ledger(database, channel, how_many, dispatch.CONTENT, dispatch.LIMITS)
        spent = time.process_time() - spent
    return Rate(a_second=rate, a_cpu_second=how_many / spent), carrier.taken(line)


def _kills(urls: dict[str, str], peer: _Peer | None, asked: Asked) -> Iterator[Figure]:
    for name, url in urls.items():
        if peer:
            with carrier.running(max(asked.delay, _REAL_DELAY_S)) as line:
                killed = peer(url, line).killed(asked.size // 5, processes=_CORES)
            yield _peer_killed(name, killed)
        yield _ours_killed(name, asked.size * 4)


def _peer_killed(name: str, killed: Killed) -> Figure:
    goal = (
        f"shown: {killed.stuck} stuck at 90 s; after {killed.seconds:.0f} s"
        f" {killed.lost} lost, {killed.doubled} doubled"
    )
    return _once(f"peer, kill -9 at a third, {name}", killed.well, killed.how_many, goal)


def _ours_killed(name: str, how_many: int) -> Figure:
    """The fleet's own story at the product's own pace: its carrier's ledger is what is counted."""
    story = [sys.executable, "-m", "tests.fleet.scenarios", "restart"]
    done = subprocess.run(  # noqa: S603  our own module
        [*story, "--database", name, "--recipients", str(how_many)],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False,
    )  # fmt: skip
    if not done.stdout:
        raise SystemExit(f"the fleet told no story: {done.stderr.strip().rpartition(chr(10))[2]}")
    told = json.loads(done.stdout)
    lost, doubled = told["lost"] + told["broken"].get("stuck", 0), told["doubled"]
    return _once(
        f"ours, kill -9 at a third, {name}", how_many - lost - doubled, how_many,
        f"0 lost, 0 doubled: {lost} and {doubled} after {told['settled_after_s']:.0f} s",
    )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(500, 5_000), seconds=(15.0, 120.0), unit="messages of the peer")
