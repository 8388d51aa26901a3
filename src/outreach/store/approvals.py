"""Who asked for a launch and who allowed it: one row an asking, used once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, func, insert, or_, select, update

from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApproval:
    """What somebody asks for. `emergency`: the reason of who needs no second person."""

    occasion_id: int
    campaign: str
    pinned: str
    """Digest of the campaign file and its texts: what the second person says yes to."""
    author: str
    asked_at: datetime
    audience: int
    """Customers."""
    emergency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One asking, and what became of it."""

    id: int
    occasion_id: int
    campaign: str
    pinned: str
    author: str
    asked_at: datetime
    audience: int
    approver: str
    approved_at: datetime | None
    emergency: str
    used_at: datetime | None
    void_at: datetime | None
    void_reason: str


def ask(session: Session, new: NewApproval) -> Approval:
    """Writes it down; what waited for the same occasion and campaign is void from now on."""
    a = t.approval.c
    same = (a.occasion_id == new.occasion_id, a.campaign == new.campaign)
    session.execute(
        update(t.approval)
        .where(*same, *_open())
        .values(void_at=new.asked_at, void_reason="asked for anew")
    )
    values = {name: getattr(new, name) for name in NewApproval.__slots__}
    number = session.execute(
        insert(t.approval).values(**values).returning(t.approval.c.id)
    ).scalar_one()
    return _one(session, t.approval.c.id == number)


def get(session: Session, number: int) -> Approval | None:
    return _newest(session, t.approval.c.id == number)


def waiting(session: Session) -> list[Approval]:
    """What nobody has answered yet, oldest first."""
    rows = session.execute(
        select(t.approval)
        .where(*_open(), t.approval.c.approved_at.is_(None), t.approval.c.emergency == "")
        .order_by(t.approval.c.id)
    ).mappings()
    return [_approval(row) for row in rows]


def asked(session: Session, occasion: int, campaign: str) -> Approval | None:
    """The newest asking that is neither used nor void."""
    return _newest(session, *_of(occasion, campaign), *_open())


def usable(session: Session, occasion: int, campaign: str) -> Approval | None:
    """What a launch may go ahead with: approved, or an emergency; neither used nor void."""
    a = t.approval.c
    allowed = or_(a.approved_at.is_not(None), a.emergency != "")
    return _newest(session, *_of(occasion, campaign), *_open(), allowed)


def audience_used(session: Session, occasion: int, campaign: str) -> int:
    """Customers whom the used approvals of a run were given for; 0 without one."""
    a = t.approval.c
    wanted = (*_of(occasion, campaign), a.used_at.is_not(None))
    most: int | None = session.execute(select(func.max(a.audience)).where(*wanted)).scalar()
    return most or 0


def approve(session: Session, number: int, approver: str, *, audience: int, now: datetime) -> bool:
    """The second person says yes to so many customers; False: somebody was first, or it is void."""
    a = t.approval.c
    done = session.execute(
        update(t.approval)
        .where(a.id == number, *_open(), a.approved_at.is_(None))
        .values(approver=approver, approved_at=now, audience=audience)
        .returning(a.id)
    ).first()
    return done is not None


def use(session: Session, number: int, *, now: datetime) -> bool:
    """Spends it in the transaction that launches; False: it was spent, or is void."""
    a = t.approval.c
    done = session.execute(
        update(t.approval).where(a.id == number, *_open()).values(used_at=now).returning(a.id)
    ).first()
    return done is not None


def void(session: Session, number: int, reason: str, *, now: datetime) -> bool:
    """Ends it; False: it was used, or is void already."""
    a = t.approval.c
    done = session.execute(
        update(t.approval)
        .where(a.id == number, *_open())
        .values(void_at=now, void_reason=reason)
        .returning(a.id)
    ).first()
    return done is not None


def everybody(session: Session) -> int:
    """Customers of the record: what a launch is measured against."""
    here = t.customer.c.closed_at.is_(None)
    return session.execute(select(func.count()).select_from(t.customer).where(here)).scalar_one()


def _open() -> tuple[ColumnElement[bool], ...]:
    return (t.approval.c.used_at.is_(None), t.approval.c.void_at.is_(None))


def _of(occasion: int, campaign: str) -> tuple[ColumnElement[bool], ...]:
    return (t.approval.c.occasion_id == occasion, t.approval.c.campaign == campaign)


def _newest(session: Session, *wanted: ColumnElement[bool]) -> Approval | None:
    newest = select(t.approval).where(*wanted).order_by(t.approval.c.id.desc()).limit(1)
    row = session.execute(newest).mappings().first()
    return None if row is None else _approval(row)


def _one(session: Session, wanted: ColumnElement[bool]) -> Approval:
    return _approval(session.execute(select(t.approval).where(wanted)).mappings().one())


def _approval(row: RowMapping) -> Approval:
    return Approval(**{name: row[name] for name in Approval.__slots__})
