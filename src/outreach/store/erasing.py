"""Takes a person out of the database: what is said of them is overwritten, what is counted stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, exists, func, insert, literal, select, update

from outreach.addresses import Keyring
from outreach.model.errors import GuardRefused
from outreach.model.words import MessageState
from outreach.store import bulk, changes, erased_places, queue_rows, tables as t
from outreach.store.session import Session

REASON = "erased"
"""In `message.reason`, in the place of what a provider may have said of an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What erasing one person touched, in rows."""

    refs: tuple[str, ...]
    """The person's and their accounts' own, so that their return can be noticed; kept by nobody."""
    hashes: tuple[bytes, ...]
    """Of the addresses that were theirs alone."""
    counts: dict[str, int]


@dataclass(slots=True, kw_only=True)
class _Erasing:
    session: Session
    keyring: Keyring
    customer: int
    now: datetime
    draw: Callable[[int], bytes]
    counts: dict[str, int] = field(default_factory=dict)

    def nobody(self) -> str:
        """A ref that names no one."""
        return f"erased-{self.draw(8).hex()}"

    def blank(self) -> bytes:
        return self.keyring.seal("")

    def note(self, what: str, statement: Any) -> None:
        done: Any = self.session.execute(statement)
        self.counts[what] = self.counts.get(what, 0) + done.rowcount


def erase(
    session: Session,
    keyring: Keyring,
    customer: int,
    *,
    now: datetime,
    draw: Callable[[int], bytes],
) -> Erased:
    """Overwrites everything personal of one customer, in the caller's transaction.

    Messages, answers and tasks stay and are counted, of a customer without name, ref, address or place.
    An address that somebody else holds too stays theirs. Suppressions stay: an opt-out outlives its person.
    GuardRefused while a message to them is in a sender's hands.
    """
    work = _Erasing(session=session, keyring=keyring, customer=customer, now=now, draw=draw)
    _refuse_in_flight(work)
    own, shared = _points(work)
    erased_places.leave(session, customer)
    theirs = refs(session, customer)
    hashes = _hashes(session, own)
    _empty_receipts(work)
    _messages(work, shared)
    _spoken(work, hashes)
    _release(work, shared)
    _blank_points(work, own)
    _streets(work)
    _names(work, theirs)
    changes.bump(session, "stop", "record", now=now)
    return Erased(refs=theirs, hashes=tuple(hashes), counts=work.counts)


def _refuse_in_flight(work: _Erasing) -> None:
    m = t.message.c
    flying = select(m.id).where(m.customer_id == work.customer, m.state == MessageState.SENDING)
    if work.session.execute(flying.limit(1)).first():
        raise GuardRefused("a message to this person is on its way now; run it again in a minute")


def _points(work: _Erasing) -> tuple[list[int], list[int]]:
    """Contact points that are theirs alone, and those that somebody else or a contact list has too."""
    link, mine, other = t.customer_contact.c, work.customer, t.customer_contact.alias().c
    held = select(link.contact_point_id).where(link.customer_id == mine)
    elsewhere = exists().where(
        other.contact_point_id == link.contact_point_id, other.customer_id != mine
    ) | exists().where(t.stakeholder.c.contact_point_id == link.contact_point_id)
    every = set(work.session.scalars(held))
    shared = set(work.session.scalars(held.where(elsewhere)))
    return sorted(every - shared), sorted(shared)


def refs(session: Session, customer: int) -> tuple[str, ...]:
    """The person's own and those of their accounts; empty: no such customer."""
    mine = select(t.customer.c.ref).where(t.customer.c.id == customer)
    theirs = select(t.account.c.ref).where(t.account.c.customer_id == customer)
    return tuple(dict.fromkeys([*session.scalars(mine), *session.scalars(theirs)]))


def _hashes(session: Session, points: Sequence[int]) -> list[bytes]:
    p = t.contact_point.c
    found = select(p.address_hash).where(bulk.among(session, p.id, points)).distinct()
    return [bytes(one) for one in session.scalars(found)]


def _empty_receipts(work: _Erasing) -> None:
    """A request's raw body hangs on its first event, and may tell of many: all of the same instant go."""
    r, session = t.receipt.c, work.session
    mine = select(t.message.c.id).where(t.message.c.customer_id == work.customer)
    instants = list(session.scalars(select(r.received_at).where(r.message_id.in_(mine)).distinct()))
    rows = session.execute(select(r.id, r.raw_sealed).where(r.received_at.in_(instants))).all()
    emptied = []
    for number, sealed in rows:
        kept = json.loads(work.keyring.open(sealed))
        if kept.get("raw"):
            emptied.append((number, work.keyring.seal(json.dumps(kept | {"raw": ""}))))
    bulk.update(session, t.receipt, ("id", "raw_sealed"), emptied)
    work.counts["receipts"] = len(emptied)


