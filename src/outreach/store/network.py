"""The network in the database: nodes with their spans, found by name, and what lies under them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, or_, select

from outreach.model.record import NetworkNode
from outreach.store import bulk, tables as t
from outreach.store.bulk import Rows
from outreach.store.session import Session

Span = tuple[int, int]
_COMPARED_AT_MOST = 20_000
_node = t.network_node.c


def replace_nodes(session: Session, nodes: Sequence[NetworkNode]) -> None:
    """The tree as it is now; a node keeps its id, vanished ones are deleted."""
    staying = {node.ref for node in nodes}
    gone = [ref for ref in session.scalars(select(_node.ref)) if ref not in staying]
    if gone:
        session.connection().execute(
            delete(t.network_node).where(_node.ref == bindparam("gone")),
            [{"gone": ref} for ref in gone],
        )
    bulk.upsert_rows(session, t.network_node, [_row(node) for node in nodes], ("ref",))


def replace_edges(session: Session, rows: Rows) -> None:
    """Rows of ref, node_a, node_b, open."""
    session.execute(delete(t.network_edge))
    bulk.insert_rows(session, t.network_edge, rows)


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


def localities_under(session: Session, under: Iterable[Span]) -> list[str]:
    """Localities with a premise in the spans, the one with most premises first."""
    between = [t.premise.c.tree_order.between(first, last) for first, last in under]
    if not between:
        return []
    found = (
        select(t.premise.c.locality)
        .where(or_(*between), t.premise.c.closed_at.is_(None), t.premise.c.locality != "")
        .group_by(t.premise.c.locality)
        .order_by(func.count().desc(), t.premise.c.locality)
    )
    return list(session.scalars(found))


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


def _row(node: NetworkNode) -> dict[str, Any]:
    return {
        "ref": node.ref,
        "kind": node.kind,
        "name": node.name,
        "parent_ref": node.parent,
        "tree_order": node.order,
        "tree_last": node.last,
    }


def _read(row: Row[Any]) -> NetworkNode:
    return NetworkNode(
        ref=row.ref,
        kind=row.kind,
        name=row.name,
        parent=row.parent_ref,
        order=row.tree_order,
        last=row.tree_last,
    )
