"""Everything the ledger and the record know about one customer's messages, and about single messages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, func, select, true

from outreach.model.message import Recipient
from outreach.model.occasion import Occasion
from outreach.model.words import Channel, LeftOut, MessageState, RunState
from outreach.store import claims, occasions, points, scopes, tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer as the record has them; `accounts`: (ref, priority class) of the open ones."""

    id: int
    ref: str
    locale: str
    preferred: str | None
    closed_at: datetime | None
    loaded_at: datetime
    accounts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPoint:
    """A way to reach a customer, still sealed."""

    id: int
    channel: Channel
    address_sealed: bytes
    consent: bool | None
    usable: bool
    bad_since: datetime | None
    holders: int
    """How many customers hold it."""
    suppressed: str | None
    """Why nothing may be written to it; None: it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One message with all that the ledger keeps of it, whatever its state."""

    recipient: Recipient
    occasion_name: str
    state: MessageState
    reason: str
    run_state: RunState
    run_reason: str
    launched_by: str
    approved_by: str
    """The second person; empty where the campaign asks for none."""
    created_at: datetime
    """When its wave was opened."""
    lane: str | None
    provider: str | None
    not_before: datetime | None
    claimed_at: datetime | None
    accepted_at: datetime | None
    delivered_at: datetime | None
    segments: int | None
    body_hash: bytes | None
    basis: str = "contract"
    """Why in law it was sent: model.words.Basis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """A wave that wanted to write to a customer and could not."""

    occasion: int
    occasion_name: str
    campaign: str
    step: str
    version: int
    at: datetime
    reason: LeftOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One word of a provider about a message: a receipt, or a try that ended delayed or in doubt."""

    message: int
    kind: str
    """`receipt`, `delayed`, `in_doubt`."""
    says: str
    code: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which messages a list shows; None: any."""

    occasion: int | None = None
    run: int | None = None
    state: MessageState | None = None
    channel: Channel | None = None
    limit: int = 50


def by_ref(session: Session, text: str) -> list[int]:
    """Customers of whom this is the ref, or that of one of their accounts."""
    mine = select(t.customer.c.id).where(t.customer.c.ref == text)
    theirs = select(t.account.c.customer_id).where(t.account.c.ref == text)
    return list(session.scalars(mine.union(theirs)))


def by_address(session: Session, hashes: Collection[bytes]) -> list[int]:
    """Customers who hold one of these addresses (each as `Keyring.standing`), by number."""
    held, point = t.customer_contact.c, t.contact_point.c
    return list(
        session.scalars(
            select(held.customer_id)
            .join(t.contact_point, point.id == held.contact_point_id)
            .where(points.at(session, hashes))
            .distinct()
            .order_by(held.customer_id)
        )
    )


def by_message(session: Session, message: int) -> list[int]:
    """The customer whom a message is for; none for a post on our own accounts."""
    wanted = (t.message.c.id == message) & (t.message.c.customer_id > 0)
    return list(session.scalars(select(t.message.c.customer_id).where(wanted)))


def person(session: Session, customer: int) -> Person:
    row = session.execute(select(t.customer).where(t.customer.c.id == customer)).mappings().one()
    accounts = session.execute(
        select(t.account.c.ref, t.account.c.priority)
        .where(t.account.c.customer_id == customer, t.account.c.closed_at.is_(None))
        .order_by(t.account.c.ref)
    )
    names = ("id", "ref", "locale", "preferred", "closed_at", "loaded_at")
    return Person(
        **{name: row[name] for name in names},
        accounts=tuple((ref, priority) for ref, priority in accounts),
    )


def held_points(session: Session, customer: int) -> list[HeldPoint]:
    """The contact points of a customer, with what keeps us from writing to each."""
    held, point, shut = t.customer_contact, t.contact_point, t.suppression
    why = (
        select(func.min(shut.c.reason))
        .where(
            shut.c.address_hash == point.c.address_hash, shut.c.channel.in_(["*", point.c.channel])
        )
        .scalar_subquery()
    )
    columns = [point.c[name] for name in ("id", "channel", "address_sealed", "bad_since")]
    rows = session.execute(
        select(
            *columns,
            point.c.customers.label("holders"),
            held.c.consent,
            held.c.usable,
            why.label("suppressed"),
        )
        .join(held, held.c.contact_point_id == point.c.id)
        .where(held.c.customer_id == customer)
        .order_by(point.c.channel, point.c.id)
    )
    return [
        HeldPoint(**row | {"channel": Channel(row["channel"])})
        for row in map(dict, rows.mappings())
    ]


def messages_of(session: Session, customer: int) -> list[Sent]:
    """Messages to a customer, and those to an address that they share, oldest first."""
    own = select(t.customer_contact.c.contact_point_id).where(
        t.customer_contact.c.customer_id == customer
    )
    m, w = t.message.c, t.step_run.c
    # By wave and point, as its index is: by the point alone, or with OR, all messages are read.
    to_theirs = select(m.id).where(m.step_run_id.in_(select(w.id)), m.contact_point_id.in_(own))
    to_them = select(m.id).where(m.customer_id == customer)
    return _messages(session, m.id.in_(to_them.union(to_theirs)))


def messages(session: Session, wanted: Wanted) -> list[Sent]:
    """The newest messages of a choice, newest first."""
    found = _messages(session, _wanted(wanted), limit=wanted.limit)
    return found[::-1]


def left_out_of(session: Session, customer: int) -> list[Unwritten]:
    """Every wave that left a customer out, oldest first."""
    w, r, o = t.step_run.c, t.run.c, t.occasion.c
    rows = session.execute(
        select(o.id, o.name, r.campaign, w.step, w.version, w.created_at, t.left_out.c.reason)
        .select_from(t.left_out)
        .join(t.step_run, w.id == t.left_out.c.step_run_id)
        .join(t.run, r.id == w.run_id)
        .join(t.occasion, o.id == r.occasion_id)
        .where(t.left_out.c.customer_id == customer)
        .order_by(w.id)
    )
    return [
        Unwritten(
            occasion=row[0],
            occasion_name=row[1],
            campaign=row[2],
            step=row[3],
            version=row[4],
            at=row[5],
            reason=LeftOut(row[6]),
        )
        for row in rows
    ]


def heard_of(session: Session, numbers: Sequence[int]) -> list[Heard]:
    """Receipts and troubled tries of these messages, in order of time."""
    r, a = t.receipt.c, t.attempt.c
    receipts = session.execute(
        select(r.message_id, r.state, r.code, func.coalesce(r.at, r.received_at)).where(
            r.message_id.in_(numbers)
        )
    )
    tries = session.execute(
        select(a.message_id, a.outcome, a.reason, a.code, a.started_at).where(
            a.message_id.in_(numbers)
        )
    )
    found = [
        Heard(message=row[0], kind="receipt", says=row[1] or "", code=row[2], at=row[3])
        for row in receipts
    ]
    found += [
        Heard(message=row[0], kind=row[1], says=row[2], code=row[3], at=row[4]) for row in tries
    ]
    return sorted(found, key=lambda one: (one.message, one.at is None, one.at))


def touching(session: Session, customer: int) -> list[Occasion]:
    """Open occasions that touch an open supply of this customer; a statement for each open one."""
    supplied = (
        select(t.premise.c.id)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(
            t.account.c.customer_id == customer,
            t.account.c.closed_at.is_(None),
            t.premise.c.closed_at.is_(None),
        )
    )
    return [
        each
        for each in occasions.open_ones(session)
        if session.execute(
            supplied.where(scopes.remaining(session, each).covers(t.premise)).limit(1)
        ).first()
    ]


def _messages(
    session: Session, condition: ColumnElement[bool], *, limit: int | None = None
) -> list[Sent]:
    """Oldest first; with a limit, the newest of them."""
    m, w, r, p = t.message, t.step_run, t.run, t.contact_point
    own = ("state", "reason", "lane", "provider", "not_before", "claimed_at", "accepted_at", "delivered_at",
           "segments", "body_hash")  # fmt: skip
    rows = session.execute(
        select(
            *claims.of_recipient(),
            *(m.c[name] for name in own),
            w.c.created_at,
            r.c.state.label("run_state"),
            r.c.reason.label("run_reason"),
            r.c.launched_by,
            r.c.approved_by,
            r.c.basis,
            t.occasion.c.name.label("occasion_name"),
        )
        .select_from(m)
        .join(w, w.c.id == m.c.step_run_id)
        .join(r, r.c.id == w.c.run_id)
        .join(t.occasion, t.occasion.c.id == r.c.occasion_id)
        .join(p, p.c.id == m.c.contact_point_id)
        .where(condition)
        .order_by(m.c.id.desc())
        .limit(limit)
    ).mappings()
    return [_sent(row) for row in rows][::-1]


def _sent(row: RowMapping) -> Sent:
    same = ("occasion_name", "run_reason", "launched_by", "approved_by", "basis", "created_at", "lane", "provider", "not_before", "claimed_at",
            "accepted_at", "delivered_at", "segments", "body_hash")  # fmt: skip
    return Sent(
        recipient=claims.recipient(row, row["try"]),
        state=MessageState(row["state"]),
        reason=row["reason"] or "",
        run_state=RunState(row["run_state"]),
        **{name: row[name] for name in same},
    )


def _wanted(wanted: Wanted) -> ColumnElement[bool]:
    m, r = t.message.c, t.run.c
    condition: ColumnElement[bool] = true()
    for column, value in (
        (r.occasion_id, wanted.occasion),
        (r.id, wanted.run),
        (m.state, wanted.state),
        (m.channel, wanted.channel),
    ):
        if value is not None:
            condition &= column == value
    return condition
