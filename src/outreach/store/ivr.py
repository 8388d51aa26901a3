"""What the IVR asks while somebody waits on the line: who calls, and what is true for them.

Callers are read through the driver's own connection: a third of the cost of SQLAlchemy Core.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from outreach.model.contactcenter import CallerPremise, LiveTruth, Part
from outreach.model.errors import StoreUnusable
from outreach.model.occasion import Occasion, Revision, Scope
from outreach.store import occasions, scopes, tables as t
from outreach.store.session import Database, Session

SHARED_BY_MANY = 10
"""An address of more customers than this (a switchboard, a shop) identifies nobody."""
MOST_PREMISES = 50
ANSWER_WITHIN_MS = 200
MAPPED_BYTES = 8 << 30

_COLUMNS = "pr.id, pr.tree_order, pr.locality, pr.zone, a.priority, c.locale, c.id, a.customer_type, pr.postal_code"
_SUPPLIES = """
JOIN supply s ON s.account_id = a.id
JOIN premise pr ON pr.id = s.premise_id AND pr.closed_at IS NULL
"""
_BY_ADDRESS = f"""
SELECT {_COLUMNS}
FROM contact_point p
JOIN customer_contact cc ON cc.contact_point_id = p.id
JOIN customer c ON c.id = cc.customer_id AND c.closed_at IS NULL
JOIN account a ON a.customer_id = c.id AND a.closed_at IS NULL
{_SUPPLIES}
WHERE p.channel IN ('voice', 'sms') AND p.address_hash = ? AND p.customers <= {SHARED_BY_MANY}
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

    def by_address(self, address_hash: bytes) -> tuple[CallerPremise, ...]:
        """Current supplies of whoever holds this address; empty if shared by many or unknown."""
        return self._ask(self._by_address, address_hash)

    def by_account(self, ref: str) -> tuple[CallerPremise, ...]:
        """Current supplies of one account; empty if unknown or closed."""
        return self._ask(self._by_account, ref)

    def _ask(self, sql: str, value: bytes | str) -> tuple[CallerPremise, ...]:
        try:
            rows = self._connection().execute(sql, (value,)).fetchall()
        except Exception as error:
            self._forget()
            raise StoreUnusable(
                "the record of callers cannot be read; see `outreach doctor`"
            ) from error
        return tuple(_premise(row) for row in dict.fromkeys(map(tuple, rows)))

    def _connection(self) -> Any:
        held = getattr(self._held, "raw", None)
        if held is None:
            pooled = self._database.engine.raw_connection()
            held = pooled.driver_connection
            pooled.detach()  # ours for good: the pool neither resets nor hands it out
            (_read_from_memory if self.is_local else _never_wait)(held)
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


def _read_from_memory(connection: Any) -> None:
    """Pages by the memory map: a read call for each costs more than the whole query."""
    for pragma in (f"mmap_size={MAPPED_BYTES}", "cache_size=-65536", "query_only=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _never_wait(connection: Any) -> None:
    connection.autocommit = True
    connection.execute(f"SET statement_timeout = {ANSWER_WITHIN_MS}")


def _premise(row: tuple[Any, ...]) -> CallerPremise:
    premise_id, tree_order, locality, zone, priority, locale, customer_id, customer_type, code = row
    return CallerPremise(
        premise_id=premise_id,
        tree_order=tree_order,
        locality=locality,
        zone=zone,
        priority=priority,
        locale=locale,
        customer_id=customer_id,
        customer_type=customer_type,
        postal_code=code,
    )


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
    found = occasions.since(session, since)
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
