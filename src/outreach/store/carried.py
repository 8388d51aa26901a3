"""What a database that is replaced still knew, and the copy put in its place must hold: every No, and every erasure.

Numbers of customers are the same in both, for the one goes on where the other was made; but an erasure is done
again only where the refs of that customer are those that were erased, by their keyed hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.exc import DBAPIError

from outreach.addresses import Keyring
from outreach.model.errors import StoreUnusable
from outreach.store import erasing, person_requests, tables as t, touched
from outreach.store.dialects import insert_into
from outreach.store.session import Database, Session

_Rows = Sequence[Mapping[str, Any]]
_REQUEST = ("customer_id", "kind", "asked_at", "asked_by", "reason", "done_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """Opt-outs, keys taken back, and what people asked of their data; `is_read`: whether all of it could be read."""

    is_read: bool = True
    suppressions: _Rows = ()
    revoked: _Rows = ()
    requests: _Rows = ()
    """With the `ref` of the customer as it stood."""
    erased: _Rows = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What was carried, and with what an erasure is done again; `draw`: random bytes, of a length."""

    carried: Carried
    keyring: Keyring
    draw: Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """How many opt-outs were new, and how many people were erased again."""

    opt_outs: int
    erased: int


def read(url: str) -> Carried:
    """From a database that is about to be replaced: as much as can be read, for it may have broken."""
    s, k, q = t.suppression, t.api_key.c, t.person_request
    revoked = select(k.digest, k.revoked_at, k.revoked_by).where(k.revoked_at.is_not(None))
    requests = (
        select(q, t.customer.c.ref)
        .join(t.customer, t.customer.c.id == q.c.customer_id)
        .order_by(q.c.id)
    )
    with closing(Database(url)) as database:
        found = [
            _read(database, asked) for asked in (select(s), revoked, requests, select(t.erased_ref))
        ]
    suppressions, keys, asked_for, erased = (rows or () for rows in found)
    return Carried(
        is_read=None not in found, suppressions=suppressions, revoked=keys, requests=asked_for,
        erased=erased,
    )  # fmt: skip


def _read(database: Database, asked: Select[Any]) -> _Rows | None:
    """None: it cannot be read, or is of a schema that had no such thing yet."""
    try:
        with database.read() as session:
            return [dict(row) for row in session.execute(asked).mappings()]
    except (DBAPIError, StoreUnusable):
        return None


def add(session: Session, since: Since, *, now: datetime) -> Added:
    """Adds what the copy lacks, and does again what it does not know was done."""
    carried = since.carried
    opt_outs = _add_opt_outs(session, carried.suppressions)
    _revoke(session, carried.revoked)
    hashes: dict[int, list[Mapping[str, Any]]] = {}
    for row in carried.erased:
        hashes.setdefault(row["request_id"], []).append(row)
    erased = 0
    for request in carried.requests:
        if _is_known(session, request):
            continue
        number = _note(session, request)
        theirs = hashes.get(request["id"], [])
        if request["done_at"]:
            erased += _redone(session, since, request, theirs, now=now)
        for row in theirs:
            kept = insert_into(session, t.erased_ref).values(**{**row, "request_id": number})
            session.execute(kept.on_conflict_do_nothing())
    return Added(opt_outs=opt_outs, erased=erased)


def _add_opt_outs(session: Session, suppressions: _Rows) -> int:
    known = [column.name for column in t.suppression.columns]
    added = 0
    for start in range(0, len(suppressions), 100):
        some = [
            {name: row[name] for name in known if name in row}
            for row in suppressions[start : start + 100]
        ]
        statement = insert_into(session, t.suppression).values(some).on_conflict_do_nothing()
        new = session.scalars(statement.returning(t.suppression.c.address_hash)).all()
        touched.holders_of_addresses(session, new)
        added += len(new)
    return added


def _revoke(session: Session, revoked: _Rows) -> None:
    k = t.api_key.c
    for row in revoked:
        session.execute(
            update(t.api_key)
            .where(k.digest == row["digest"], k.revoked_at.is_(None))
            .values(revoked_at=row["revoked_at"], revoked_by=row["revoked_by"])
        )


def _is_known(session: Session, request: Mapping[str, Any]) -> bool:
    """Whether the copy has it, done as far as it was done."""
    q = t.person_request.c
    same = [q[name] == request[name] for name in ("customer_id", "kind", "asked_at")]
    if request["done_at"]:
        same.append(q.done_at.is_not(None))
    return session.execute(select(q.id).where(*same)).first() is not None


def _note(session: Session, request: Mapping[str, Any]) -> int:
    q = t.person_request.c
    row = {name: request[name] for name in _REQUEST}
    same = [q[name] == row[name] for name in ("customer_id", "kind", "asked_at")]
    open_one: int | None = session.execute(select(q.id).where(*same)).scalar()
    if open_one is None:
        made = insert(t.person_request).values(**row).returning(q.id)
        return int(session.execute(made).scalar_one())
    closed = update(t.person_request).where(q.id == open_one)
    session.execute(closed.values(done_at=row["done_at"]))
    return open_one


def _redone(
    session: Session, since: Since, request: Mapping[str, Any], hashes: _Rows, *, now: datetime
) -> int:
    """How many people it took out of the copy: one, or none."""
    customer, kind = request["customer_id"], request["kind"]
    refs = erasing.refs(session, customer)
    if kind == "erase":
        forms = {form for ref in refs for form in since.keyring.forms(f"ref {ref}")}
        if forms.isdisjoint(bytes(row["ref_hash"]) for row in hashes):
            return 0
        erasing.erase(session, since.keyring, customer, now=now, draw=since.draw)
        return 1
    if request["ref"] in refs:
        if kind == "restrict":
            person_requests.restrict(session, now=now, customer=customer)
        if kind == "lift":
            person_requests.lift(session, customer, now=now)
    return 0
