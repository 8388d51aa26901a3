"""The network's labels in the database: read whole for regrowing, moved with all that stands on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Table,
    bindparam,
    delete,
    distinct,
    func,
    literal,
    select,
    update,
)

from outreach.model.errors import StoreUnusable
from outreach.model.words import StepRunState
from outreach.store import bulk, changes, headcounts, tables as t, touched
from outreach.store.bulk import Rows
from outreach.store.dialects import insert_into
from outreach.store.session import Session

OFF_THE_NETWORK = -1
"""Where a premise stands whose transformer nobody knows."""

Labelled = tuple[str, str | None, int, int]
"""(ref, parent, order, last)"""
EdgeEnds = tuple[str, str, str, bool]
"""(ref, one end, other end, is open)"""
EdgeRow = tuple[str, str, str, bool, bool]
"""(ref, one end, other end, is open, is open as planned)"""

_CHUNK = 5_000
_ASKED_AT_ONCE = 1_000
_LABELS = "SELECT ref, parent_ref, tree_order, tree_last FROM network_node ORDER BY tree_order"
_EDGES = "SELECT ref, node_a, node_b, open FROM network_edge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The network as it stood at one moment."""

    counter: int
    """Counts the changes of the network: `claim` compares it."""
    labels: Sequence[Labelled]
    """In their order: a node comes after what feeds it."""
    edges: Sequence[EdgeEnds]
    kinds: Mapping[str, str]
    """Of substations and feeders; all other nodes are left out."""


def read(session: Session) -> Stored:
    """All of it. Past SQLAlchemy, whose rows cost thrice the driver's: 140,000 nodes and edges, 0.3 s."""
    # The counter first: whatever is committed while we read makes the claim fail.
    counter = _counter(session)
    driver = session.connection().connection.driver_connection
    if driver is None:
        raise StoreUnusable("the connection was lost; try again")
    node = t.network_node.c
    kinds = select(node.ref, node.kind).where(node.kind.in_(("substation", "feeder")))
    return Stored(
        counter=counter,
        labels=driver.execute(_LABELS).fetchall(),
        edges=driver.execute(_EDGES).fetchall(),
        kinds=dict(session.execute(kinds).all()),
    )


def named(session: Session, refs: Iterable[str] | None = None) -> dict[str, tuple[str, str]]:
    """Node -> (kind, name); all, or these."""
    node = t.network_node.c
    found = select(node.ref, node.kind, node.name)
    if refs is None:
        return {ref: (kind, name) for ref, kind, name in session.execute(found)}
    known: dict[str, tuple[str, str]] = {}
    for part in sliced(refs, _ASKED_AT_ONCE):
        rows = session.execute(found.where(node.ref.in_(part)))
        known |= {ref: (kind, name) for ref, kind, name in rows}
    return known


def planned_open(session: Session) -> set[str]:
    """Edges that are open as planned."""
    edge = t.network_edge.c
    return set(session.scalars(select(edge.ref).where(edge.normally_open)))


def edges_off_plan(session: Session) -> Sequence[EdgeRow]:
    """Edges that are open now and planned closed, or the other way round."""
    edge = t.network_edge.c
    found = select(edge.ref, edge.node_a, edge.node_b, edge.open, edge.normally_open)
    return session.execute(found.where(edge.open != edge.normally_open)).all()


def claim(session: Session, seen: int, *, now: datetime) -> bool:
    """Counts the network up, in the transaction that changes it; False if somebody did since `seen`."""
    if _counter(session, locked=True) != seen:
        return False
    changes.bump(session, "network", "record", now=now)
    return True


def _counter(session: Session, *, locked: bool = False) -> int:
    found = select(t.change.c.counter).where(t.change.c.name == "network")
    return session.execute(found.with_for_update() if locked else found).scalar() or 0


def is_freezing(session: Session) -> bool:
    """Whether an audience is being written in slices of the labels, which may not move meanwhile."""
    found = select(t.step_run.c.id).where(t.step_run.c.state == StepRunState.FREEZING).limit(1)
    return session.execute(found).first() is not None


def relabel(session: Session, rows: Rows, moved: Mapping[int, int]) -> int:
    """Writes nodes (all columns but the id) and moves what stands on their labels; premises moved.

    `moved`: old label -> new. Premises go, and with them every generation of their reach, and what
    waits to be renewed. Nothing is renewed: who can be reached is the same, elsewhere.
    """
    bulk.upsert_rows(session, t.network_node, rows, ("ref",))
    if not moved:
        return 0
    labels = _pairs(session, moved)
    counts = [_carry(session, table, labels) for table in (t.premise, t.reach)]
    # Below zero stand other things than premises. Named twice, as what waits has no index by label:
    # SQLite would walk all of `moved` for each of millions.
    w = t.touched_premise.c
    waits = (w.premise_id > 0) & bulk.among(session, w.tree_order, moved)
    _carry(session, t.touched_premise, labels, waits)
    headcounts.moved(session, moved)
    if _is_building(session):
        # It goes by the order of labels, and may have passed the new places already.
        found = select(t.premise.c.id, t.premise.c.tree_order)
        _touch(session, found.join(labels, t.premise.c.tree_order == labels.c.value))
    return counts[0]


def _is_building(session: Session) -> bool:
    """Whether reach is being built afresh: marks stand below what waits for a place."""
    mark = t.touched_premise.c.premise_id
    return session.execute(select(mark).where(mark < touched.ENDED).limit(1)).first() is not None


