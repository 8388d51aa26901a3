"""Derives customers from their accounts: who they are, and which contact points they hold on what ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from outreach.addresses import prefix
from outreach.model.record import Contact
from outreach.model.words import Channel, Purpose
from outreach.record import bodies, people
from outreach.record.people import Customer, Held
from outreach.record.terms import Terms
from outreach.store import bulk, merging, rotations, tables as t
from outreach.store.merging import KnownCustomer, Link
from outreach.store.session import Session

Pair = tuple[int, int]
"""(customer, contact point)"""
Key = tuple[Channel, str]
"""(channel, address)"""
_SERVICE = Purpose.SERVICE.value


def derive(
    session: Session, terms: Terms, held: dict[int, list[Held]], *, new: dict[int, str]
) -> Derived:
    """Works out, without writing, what changes for these customers.

    held: customer -> their open accounts; one without any is closed. new: id -> ref of those who
    are not in the record yet.
    """
    everybody = {id_: people.merged(accounts) for id_, accounts in held.items() if accounts}
    old = held.keys() - new.keys()
    derived = Derived(terms=terms, new=new, everybody=everybody)
    derived.known = merging.customers(session, old)
    derived.tags_before = merging.tags(session, old)
    derived.hold(session, merging.links(session, old))
    return derived


@dataclass(slots=True, kw_only=True)
class Derived:
    """What becomes of a set of customers, ready to be written in the transaction it was read in."""

    terms: Terms
    new: dict[int, str]
    everybody: dict[int, Customer]
    known: dict[int, KnownCustomer] = field(default_factory=dict)
    tags_before: set[tuple[str, int]] = field(default_factory=set)
    held: dict[int, int] = field(default_factory=dict)
    """Contact point -> how many hold it after this."""
    new_points: list[tuple[Any, ...]] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    """Contact point -> its new number of customers, where that changes."""
    crossed: set[int] = field(default_factory=set)
    """Contact points that became those of many, or ceased to be."""
    new_links: list[tuple[Any, ...]] = field(default_factory=list)
    changed_links: list[tuple[Any, ...]] = field(default_factory=list)
    dropped: list[Pair] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    closed: int = 0
    """How many have no account left."""

    def write(self, session: Session) -> None:
        self.write_people(session)
        self.write_contacts(session)

    def write_people(self, session: Session) -> None:
        """Customers, new ones in a household of their own until households are renewed."""
        names = {id_: f"H-{self.everybody[id_].lowest}" for id_ in self.new}
        homes = merging.households(session, names.values()) if names else {}
        homes_of = [homes[names[id_]] for id_ in self.new]
        merging.add_customers(session, self._rows(list(self.new), homes_of))
        changed = [id_ for id_ in self.known if id_ in self.everybody and self._has_changed(id_)]
        rows = self._rows(changed, [0] * len(changed))
        merging.change_customers(session, [(row[0], *row[3:]) for row in rows])
        gone = [
            id_
            for id_, one in self.known.items()
            if id_ not in self.everybody and one.closed_at is None
        ]
        merging.close_customers(session, gone, now=self.terms.now)
        self.closed = len(gone)
        self.touched |= {*self.new, *changed, *gone}
        if self.terms.touches_all:
            self.touched |= self.known.keys()

    def write_contacts(self, session: Session) -> None:
        """Contact points, who holds them, tags; and notes whose reach has to be looked at."""
        merging.add_points(session, self.new_points)
        merging.drop_links(session, self.dropped)
        merging.save_links(session, new=self.new_links, known=self.changed_links)
        merging.count_points(session, self.counts)
        tags = {(tag, id_) for id_, one in self.everybody.items() for tag in one.tags}
        merging.save_tags(
            session, new=sorted(tags - self.tags_before), gone=sorted(self.tags_before - tags)
        )
        self._follow_the_threshold(session)
        merging.touch_customers(session, self.touched)

    def _follow_the_threshold(self, session: Session) -> None:
        """Looks again at all who hold an address that became one of many, or ceased to be."""
        others = merging.holders(session, self.crossed) - self.everybody.keys()
        self.touched |= others
        if others and self.terms.ignores_many:
            derive(session, self.terms, opened(session, self.terms, others), new={}).write(session)

    def _rows(self, ids: Sequence[int], homes: Sequence[int]) -> list[tuple[Any, ...]]:
        """Rows of these customers in the order of merging.CUSTOMER_NAMES."""
        people, now = [self.everybody[id_] for id_ in ids], self.terms.now
        names = self.terms.keyring.seal_each([one.name for one in people])
        return [
            (id_, self.new.get(id_, ""), home, name, one.locale, one.zone, one.preferred, now, None)
            for id_, home, name, one in zip(ids, homes, names, people, strict=True)
        ]

    def _has_changed(self, id_: int) -> bool:
        was, now = self.known[id_], self.everybody[id_]
        said = (was.locale, was.zone, was.preferred, was.closed_at)
        return (
            said != (now.locale, now.zone, now.preferred, None)
            or self.terms.keyring.open(was.name_sealed) != now.name
        )

    def hold(self, session: Session, before: dict[Pair, Link]) -> None:
        """Finds or makes the contact points of everybody, counts their holders, and links them."""
        said = [(id_, contact) for id_, one in self.everybody.items() for contact in one.contacts]
        wanted = {contact[:2]: contact for _id, contact in said}
        rotations.adopt(session, self.terms.keyring, {address for _channel, address in wanted})
        hash_ = self.terms.keyring.hash
        hashes = {address: hash_(address) for address in {address for _channel, address in wanted}}
        ids = self._find_points(session, wanted, hashes)
        holds = [((id_, ids[contact[:2]]), contact) for id_, contact in said]
        fresh = {key: id_ for key, id_ in ids.items() if id_ not in self.held}
        self._count(session, [pair for pair, _contact in holds], before)
        self._make_points(fresh, wanted, hashes)
        self._link(holds, before)

    def _find_points(
        self, session: Session, wanted: Iterable[Key], hashes: dict[str, bytes]
    ) -> dict[Key, int]:
        """Where each is, or will be; by how many those that are there are held goes to `held`."""
        by_channel: dict[str, list[bytes]] = {}
        for channel, address in wanted:
            by_channel.setdefault(channel, []).append(hashes[address])
        known = merging.points(session, by_channel)
        self.held = {point.id: point.customers for point in known.values()}
        ids = {
            (channel, address): known[channel, hashes[address]].id
            for channel, address in wanted
            if (channel, hashes[address]) in known
        }
        fresh = [key for key in wanted if key not in ids]
        numbers = bulk.new_ids(session, t.contact_point, len(fresh))
        return ids | dict(zip(fresh, numbers, strict=True))

    def _count(self, session: Session, pairs: list[Pair], before: dict[Pair, Link]) -> None:
        """Counts the holders of each contact point after this, and sees which become those of many."""
        kept = set(pairs) if before else set()
        self.dropped = [pair for pair in before if pair not in kept]
        change = Counter(pair[1] for pair in pairs if pair not in before)
        change.subtract(point for _id, point in self.dropped)
        left = {point for _id, point in self.dropped}
        held = self.held | merging.held_by(session, left - self.held.keys())
        after = {id_: held.get(id_, 0) + by for id_, by in change.items()}
        many = self.terms.many
        self.crossed = {
            id_ for id_, count in after.items() if (held.get(id_, 0) > many) != (count > many)
        }
        self.counts = {id_: after[id_] for id_ in held if change.get(id_)}
        self.held = held | after

    def _make_points(
        self, fresh: dict[Key, int], wanted: dict[Key, Contact], hashes: dict[str, bytes]
    ) -> None:
        addresses = list({address for _channel, address in fresh})  # a mobile has two points
        sealed = dict(zip(addresses, self.terms.keyring.seal_each(addresses), strict=True))
        self.new_points = [
            (
                id_,
                channel.value,
                hashes[address],
                sealed[address],
                wanted[channel, address].country,
                prefix(address),
                self.held[id_],
            )
            for (channel, address), id_ in fresh.items()
        ]

    def _link(self, holds: list[tuple[Pair, Contact]], before: dict[Pair, Link]) -> None:
        now, many, says = self.terms.now, self.terms.many, dict[tuple[Any, ...], Link]()
        for pair, contact in holds:
            is_of_many = self.held[pair[1]] > many
            said = (contact.channel, contact.consent, contact.usable, is_of_many)
            link = says.get(said) or says.setdefault(said, self._says(contact, is_of_many))
            was = before.get(pair)
            if was == link:
                continue
            row = (*pair, _SERVICE, *link, now)
            (self.new_links if was is None else self.changed_links).append(row)
            self.touched.add(pair[0])
        self.touched |= {id_ for id_, _point in self.dropped}

    def _says(self, contact: Contact, is_of_many: bool) -> Link:  # noqa: FBT001  part of what is said
        if self.terms.ignores_many and is_of_many:
            return Link(contact.consent, usable=False, basis="")
        basis = people.basis(contact, self.terms.consent)
        return Link(contact.consent, usable=contact.usable, basis=basis)


def opened(
    session: Session, terms: Terms, customers: Collection[int], but: Collection[str] = ()
) -> dict[int, list[Held]]:
    """customer -> their open accounts, but for some; nobody is left out who has none."""
    held: dict[int, list[Held]] = {customer: [] for customer in customers}
    for account in merging.open_accounts(session, customers):
        if account.ref not in but:
            body = bodies.unseal(terms.keyring, account.body_sealed)
            held[account.customer_id].append(Held(account.ref, account.updated_on, body))
    return held
