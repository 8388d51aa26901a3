"""What customers report about their own supply (the table `report`): kept once a call, until it is truth."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select, update

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.ivr import SHARED_BY_MANY
from outreach.store.session import Session

OUT, PARTLY, FINE, LINK = "out", "partly", "fine", "link"
"""Meanings: without service; a phase or the voltage is missing; it is back; asked for the status link."""

_NO_OLDER = timedelta(days=1)
"""What points at nothing waits for ever: nobody walks over all of it each minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReport:
    """One word of a customer; `source_ref` is the call or message it came by."""

    at: datetime
    via: str
    source_ref: str
    premise_id: int
    occasion_id: int | None
    meaning: str
    taken_at: datetime | None = None
    """When it became part of the truth; None: it waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A report that is no truth yet."""

    id: int
    at: datetime
    premise: str
    occasion_id: int


def add(session: Session, new: NewReport) -> int | None:
    """The new row's number; None if this call said so of this premise before."""
    into = insert_into(session, t.report)
    values = {name: getattr(new, name) for name in NewReport.__slots__}
    return session.execute(
        into.values(**values).on_conflict_do_nothing().returning(t.report.c.id)
    ).scalar()


def is_waiting(session: Session, premise_id: int, *, but: int, since: datetime) -> bool:
    """Whether another report of this premise waits, younger than `since`: somebody is at it."""
    r = t.report.c
    mine = (r.premise_id == premise_id) & (r.id != but) & r.taken_at.is_(None) & (r.at > since)
    return session.execute(select(exists().where(mine, r.meaning == OUT))).scalar_one()


def waiting(session: Session, *, before: datetime, limit: int = 200) -> list[Waiting]:
    """Reports of the last day, of an outage, that no truth was made of, oldest first."""
    r, p = t.report.c, t.premise.c
    rows = session.execute(
        select(r.id, r.at, p.ref, r.occasion_id)
        .join(t.premise, p.id == r.premise_id)
        .where(r.taken_at.is_(None), r.at < before, r.at >= before - _NO_OLDER)
        .where(r.meaning == OUT, r.occasion_id.is_not(None))
        .order_by(r.at, r.id)
        .limit(limit)
    )
    return [
        Waiting(id=row.id, at=row.at, premise=row.ref, occasion_id=row.occasion_id) for row in rows
    ]


def is_burst(session: Session, occasion: int, *, since: datetime) -> bool:
    """Whether reports of this occasion became truth since then: more of them are taken together."""
    r = t.report.c
    lately = (r.occasion_id == occasion) & (r.taken_at >= since) & (r.meaning == OUT)
    return session.execute(select(exists().where(lately))).scalar_one()


def withdraw(session: Session, premise_id: int, *, now: datetime) -> int:
    """Who says that it is back takes the own reports back that point at nothing known; how many."""
    r = t.report.c
    mine = (r.premise_id == premise_id) & r.meaning.in_((OUT, PARTLY)) & r.occasion_id.is_(None)
    return len(
        session.execute(
            update(t.report).where(mine, r.taken_at.is_(None)).values(taken_at=now).returning(r.id)
        ).all()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What people said of one occasion, by meaning."""

    meaning: str
    premises: int
    reports: int
    last_at: datetime


def tallies(session: Session, occasion: int) -> list[Tally]:
    """Reports of an occasion by meaning, links left out."""
    r = t.report.c
    rows = session.execute(
        select(r.meaning, func.count(r.premise_id.distinct()), func.count(), func.max(r.at))
        .where(r.occasion_id == occasion, r.meaning != LINK)
        .group_by(r.meaning)
        .order_by(r.meaning)
    )
    return [Tally(meaning=row[0], premises=row[1], reports=row[2], last_at=row[3]) for row in rows]


def take(session: Session, numbers: Collection[int], *, now: datetime) -> None:
    """Marks reports as part of the truth."""
    if numbers:
        r = t.report.c
        session.execute(update(t.report).where(r.id.in_(list(numbers))).values(taken_at=now))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """The newest word of a premise that no outage explains."""

    premise: str
    locality: str
    transformer: str
    zone: str
    meaning: str
    via: str
    first_at: datetime
    last_at: datetime


def unexplained(session: Session, *, since: datetime) -> list[Unexplained]:
    """Premises that reported since then, of no outage and no suspicion, and took nothing back; newest first."""
    r, p = t.report.c, t.premise.c
    waits = r.taken_at.is_(None) & r.occasion_id.is_(None) & (r.at >= since)
    last_at = func.max(r.at)
    rows = session.execute(
        select(
            p.ref, p.locality, p.transformer, p.zone,
            func.min(r.meaning), func.max(r.via), func.min(r.at), last_at,
        )
        .join(t.premise, p.id == r.premise_id)
        .where(waits, r.meaning.in_((OUT, PARTLY)))
        .group_by(p.ref, p.locality, p.transformer, p.zone)
        .order_by(last_at.desc(), p.ref)
    )  # fmt: skip
    return [
        Unexplained(
            premise=row[0], locality=row[1], transformer=row[2], zone=row[3],
            meaning=row[4], via=row[5], first_at=row[6], last_at=row[7],
        )
        for row in rows
    ]  # fmt: skip


def premises_named(session: Session, number: str) -> dict[int, str]:
    """Open premises (number -> ref) of the account of this number, else the premise itself."""
    p = t.premise.c
    itself = select(p.id, p.ref).where(p.ref == number, p.closed_at.is_(None))
    return premises_of(session, account=number) or {
        row.id: row.ref for row in session.execute(itself)
    }


def premises_of(
    session: Session, *, hashes: Collection[bytes] = (), account: str = ""
) -> dict[int, str]:
    """Open premises (number -> ref) of an account, else of who calls or writes from an address; none if many share it.

    hashes: of one address, all that it may stand under now (`Keyring.standing`).
    """
    p, a = t.premise.c, t.account.c
    supplied = (
        select(p.id, p.ref)
        .join(t.supply, t.supply.c.premise_id == p.id)
        .join(t.account, a.id == t.supply.c.account_id)
        .where(p.closed_at.is_(None), a.closed_at.is_(None))
    )
    if account:
        found = supplied.where(a.ref == account)
    else:
        held, point = t.customer_contact.c, t.contact_point.c
        found = (
            supplied.join(t.customer_contact, held.customer_id == a.customer_id)
            .join(t.contact_point, point.id == held.contact_point_id)
            .where(
                point.address_hash.in_(list(hashes)),
                point.channel.in_(("sms", "voice", "email")),
                point.customers <= SHARED_BY_MANY,
            )
        )
    return {row.id: row.ref for row in session.execute(found.distinct())}
