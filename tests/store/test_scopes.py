"""A scope in SQL means what it means with sets, on premises and on reach alike."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import insert, select
from tests import make

from outreach.model.contactcenter import CallerPremise
from outreach.model.occasion import NewOccasion, Occasion, Revision, Scope
from outreach.model.words import LoadState, OccasionKind, OccasionState, Service
from outreach.store import ivr, occasions, scopes, tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Database, Session

NODES = {"F": (0, 99), "S1": (10, 19), "S2": (20, 29), "S3": (15, 17)}
LOCALITIES = ("Providencia", "Ñuñoa", "")
CODES = ("7500000", "7750000", "")
AREAS = {"park": range(0, 24, 3), "port": range(1, 24, 5)}
ORDERS = (-1, 12, 16, 18, 25, 40)


@dataclass(frozen=True, slots=True)
class Place:
    """One premise of the town, as Python knows it."""

    id: int
    number: int
    ref: str
    order: int
    locality: str
    code: str


@dataclass(frozen=True, slots=True)
class Town:
    database: Database
    places: tuple[Place, ...]

    def set_of(self, scope: Scope) -> set[int]:
        held = {
            one.id
            for one in self.places
            if any(NODES[node][0] <= one.order <= NODES[node][1] for node in scope.nodes)
            or one.locality in scope.localities
            or one.code in scope.postal_codes
            or one.ref in scope.premises
            or any(one.number in AREAS[area] for area in scope.areas)
        }
        return held - self.set_of(scope.less) if scope.less else held


@pytest.fixture
def town(database: Database) -> Town:
    """24 premises, some off the network, each with a customer and a row of reach."""
    with database.write() as session:
        for ref, (low, high) in NODES.items():
            make.make_node(session, ref=ref, tree_order=low, tree_last=high)
        kinds = itertools.cycle(itertools.product(LOCALITIES, CODES))
        places = tuple(
            _place(session, number, *next(kinds), ORDERS[number % len(ORDERS)])
            for number in range(24)
        )
        for digest, numbers in AREAS.items():
            area = insert(t.area).values(digest=digest, shape={}).returning(t.area.c.id)
            area_id = session.execute(area).scalar_one()
            rows = [{"area_id": area_id, "premise_id": places[number].id} for number in numbers]
            session.execute(insert(t.area_premise), rows)
    return Town(database, places)


def _place(session: Session, number: int, locality: str, code: str, order: int) -> Place:
    customer = make.make_customer(session)
    account = make.make_account(session, customer=customer)
    ref = f"P{number:02}"
    premise = make.make_premise(
        session, account=account, ref=ref, tree_order=order, locality=locality, postal_code=code
    )
    point = make.make_contact_point(session)
    make.make_reach(session, customer=customer, contact_point=point, premise=premise)
    return Place(premise, number, ref, order, locality, code)


def some(words: Iterable[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(sorted(words)), max_size=2, unique=True).map(tuple)


SIDES = st.builds(
    Scope,
    nodes=some(NODES),
    localities=some(LOCALITIES[:2]),
    postal_codes=some(CODES[:2]),
    areas=some(AREAS),
    premises=some(f"P{number:02}" for number in range(24)),
)
SCOPES = st.builds(lambda side, less: Scope(**_values(side), less=less), SIDES, st.none() | SIDES)


def _values(scope: Scope) -> dict[str, Any]:
    return {name: getattr(scope, name) for name in Scope.__slots__ if name != "less"}


def _covered(session: Session, remaining: Remaining) -> tuple[set[int], set[int]]:
    by_premise = select(t.premise.c.id).where(remaining.covers(t.premise))
    by_reach = select(t.reach.c.premise_id).where(remaining.covers(t.reach))
    return set(session.scalars(by_premise)), set(session.scalars(by_reach))


def _opened(session: Session, scope: Scope, restored: Scope) -> Occasion:
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name="F", zone=make.ZONE
    )
    revision = Revision(
        version=1, state=OccasionState.ACTIVE, scope=scope, restored=restored,
        start_at=make.NOW, recorded_at=make.NOW,
    )  # fmt: skip
    return occasions.add(session, new, revision)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(scope=SCOPES, restored=SCOPES)
def test_what_remains_of_any_scope_equals_sets(town, scope, restored):
    with town.database.write() as session:
        occasion = _opened(session, scope, restored)
        left = _covered(session, scopes.remaining(session, occasion))
        every = _covered(session, scopes.whole(session, occasion, occasion.revision))
        by_hand = _covered(session, scopes.typed(session, scope))

    expected = town.set_of(scope)
    assert left == (expected - town.set_of(restored),) * 2
    assert every == by_hand == (expected, expected)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(scope=SCOPES, restored=SCOPES)
def test_the_ivr_holds_in_memory_what_the_database_says(town, scope, restored):
    with town.database.write() as session:
        occasion = _opened(session, scope, restored)
        truth = ivr.truth(session, occasion, shown_id="out_1")

    callers = {one.id: _caller(one) for one in town.places}
    assert {number for number, caller in callers.items() if truth.scope.covers(caller)} == (
        town.set_of(scope)
    )
    assert {number for number, caller in callers.items() if truth.back.covers(caller)} == (
        town.set_of(restored)
    )


def _caller(place: Place) -> CallerPremise:
    return CallerPremise(
        premise_id=place.id, tree_order=place.order, locality=place.locality, postal_code=place.code,
        zone=make.ZONE, priority="C", locale="es", customer_id=1, customer_type="residential",
    )  # fmt: skip


def test_a_scope_comes_back_from_the_store_with_what_is_taken_away(town):
    less = Scope(areas=("park",), premises=("P01",))
    scope = Scope(nodes=("F",), postal_codes=("7500000",), less=less)

    with town.database.write() as session:
        occasion = _opened(session, scope, Scope())

    assert occasion.revision.scope == scope


def test_while_a_load_merges_a_premise_is_found_wherever_its_row_of_reach_stands(town):
    moved = next(one for one in town.places if one.order == 12)
    scope = Scope(premises=(moved.ref,))
    with town.database.write() as session:
        session.execute(
            insert(t.record_load).values(
                source="crm", loaded_at=make.NOW, counts={}, state=LoadState.MERGING
            )
        )
        session.execute(t.premise.update().where(t.premise.c.id == moved.id).values(tree_order=40))

        found = _covered(session, scopes.typed(session, scope))

    assert found == ({moved.id}, {moved.id})


def test_a_scope_of_more_places_than_are_looked_up_is_read_whole(town, monkeypatch):
    monkeypatch.setattr(scopes, "MOST_PLACES", 1)
    scope = Scope(postal_codes=("7500000",))

    with town.database.read() as session:
        typed = scopes.typed(session, scope)
        found = _covered(session, typed)

    assert typed.out.places is None
    assert found == (town.set_of(scope),) * 2


def test_only_a_scope_of_nodes_alone_is_counted_beforehand(town):
    cases = {
        Scope(nodes=("F",)): True,
        Scope(nodes=("F",), less=Scope(premises=("P01",))): False,
        Scope(nodes=("F",), localities=("Ñuñoa",)): False,
        Scope(nodes=("F",), areas=("park",)): False,
        Scope(postal_codes=("7500000",)): False,
    }

    with town.database.read() as session:
        found = {scope: scopes.typed(session, scope).only_spans for scope in cases}

    assert found == cases


def test_what_is_left_of_spans_holds_each_number_that_stood_in_them_alone():
    spans, gone = ((0, 9), (20, 29), (40, 40)), ((0, 0), (5, 6), (9, 22), (29, 35), (40, 50))

    left = scopes.without(spans, gone)

    inside = {n for low, high in left for n in range(low, high + 1)}
    assert inside == {*range(1, 5), 7, 8, *range(23, 29)}
    assert scopes.without(spans, ()) == spans


def test_a_street_for_each_of_a_thousand_may_be_out_and_another_thousand_back(town):
    every = Remaining(
        occasion=0,
        version=0,
        out=scopes.Part(spans=tuple((each * 4, each * 4 + 2) for each in range(1_500))),
        back=scopes.Part(spans=tuple((each * 4, each * 4 + 1) for each in range(1_200))),
    )

    with town.database.read() as session:
        found = set(session.scalars(select(t.premise.c.id).where(every.covers(t.premise))))

    assert found == {one.id for one in town.places if one.order % 4 == 2}


def test_nested_nodes_are_one_span_and_unknown_ones_none(town):
    with town.database.read() as session:
        found = scopes.spans(session, ("S1", "F", "S2", "nowhere"))

    assert found == ((0, 99),)


def test_an_area_is_held_as_whole_places_and_the_ids_along_its_edge(town):
    with town.database.read() as session:
        areas = scopes.area_ids(session, ("park", "port"))
        spans, ids = scopes.held_by_areas(session, areas)

    held = {one.id for one in town.places if (one.order, one.order) in spans} | ids
    assert held == town.set_of(Scope(areas=("park", "port")))
    assert all(low >= 0 for low, _high in spans)


def test_postal_codes_are_known_and_listed(town):
    with town.database.read() as session:
        found = scopes.postal_codes(session)
        known = [scopes.has_postal_code(session, code) for code in ("7500000", "1")]

    assert (found, known) == (["7500000", "7750000"], [True, False])
