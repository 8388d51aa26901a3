"""Opens and closes points of the network: premises move under what feeds them now."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from outreach.model.errors import GuardRefused, InputRefused
from outreach.record.forest import Forest, Parents, grow, loops, standing
from outreach.record.labels import Plan, plan
from outreach.record.relabelling import TRIES, Outrun, Relabelling
from outreach.store import audit, network, tree
from outreach.store.session import Database, Session

_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Premises that change over from one feeder to another, or within one."""

    old: str
    """Feeder, or where there is none substation; empty: nothing fed them."""
    new: str
    premises: int
    customers: int
    """Distinct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """What a switching does."""

    opened: tuple[str, ...] = ()
    """Edges that were closed and are open now."""
    closed: tuple[str, ...] = ()
    moved: tuple[Moved, ...] = ()
    """The most premises first."""
    dark: int = 0
    """Premises that no substation feeds any more."""
    lit: int = 0
    """Premises that a substation feeds again."""
    loops: tuple[str, ...] = ()
    """Closed edges of rings that were not there before."""

    @property
    def premises(self) -> int:
        return sum(each.premises for each in self.moved)

    @property
    def customers(self) -> int:
        """Distinct a line; who has premises on two of them counts in both."""
        return sum(each.customers for each in self.moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decision:
    switched: Switched
    plan: Plan
    named: dict[str, tuple[str, str]]
    """Of what moves: (kind, name)."""


def switch(
    database: Database,
    *,
    opened: Iterable[str] = (),
    closed: Iterable[str] = (),
    now: datetime,
    actor: str,
    force: bool = False,
) -> Switched:
    """Opens and closes edges (their refs, in any case), and moves what hangs on them.

    The dark stay under what fed them last, until they are fed again: who is out remains in the
    scope of the outage. InputRefused with near matches for unknown edges; unless `force`,
    GuardRefused when premises would be on no substation, or a ring would close. Everything is
    judged as it stands after all of it. What is as asked already changes nothing.
    """
    opened, closed = list(opened), list(closed)
    for _try in range(TRIES):
        with database.read() as session:
            stored = tree.read(session)
            decision = _decided(session, stored, opened, closed)
        if not force:
            _refuse(decision.switched)
        try:
            _write(database, stored, decision, now=now, actor=actor)
        except Outrun:
            continue
        return decision.switched
    raise GuardRefused("the network is being changed by others all the time; try again later")


def tried(
    database: Database, *, opened: Iterable[str] = (), closed: Iterable[str] = ()
) -> Switched:
    """What `switch` would do; nothing is written, and no guard refuses."""
    with database.read() as session:
        return _decided(session, tree.read(session), list(opened), list(closed)).switched


def off_plan(database: Database) -> list[tree.EdgeRow]:
    """Edges whose state is not the planned one, by ref."""
    with database.read() as session:
        return sorted(tree.edges_off_plan(session))


def _decided(
    session: Session, stored: tree.Stored, opened: Sequence[str], closed: Sequence[str]
) -> _Decision:
    wanted = _wanted(session, stored, opened, closed)
    places = [place for place, edge in enumerate(stored.edges) if edge[0] in wanted]
    edges, changed = list(stored.edges), dict[str, bool]()
    for place in places:
        ref, a, b, is_open = edges[place]
        if bool(is_open) is not wanted[ref]:
            edges[place] = (ref, a, b, wanted[ref])
            changed[ref] = wanted[ref]
    last_fed = {row[0]: row[1] for row in stored.labels}
    substations = [ref for ref, kind in stored.kinds.items() if kind == "substation"]
    after = grow(substations, last_fed, edges, last_fed=last_fed)
    before = standing(last_fed, substations, stored.edges)
    moves = plan(stored.labels, after.parents)
    switched = Switched(
        opened=tuple(sorted(ref for ref, is_open in changed.items() if is_open)),
        closed=tuple(sorted(ref for ref, is_open in changed.items() if not is_open)),
        moved=_moved(session, stored, after.parents, moves),
        dark=_premises(session, stored, before - after.fed),
        lit=_premises(session, stored, after.fed - before),
        loops=_new_loops(stored, after, last_fed, before),
    )
    return _Decision(switched=switched, plan=moves, named=tree.named(session, _refs(moves)))


def _wanted(
    session: Session, stored: tree.Stored, opened: Sequence[str], closed: Sequence[str]
) -> dict[str, bool]:
    """Edge -> whether it is to be open, under the record's own refs."""
    known = {edge[0] for edge in stored.edges}
    wanted: dict[str, bool] = {}
    for typed, is_open in [(ref, True) for ref in opened] + [(ref, False) for ref in closed]:
        ref = _known(typed.strip(), known)
        if ref is None:
            near = ", ".join(network.near_edges(session, typed))
            raise InputRefused(f"{typed!r}: no such edge" + (f"; near: {near}" if near else ""))
        if wanted.setdefault(ref, is_open) != is_open:
            raise InputRefused(f"{ref}: to be opened and closed at once; say one of them")
    return wanted


