"""What people of class A answered: only these rows close them for an occasion, never a receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, insert, select, update

from outreach.model.task import Meaning, Outcome, TaskKind, Via
from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of one customer for one occasion."""

    occasion: int
    customer: int
    via: Via
    meaning: Meaning
    message: int | None = None
    said_by: str = ""
    """The agent who heard it; empty: the customer's own key or reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whom a message asked, and about what."""

    message: int
    occasion: int
    run: int
    customer: int
    locale: str


def asked(session: Session, message: int) -> Asked | None:
    """What an answer to this message is about; None: there is no such message."""
    m, w, run = t.message.c, t.step_run.c, t.run.c
    row = session.execute(
        select(m.id, run.occasion_id, run.id, m.customer_id, m.locale)
        .join(t.step_run, w.id == m.step_run_id)
        .join(t.run, run.id == w.run_id)
        .where(m.id == message)
    ).first()
    if row is None:
        return None
    return Asked(message=row[0], occasion=row[1], run=row[2], customer=row[3], locale=row[4])


def add(session: Session, answer: Answer, *, now: datetime) -> bool:
    """Keeps an answer, and closes what only waited for one; False: it was known.

    A provider may post the same key twice: one message says each thing once.
    """
    if answer.message is not None and _is_known(session, answer):
        return False
    session.execute(
        insert(t.answer).values(
            occasion_id=answer.occasion,
            customer_id=answer.customer,
            message_id=answer.message,
            via=answer.via,
            meaning=answer.meaning,
            at=now,
            said_by=answer.said_by,
        )
    )
    session.execute(
        update(t.task)
        .where(
            t.task.c.occasion_id == answer.occasion,
            t.task.c.customer_id == answer.customer,
            t.task.c.kind.in_([TaskKind.UNANSWERED, TaskKind.UNREACHABLE]),
            t.task.c.closed_at.is_(None),
        )
        .values(closed_at=now, closed_by=answer.said_by, outcome=Outcome.ANSWERED)
    )
    return True


def is_answered(
    occasion: int | ColumnElement[int], customer: ColumnElement[int]
) -> ColumnElement[bool]:
    """True where this customer answered anything about the occasion, by whatever way."""
    return exists().where(t.answer.c.occasion_id == occasion, t.answer.c.customer_id == customer)


def _is_known(session: Session, answer: Answer) -> bool:
    a = t.answer.c
    return session.execute(
        select(
            exists().where(
                a.occasion_id == answer.occasion,
                a.customer_id == answer.customer,
                a.message_id == answer.message,
                a.meaning == answer.meaning,
            )
        )
    ).scalar_one()
