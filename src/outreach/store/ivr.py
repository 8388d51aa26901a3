"""What the IVR asks while somebody waits on the line: who calls, and what is true for them.

Callers are read through the driver's own connection: a third of the cost of SQLAlchemy Core.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from outreach.model.contactcenter import CallerPremise, LiveTruth, Part
from outreach.model.errors import StoreUnusable
from outreach.model.occasion import Occasion, Revision, Scope
from outreach.model.words import Channel
from outreach.store import occasions, scopes, tables as t
from outreach.store.runs import LINK_CAMPAIGN
from outreach.store.session import Database, Session
from outreach.store.types import from_micros

SHARED_BY_MANY = 10
"""An address of more customers than this (a switchboard, a shop) identifies nobody."""
MOST_PREMISES = 50
ANSWER_WITHIN_MS = 200
MAPPED_BYTES = 8 << 30
BUSY_MS = 10
"""A file that somebody locks is not waited for: the whole server would stand still meanwhile."""

_LOCALE = "coalesce((SELECT f.locale FROM preference f WHERE f.customer_id = c.id), c.locale)"
"""The language that a person chose on their page, else the record's."""
# In the order of the fields of CallerPremise.
_COLUMNS = f"pr.id, pr.tree_order, pr.locality, pr.zone, a.priority, {_LOCALE}, c.id, a.customer_type, pr.postal_code"
_SUPPLIES = """
JOIN supply s ON s.account_id = a.id
JOIN premise pr ON pr.id = s.premise_id AND pr.closed_at IS NULL
"""
_BY_ADDRESS = f"""
SELECT {_COLUMNS}, p.channel
FROM (VALUES ('voice'), ('sms')) AS calls
JOIN contact_point p ON p.channel = calls.column1
JOIN customer_contact cc ON cc.contact_point_id = p.id
JOIN customer c ON c.id = cc.customer_id AND c.closed_at IS NULL
JOIN account a ON a.customer_id = c.id AND a.closed_at IS NULL
{_SUPPLIES}
WHERE p.address_hash = ? AND p.customers <= {SHARED_BY_MANY}
LIMIT {MOST_PREMISES}
"""  # noqa: S608  constants of this file
_BY_ACCOUNT = f"""
SELECT {_COLUMNS}
FROM account a
JOIN customer c ON c.id = a.customer_id AND c.closed_at IS NULL
{_SUPPLIES}
WHERE a.ref = ? AND a.closed_at IS NULL
LIMIT {MOST_PREMISES}
"""  # noqa: S608  constants of this file
_TOLD = f"""
SELECT MAX(m.accepted_at)
FROM contact_point p, run r
JOIN step_run w ON w.run_id = r.id
JOIN message m ON m.step_run_id = w.id
WHERE p.channel = 'sms' AND p.address_hash = ? AND m.contact_point_id = p.id
AND r.occasion_id = ? AND r.campaign <> '{LINK_CAMPAIGN}'
AND m.state IN ('accepted', 'sent', 'delivered')
"""  # noqa: S608  constants of this file


class Callers:
    """Finds the supplies of a caller by one indexed point query, on a connection of each thread.

    `is_local`: the query takes microseconds and cannot wait for a network, so that a server may
    ask without leaving its event loop. Any trouble of the database is StoreUnusable.
    """

    def __init__(self, database: Database) -> None:
        self.is_local = database.is_sqlite
        self._database = database
        self._held = threading.local()
        self._open: list[Any] = []
        mark = "?" if database.is_sqlite else "%s"
        self._by_address = _BY_ADDRESS.replace("?", mark)
        self._by_account = _BY_ACCOUNT.replace("?", mark)
        self._told = _TOLD.replace("?", mark)

    def by_address(self, address_hash: bytes) -> tuple[CallerPremise, ...]:
        """Current supplies of whoever holds this address; empty if shared by many or unknown."""
        rows = self._ask(self._by_address, (address_hash,))
        if len(rows) == 1:
            *supply, channel = rows[0]
            return (CallerPremise._make([*supply, channel == Channel.SMS]),)
        takes_sms = any(row[-1] == Channel.SMS for row in rows)
        found = dict.fromkeys(row[:-1] for row in rows)
        return tuple([CallerPremise._make([*row, takes_sms]) for row in found])

    def by_account(self, ref: str) -> tuple[CallerPremise, ...]:
        """Current supplies of one account; empty if unknown or closed."""
        found = dict.fromkeys(map(tuple, self._ask(self._by_account, (ref,))))
        return tuple([CallerPremise(*row) for row in found])

    def told_at(self, address_hash: bytes, occasion: int) -> datetime | None:
        """When this address was last texted about this occasion: as its provider took it."""
        ((at,),) = self._ask(self._told, (address_hash, occasion))
        return from_micros(at) if isinstance(at, int) else at

    def _ask(self, sql: str, values: tuple[bytes | str | int, ...]) -> Sequence[Sequence[Any]]:
        try:
            rows: Sequence[Sequence[Any]] = self._connection().execute(sql, values).fetchall()
        except Exception as error:
            self._forget()
            raise StoreUnusable(
                "the record of callers cannot be read; see `outreach doctor`"
            ) from error
        return rows

    def _connection(self) -> Any:
        held = getattr(self._held, "raw", None)
        if held is None:
            held = (_file if self.is_local else _session)(self._database)
            self._held.raw = held
            self._open.append(held)
        return held

    def _forget(self) -> None:
        held: Any = getattr(self._held, "raw", None)
        self._held.raw = None
        if held in self._open:
            self._open.remove(held)
            held.close()

    def close(self) -> None:
        """Closes the connections of all threads; one that asks again gets a new one."""
        self._held = threading.local()
        while self._open:
            self._open.pop().close()