def _messages(work: _Erasing, shared: Sequence[int]) -> None:
    """Counted as before, of nobody; what is still to leave does not, unless another holder waits for it."""
    m, session = t.message.c, work.session
    _hand_over(work, shared)
    mine = m.customer_id == work.customer
    ids = select(m.id).where(mine)
    session.execute(delete(t.queue).where(queue_rows.of(mine)))
    session.execute(delete(t.recall).where(t.recall.c.message_id.in_(ids)))
    work.note(
        "stopped",
        update(t.message)
        .where(mine, m.state == MessageState.QUEUED)
        .values(state=MessageState.CANCELLED),
    )
    session.execute(
        update(t.message)
        .where(mine, m.state == MessageState.IN_DOUBT)
        .values(state=MessageState.UNKNOWN)
    )
    a = t.attempt.c
    session.execute(
        update(t.attempt)
        .where(a.message_id.in_(ids), a.settled_at.is_(None), a.outcome == "in_doubt")
        .values(settled_at=work.now, settled_as=MessageState.UNKNOWN)
    )
    session.execute(update(t.attempt).where(a.message_id.in_(ids)).values(reason=""))
    alone = session.execute(
        insert(t.household).values(ref=work.nobody()).returning(t.household.c.id)
    ).scalar_one()
    session.execute(
        update(t.customer).where(t.customer.c.id == work.customer).values(household_id=alone)
    )
    anonymous = {"household_id": alone, "provider_ref": None, "body_hash": None, "reason": REASON}
    work.note("messages", update(t.message).where(mine).values(**anonymous))


def _hand_over(work: _Erasing, shared: Sequence[int]) -> None:
    """A notice to a shared address that has not left is the other holder's from now on."""
    m, link, session = t.message.c, t.customer_contact.c, work.session
    waiting = select(m.id, m.contact_point_id).where(
        m.customer_id == work.customer,
        m.state.in_([MessageState.QUEUED, MessageState.IN_DOUBT]),
        bulk.among(session, m.contact_point_id, shared),
    )
    for number, point in session.execute(waiting).all():
        other = session.execute(
            select(t.customer.c.id, t.customer.c.household_id)
            .join(t.customer_contact, link.customer_id == t.customer.c.id)
            .where(link.contact_point_id == point, t.customer.c.id != work.customer)
            .order_by(t.customer.c.id)
        ).first()
        if other is not None:
            taken = {"customer_id": other[0], "household_id": other[1]}
            session.execute(update(t.message).where(m.id == number).values(**taken))


def _spoken(work: _Erasing, hashes: Sequence[bytes]) -> None:
    """Replies, calls, dialogues, notes: all that they said, and where they said it from."""
    session, blank = work.session, work.blank()
    r, customer = t.reply.c, work.customer
    by_them = (r.customer_id == customer) | bulk.among(session, r.address_hash, hashes)
    for (number,) in session.execute(select(r.id).where(by_them)).all():
        emptied = {
            "address_hash": work.draw(16), "address_sealed": blank, "body_sealed": blank,
            "customer_id": None, "message_id": None, "provider_ref": work.nobody(),
        }  # fmt: skip
        work.note("replies", update(t.reply).where(r.id == number).values(**emptied))
        case = update(t.desk_case).where(t.desk_case.c.reply_id == number)
        session.execute(case.values(outcome=REASON))
        session.execute(delete(t.answer_mail).where(t.answer_mail.c.reply_id == number))
    calls = bulk.among(session, t.call.c.address_hash, hashes)
    work.note("calls", update(t.call).where(calls).values(address_hash=None, known=False))
    session.execute(
        delete(t.dialogue).where(bulk.among(session, t.dialogue.c.address_hash, hashes))
    )
    _changes_of_mind(session, hashes)
    session.execute(delete(t.preference).where(t.preference.c.customer_id == customer))
    session.execute(update(t.task).where(t.task.c.customer_id == customer).values(note_sealed=None))


def _changes_of_mind(session: Session, hashes: Sequence[bytes]) -> None:
    """Kept, without the reply, where a suppression stands on it: the proof of a No; else forgotten."""
    c, s = t.consent_change.c, t.suppression.c
    theirs = bulk.among(session, c.address_hash, hashes)
    stands = exists().where(s.address_hash == c.address_hash)
    session.execute(delete(t.consent_change).where(theirs, ~stands))
    session.execute(update(t.consent_change).where(theirs).values(reply_id=None))


def _release(work: _Erasing, shared: Sequence[int]) -> None:
    """Their messages to a shared address go to an empty one; the address loses a holder."""
    session, p, m = work.session, t.contact_point.c, t.message.c
    for point, channel in session.execute(
        select(p.id, p.channel).where(bulk.among(session, p.id, shared))
    ).all():
        empty = session.execute(
            insert(t.contact_point)
            .values(channel=channel, country="*", customers=0, **_blank(work))
            .returning(p.id)
        ).scalar_one()
        theirs = (m.customer_id == work.customer) & (m.contact_point_id == point)
        session.execute(update(t.message).where(theirs).values(contact_point_id=empty))
        fewer = func.max if work.session.get_bind().dialect.name == "sqlite" else func.greatest
        left = update(t.contact_point).where(p.id == point)
        session.execute(left.values(customers=fewer(p.customers - 1, 0)))
    work.counts["shared_addresses"] = len(shared)
    link = t.customer_contact
    session.execute(delete(link).where(link.c.customer_id == work.customer))


