"""For whom bills, offers and the like have to be silent: whose premises are in the dark, or were just now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, select

from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind, OccasionState
from outreach.store import occasions, overlap, points, scopes, tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session

AFTER = timedelta(hours=2)
"""Whose supply came back a moment ago is still counting the damage."""
_BEGUN = {OccasionState.ACTIVE, OccasionState.PARTIAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Muted:
    """Whether other messages have to be silent; `until`: where the end is known."""

    muted: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """Where it is dark, or was until `back_at`."""

    scope: Remaining
    back_at: datetime | None = None


NOT_MUTED = Muted()


def places(session: Session, *, now: datetime) -> tuple[Dark, ...]:
    """Scopes of outages and begun works: what remains of open ones, what came back in the last two hours."""
    since = now - AFTER
    found: list[Dark] = []
    for one in occasions.since(session, since):
        if one.drill or one.kind is OccasionKind.ADVISORY:
            continue
        found += _open(session, one, since) if one.revision.state in _BEGUN else _closed(session, one, since)  # fmt: skip
    return tuple(each for each in found if not each.scope.out.is_empty)


def of_premise(session: Session, ref: str, *, now: datetime) -> Muted:
    """Of one premise by its ref; an unknown one is not muted."""
    return _muted(session, t.premise.c.ref == ref, now=now)


def of_account(session: Session, ref: str, *, now: datetime) -> Muted:
    """Of an account by its ref: any premise that it supplies."""
    mine = (
        select(t.supply.c.premise_id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(t.account.c.ref == ref, t.account.c.closed_at.is_(None))
    )
    return _muted(session, t.premise.c.id.in_(mine), now=now)


def of_address(session: Session, hashes: Collection[bytes], *, now: datetime) -> Muted:
    """Of whoever holds this address (`Keyring.standing`) on any channel: any premise of theirs."""
    here = select(t.contact_point.c.id).where(points.at(session, hashes))
    return _muted(session, t.premise.c.id.in_(_of_points(here)), now=now)


def _of_points(points: Select[tuple[int]]) -> Select[tuple[int]]:
    return (
        select(t.supply.c.premise_id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .join(t.customer_contact, t.customer_contact.c.customer_id == t.account.c.customer_id)
        .where(t.customer_contact.c.contact_point_id.in_(points), t.account.c.closed_at.is_(None))
    )


def _muted(session: Session, mine: ColumnElement[bool], *, now: datetime) -> Muted:
    """The premises first, by their own index; then each place is asked about those few alone."""
    p = t.premise.c
    ids = session.scalars(select(p.id).where(mine, p.closed_at.is_(None))).all()
    if not ids:
        return NOT_MUTED
    back = [each.back_at for each in places(session, now=now) if _holds(session, each.scope, ids)]
    if not back:
        return NOT_MUTED
    known = [at for at in back if at is not None]
    return Muted(muted=True, until=max(known) + AFTER if len(known) == len(back) else None)


def _holds(session: Session, scope: Remaining, ids: Sequence[int]) -> bool:
    inside = select(t.premise.c.id).where(t.premise.c.id.in_(ids), scope.covers(t.premise))
    return session.execute(inside.limit(1)).first() is not None


def _open(session: Session, one: Occasion, since: datetime) -> list[Dark]:
    """What is still out; and all of it, where a part came back a moment ago."""
    revision = one.revision
    if revision.state is OccasionState.PARTIAL and revision.recorded_at > since:
        whole = scopes.whole(session, one, revision)
        return [Dark(scope=scopes.remaining(session, one)), Dark(scope=whole, back_at=revision.recorded_at)]  # fmt: skip
    return [Dark(scope=scopes.remaining(session, one))]


def _closed(session: Session, one: Occasion, since: datetime) -> list[Dark]:
    """Restored outages and works; what never was dark (cancelled, discarded) mutes nobody."""
    revision = one.revision
    back_at = revision.restored_at or revision.recorded_at
    if revision.state is not OccasionState.RESTORED or back_at <= since:
        return []
    return [Dark(scope=each, back_at=back_at) for each in overlap.ever(session, one)]
