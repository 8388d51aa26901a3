"""Carries our answers to e-mails: taken, committed, called, settled; one in doubt is never sent again.

Beside the ledger, for they belong to a reply and not to a wave: an answer has no audience, no version and
no receipt. A person waits for it, so it goes by itself and not behind a campaign of an hour; but it is the
drive that holds the lane which carries it, so that both together keep the lane's pace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.delivery.hands import Share
from outreach.delivery.retry import LONGEST_WAIT
from outreach.model.answer_mail import AnswerMail
from outreach.model.message import Accepted, Content, Delayed, Outcome, Outgoing, Refused, Sends
from outreach.model.words import Channel, Purpose
from outreach.store import answer_mails
from outreach.store.answer_mails import State, Taken
from outreach.store.lanes import Lane
from outreach.store.session import Database

LATE_AFTER = timedelta(minutes=30)
"""What was true then may not be any more."""
AT_ONCE = 50
_IN_CALL = timedelta(minutes=2)
"""Far longer than a call's deadline: whoever took it is gone."""
_STOPPED_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What answers are carried with. `deadline_s` of a call. `named` gives a reply's answer its own name among e-mails."""

    channel: Sends
    open_sealed: Callable[[bytes], str]
    named: Callable[[int], str]
    now: Callable[[], datetime]
    deadline_s: float


def tidy(database: Database, *, now: datetime) -> None:
    """Ends what waited too long or fell with its process."""
    with database.write() as session:
        answer_mails.lapse(
            session, kept_before=now - LATE_AFTER, taken_before=now - _IN_CALL, now=now
        )


async def carry(database: Database, share: Share, post: Post) -> int:
    """Sends what waits while the lane is ours and its turn comes; how many were taken in hand.

    None is taken before its turn: what waits for the pace when the process falls, waits for the next one.
    """
    done = 0
    while waiting := await asyncio.to_thread(_waiting, database, share, post):
        if not await share.turn(waiting):
            break
        done += await _call(database, share, post, waiting)
    return done


def _waiting(database: Database, share: Share, post: Post) -> int:
    """How many may leave in one call: no more than the burst, or the second would hold too many."""
    at_once = max(1, min(AT_ONCE, post.channel.batch_size, int(share.pace.burst)))
    with database.read() as session:
        return answer_mails.waiting(session, limit=at_once, now=post.now())


async def _call(database: Database, share: Share, post: Post, how_many: int) -> int:
    def take() -> list[Taken]:
        with database.write() as session:
            return answer_mails.take(session, share.lane.name, limit=how_many, now=post.now())

    taken = await asyncio.to_thread(take)
    if not taken:
        return 0
    batch = [_outgoing(one, share.lane, post) for one in taken]
    outcomes = await post.channel.send(batch, post.deadline_s)
    for outcome in outcomes:
        if isinstance(outcome, Delayed) and outcome.throttled:
            share.pace.hold(min(outcome.retry_after, LONGEST_WAIT).total_seconds())
    await asyncio.to_thread(_settle, database, outcomes, now=post.now())
    return len(taken)


def _settle(database: Database, outcomes: list[Outcome], *, now: datetime) -> None:
    with database.write() as session:
        for outcome in outcomes:
            until = _back_until(outcome, now)
            if until is not None:
                answer_mails.put_back(session, outcome.id, until=until)
                continue
            ref = outcome.provider_ref if isinstance(outcome, Accepted) else None
            answer_mails.end(session, outcome.id, _state(outcome), now=now, provider_ref=ref)


def _outgoing(one: Taken, lane: Lane, post: Post) -> Outgoing:
    mail = AnswerMail.read(post.open_sealed(one.sealed))
    content = Content(text=mail.text, subject=mail.subject)
    return Outgoing(
        id=one.reply, token=post.named(one.reply), channel=Channel.EMAIL,
        to=post.open_sealed(one.address_sealed), sender=lane.sender, content=content,
        purpose=Purpose.SERVICE, valid_for=LATE_AFTER, answers=mail.answers,
    )  # fmt: skip


def _back_until(outcome: Outcome, now: datetime) -> datetime | None:
    """When it may be tried again; None: this was its end."""
    if isinstance(outcome, Delayed):
        return now + outcome.retry_after
    is_lane = isinstance(outcome, Refused) and outcome.stop_lane
    return now + _STOPPED_WAIT if is_lane else None


def _state(outcome: Outcome) -> State:
    if isinstance(outcome, Accepted):
        return State.SENT
    return State.REFUSED if isinstance(outcome, Refused) else State.UNKNOWN
