"""A small network in the database, with premises, customers and reach, and a naive look at who feeds whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy import delete, select
from tests import make

from outreach.record.network import Device, Edge, NetworkRead, numbered
from outreach.record.upkeep import merge
from outreach.store import tables as t
from outreach.store.session import Database

NOW = datetime(2026, 7, 16, 6, 43, tzinfo=UTC)

TOWN = ("S1:substation", "F1:feeder", "F2:feeder", "A:section", "B:section",
        "T1:transformer", "T2:transformer", "T3:transformer")  # fmt: skip
"""Two feeders of one substation, and a point between their sections that is open as planned."""
LINES = ("S1-F1", "S1-F2", "F1-A", "F2-B", "A-T1", "A-T2", "B-T3", "A-B open")

Step = tuple[str, bool]


def read(nodes: Sequence[str] = TOWN, lines: Iterable[str] = LINES) -> NetworkRead:
    """`T1:transformer` is a node; `A-B` a line of that ref, `A-B open` one that is open as planned."""
    devices = [
        Device(ref=ref, kind=kind, name=ref.lower())
        for ref, kind in (each.split(":") for each in nodes)
    ]
    edges = []
    for line in lines:
        ref, _, state = line.partition(" ")
        a, b = ref.partition("/")[0].split("-")
        edges.append(Edge(ref=ref, node_a=a, node_b=b, is_open=state == "open"))
    tree, loops = numbered(devices, edges)
    return NetworkRead(source="grid.json", nodes=tree, edges=tuple(edges), kinds={}, loop_edges=loops)  # fmt: skip


def empty(database: Database) -> None:
    with database.write() as session:
        for table in reversed(t.metadata.sorted_tables):
            session.execute(delete(table))


def build(
    database: Database, network: NetworkRead | None = None, *, each: int = 2
) -> dict[str, int]:
    """The network, and on each transformer that many premises with a customer and reach; ref -> id."""
    network = network or read()
    merge(database, network, now=NOW)
    premises: dict[str, int] = {}
    with database.write() as session:
        for node in network.nodes:
            if node.kind == "transformer":
                for number in range(each):
                    premises[f"{node.ref}.{number}"] = _premise(session, node.ref, node.order)
    return premises


def _premise(session, transformer: str, order: int) -> int:
    customer = make.make_customer(session)
    account = make.make_account(session, customer=customer)
    premise = make.make_premise(session, account=account, transformer=transformer, tree_order=order)
    point = make.make_contact_point(session)
    make.make_customer_contact(session, customer=customer, contact_point=point)
    for since, until in ((0, 1), (1, t.FOREVER)):
        make.make_reach(
            session, customer=customer, contact_point=point, premise=premise, since=since, until=until
        )  # fmt: skip
    return premise


def labels_of(database: Database) -> dict[str, tuple[int, int]]:
    with database.read() as session:
        n = t.network_node.c
        return {
            ref: (first, last)
            for ref, first, last in session.execute(select(n.ref, n.tree_order, n.tree_last))
        }


def in_span(database: Database, ref: str) -> tuple[set[int], set[int], int]:
    """Premises under a node, by the premises themselves and by reach; and how many rows of reach."""
    first, last = labels_of(database)[ref]
    with database.read() as session:
        own = set(
            session.scalars(
                select(t.premise.c.id).where(t.premise.c.tree_order.between(first, last))
            )
        )
        rows = list(
            session.scalars(
                select(t.reach.c.premise_id).where(t.reach.c.tree_order.between(first, last))
            )
        )
    return own, set(rows), len(rows)


def feeding(
    nodes: Sequence[str], lines: dict[str, bool], last: dict[str, str | None]
) -> dict[str, str | None]:
    """Node -> what feeds it: the first of the shortest ways from a substation, found by relaxing every
    line until nothing changes; what no way leads to is left under what fed it last."""
    refs = [each.partition(":")[0] for each in nodes]
    ways: dict[str, tuple[str, ...]] = {
        ref: (ref,) for ref, kind in (each.split(":") for each in nodes) if kind == "substation"
    }
    for _round in refs:
        for line, is_open in lines.items():
            a, b = line.partition("/")[0].split("-")
            for here, there in ((a, b), (b, a)):
                if is_open or here not in ways or there not in refs:
                    continue
                way = (*ways[here], there)
                if there not in ways or (len(way), way) < (len(ways[there]), ways[there]):
                    ways[there] = way
    fed = {ref: way[-2] if len(way) > 1 else None for ref, way in ways.items()}
    return {ref: fed.get(ref, last.get(ref)) for ref in refs}


def through(parents: dict[str, str | None], ref: str) -> set[str]:
    """Every node that is fed through this one, itself included."""

    def passes(each: str | None) -> bool:
        while each is not None and each != ref:
            each = parents[each]
        return each == ref

    return {each for each in parents if passes(each)}
