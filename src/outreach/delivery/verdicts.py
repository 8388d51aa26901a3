"""Turns what a channel answered into what the ledger records. Decides only."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from functools import lru_cache

from outreach.delivery.retry import next_try
from outreach.model.message import Accepted, Content, Delayed, InDoubt, Outcome, Recipient, Refused
from outreach.model.words import MessageState
from outreach.store.settle import Settled

SHORTEST_VALIDITY = timedelta(seconds=6)
LONGEST_VALIDITY = timedelta(hours=10)
"""Carriers keep a text for 6 s to 10 h: our own queue stops in a second, theirs only by this."""


@lru_cache(maxsize=256)
def body_hash(content: Content) -> bytes:
    """SHA-256 over everything the person reads: the ledger's proof of the words, without them.

    Kept a while: who shares a text shares its hash.
    """
    read = f"{content.subject}\0{content.text}\0{content.html}"
    return hashlib.sha256(read.encode()).digest()


def valid_for(one: Recipient, *, now: datetime) -> timedelta:
    """How long the carrier may still deliver it."""
    if one.not_after is None:
        return LONGEST_VALIDITY
    return min(LONGEST_VALIDITY, max(SHORTEST_VALIDITY, one.not_after - now))


def of_outcome(
    one: Recipient,
    outcome: Outcome,
    content: Content,
    *,
    now: datetime,
    has_receipts: bool,
    jitter: float = 0.0,
) -> Settled:
    """What becomes of a message that the channel was called for."""
    match outcome:
        case Accepted(provider_ref=ref):
            return Settled(
                id=one.id,
                try_=one.try_,
                state=MessageState.ACCEPTED if has_receipts else MessageState.SENT,
                provider_ref=ref,
                segments=content.segments,
                body_hash=body_hash(content),
            )
        case Refused(stop_lane=True):
            return put_back(one)
        case Refused():
            return Settled(
                id=one.id,
                try_=one.try_,
                state=MessageState.FAILED,
                code=outcome.code,
                reason=f"{outcome.code} {outcome.reason}".strip(),
                spent=True,
                address_is_bad=outcome.address_is_bad,
                opted_out=outcome.opted_out,
            )
        case Delayed():
            return of_delay(one, outcome, now=now, jitter=jitter)
        case InDoubt():
            return Settled(
                id=one.id,
                try_=one.try_,
                state=MessageState.IN_DOUBT,
                segments=content.segments,
                body_hash=body_hash(content),
                reason=outcome.reason,
            )


def of_delay(one: Recipient, delayed: Delayed, *, now: datetime, jitter: float) -> Settled:
    """Back to the queue, or failed once its tries are spent."""
    again = next_try(delayed, one.failures, now=now, jitter=jitter)
    return Settled(
        id=one.id,
        try_=one.try_,
        state=MessageState.FAILED if again is None else MessageState.QUEUED,
        code=delayed.code,
        reason=f"{delayed.code} {delayed.reason}".strip(),
        not_before=again,
        spent=not delayed.throttled,
        delayed=True,
    )


def put_back(one: Recipient) -> Settled:
    """Nothing was sent, and it costs the message nothing."""
    return Settled(id=one.id, try_=one.try_, state=MessageState.QUEUED)


def drill_refused(one: Recipient) -> Settled:
    """A drill on a lane that reaches people: it ends there, uncalled."""
    return Settled(
        id=one.id, try_=one.try_, state=MessageState.FAILED, reason="a drill, and no outbox"
    )


def stopped(one: Recipient, state: MessageState) -> Settled:
    """Found stopped before its call."""
    if state is MessageState.QUEUED:
        return put_back(one)
    return Settled(id=one.id, try_=one.try_, state=state, reason=state.value)


def is_error(outcome: Outcome) -> bool:
    """Whether an outcome speaks against the run: not a dead number or an opt-out.

    Nor what the provider does to everybody: that speaks against the lane (`failover`), and pausing
    the run for it would silence its other channels too.
    """
    match outcome:
        case Refused():
            return not (outcome.address_is_bad or outcome.opted_out or outcome.stop_lane)
        case Accepted() | Delayed() | InDoubt():
            return False
