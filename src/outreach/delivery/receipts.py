"""Receipts: kept before they are acknowledged, applied by monotonic rank, in any order, any number of times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from outreach.addresses import Keyring
from outreach.model.message import Receipt
from outreach.model.words import MessageState
from outreach.store import attempts, receipts as store, suppressions
from outreach.store.receipts import Move, Standing, Waiting
from outreach.store.session import Database, Session

RANKS = {
    MessageState.ACCEPTED: 1,
    MessageState.SENT: 2,
    MessageState.UNDELIVERED: 3,
    MessageState.FAILED: 3,
    MessageState.DELIVERED: 4,
}
"""What a receipt may say. The highest holds, so that their order is nothing: a delivery overrules bad news."""
_OURS = {
    MessageState.SENDING,
    MessageState.QUEUED,
    MessageState.IN_DOUBT,
    MessageState.UNKNOWN,
}
"""States in which the provider knows more than we do."""
_TAKEN = {MessageState.ACCEPTED, MessageState.SENT, MessageState.DELIVERED}
_NOT_SENT = {MessageState.FAILED, MessageState.UNDELIVERED}


def take_in(
    database: Database, keyring: Keyring, receipts: Sequence[Receipt], raw: bytes, *, now: datetime
) -> int:
    """Keeps verified events and commits: only after this may the provider be told 2xx.

    Events seen before change nothing. Returns how many were new.
    """
    with database.write() as session:
        return store.add(session, keyring, [(receipts, raw)], now=now)


def apply(session: Session, keyring: Keyring, *, now: datetime, limit: int = 1_000) -> int:
    """Applies the oldest waiting receipts; returns how many (0: none waited)."""
    waiting = store.waiting(session, keyring, limit=limit)
    if not waiting:
        return 0
    standing = store.standing(session, {one.message for one in waiting if one.message is not None})
    told = _by_message(waiting)
    moves = [move for message in standing.values() if (move := fold(message, told[message.id]))]
    store.write(session, moves, now=now)
    attempts.flag_copies(session, held(one for one in waiting if one.message in standing))
    known = [(one.message, one) for one in waiting if one.message in standing]
    suppressions.mark_bad(session, [n for n, one in known if n and one.address_is_bad], now=now)
    suppressions.opt_out(session, [n for n, one in known if n and one.opted_out], now=now)
    store.mark_applied(session, [one.id for one in waiting], now=now)
    return len(waiting)


def held(receipts: Iterable[Waiting]) -> dict[int, set[str]]:
    """message -> the references under which the provider took it."""
    found: dict[int, set[str]] = {}
    for one in receipts:
        if one.message is not None and one.provider_ref and one.state in _TAKEN:
            found.setdefault(one.message, set()).add(one.provider_ref)
    return found


def _by_message(waiting: Sequence[Waiting]) -> dict[int, list[Waiting]]:
    told: dict[int, list[Waiting]] = defaultdict(list)
    for one in waiting:
        if one.message is not None:
            told[one.message].append(one)
    return told


def fold(message: Standing, receipts: Sequence[Waiting]) -> Move | None:
    """Where the receipts of one message bring it; None if they move nothing."""
    state, last = message.state, None
    for one in receipts:
        is_old = one.try_ < message.try_ or message.state is MessageState.QUEUED
        moved = next_state(state, one.state, is_old=is_old)
        if moved is not None:
            state, last = moved, one
    if last is None:
        return None
    refs = [one.provider_ref for one in receipts if one.provider_ref]
    return Move(
        id=message.id,
        state=state,
        provider=last.provider,
        provider_ref=refs[0] if refs else None,
        at=last.at,
    )


def next_state(
    current: MessageState, said: MessageState | None, *, is_old: bool = False
) -> MessageState | None:
    """Where a receipt brings a message, or None.

    `is_old`: it speaks of an earlier try than the one under way, whose bad news means nothing any
    more; its good news does, for the person has the text.
    """
    if said not in RANKS:
        return None
    if current in _OURS:
        return None if is_old and said in _NOT_SENT else said
    if RANKS[said] <= RANKS.get(current, max(RANKS.values())):
        return None
    if current is MessageState.SENT and said is MessageState.FAILED:
        return MessageState.UNDELIVERED
    return said