def _file(database: Database) -> Any:
    """Not of the pool, whose connections wait 15 s for a lock before they are even open.

    Pages by the memory map: a read call for each costs more than the whole query.
    """
    made = sqlite3.connect(
        str(database.url.database),
        timeout=BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
    )
    for pragma in (f"mmap_size={MAPPED_BYTES}", "cache_size=-65536", "query_only=ON"):
        made.execute(f"PRAGMA {pragma}")
    return made


def _session(database: Database) -> Any:
    pooled = database.engine.raw_connection()
    made: Any = pooled.driver_connection
    pooled.detach()  # ours for good: the pool neither resets nor hands it out
    made.autocommit = True
    made.execute(f"SET statement_timeout = {ANSWER_WITHIN_MS}")
    return made


def truth(session: Session, occasion: Occasion, *, shown_id: str) -> LiveTruth:
    """The newest revision of an occasion with its scope resolved against today's network."""
    revision = occasion.revision
    is_feed = revision.source.startswith("feed")
    return LiveTruth(
        shown_id=shown_id,
        occasion=occasion,
        scope=_part(session, occasion, revision, restored=False),
        back=_part(session, occasion, revision, restored=True),
        areas=_areas(session, occasion),
        customers=_customers(session, occasion),
        is_feed=is_feed,
        heartbeat_at=revision.recorded_at if is_feed else None,
    )


def live(session: Session, *, since: datetime, shown: Callable[[Occasion], str]) -> list[LiveTruth]:
    """Every open occasion, and those that ended after `since`."""
    found = [each for each in occasions.since(session, since) if not each.drill]
    return [truth(session, occasion, shown_id=shown(occasion)) for occasion in found]


def _part(session: Session, occasion: Occasion, revision: Revision, *, restored: bool) -> Part:
    scope: Scope = revision.restored if restored else revision.scope
    named = select(t.scope_premise.c.premise_id).where(
        t.scope_premise.c.occasion_id == occasion.id,
        t.scope_premise.c.version == revision.version,
        t.scope_premise.c.restored.is_(restored),
    )
    held = frozenset(session.scalars(named)) if scope.premises else frozenset()
    return _held(session, scope, held)


def _held(session: Session, scope: Scope, named: frozenset[int]) -> Part:
    """In memory; an area of 500,000 premises is some thousand spans and the ids along its edge."""
    areas = scopes.area_ids(session, scope.areas)
    spans, ids = scopes.held_by_areas(session, areas) if areas else ((), frozenset())
    return Part(
        spans=(*scopes.spans(session, scope.nodes), *spans),
        localities=frozenset(scope.localities),
        premise_ids=named | ids,
        postal_codes=frozenset(scope.postal_codes),
        less=_taken_away(session, scope.less) if scope.less else None,
    )


def _taken_away(session: Session, less: Scope) -> Part:
    return _held(session, less, frozenset(scopes.premise_ids(session, less.premises)))


def _areas(session: Session, occasion: Occasion) -> tuple[str, ...]:
    touched = scopes.whole(session, occasion, occasion.revision).covers(t.premise)
    rows = session.execute(
        select(t.premise.c.locality)
        .where(touched, t.premise.c.closed_at.is_(None))
        .group_by(t.premise.c.locality)
        .order_by(func.count().desc(), t.premise.c.locality)
    )
    return tuple(rows.scalars())


def _customers(session: Session, occasion: Occasion) -> int:
    touched = scopes.whole(session, occasion, occasion.revision).covers(t.premise)
    counted = (
        select(func.count(t.account.c.customer_id.distinct()))
        .select_from(t.premise)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(touched, t.premise.c.closed_at.is_(None), t.account.c.closed_at.is_(None))
    )
    return session.execute(counted).scalar_one()
