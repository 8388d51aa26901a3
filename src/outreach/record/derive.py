"""Derives customers from their accounts: who they are, and which contact points they hold on what ground."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from outreach.addresses import prefix
from outreach.model.record import Contact
from outreach.model.words import Purpose
from outreach.record import bodies, people
from outreach.record.people import Customer, Held
from outreach.record.terms import Terms
from outreach.store import bulk, merging, tables as t
from outreach.store.merging import KnownCustomer, Link, Point
from outreach.store.session import Session

Pair = tuple[int, int]
"""(customer, contact point)"""
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
    points: dict[tuple[str, str], Point] = field(default_factory=dict)
    """(channel, address) -> contact point, with how many hold it after this."""
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
        merging.add_customers(
            session, [self._row(id_, ref, homes[names[id_]]) for id_, ref in self.new.items()]
        )
        changed = [id_ for id_ in self.known if id_ in self.everybody and self._has_changed(id_)]
        rows = [self._row(id_, "", 0) for id_ in changed]
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

    def _row(self, id_: int, ref: str, home: int) -> tuple[Any, ...]:
        one, terms = self.everybody[id_], self.terms
        sealed = terms.keyring.seal(one.name)
        return (id_, ref, home, sealed, one.locale, one.zone, one.preferred, terms.now, None)

    def _has_changed(self, id_: int) -> bool:
        was, now = self.known[id_], self.everybody[id_]
        said = (was.locale, was.zone, was.preferred, was.closed_at)
        return (
            said != (now.locale, now.zone, now.preferred, None)
            or self.terms.keyring.open(was.name_sealed) != now.name
        )

    def hold(self, session: Session, before: dict[Pair, Link]) -> None:
        """Finds or makes the contact points of everybody, counts their holders, and links them."""
        added = self._find_points(session, before)
        self._count(session, added, before)
        self._link(before)

    def contacts(self) -> Iterator[tuple[int, Contact]]:
        for id_, one in self.everybody.items():
            for contact in one.contacts:
                yield id_, contact

    def _find_points(self, session: Session, before: dict[Pair, Link]) -> Counter[int]:
        """Contact point -> how many of these customers take it up."""
        hashes = {contact.address: b"" for _id, contact in self.contacts()}
        for address in hashes:
            hashes[address] = self.terms.keyring.hash(address)
        wanted: dict[tuple[str, str], Contact] = {
            (contact.channel.value, contact.address): contact for _id, contact in self.contacts()
        }
        by_channel: dict[str, list[bytes]] = {}
        for channel, address in wanted:
            by_channel.setdefault(channel, []).append(hashes[address])
        known = merging.points(session, by_channel)
        fresh = {
            key: contact for key, contact in wanted.items() if (key[0], hashes[key[1]]) not in known
        }
        for key in wanted.keys() - fresh.keys():
            self.points[key] = known[key[0], hashes[key[1]]]
        self._make_points(session, fresh, hashes)
        return Counter(
            point
            for id_, contact in self.contacts()
            if (id_, point := self._point(contact).id) not in before
        )

    def _make_points(
        self, session: Session, fresh: dict[tuple[str, str], Contact], hashes: dict[str, bytes]
    ) -> None:
        numbers = bulk.new_ids(session, t.contact_point, len(fresh))
        sealed: dict[str, tuple[bytes, str]] = {}
        for (key, contact), number in zip(fresh.items(), numbers, strict=True):
            channel, address = key
            if address not in sealed:  # a mobile has two contact points
                sealed[address] = self.terms.keyring.seal(address), prefix(address)
            self.points[key] = Point(number, 0)
            body, opening = sealed[address]
            row = (number, channel, hashes[address], body, contact.country, opening)
            self.new_points.append(row)

    def _count(self, session: Session, added: Counter[int], before: dict[Pair, Link]) -> None:
        """Counts the holders of each contact point after this, and sees which become those of many."""
        kept = {(id_, self._point(contact).id) for id_, contact in self.contacts()}
        self.dropped = [pair for pair in before if pair not in kept]
        lost = Counter(point for _id, point in self.dropped)
        held = {point.id: point.customers for point in self.points.values()}
        held |= merging.held_by(session, lost.keys() - held.keys())
        after = {id_: count + added[id_] - lost[id_] for id_, count in held.items()}
        fresh = {row[0] for row in self.new_points}
        many = self.terms.many
        self.crossed = {id_ for id_ in held if (held[id_] > many) != (after[id_] > many)}
        self.counts = {
            id_: after[id_] for id_ in held if after[id_] != held[id_] and id_ not in fresh
        }
        self.new_points = [(*row, after[row[0]]) for row in self.new_points]
        self.points = {key: Point(point.id, after[point.id]) for key, point in self.points.items()}

    def _link(self, before: dict[Pair, Link]) -> None:
        for id_, contact in self.contacts():
            point = self._point(contact)
            link = self._says(contact, point)
            was = before.get((id_, point.id))
            if was == link:
                continue
            row = (id_, point.id, _SERVICE, *link, self.terms.now)
            (self.new_links if was is None else self.changed_links).append(row)
            self.touched.add(id_)
        self.touched |= {id_ for id_, _point in self.dropped}

    def _point(self, contact: Contact) -> Point:
        return self.points[contact.channel.value, contact.address]

    def _says(self, contact: Contact, point: Point) -> Link:
        if self.terms.ignores_many and point.customers > self.terms.many:
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
