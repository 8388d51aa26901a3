"""All that is kept of one occasion, read in pages, so that memory stays flat however many were told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Select, and_, select

from outreach.store import tables as t
from outreach.store.session import Session

PAGE = 5_000
Row = dict[str, Any]

_MESSAGE = (
    "id", "contact_point_id", "customer_id", "channel", "priority", "locale", "premises", "state", "reason", "lane",
    "provider", "provider_ref", "try", "segments", "body_hash", "not_before", "not_after",
    "claimed_at", "accepted_at", "delivered_at",
)  # fmt: skip


def runs(session: Session, occasion: int) -> list[Row]:
    """Runs of an occasion, oldest first."""
    r = t.run.c
    columns = (r.id, r.campaign, r.state, r.reason, r.pinned, r.purpose, r.seed_hash, r.launched_by,
               r.launched_at, r.approved_by)  # fmt: skip
    return _all(session, select(*columns).where(r.occasion_id == occasion).order_by(r.id))


def waves(session: Session, occasion: int) -> list[Row]:
    """Waves of its runs, oldest first."""
    w = t.step_run.c
    columns = (w.id, w.run_id, t.run.c.campaign, w.step, w.version, w.template, w.audience, w.classes, w.created_at,
               w.frozen_at, w.frozen, w.superseded_at)  # fmt: skip
    return _all(
        session,
        select(*columns)
        .join(t.run, t.run.c.id == w.run_id)
        .where(t.run.c.occasion_id == occasion)
        .order_by(w.id),
    )


def dues(session: Session, occasion: int) -> list[Row]:
    """Its due instants, in order of time."""
    d = t.due.c
    columns = (d.at, d.what, d.step, d.too_late_at, d.done_at, d.outcome, d.reason)
    return _all(session, select(*columns).where(d.occasion_id == occasion).order_by(d.at, d.id))


def promises(session: Session, occasion: int) -> list[Row]:
    p = t.promise.c
    return _all(session, select(t.promise).where(p.occasion_id == occasion).order_by(p.version))


def approvals(session: Session, occasion: int) -> list[Row]:
    a = t.approval.c
    return _all(session, select(t.approval).where(a.occasion_id == occasion).order_by(a.id))


def audit(session: Session, subjects: Sequence[str]) -> Iterator[Row]:
    """The links of the chain about these subjects, in its order, with the digests that chain them."""
    a = t.audit.c
    last = 0
    while True:
        page = _all(
            session,
            select(t.audit).where(a.id > last, a.subject.in_(subjects)).order_by(a.id).limit(PAGE),
        )
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]["id"]


def messages(session: Session, wave: int) -> Iterator[list[Row]]:
    """Messages of a wave, page by page along its unique index."""
    m = t.message.c
    columns = [m[name] for name in _MESSAGE]
    yield from _pages(session, select(*columns).where(m.step_run_id == wave), m.contact_point_id)


def spans(session: Session, wave: int) -> Iterator[tuple[int, int]]:
    """(first, last) contact point of each page of `messages`."""
    m = t.message.c
    query = select(m.contact_point_id).where(m.step_run_id == wave)
    for page in _pages(session, query, m.contact_point_id):
        yield page[0]["contact_point_id"], page[-1]["contact_point_id"]


def left_out(session: Session, wave: int) -> Iterator[list[Row]]:
    """Who was left out of a wave, and why, page by page."""
    out = t.left_out.c
    yield from _pages(
        session,
        select(out.customer_id, out.reason).where(out.step_run_id == wave),
        out.customer_id,
    )


def receipts(session: Session, wave: int, first: int, last: int) -> list[Row]:
    """Receipts of the messages of a wave whose contact point lies from `first` to `last`."""
    r, m = t.receipt.c, t.message.c
    columns = (r.message_id, r.provider, r.state, r.code, r.at, r.received_at, r.applied_at)
    return _all(
        session,
        select(*columns)
        .join(t.message, m.id == r.message_id)
        .where(_between(wave, first, last))
        .order_by(r.message_id, r.id),
    )


def attempts(session: Session, wave: int, first: int, last: int) -> list[Row]:
    """Tries of these messages that ended delayed or in doubt."""
    a, m = t.attempt.c, t.message.c
    columns = (a.message_id, a["try"], a.lane, a.started_at, a.ended_at, a.outcome, a.code,
               a.settled_at, a.settled_as)  # fmt: skip
    return _all(
        session,
        select(*columns)
        .join(t.message, m.id == a.message_id)
        .where(_between(wave, first, last))
        .order_by(a.message_id, a["try"]),
    )


def pinned(session: Session, digests: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(digest, campaign file and texts as they were launched), one after the other."""
    for digest in sorted(set(digests)):
        body = select(t.pinned.c.body).where(t.pinned.c.digest == digest)
        yield digest, session.execute(body).scalar_one()


def _between(wave: int, first: int, last: int) -> Any:
    m = t.message.c
    return and_(m.step_run_id == wave, m.contact_point_id.between(first, last))


def _pages(session: Session, query: Select[Any], key: Column[int]) -> Iterator[list[Row]]:
    last = -1
    while page := _all(session, query.where(key > last).order_by(key).limit(PAGE)):
        yield page
        last = page[-1][key.name]


def _all(session: Session, query: Select[Any]) -> list[Row]:
    return [dict(row) for row in session.execute(query).mappings()]
