"""Who reports: premises by number, account or telephone, where they stand, and whether they are known to be out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, select

from outreach.model.occasion import Occasion
from outreach.model.record import NetworkNode
from outreach.store import occasions, points, scopes, tables as t
from outreach.store.ivr import SHARED_BY_MANY
from outreach.store.scopes import Remaining
from outreach.store.session import Session

_AT_ONCE = 500
_DEEPEST = 50
Key = str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A premise that somebody spoke of."""

    premise: str
    order: int
    """Tree order where it stands; -1 off the network."""


Found = dict[Key, list[Supply]]


def by_premise(session: Session, refs: Sequence[str]) -> Found:
    """Open premises of these refs."""
    p = t.premise.c
    return _found(session, refs, lambda some: _premises(p.ref).where(p.ref.in_(some)))


def by_account(session: Session, refs: Sequence[str]) -> Found:
    """Open premises that these accounts hold or occupy."""
    a = t.account.c
    return _found(session, refs, lambda some: _supplied(a.ref).where(a.ref.in_(some)))


def by_address(session: Session, hashes: Sequence[bytes]) -> Found:
    """Open premises of who can be reached there; an address of many customers names nobody."""
    held, point = t.customer_contact, t.contact_point

    def chosen(some: Sequence[Key]) -> Select[Any, str, int]:
        return (
            _supplied(point.c.address_hash)
            .join(held, held.c.customer_id == t.account.c.customer_id)
            .join(point, point.c.id == held.c.contact_point_id)
            .where(
                points.at(session, cast("Sequence[bytes]", some)),
                point.c.customers <= SHARED_BY_MANY,
            )
        )

    return _found(session, hashes, chosen)


def out_of(session: Session, occasion: Occasion, premises: Sequence[str]) -> set[str]:
    """Those of the premises that the occasion's newest scope names, restored or not."""
    whole = scopes.whole(session, occasion, occasion.revision)
    return _inside(session, premises, whole.covers(t.premise))


def is_inside(session: Session, premise: str, scope: Remaining) -> bool:
    """Whether a scope holds this premise."""
    return bool(_inside(session, [premise], scope.covers(t.premise)))


def still_out(session: Session, occasion: Occasion, premises: Sequence[str]) -> set[str]:
    """Those that this occasion, or an open one that came out of it, says to be out."""
    known = [occasion, *occasions.nested_in(session, occasion.id)]
    found: set[str] = set()
    for each in known:
        if each.revision.state.is_open:
            inside = scopes.remaining(session, each).covers(t.premise)
            found |= _inside(session, premises, inside)
    return found


def feeding(session: Session, orders: Iterable[int]) -> list[NetworkNode]:
    """The nodes that stand at these tree orders, and all that feed them."""
    node = t.network_node.c
    found = _nodes(session, node.tree_order, sorted(set(orders)))
    wanted = {each.parent for each in found.values() if each.parent} - found.keys()
    for _level in range(_DEEPEST):
        if not wanted:
            break
        above = _nodes(session, node.ref, sorted(wanted))
        found |= above
        wanted = {each.parent for each in above.values() if each.parent} - found.keys()
    return list(found.values())


def _premises(key: ColumnElement[Key]) -> Select[Any, str, int]:
    p = t.premise.c
    return select(key, p.ref, p.tree_order).select_from(t.premise).where(p.closed_at.is_(None))


def _supplied(key: ColumnElement[Key]) -> Select[Any, str, int]:
    supply, account = t.supply, t.account
    return (
        _premises(key)
        .join(supply, supply.c.premise_id == t.premise.c.id)
        .join(account, account.c.id == supply.c.account_id)
        .where(account.c.closed_at.is_(None))
    )


def _found(
    session: Session,
    keys: Sequence[Key],
    chosen: Callable[[Sequence[Key]], Select[Any, str, int]],
) -> Found:
    found: Found = {}
    for start in range(0, len(keys), _AT_ONCE):
        for key, premise, order in session.execute(chosen(keys[start : start + _AT_ONCE])):
            found.setdefault(key, []).append(Supply(premise=premise, order=order))
    return found


def _inside(session: Session, premises: Sequence[str], inside: ColumnElement[bool]) -> set[str]:
    p, found = t.premise.c, set[str]()
    for start in range(0, len(premises), _AT_ONCE):
        some = p.ref.in_(premises[start : start + _AT_ONCE])
        found.update(session.scalars(select(p.ref).where(some, inside)))
    return found


def _nodes(
    session: Session, column: ColumnElement[int] | ColumnElement[str], values: Sequence[int | str]
) -> dict[str, NetworkNode]:
    found: dict[str, NetworkNode] = {}
    for start in range(0, len(values), _AT_ONCE):
        some = select(t.network_node).where(column.in_(values[start : start + _AT_ONCE]))
        for row in session.execute(some):
            found[row.ref] = NetworkNode(
                ref=row.ref, kind=row.kind, name=row.name, parent=row.parent_ref,
                order=row.tree_order, last=row.tree_last,
            )  # fmt: skip
    return found