def _carry(session: Session, table: Table, labels: FromClause, *only: ColumnElement[bool]) -> int:
    statement = update(table).where(table.c.tree_order == labels.c.key, *only)
    return session.execute(statement.values(tree_order=labels.c.value)).rowcount


def set_open(session: Session, refs: Iterable[str], *, is_open: bool) -> None:
    """The actual state of these edges; as planned they stay what they are."""
    rows = [{"edge": ref} for ref in refs]
    if rows:
        switched = update(t.network_edge).where(t.network_edge.c.ref == bindparam("edge"))
        session.execute(switched.values(open=is_open), rows)


def save_edges(session: Session, rows: Rows) -> None:
    """Rows of ref, node_a, node_b, open, normally_open; those that stand already are overwritten."""
    bulk.upsert_rows(session, t.network_edge, rows, ("ref",))


def forget_edges(session: Session, refs: Iterable[str]) -> None:
    _delete(session, t.network_edge, refs)


def forget_nodes(session: Session, nodes: Mapping[str, int]) -> int:
    """Deletes nodes (ref -> label); their premises are off the network. Returns how many."""
    unplaced = unplace(session, nodes.values())
    _delete(session, t.network_node, nodes)
    return unplaced


def unplace(session: Session, labels: Iterable[int]) -> int:
    """Takes the premises at these labels off the network, and notes both places for their reach."""
    gone = _pairs(session, dict.fromkeys(labels, OFF_THE_NETWORK))
    here = t.premise.c.tree_order == gone.c.key
    for place in (gone.c.key, gone.c.value):
        _touch(session, select(t.premise.c.id, place).join(gone, here))
    statement = update(t.premise).where(here).values(tree_order=gone.c.value)
    return session.execute(statement).rowcount


def waiting(session: Session, after: int = 0) -> list[int]:
    """The next premises above this id, 5,000 at most, whose transformer is known and who are not on it."""
    found = (
        select(t.premise.c.id)
        .join(t.network_node, _feeds)
        .where(t.premise.c.tree_order == OFF_THE_NETWORK, t.premise.c.id > after)
        .order_by(t.premise.c.id)
        .limit(_CHUNK)
    )
    return list(session.scalars(found))


def place(session: Session, premises: Sequence[int]) -> int:
    """Puts those of the premises on the network whose transformer is known; returns how many."""
    found = (
        select(t.premise.c.id, t.network_node.c.tree_order)
        .join(t.network_node, _feeds)
        .where(t.premise.c.tree_order == OFF_THE_NETWORK)
        .with_for_update(read=True, of=t.network_node)  # a switching must not move them meanwhile
    )
    labels: dict[int, int] = {}
    for part in sliced(premises, 500):
        labels |= {row[0]: row[1] for row in session.execute(found.where(t.premise.c.id.in_(part)))}
    places = _pairs(session, labels)
    for place in (places.c.value, literal(OFF_THE_NETWORK)):
        _touch(session, select(places.c.key, place))
    statement = update(t.premise).where(t.premise.c.id == places.c.key)
    session.execute(statement.values(tree_order=places.c.value))
    return len(labels)


_feeds = (t.network_node.c.ref == t.premise.c.transformer) & (
    t.network_node.c.kind == "transformer"
)


def supplied(session: Session, groups: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """`groups`: label -> number of its group. Group -> (premises, distinct customers) on its labels."""
    labels = _pairs(session, groups)
    open_account = (t.account.c.id == t.supply.c.account_id) & t.account.c.closed_at.is_(None)
    found = session.execute(
        select(
            labels.c.value,
            func.count(distinct(t.premise.c.id)),
            func.count(distinct(t.account.c.customer_id)),
        )
        .select_from(labels)
        .join(t.premise, t.premise.c.tree_order == labels.c.key)
        .outerjoin(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .outerjoin(t.account, open_account)
        .where(t.premise.c.closed_at.is_(None))
        .group_by(labels.c.value)
    )
    return {int(group): (int(premises), int(customers)) for group, premises, customers in found}


def _touch(session: Session, rows: Any) -> None:
    into = insert_into(session, t.touched_premise).from_select(["premise_id", "tree_order"], rows.where(literal(1) == 1))  # fmt: skip
    session.execute(into.on_conflict_do_nothing())


def _delete(session: Session, table: Any, refs: Iterable[str]) -> None:
    rows = [{"gone": ref} for ref in refs]
    if rows:
        session.execute(delete(table).where(table.c.ref == bindparam("gone")), rows)


def _pairs(session: Session, pairs: Mapping[int, int]) -> FromClause:
    """The mapping as a table of key and value: one parameter, however many."""
    if _is_sqlite(session):
        each = func.json_each(json.dumps(list(pairs.items()))).table_valued("value")
        key, value = (func.json_extract(each.c.value, f"$[{place}]") for place in (0, 1))
        return select(key.cast(Integer).label("key"), value.cast(Integer).label("value")).subquery(
            "pairs"
        )
    columns = [
        bindparam(None, list(each), type_=ARRAY(BigInteger)) for each in (pairs, pairs.values())
    ]
    return func.unnest(*columns).table_valued("key", "value").render_derived("pairs")


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def sliced(refs: Iterable[Any], size: int = _CHUNK) -> Iterable[list[Any]]:
    """Lists of at most `size`: what one transaction takes."""
    waiting = iter(refs)
    while part := list(islice(waiting, size)):
        yield part
