"""What a person chose on their page: language and quiet hours, and where they do not want to be written to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, or_, select

from outreach.model.alarm import AlarmKind
from outreach.model.words import Channel, PriorityClass, Purpose
from outreach.store import (
    alarms,
    changes,
    consents,
    contactable,
    suppressions,
    tables as t,
    touched,
)
from outreach.store.consents import Word
from outreach.store.dialects import insert_into
from outreach.store.ivr import SHARED_BY_MANY
from outreach.store.session import Session
from outreach.store.suppressions import ANY, Suppression

PAGE, ONE_CLICK = "page", "one_click"
"""Ways in which a consent changed here."""
ASKED = (Purpose.SERVICE, Purpose.COMMERCIAL)
"""Purposes that a person may turn off one by one; emergencies are told as long as any law lets us."""
_REASON = {PAGE: "chosen on the preferences page", ONE_CLICK: "one-click unsubscribe"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a person wants to be written to; None: as the record and the campaigns say.

    `quiet`: first and last minute of the local day between which only emergencies come.
    """

    locale: str | None = None
    quiet: tuple[int, int] | None = None

    @property
    def is_empty(self) -> bool:
        return self.locale is None and self.quiet is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One address of a person, still sealed."""

    point: int
    channel: Channel
    address_hash: bytes = field(repr=False)
    address_sealed: bytes = field(repr=False)
    off: frozenset[Purpose] = frozenset()
    """The purposes of ASKED for which it is not written to."""
    by_carrier: bool = False
    """Its own carrier or mailbox blocks us: only an answer to us lifts that, no page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose page it is."""

    customer: int
    locale: str
    """Of the record."""
    zone: str
    wish: Wish
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One purpose of one way turned on or off."""

    way: Way
    purpose: Purpose
    on: bool


def person(session: Session, customer: int) -> Person | None:
    """None once the customer has gone."""
    c, p = t.customer.c, t.preference.c
    found = session.execute(
        select(c.locale, c.zone, p.locale.label("wished"), p.quiet_from, p.quiet_until)
        .join(t.preference, p.customer_id == c.id, isouter=True)
        .where(c.id == customer, c.closed_at.is_(None))
    ).first()
    if found is None:
        return None
    quiet = None if found.quiet_from is None else (found.quiet_from, found.quiet_until)
    return Person(
        customer=customer,
        locale=found.locale,
        zone=found.zone,
        wish=Wish(locale=found.wished, quiet=quiet),
        ways=_ways(session, customer),
    )


def _ways(session: Session, customer: int) -> tuple[Way, ...]:
    p, held = t.contact_point.c, t.customer_contact.c
    rows = session.execute(
        select(p.id, p.channel, p.address_hash, p.address_sealed)
        .join(t.customer_contact, held.contact_point_id == p.id)
        .where(
            held.customer_id == customer,
            contactable.is_contactable(),
            p.customers <= SHARED_BY_MANY,  # a switchboard is nobody's own to turn off
        )
        .order_by(p.channel != Channel.SMS, p.channel != Channel.VOICE, p.id)
    ).all()
    stops = suppressions.by_address(session, [row.address_hash for row in rows])
    return tuple(
        Way(
            point=row.id,
            channel=Channel(row.channel),
            address_hash=row.address_hash,
            address_sealed=row.address_sealed,
            **_stopped(row.channel, stops.get(row.address_hash, ())),
        )
        for row in rows
    )


def _stopped(channel: str, stops: Iterable[Suppression]) -> dict[str, Any]:
    mine = [each for each in stops if each.channel in {ANY, channel}]
    off = frozenset(
        purpose for purpose in ASKED if any(each.purpose in {ANY, purpose} for each in mine)
    )
    return {"off": off, "by_carrier": any(each.reason == consents.PROVIDER for each in mine)}


def save(
    session: Session, customer: int, wish: Wish, turns: Sequence[Turn], *, now: datetime
) -> None:
    """Keeps the wish, and turns ways on and off; senders see it within a second."""
    _keep(session, customer, wish, now=now)
    for turn in turns:
        way, purpose = turn.way, turn.purpose
        word = Word(address_hash=way.address_hash, channel=way.channel, purpose=purpose, via=PAGE)
        if turn.on:
            _allow(session, way, purpose)
            consents.note(session, word, gave=True, now=now)
        else:
            consents.stop(session, word, reason=_REASON[PAGE], now=now)
            _tell_staff(session, word, now=now)
    if turns:
        changes.bump(session, "stop", now=now)


def _keep(session: Session, customer: int, wish: Wish, *, now: datetime) -> None:
    p = t.preference
    if wish.is_empty:  # no row: a freeze then need not ask for it
        session.execute(delete(p).where(p.c.customer_id == customer))
        return
    begins, ends = wish.quiet or (None, None)
    said = {"locale": wish.locale, "quiet_from": begins, "quiet_until": ends, "changed_at": now}
    written = insert_into(session, p).values(customer_id=customer, **said)
    session.execute(written.on_conflict_do_update(index_elements=["customer_id"], set_=said))


