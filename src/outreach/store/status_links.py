"""The one text that a caller asks for by a key: who gets it, whether they had it, and its row in the ledger."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, insert, or_, select, update

from outreach.model.words import Channel, MessageState, PriorityClass, Purpose, StepRunState
from outreach.store import contactable, tables as t
from outreach.store.ivr import SHARED_BY_MANY
from outreach.store.runs import Wave
from outreach.store.session import Session

TEMPLATE = "status_link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A number that we may text, with whose it is."""

    contact_point: int
    customer: int
    household: int
    household_ref: str
    priority: PriorityClass
    """The best of all who hold the number."""
    locale: str
    zone: str
    locality: str
    country: str
    is_open: bool
    """Nobody asked us to stop, and no receipt has called it bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What the ledger's row says beside the wish."""

    pool: str
    rank: int
    not_after: datetime


def wish(session: Session, hashes: Collection[bytes]) -> Wish | None:
    """Whose number this is; None for a landline, a stranger's, or one that many share.

    hashes: all that the number may stand under now (`Keyring.standing`).
    """
    held, p, a = t.customer_contact, t.contact_point.c, t.account.c
    found = session.execute(
        select(
            p.id, t.customer.c.id.label("customer"), t.customer.c.household_id, t.household.c.ref,
            func.min(a.priority).label("priority"), t.customer.c.locale, t.customer.c.zone,
            func.min(t.premise.c.locality).label("locality"), p.country,
        )
        .join(held, held.c.contact_point_id == p.id)
        .join(t.customer, t.customer.c.id == held.c.customer_id)
        .join(t.household, t.household.c.id == t.customer.c.household_id)
        .join(t.account, a.customer_id == t.customer.c.id)
        .join(t.supply, t.supply.c.account_id == a.id)
        .join(t.premise, t.premise.c.id == t.supply.c.premise_id)
        .where(
            p.channel == Channel.SMS, p.address_hash.in_(list(hashes)),
            p.customers <= SHARED_BY_MANY, contactable.is_contactable(),
            t.customer.c.closed_at.is_(None), a.closed_at.is_(None),
        )
        .group_by(p.id, t.customer.c.id, t.household.c.id)
        .order_by("priority", t.customer.c.id)
        .limit(1)
    ).first()  # fmt: skip
    if found is None:
        return None
    return Wish(
        contact_point=found.id,
        customer=found.customer,
        household=found.household_id,
        household_ref=found.ref,
        priority=PriorityClass(found.priority),
        locale=found.locale,
        zone=found.zone,
        locality=found.locality,
        country=found.country,
        is_open=not _is_stopped(session, hashes),
    )


def _is_stopped(session: Session, hashes: Collection[bytes]) -> bool:
    s = t.suppression.c
    return session.execute(
        select(
            exists().where(
                s.address_hash.in_(list(hashes)),
                or_(s.channel == "*", s.channel == Channel.SMS),
                or_(s.purpose == "*", s.purpose == Purpose.SERVICE),
            )
        )
    ).scalar_one()


def was_sent(session: Session, household: int, *, since: datetime) -> bool:
    """Whether anybody of this household asked for it since."""
    m, w = t.message.c, t.step_run.c
    theirs = select(t.customer.c.id).where(t.customer.c.household_id == household)
    asked = (
        select(m.id)
        .join(t.step_run, w.id == m.step_run_id)
        .where(m.customer_id.in_(theirs), w.template == TEMPLATE, m.slot_at > since)
    )
    return session.execute(asked.limit(1)).first() is not None


def newest_wave(session: Session, run: int, version: int) -> int | None:
    """The wave that texts of this revision go to."""
    w = t.step_run.c
    return session.execute(
        select(func.max(w.id)).where(w.run_id == run, w.version == version)
    ).scalar()


def is_in(session: Session, wave: int, contact_point: int) -> bool:
    """Whether this number has a row in the wave."""
    m = t.message.c
    return session.execute(
        select(exists().where(m.step_run_id == wave, m.contact_point_id == contact_point))
    ).scalar_one()


def lock_household(session: Session, household: int) -> None:
    """Two calls of one household are answered one after the other."""
    session.execute(select(t.household.c.id).where(t.household.c.id == household).with_for_update())


def queue(session: Session, wave: Wave, wish_: Wish, text: Text, *, now: datetime) -> None:
    """Writes the message and its row of the queue; the wave counts it."""
    number = session.execute(
        insert(t.message)
        .values(
            step_run_id=wave.id, contact_point_id=wish_.contact_point, customer_id=wish_.customer,
            household_id=wish_.household, channel=Channel.SMS, priority=wish_.priority,
            locale=wish_.locale, zone=wish_.zone, locality=wish_.locality, premises=1,
            rank=text.rank, pool=text.pool, state=MessageState.QUEUED, failures=0,
            not_after=text.not_after, slot_at=now, **{"try": 0},
        )
        .returning(t.message.c.id)
    ).scalar_one()  # fmt: skip
    session.execute(
        insert(t.queue).values(
            pool=text.pool, tier=int(wave.tier), priority=wish_.priority, rank=text.rank,
            message_id=number, step_run_id=wave.id, not_before=None,
        )
    )  # fmt: skip
    w = t.step_run.c
    session.execute(
        update(t.step_run)
        .where(w.id == wave.id)
        .values(frozen=w.frozen + 1, state=StepRunState.FROZEN, frozen_at=wave.created_at)
    )
