"""Which outages explain that one premise is dark, and which said a moment ago that it is back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select

from outreach.model.occasion import Occasion, Scope
from outreach.model.words import OccasionKind, OccasionState
from outreach.store import changes, occasions, reported, scopes, tables as t
from outreach.store.scopes import Span
from outreach.store.session import Session

_DARK = frozenset({OccasionState.ACTIVE, OccasionState.PARTIAL})
_BACK = frozenset({OccasionState.RESTORED, OccasionState.PARTIAL})
_SUSPECTED = frozenset({OccasionState.SUSPECTED})
LOOKS_BACK = timedelta(hours=24)
"""A restoration is taken back so long after it; later it is a new fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One open premise, and how its holder knows it."""

    id: int
    ref: str
    order: int
    """Tree order where it stands; -1 off the network."""
    locality: str
    postal_code: str
    zone: str
    street_sealed: bytes = field(repr=False)
    accounts: tuple[str, ...] = field(default=(), repr=False)
    """Account numbers under which it is supplied."""


def places(session: Session, premises: Iterable[int]) -> list[Place]:
    """The open ones of these premises, by ref."""
    p, wanted = t.premise.c, list(premises)
    held: dict[int, list[str]] = {}
    supplied = (
        select(t.supply.c.premise_id, t.account.c.ref)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(t.supply.c.premise_id.in_(wanted), t.account.c.closed_at.is_(None))
    )
    for premise, account in session.execute(supplied):
        held.setdefault(premise, []).append(account)
    rows = session.execute(
        select(p.id, p.ref, p.tree_order, p.locality, p.postal_code, p.zone, p.street_sealed)
        .where(p.id.in_(wanted), p.closed_at.is_(None))
        .order_by(p.ref)
    )
    return [
        Place(
            id=row.id, ref=row.ref, order=row.tree_order, locality=row.locality,
            postal_code=row.postal_code, zone=row.zone, street_sealed=row.street_sealed,
            accounts=tuple(sorted(held.get(row.id, ()))),
        )
        for row in rows
    ]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The outages that a report may be about: open, suspected, or ended within `LOOKS_BACK`; oldest first."""

    counter: int
    """Of all changes of truth, record and network when it was read."""
    known: tuple[Occasion, ...]
    spans: Mapping[str, Span]
    """Of the nodes that they name."""


class Known:
    """The newest `Truth`, read again only once it has changed: 500 outages cost 25 ms, and reports come by the second.

    Kept by whoever takes many reports; any thread may ask.
    """

    def __init__(self) -> None:
        self._truth: Truth | None = None

    def truth(self, session: Session, *, now: datetime) -> Truth:
        counted = changes.counters(session)
        counter = sum(counted.get(topic, 0) for topic in ("truth", "record", "network"))
        held = self._truth
        if held is None or held.counter != counter:
            held = self._truth = _read(session, counter, since=now - LOOKS_BACK)
        return held


def _read(session: Session, counter: int, *, since: datetime) -> Truth:
    known = tuple(
        each
        for each in (*occasions.since(session, since), *occasions.suspected(session))
        if each.kind is not OccasionKind.ADVISORY and not each.drill
    )
    refs = {ref for each in known for ref in each.revision.scope.nodes}
    spans = scopes.spans_of(session, sorted(refs))
    return Truth(counter=counter, known=known, spans=spans)


def dark_at(session: Session, truth: Truth, place: Place) -> Occasion | None:
    """The open outage, or planned work under way, by which this premise is out; the oldest of several."""
    return next(
        (
            each
            for each in _near(truth, place, _DARK)
            if reported.is_inside(session, place.ref, scopes.remaining(session, each))
        ),
        None,
    )


def back_at(
    session: Session, truth: Truth, place: Place, *, since: datetime, first: int | None = None
) -> Occasion | None:
    """The outage that said after `since` that this premise is back: `first` before the newest of the others.

    `since` lies at most `LOOKS_BACK` ago.
    """
    near = [each for each in _near(truth, place, _BACK) if each.revision.recorded_at >= since]
    near.sort(key=lambda each: (each.id == first, each.revision.recorded_at), reverse=True)
    return next((each for each in near if reported.out_of(session, each, [place.ref])), None)


def suspected_at(truth: Truth, place: Place) -> Occasion | None:
    """The suspicion whose device feeds this premise."""
    return next(iter(_near(truth, place, _SUSPECTED)), None)


def _near(truth: Truth, place: Place, states: Collection[OccasionState]) -> list[Occasion]:
    """Those whose scope may hold the premise: only they are asked one by one."""
    return [
        each
        for each in truth.known
        if each.revision.state in states and _may_hold(each.revision.scope, place, truth.spans)
    ]


def _may_hold(scope: Scope, place: Place, spans: Mapping[str, Span]) -> bool:
    found = (spans[ref] for ref in scope.nodes if ref in spans)
    return (
        any(first <= place.order <= last for first, last in found)
        or place.ref in scope.premises
        or place.locality in scope.localities
        or place.postal_code in scope.postal_codes
        or bool(scope.areas)
    )