def _allow(session: Session, way: Way, purpose: Purpose) -> None:
    """Takes this one stop away; what a `*` said beside it is said by rows of its own from now on."""
    s = t.suppression.c
    mine = [
        s.address_hash == way.address_hash,
        or_(s.channel == ANY, s.channel == way.channel),
        s.reason != consents.PROVIDER,
    ]
    rows = session.execute(select(t.suppression).where(*mine)).mappings().all()
    session.execute(delete(t.suppression).where(*mine))
    touched.holders_of_addresses(session, [way.address_hash])
    allowed = {purpose, Purpose.EMERGENCY} if purpose is Purpose.SERVICE else {purpose}
    for row in rows:
        for channel in tuple(Channel) if row["channel"] == ANY else (row["channel"],):
            for each in tuple(Purpose) if row["purpose"] == ANY else (row["purpose"],):
                if channel != way.channel or each not in allowed:
                    again = {**row, "channel": str(channel), "purpose": str(each)}
                    session.execute(
                        insert_into(session, t.suppression).values(again).on_conflict_do_nothing()
                    )


# ── one click ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Addressed:
    """The address of one message, and what the message was about."""

    customer: int
    """0: of nobody in the record."""
    channel: Channel
    purpose: Purpose
    locale: str
    address_hash: bytes = field(repr=False)
    address_sealed: bytes = field(repr=False)


def addressed(session: Session, message: int) -> Addressed | None:
    """None: no such message (any more)."""
    m, p, r = t.message.c, t.contact_point.c, t.run.c
    row = session.execute(
        select(m.customer_id, m.channel, r.purpose, m.locale, p.address_hash, p.address_sealed)
        .join(t.contact_point, p.id == m.contact_point_id)
        .join(t.step_run, t.step_run.c.id == m.step_run_id)
        .join(t.run, r.id == t.step_run.c.run_id)
        .where(m.id == message)
    ).first()
    if row is None:
        return None
    return Addressed(
        customer=row.customer_id,
        channel=Channel(row.channel),
        purpose=Purpose(row.purpose),
        locale=row.locale,
        address_hash=row.address_hash,
        address_sealed=row.address_sealed,
    )


def unsubscribe(session: Session, message: int, *, now: datetime) -> Addressed | None:
    """Stops the channel of this message for its address; of commerce, commerce alone. Again: nothing new."""
    found = addressed(session, message)
    if found is None:
        return None
    purpose = Purpose.COMMERCIAL.value if found.purpose is Purpose.COMMERCIAL else ANY
    address = found.address_hash
    stops = suppressions.by_address(session, [address]).get(address, ())
    if any(
        each.channel in {ANY, found.channel} and each.purpose in {ANY, purpose} for each in stops
    ):
        return found
    word = Word(address_hash=address, channel=found.channel, purpose=purpose, via=ONE_CLICK)
    consents.stop(session, word, reason=_REASON[ONE_CLICK], now=now)
    _tell_staff(session, word, now=now)
    return found


def _tell_staff(session: Session, word: Word, *, now: datetime) -> None:
    """A holder of class A who stops more than offers: somebody has to ask how else they are reached."""
    if word.purpose == Purpose.COMMERCIAL:
        return
    a, p, link = t.account.c, t.contact_point.c, t.customer_contact.c
    of_class_a = (
        select(link.customer_id)
        .distinct()
        .join(t.contact_point, p.id == link.contact_point_id)
        .join(t.account, a.customer_id == link.customer_id)
        .where(
            p.address_hash == word.address_hash,
            p.channel == word.channel,
            a.priority == PriorityClass.A,
            a.closed_at.is_(None),
        )
    )
    for customer in session.scalars(of_class_a):
        alarms.raise_(
            session, AlarmKind.PRIORITY_OPT_OUT, f"customer:{customer}", now, now,
            channel=str(word.channel),
        )  # fmt: skip


# ── for a freeze ────────────────────────────────────────────────────────────────────────────────


def has_any(session: Session) -> bool:
    """Whether anybody wished for anything."""
    return session.execute(_HAS_ANY).scalar_one()


_HAS_ANY = select(exists(select(t.preference.c.customer_id)))


def quiet_hours(session: Session) -> list[tuple[int, int]]:
    """Every pair of minutes between which somebody wants quiet; few, for people choose whole hours."""
    p = t.preference.c
    rows = session.execute(
        select(p.quiet_from, p.quiet_until).where(p.quiet_from.is_not(None)).distinct()
    )
    return sorted((row.quiet_from, row.quiet_until) for row in rows)
