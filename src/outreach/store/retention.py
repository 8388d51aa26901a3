"""Lets go of what is older than it may be kept: each call one slice of rows, found by an index or a mark."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, select, tuple_, update

from outreach.addresses import Keyring
from outreach.store import bulk, known, tables as t
from outreach.store.session import Session

Slice = Callable[[Session, Keyring, datetime, int], int]
"""(session, keys, older than, rows at most) -> rows met; fewer than asked: done for now."""
_MARK = "retention."
"""In `known`: the last row that was looked at of a table whose rows stay."""
_MOST_COUNTED = 100_000


def receipts(session: Session, keyring: Keyring, before: datetime, limit: int) -> int:
    """Empties what was posted; what it moved stays."""
    r = t.receipt.c
    rows = _next(session, "receipts", t.receipt, r.received_at, before, limit)
    emptied = []
    for row in rows:
        kept = json.loads(keyring.open(row.raw_sealed))
        if kept.get("raw"):
            emptied.append((row.id, keyring.seal(json.dumps(kept | {"raw": ""}))))
    bulk.update(session, t.receipt, ("id", "raw_sealed"), emptied)
    return len(rows)


def replies(session: Session, keyring: Keyring, before: datetime, limit: int) -> int:
    """Empties words and address; meaning, outcome and time stay."""
    r = t.reply.c
    rows = _next(session, "replies", t.reply, r.at, before, limit)
    blank = {
        "address_hash": b"",
        "address_sealed": keyring.seal(""),
        "body_sealed": keyring.seal(""),
    }
    those = bulk.among(session, r.id, [row.id for row in rows])
    session.execute(update(t.reply).where(those).values(**blank, customer_id=None))
    return len(rows)


def calls(session: Session, _keyring: Keyring, before: datetime, limit: int) -> int:
    """Forgets which number called."""
    c = t.call.c
    oldest = select(c.call_id).where(c.at < before, c.address_hash.is_not(None))
    ids = list(session.scalars(oldest.order_by(c.at).limit(limit)))
    those = bulk.among(session, c.call_id, ids)
    session.execute(update(t.call).where(those).values(address_hash=None))
    return len(ids)


def attempts(session: Session, _keyring: Keyring, before: datetime, limit: int) -> int:
    """Deletes tries that are over; one in doubt that nobody settled stays."""
    a = t.attempt.c
    over = (a.started_at < before) & ((a.outcome != "in_doubt") | a.settled_at.is_not(None))
    key = tuple_(a.message_id, a["try"])
    found = session.execute(select(a.message_id, a["try"]).where(over).limit(limit)).all()
    if found:
        session.execute(delete(t.attempt).where(key.in_([tuple(row) for row in found])))
    return len(found)


def reports(session: Session, _keyring: Keyring, before: datetime, limit: int) -> int:
    """Deletes reports that became part of the truth, or never will."""
    return _gone(session, t.report.c.id, t.report.c.at < before, limit)


def messages(session: Session, _keyring: Keyring, before: datetime, limit: int) -> int:
    """Deletes the messages of old waves with all that hangs on them; the wave and its count stay."""
    m, w = t.message.c, t.step_run.c
    old = select(w.id).where(w.created_at < before)
    ids = list(session.scalars(select(m.id).where(m.step_run_id.in_(old)).limit(limit)))
    for column in (
        t.queue.c.message_id, t.attempt.c.message_id, t.receipt.c.message_id, t.recall.c.message_id,
        m.id,
    ):  # fmt: skip
        bulk.remove(session, column, ids)
    if not ids:
        session.execute(delete(t.left_out).where(t.left_out.c.step_run_id.in_(old)))
    return len(ids)


CLASSES: dict[str, tuple[Slice, ColumnElement[Any]]] = {
    "receipts": (receipts, t.receipt.c.received_at),
    "attempts": (attempts, t.attempt.c.started_at),
    "replies": (replies, t.reply.c.at),
    "calls": (calls, t.call.c.at),
    "reports": (reports, t.report.c.at),
    "messages": (messages, t.step_run.c.created_at),
}
"""Class -> how a slice of it is let go, and the time it is judged by."""


def waiting(session: Session, name: str, before: datetime) -> int:
    """How many rows of the class are older than `before`, up to 100,000; those let go already are not among them."""
    if name == "messages":
        old = select(t.step_run.c.id).where(t.step_run.c.created_at < before)
        asked = select(t.message.c.id).where(t.message.c.step_run_id.in_(old))
    else:
        _slice, at = CLASSES[name]
        asked = select(at).where(at < before, *_unmarked(session, name))
    found = select(func.count()).select_from(asked.limit(_MOST_COUNTED).subquery())
    return session.execute(found).scalar_one()


def _unmarked(session: Session, name: str) -> Sequence[ColumnElement[bool]]:
    if name == "calls":
        return [t.call.c.address_hash.is_not(None)]
    table = {"receipts": t.receipt, "replies": t.reply}.get(name)
    return [] if table is None else [table.c.id > _marked(session, name)]


def _next(
    session: Session,
    name: str,
    table: Table,
    at: ColumnElement[Any],
    before: datetime,
    limit: int,
) -> Sequence[Any]:
    """The next rows by number that are old; the mark moves past them. Numbers rise with time."""
    number = table.c.id
    asked = select(table).where(number > _marked(session, name), at < before)
    rows = session.execute(asked.order_by(number).limit(limit)).all()
    if rows:
        known.keep(session, f"{_MARK}{name}", str(rows[-1].id), now=before)
    return rows


def _marked(session: Session, name: str) -> int:
    mark = known.of(session, f"{_MARK}{name}")
    return int(mark.value) if mark else 0


def _gone(
    session: Session, number: ColumnElement[int], old: ColumnElement[bool], limit: int
) -> int:
    ids = list(session.scalars(select(number).where(old).order_by(number).limit(limit)))
    bulk.remove(session, number, ids)
    return len(ids)
