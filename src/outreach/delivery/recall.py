"""Asks providers to take back what is true no more, at a pace of its own, and counts the refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from outreach.delivery.hands import Times
from outreach.delivery.pace import Pace
from outreach.model.errors import OutreachError
from outreach.model.message import Recalls, Sends
from outreach.store import recalls
from outreach.store.recalls import Ask, Outcome
from outreach.store.session import Database

RATE = 100.0
"""Requests a second: beside what is sent, not instead of it."""
AT_ONCE = 50
AGAIN = timedelta(seconds=20)
"""After no answer."""
GIVE_UP_AFTER = timedelta(minutes=15)
DRIVE_S = 30.0


async def recall(
    database: Database, lane: str, channel: Sends, times: Times, *, deadline_s: float
) -> dict[Outcome, int]:
    """Asks the lane's provider for all that waits, for half a minute at most; answers by outcome.

    A provider that takes nothing back is not asked: its messages count as `untold`.
    """
    with database.write() as session:
        recalls.settle_known(session, lane, before=times.now() - GIVE_UP_AFTER)
        if not isinstance(channel, Recalls):
            return {Outcome.UNTOLD: recalls.give_up(session, lane)}
    ends = times.monotonic() + DRIVE_S
    pace = Pace(RATE, monotonic=times.monotonic, sleep=times.sleep)
    found: Counter[Outcome] = Counter()
    while times.monotonic() < ends:
        with database.write() as session:
            asks = recalls.take(session, lane, now=times.now(), again=AGAIN, limit=AT_ONCE)
        if not asks:
            break
        await pace.take(len(asks), until=float("inf"))
        said = await _asked(asks, channel, deadline_s)
        with database.write() as session:
            recalls.write(session, said)
        found.update(said.values())
    return dict(found)


async def _asked(asks: Sequence[Ask], channel: Recalls, deadline_s: float) -> dict[int, Outcome]:
    """Message -> outcome; without an answer it goes on waiting."""
    try:
        said = await channel.recall([ask.provider_ref for ask in asks], deadline_s)
    except OutreachError:
        said = {}
    answers = {ref: Outcome(word) for ref, word in said.items()}
    found = {ask.message: answers.get(ask.provider_ref, Outcome.UNTOLD) for ask in asks}
    return {
        message: Outcome.WAITING if outcome is Outcome.UNTOLD else outcome
        for message, outcome in found.items()
    }