def _blank(work: _Erasing) -> dict[str, Any]:
    return {"address_hash": work.draw(16), "address_sealed": work.blank(), "prefix": ""}


def _blank_points(work: _Erasing, own: Sequence[int]) -> None:
    """An empty row stays under each message: counts by channel go on adding up."""
    for point in own:
        emptied = update(t.contact_point).where(t.contact_point.c.id == point)
        work.note("addresses", emptied.values(customers=0, bad_since=work.now, **_blank(work)))


def _streets(work: _Erasing) -> None:
    """The place of a supply that nobody else has is theirs, too; the supply stays on the network."""
    session, p, s, a = work.session, t.premise.c, t.supply.c, t.account.c
    accounts = select(a.id).where(a.customer_id == work.customer)
    at = list(session.scalars(select(s.premise_id).where(s.account_id.in_(accounts)).distinct()))
    there = bulk.among(session, s.premise_id, at)
    others = select(s.premise_id).where(there, s.account_id.not_in(accounts))
    alone = bulk.among(session, p.id, at) & p.id.not_in(others)
    work.note(
        "streets",
        update(t.premise)
        .where(alone)
        .values(street_sealed=work.blank(), latitude=None, longitude=None),
    )
    refs = select(a.ref).where(a.customer_id == work.customer)
    for column in (p.holder, p.occupant):
        named = bulk.among(session, p.id, at) & column.in_(refs)
        session.execute(update(t.premise).where(named).values({column.name: ""}))
    session.execute(delete(t.supply_wanted).where(t.supply_wanted.c.account_ref.in_(refs)))
    session.execute(delete(t.supply).where(s.account_id.in_(accounts)))


def _names(work: _Erasing, refs: Sequence[str]) -> None:
    session, now = work.session, work.now
    _rename_household(work, refs)
    a, c = t.account.c, t.customer.c
    for (number,) in session.execute(select(a.id).where(a.customer_id == work.customer)).all():
        gone: dict[str, Any] = {
            "ref": work.nobody(), "body_sealed": None, "closed_at": now, "source_record": None,
            "source_hash": None, "life_support": "", "life_support_on": None,
            "life_support_until": None, "customer_type": "", "priority": "C", "base_priority": "C",
        }  # fmt: skip
        work.note("accounts", update(t.account).where(a.id == number).values(**gone))
    session.execute(delete(t.customer_tag).where(t.customer_tag.c.customer_id == work.customer))
    nameless = {"ref": work.nobody(), "name_sealed": work.blank(), "closed_at": now}
    session.execute(update(t.customer).where(c.id == work.customer).values(**nameless))


def _rename_household(work: _Erasing, refs: Sequence[str]) -> None:
    """A household is called by its lowest account: who stays in it must not carry that name on."""
    h = t.household.c
    for number, ref in work.session.execute(select(h.id, h.ref).where(h.ref.in_(refs))).all():
        called = work.nobody()
        work.session.execute(update(t.household).where(h.id == number).values(ref=called))
        erased_places.rename_household(work.session, was=ref, called=called)


def remember(
    session: Session, keyring: Keyring, refs: Sequence[str], *, request: int, now: datetime
) -> None:
    """Keeps the keyed hashes of these refs: the next load may bring one back."""
    rows = [
        {"ref_hash": keyring.hash(f"ref {ref}"), "request_id": request, "at": now} for ref in refs
    ]
    bulk.upsert_rows(session, t.erased_ref, rows, ("ref_hash",))


def any_remembered(session: Session) -> bool:
    return session.execute(select(t.erased_ref.c.ref_hash).limit(1)).first() is not None


def loaded_since(session: Session, table: Table, since: datetime) -> list[str]:
    """Refs of accounts or customers that a load wrote at `since` or later."""
    c = table.c
    return list(session.scalars(select(c.ref).where(c.loaded_at >= since, c.closed_at.is_(None))))


def mark_back(session: Session, hashes: Sequence[bytes], *, now: datetime) -> list[int]:
    """Notes that these refs are in the record again; the requests by which they were erased."""
    e = t.erased_ref.c
    again: ColumnElement[bool] = bulk.among(session, e.ref_hash, hashes)
    found = sorted(set(session.scalars(select(e.request_id).where(again))))
    session.execute(
        update(t.erased_ref)
        .where(again)
        .values(back_at=func.coalesce(e.back_at, literal(now, e.at.type)))
    )
    return found