def _known(typed: str, refs: AbstractSet[str]) -> str | None:
    """The ref as it is written in the record."""
    if typed in refs:
        return typed
    return next((ref for ref in refs if ref.upper() == typed.upper()), None)


def _new_loops(
    stored: tree.Stored, after: Forest, last_fed: Parents, before: Container[str]
) -> tuple[str, ...]:
    if not after.loops:
        return ()
    return tuple(sorted(set(after.loops).difference(loops(last_fed, before, stored.edges))))


def _refs(moves: Plan) -> list[str]:
    return [row[0] for move in moves.moves for row in move.rows]


def _premises(session: Session, stored: tree.Stored, nodes: AbstractSet[str]) -> int:
    if not nodes:
        return 0
    groups = {row[2]: 0 for row in stored.labels if row[0] in nodes}
    return tree.supplied(session, groups).get(0, (0, 0))[0]


def _moved(
    session: Session, stored: tree.Stored, parents: Parents, moves: Plan
) -> tuple[Moved, ...]:
    """Whoever is fed another way, by feeder before and after."""
    was = {row[0]: row for row in stored.labels} if moves.moves else {}
    other_way: set[str | None] = set()
    groups: dict[int, tuple[str, str]] = {}
    for ref in _refs(moves):
        if was[ref][1] != parents[ref] or parents[ref] in other_way:
            other_way.add(ref)
            old = _feeder(ref, lambda each: was[each][1], stored.kinds)
            groups[was[ref][2]] = (old, _feeder(ref, parents.__getitem__, stored.kinds))
    numbers = {pair: number for number, pair in enumerate(sorted(set(groups.values())))}
    found = tree.supplied(session, {label: numbers[pair] for label, pair in groups.items()})
    moved = [
        Moved(old=old, new=new, premises=found[number][0], customers=found[number][1])
        for (old, new), number in numbers.items()
        if number in found
    ]
    return tuple(sorted(moved, key=lambda each: (-each.premises, each.old, each.new)))


def _feeder(ref: str, above: Callable[[str], str | None], kinds: Mapping[str, str]) -> str:
    """The nearest feeder or substation upward, the node itself included; empty: none."""
    each: str | None = ref
    while each is not None and each not in kinds:
        each = above(each)
    return each or ""


def _refuse(switched: Switched) -> None:
    if switched.dark:
        raise GuardRefused(
            f"opening {_some(switched.opened)} would leave {switched.dark:,} premises on no substation; "
            "close another point with it, or say --yes"
        )
    if switched.loops:
        raise GuardRefused(
            f"closing {_some(switched.closed)} would join two sides that are both fed (ring at "
            f"{_some(switched.loops)}); open a point with it, or say --yes"
        )


def _some(refs: Sequence[str]) -> str:
    more = f" and {len(refs) - _NAMED} more" if len(refs) > _NAMED else ""
    return ", ".join(refs[:_NAMED]) + more


def _write(
    database: Database, stored: tree.Stored, decision: _Decision, *, now: datetime, actor: str
) -> None:
    switched = decision.switched
    work = Relabelling(database=database, stored=stored, now=now, named=decision.named)
    if switched.opened or switched.closed:
        work.move(decision.plan, partial(_set, switched=switched, now=now, actor=actor))
    elif decision.plan.moves:  # a switching that broke off is finished
        work.move(decision.plan)


def _set(session: Session, *, switched: Switched, now: datetime, actor: str) -> None:
    tree.set_open(session, switched.opened, is_open=True)
    tree.set_open(session, switched.closed, is_open=False)
    audit.write(
        session,
        actor,
        "record.switch",
        "network",
        now=now,
        opened=list(switched.opened),
        closed=list(switched.closed),
        premises=switched.premises,
        dark=switched.dark,
    )
