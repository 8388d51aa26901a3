"""Merges staged premises into the record, a slice at a time, and gives each place one spelling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from outreach.model.spelling import plain
from outreach.record.merge_accounts import Step
from outreach.record.terms import Terms
from outreach.store import bulk, merging, merging_premises as supplies, network, tables as t
from outreach.store.merging_premises import NOT_ON_THE_NETWORK, KnownPremise, StagedPremise
from outreach.store.session import Session

SLICE = 4_000
"""At most; see `merging.Pace`."""


def merge_staged(session: Session, since: str, limit: int, *, terms: Terms) -> Step:
    """Merges the next slice of staged premises, with who is supplied there."""
    staged = supplies.staged_premises(session, since=since, limit=limit)
    if not staged:
        return Step(rows=0, next=None)
    slice_ = _Slice(
        staged=staged,
        known=supplies.premises(session, [row.ref for row in staged]),
        orders=network.transformer_orders(session, {row.transformer for row in staged}),
        terms=terms,
    )
    slice_.write(session)
    supplies.forget_staged(session, until=staged[-1].ref)
    return Step(rows=len(staged), next=staged[-1].ref)


def close_gone(session: Session, _since: str, limit: int, *, terms: Terms) -> Step:
    """Closes the next slice of premises that are gone."""
    ids = merging.gone(session, "premise", limit=limit)
    if not ids:
        return Step(rows=0, next=None)
    merging.touch_customers(session, supplies.customers_at(session, ids))
    supplies.close_premises(session, ids, now=terms.now)
    supplies.touch_premises(session, supplies.places(session, ids))
    merging.forget_gone(session, "premise", ids)
    return Step(rows=len(ids), next="")


@dataclass(slots=True, kw_only=True)
class _Slice:
    staged: list[StagedPremise]
    known: dict[str, KnownPremise]
    orders: dict[str, int]
    terms: Terms
    spelt: dict[str, str] = field(default_factory=dict)
    """Locality as written -> its one spelling."""

    def write(self, session: Session) -> None:
        fresh = [row for row in self.staged if row.ref not in self.known]
        numbers = bulk.new_ids(session, t.premise, len(fresh))
        ids = {row.ref: number for row, number in zip(fresh, numbers, strict=True)}
        supplies.save_premises(
            session,
            new=[self._premise(row, ids[row.ref]) for row in fresh],
            known=[
                self._premise(row, self.known[row.ref].id)
                for row in self.staged
                if row.ref in self.known
            ],
        )
        self._supply(session, ids)
        supplies.touch_premises(session, self._touched(ids))

    def _premise(self, row: StagedPremise, id_: int) -> tuple[Any, ...]:
        return (
            id_,
            row.ref,
            row.transformer,
            self._order(row),
            self._locality(row),
            row.postal_code,
            row.street_sealed,
            row.latitude,
            row.longitude,
            row.zone,
            None,
            row.holder,
            row.occupant,
            row.day,
            self.terms.sources.get("premise"),
            row.record,
            row.source_hash,
            self.terms.now,
        )

    def _order(self, row: StagedPremise) -> int:
        return self.orders.get(row.transformer, NOT_ON_THE_NETWORK)

    def _locality(self, row: StagedPremise) -> str:
        written: str = row.locality
        if written not in self.spelt:
            self.spelt[written] = self.terms.spellings.get(plain(written), written)
        return self.spelt[written]

    def _supply(self, session: Session, ids: dict[str, int]) -> None:
        """Holder and occupant are affected alike; whoever is not known yet is waited for."""
        changed = [row for row in self.staged if self._supplies_others(row)]
        again = [self.known[row.ref].id for row in changed if row.ref in self.known]
        if again:
            merging.touch_customers(session, supplies.customers_at(session, again))
            supplies.drop_supplies(session, again)
        named = {ref for row in changed for ref in (row.holder, row.occupant) if ref}
        accounts = supplies.open_accounts(session, named)
        linked, waiting = [], []
        for row in changed:
            id_ = ids[row.ref] if row.ref in ids else self.known[row.ref].id
            for ref, role in _roles(row):
                if ref in accounts:
                    linked.append((id_, accounts[ref], role))
                else:
                    waiting.append((ref, id_, role))
        supplies.supply(session, linked)
        supplies.want(session, waiting)
        if again:
            merging.touch_customers(session, supplies.customers_at(session, again))

    def _supplies_others(self, row: StagedPremise) -> bool:
        was = self.known.get(row.ref)
        if was is None or was.closed_at is not None:
            return True
        return (row.holder, row.occupant) != (was.holder, was.occupant)

    def _touched(self, ids: dict[str, int]) -> Iterator[tuple[int, int]]:
        """Where each premise stands, and stood: unless nothing that reach depends on has changed."""
        for row in self.staged:
            was, order = self.known.get(row.ref), self._order(row)
            if was is None:
                yield ids[row.ref], order
            elif (
                self.terms.touches_all
                or self._supplies_others(row)
                or (was.tree_order, was.locality) != (order, self._locality(row))
            ):
                yield was.id, was.tree_order
                yield was.id, order


def _roles(row: StagedPremise) -> Iterator[tuple[str, str]]:
    """(account, role); whoever holds and occupies is the holder."""
    if row.holder:
        yield row.holder, "holder"
    if row.occupant and row.occupant != row.holder:
        yield row.occupant, "occupant"
