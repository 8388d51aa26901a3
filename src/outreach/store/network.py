"""The network in the database: nodes with their spans, found by name, and what lies under them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, func, or_, select

from outreach.model.record import NetworkNode
from outreach.store import tables as t
from outreach.store.session import Session

Span = tuple[int, int]
_COMPARED_AT_MOST = 20_000
_ASKED_AT_ONCE = 1_000
_node = t.network_node.c


def find_node(session: Session, ref: str) -> NetworkNode | None:
    """The node of this ref, in any case; else the only node of this name; else None."""
    wanted = ref.strip()
    by_ref = session.execute(
        select(t.network_node).where(_node.ref.in_({wanted, wanted.upper()}))
    ).first()
    if by_ref is not None:
        return _read(by_ref)
    named = session.execute(
        select(t.network_node).where(func.lower(_node.name) == func.lower(wanted)).limit(2)
    ).all()
    return _read(named[0]) if len(named) == 1 else None


def near_matches(session: Session, text: str, limit: int = 5) -> list[str]:
    """Refs that look or sound like the text, nearest first: for `did you mean`."""
    wanted = text.strip().casefold()
    like = f"%{_escaped(wanted)}%"
    holds = session.scalars(
        select(_node.ref)
        .where(
            or_(func.lower(_node.ref).like(like, escape="\\"), func.lower(_node.name).like(like, escape="\\"))
        )
        .order_by(func.length(_node.ref), _node.ref)
        .limit(limit)
    )  # fmt: skip
    found = list(holds) if wanted else []
    if len(found) < limit:
        found += _resembling(session, wanted, limit)
    return list(dict.fromkeys(found))[:limit]


def outermost(session: Session, *, limit: int) -> list[str]:
    """Refs of what people name first: substations, then feeders."""
    found = select(_node.ref).where(_node.kind.in_(("substation", "feeder")))
    found = found.order_by(_node.kind.desc(), _node.ref)
    return list(session.scalars(found.limit(limit)))


def near_edges(session: Session, text: str, limit: int = 5) -> list[str]:
    """Refs of edges that look like the text, nearest first."""
    edge = t.network_edge.c.ref
    wanted = text.strip().casefold()
    refs = {ref.casefold(): ref for ref in session.scalars(select(edge).order_by(edge))}
    holds = [ref for folded, ref in refs.items() if wanted and wanted in folded][:limit]
    if len(holds) < limit:
        compared = list(refs)[:_COMPARED_AT_MOST]
        holds += [refs[each] for each in difflib.get_close_matches(wanted, compared, n=limit)]
    return list(dict.fromkeys(holds))[:limit]


def transformer_orders(session: Session, refs: Iterable[str] | None = None) -> dict[str, int]:
    """Transformer -> its label, where its premises stand; all, or those of the refs.

    Labels move with every switching: ask for the few that a transaction writes, in that transaction.
    Those asked by name are locked on PostgreSQL until its end, so that nothing moves in between.
    """
    found = select(_node.ref, _node.tree_order).where(_node.kind == "transformer")
    if refs is None:
        return dict(session.execute(found).all())
    wanted = sorted(set(refs))
    orders: dict[str, int] = {}
    for start in range(0, len(wanted), _ASKED_AT_ONCE):
        part = found.where(_node.ref.in_(wanted[start : start + _ASKED_AT_ONCE]))
        locked = part.order_by(_node.ref).with_for_update(read=True)
        orders |= dict(session.execute(locked).all())
    return orders


def spans(session: Session, refs: Iterable[str]) -> list[Span]:
    """[order, last] of each known node, in order; unknown refs give none."""
    found = select(_node.tree_order, _node.tree_last).where(_node.ref.in_(list(refs)))
    return [(first, last) for first, last in session.execute(found.order_by(_node.tree_order))]


def under(session: Session, refs: Iterable[str]) -> list[NetworkNode]:
    """These nodes and everything fed through them, in tree order."""
    within = [_node.tree_order.between(first, last) for first, last in spans(session, refs)]
    if not within:
        return []
    found = session.execute(select(t.network_node).where(or_(*within)).order_by(_node.tree_order))
    return [_read(row) for row in found]


def _resembling(session: Session, wanted: str, limit: int) -> list[str]:
    """Compares letter by letter, first with what people name: substations, feeders, sections."""
    rows = session.execute(
        select(_node.ref, _node.name)
        .order_by(_node.kind == "transformer", _node.ref)
        .limit(_COMPARED_AT_MOST)
    )
    words = {word.casefold(): ref for ref, name in rows for word in (name, ref)}
    return [words[word] for word in difflib.get_close_matches(wanted, words, n=limit)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _read(row: Row[Any]) -> NetworkNode:
    return NetworkNode(
        ref=row.ref,
        kind=row.kind,
        name=row.name,
        parent=row.parent_ref,
        order=row.tree_order,
        last=row.tree_last,
    )
