"""Settles tries in doubt: waits, looks for proof, and resends only what is proven not to have left."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.delivery.hands import Driver
from outreach.model.message import Attempt, Found, Recipient, Sends
from outreach.model.words import MessageState, PriorityClass, Purpose, Tier
from outreach.store import attempts
from outreach.store.attempts import NO_PROOF, RESENT, SEVERAL, Decided, Doubt
from outreach.store.lanes import Lane
from outreach.store.session import Database

SETTLE_S = 30.0
"""A provider's own listing lags: nothing is looked up sooner, nor before twice our deadline."""
APART = timedelta(seconds=20)
LOOKS = 2
_SPAN_S = 25.0
RESEND_AFTER = timedelta(seconds=60)
"""An emergency without proof is sent again: a second copy beats none."""
GIVE_UP_AFTER = timedelta(minutes=10)
"""Without proof by then, the rest is `unknown`, and said so."""
_APART_AT_MOST = timedelta(hours=1)
"""A provider makes a copy within this of our call; one of an older try is not taken for a newer one's."""


class Proof(StrEnum):
    """What a lookup showed."""

    THERE = "there"
    NOT_THERE = "not there"
    SEVERAL = "several"
    UNTOLD = "untold"


async def settle(
    database: Database, lane: Lane, channel: Sends, driver: Driver, *, limit: int = 500
) -> dict[MessageState, int]:
    """Looks at each of the lane's due doubts once; how many went to which state. Receipts are applied before.

    A worker that is killed may leave thousands: for as long as the provider answers, one look follows the other.
    """
    counts: Counter[MessageState] = Counter()
    ends = driver.times.monotonic() + _SPAN_S
    goes_on = True
    while goes_on and driver.wanted() and driver.times.monotonic() < ends:
        goes_on = await _look(database, lane, channel, driver, counts, limit=limit)
    return dict(counts)


async def _look(
    database: Database,
    lane: Lane,
    channel: Sends,
    driver: Driver,
    counts: Counter[MessageState],
    *,
    limit: int,
) -> bool:
    """Looks at so many doubts; whether there may be more, and the provider told of each."""
    wait = timedelta(seconds=max(SETTLE_S, 2 * driver.limits.deadline_s))
    with database.read() as session:
        doubts = attempts.due(
            session, lane.name, now=driver.times.now(), settle_for=wait, apart=APART, limit=limit
        )
    if not doubts:
        return False
    found = await _find(doubts, lane.sender, channel, driver)
    oldest = min(each.started_at for each in doubts)
    _leave_to_others(database, found, since=oldest - _APART_AT_MOST)
    now = driver.times.now()
    decisions = [
        decide(each, found.get(each.recipient.id), now=now, has_receipts=channel.has_receipts)
        for each in doubts
    ]
    with database.write() as session:
        written = set(attempts.write(session, decisions, provider=driver.provider, now=now))
    counts.update(one.state for one in decisions if one.state is not None and one.id in written)
    return len(doubts) == limit == len(found)


def _leave_to_others(database: Database, found: dict[int, Found], *, since: datetime) -> None:
    """A person may have two messages of the same words: a copy proves at most one of them."""
    refs = {number: one.provider_ref for number, one in found.items() if one.provider_ref}
    if not refs:
        return
    with database.read() as session:
        others = attempts.of_others(session, refs, since=since)
    for number, is_anothers in others.items():
        if is_anothers:
            found[number] = Found(id=number, provider_ref=None)
        else:
            del found[number]  # cannot be told until the other is settled


def decide(doubt: Doubt, found: Found | None, *, now: datetime, has_receipts: bool) -> Decided:
    """What becomes of a doubt. `found` None: the provider could not be asked, or could not tell."""
    one = doubt.recipient
    match _proof(found):
        case Proof.THERE:
            state = MessageState.ACCEPTED if has_receipts else MessageState.SENT
            ref = found.provider_ref if found else None
            return Decided(id=one.id, try_=one.try_, looked=True, state=state, provider_ref=ref)
        case Proof.NOT_THERE if doubt.looks + 1 < LOOKS:
            return Decided(id=one.id, try_=one.try_, looked=True)
        case Proof.NOT_THERE:
            again = doubt.stopped_as or MessageState.QUEUED
            return Decided(id=one.id, try_=one.try_, looked=True, state=again)
        case Proof.SEVERAL:
            return Decided(
                id=one.id, try_=one.try_, looked=True, state=MessageState.UNKNOWN, reason=SEVERAL
            )
        case Proof.UNTOLD:
            return _without_proof(doubt, now=now)


def is_emergency(one: Recipient) -> bool:
    """Life support, safety notices: hearing twice is better than not at all."""
    return (
        one.priority is PriorityClass.A
        or one.tier is Tier.SAFETY
        or one.purpose is Purpose.EMERGENCY
    )


def _proof(found: Found | None) -> Proof:
    if found is None:
        return Proof.UNTOLD
    if found.is_one_of_several:
        return Proof.SEVERAL
    return Proof.NOT_THERE if found.provider_ref is None else Proof.THERE


def _without_proof(doubt: Doubt, *, now: datetime) -> Decided:
    one, age = doubt.recipient, now - doubt.ended_at
    state, reason = None, None
    may_resend = is_emergency(one) and doubt.stopped_as is None and not doubt.restored
    if may_resend and age >= RESEND_AFTER:
        state, reason = MessageState.QUEUED, RESENT
    elif age >= GIVE_UP_AFTER:
        state, reason = MessageState.UNKNOWN, NO_PROOF
    return Decided(id=one.id, try_=one.try_, looked=False, state=state, reason=reason)


async def _find(
    doubts: list[Doubt], sender: str, channel: Sends, driver: Driver
) -> dict[int, Found]:
    """What the channel's lookup says, by message; empty where it has none or it is down."""
    find = getattr(channel, "find", None)
    asked = [each for doubt in doubts if (each := _attempt(doubt, sender, driver)) is not None]
    if find is None or not asked:
        return {}
    try:
        async with asyncio.timeout(driver.limits.deadline_s * len(asked)):
            answers: list[Found] = await find(asked, driver.limits.deadline_s)
    except Exception:  # noqa: BLE001  a lookup that breaks proves nothing
        return {}
    return {answer.id: answer for answer in answers}


def _attempt(doubt: Doubt, sender: str, driver: Driver) -> Attempt | None:
    """The try as a lookup needs it; None when it cannot be written out again."""
    one, hands = doubt.recipient, driver.hands
    try:
        address = hands.open_address(one.address_sealed)
        body = hands.render(one, address).text
    except Exception:  # noqa: BLE001  what cannot be written again cannot be looked up
        return None
    return Attempt(
        id=one.id,
        token=hands.token(one.id, one.try_),
        to=address,
        sender=sender,
        body=body,
        started_at=doubt.started_at,
    )
