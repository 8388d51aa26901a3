"""Builds test data straight through the tables: name only what the test is about."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import Insert, Select, Table, bindparam, insert, select

from outreach.addresses import Keyring
from outreach.model.words import Channel, MessageState, PriorityClass, RunState, StepRunState, Tier
from outreach.store import tables as t
from outreach.store.session import Session

NOW = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
"""02:40 in Santiago, on the night it is for."""
KEYRING = Keyring(seals={1: b"s" * 32}, hashing=b"h" * 32, tokens=b"t" * 32, ids=b"i" * 32)
"""The keys of the `keyring` fixture."""
SEED = b"seed" * 8
ZONE = "America/Santiago"
_numbers = itertools.count(1)


def make_household(session: Session, **changes: Any) -> int:
    return _add(session, t.household, {"ref": f"H{next(_numbers)}"} | changes)


def make_customer(session: Session, *, household: int | None = None, **changes: Any) -> int:
    number = next(_numbers)
    return _add(
        session,
        t.customer,
        {
            "ref": f"K{number}",
            "household_id": household or make_household(session),
            "name_sealed": KEYRING.seal(f"Persona {number}"),
            "locale": "es-CL",
            "zone": ZONE,
            "preferred": None,
            "loaded_at": NOW,
        }
        | changes,
    )


def make_account(session: Session, *, customer: int | None = None, **changes: Any) -> int:
    return _add(
        session,
        t.account,
        {
            "ref": f"C{next(_numbers)}",
            "customer_id": customer or make_customer(session),
            "customer_type": "residential",
            "priority": PriorityClass.C,
            "priority_expired": False,
        }
        | changes,
    )


def make_contact_point(
    session: Session, *, address: str = "", channel: Channel = Channel.SMS, **changes: Any
) -> int:
    """A contact point; its address is drawn from a series if none is named."""
    number = next(_numbers)
    drawn = f"+569{number:08}" if channel is Channel.SMS else f"p{number}@example.com"
    address = address or drawn
    return _add(
        session,
        t.contact_point,
        {
            "channel": channel,
            "address_hash": KEYRING.hash(address),
            "address_sealed": KEYRING.seal(address),
            "country": "CL",
            "prefix": address[:5],
            "customers": 1,
        }
        | changes,
    )


def make_customer_contact(
    session: Session, *, customer: int, contact_point: int, **changes: Any
) -> None:
    values: dict[str, Any] = {
        "customer_id": customer,
        "contact_point_id": contact_point,
        "purpose": "service",
    }
    values |= {"consent": True, "usable": True, "basis": "contract", "loaded_at": NOW} | changes
    _put(session, t.customer_contact, values)


def make_premise(session: Session, *, account: int | None = None, **changes: Any) -> int:
    """A premise, supplied under the account if one is named."""
    values: dict[str, Any] = {"ref": f"P{next(_numbers)}", "transformer": "T1", "tree_order": 1}
    values |= {"locality": "Providencia", "street_sealed": KEYRING.seal("Calle 1"), "zone": ZONE}
    number = _add(session, t.premise, values | changes)
    if account is not None:
        _put(session, t.supply, {"premise_id": number, "account_id": account, "role": "holder"})
    return number


def make_node(session: Session, **changes: Any) -> int:
    number = next(_numbers)
    values: dict[str, Any] = {
        "ref": f"N{number}",
        "kind": "feeder",
        "name": f"Feeder {number}",
        "tree_order": 1,
    }
    return _add(session, t.network_node, values | {"tree_last": 1} | changes)


def make_reach(session: Session, *, customer: int, contact_point: int, premise: int, **changes: Any) -> None:  # fmt: skip
    """One row of `reach`, agreeing with the record it is made of; contact point 0: nothing to write to."""
    asked = {"customer": customer, "premise": premise, "point": contact_point}
    found = session.execute(_reached(), asked).one()
    values: dict[str, Any] = {
        "tree_order": found.tree_order,
        "contact_point_id": contact_point,
        "premise_id": premise,
        "customer_id": customer,
        "household_id": found.household_id,
        "household": found.household_ref,
        "priority": PriorityClass.C,
        "channel": found.channel or "",
        "channels": 1 if contact_point else 0,
        "preferred": found.preferred or "",
        "locale": found.locale,
        "zone": found.zone,
        "locality": found.locality,
        "country": found.country or "",
    }
    _put(session, t.reach, values | changes)


@cache
def _reached() -> Select[Any]:
    """Of a customer, a premise and maybe a contact point: what `reach` repeats."""
    return (
        select(
            t.customer.c.household_id, t.household.c.ref.label("household_ref"), t.customer.c.locale,
            t.customer.c.preferred, t.premise.c.tree_order, t.premise.c.zone, t.premise.c.locality,
            t.contact_point.c.channel, t.contact_point.c.country,
        )
        .join(t.household, t.household.c.id == t.customer.c.household_id)
        .join(t.premise, t.premise.c.id == bindparam("premise"))
        .outerjoin(t.contact_point, t.contact_point.c.id == bindparam("point"))
        .where(t.customer.c.id == bindparam("customer"))
    )  # fmt: skip


def make_occasion(session: Session, *, version: int = 1, **changes: Any) -> int:
    """An active outage with revisions 1 to `version`."""
    values: dict[str, Any] = {
        "kind": "outage",
        "service": "electricity",
        "name": "ALM-F12",
        "source_ref": None,
    }
    values |= {"zone": ZONE, "opened_at": NOW, "version": version, "open": True}
    number = _add(session, t.occasion, values | changes)
    for each in range(1, version + 1):
        make_revision(session, occasion=number, version=each)
    return number


def make_revision(session: Session, *, occasion: int, version: int, **changes: Any) -> None:
    """A further revision; the occasion's own version is left as it is."""
    values: dict[str, Any] = {
        "occasion_id": occasion,
        "version": version,
        "state": "active",
        "scope": {"nodes": ["N1"], "localities": [], "premises": []},
        "restored": {"nodes": [], "localities": [], "premises": []},
        "start_at": NOW,
        "etr_confidence": "medium",
        "known_how": "",
        "cause": "",
        "text": "",
        "source": "person",
        "author": "ana",
        "recorded_at": NOW,
    }
    _put(session, t.revision, values | changes)


def make_run(session: Session, *, occasion: int | None = None, **changes: Any) -> int:
    """An active run, of a new occasion unless one is named."""
    digest = changes.pop("pinned", None) or f"pinned{next(_numbers)}"
    known = select(t.pinned.c.digest).where(t.pinned.c.digest == digest)
    if session.execute(known).first() is None:
        _put(session, t.pinned, {"digest": digest, "body": {}, "at": NOW})
    values: dict[str, Any] = {
        "occasion_id": occasion or make_occasion(session),
        "campaign": f"campaign-{next(_numbers)}",
        "state": RunState.ACTIVE,
        "reason": "",
        "pinned": digest,
        "seed": SEED,
        "seed_hash": hashlib.sha256(SEED).hexdigest(),
        "launched_by": "ana",
        "launched_at": NOW,
    }
    return _add(session, t.run, values | changes)


def make_step_run(session: Session, *, run: int | None = None, **changes: Any) -> int:
    """A frozen wave, of a new run unless one is named; `frozen` counts up as messages are made."""
    values: dict[str, Any] = {
        "run_id": run or make_run(session),
        "step": f"step-{next(_numbers)}",
        "version": 1,
        "wave": 1,
        "tier": int(Tier.BULK),
        "state": StepRunState.FROZEN,
        "template": "opened",
        "audience": "affected",
        "classes": "ABC",
        "created_at": NOW,
        "frozen_at": NOW,
        "frozen": 0,
        "slice_from": 0,
    }
    return _add(session, t.step_run, values | changes)


def make_message(session: Session, *, step_run: int | None = None, **changes: Any) -> int:
    """One message, with its queue row if it is queued; a customer of its own unless named."""
    return make_messages(session, 1, step_run=step_run, **changes)[0]


def make_messages(
    session: Session, how_many: int, *, step_run: int | None = None, **changes: Any
) -> list[int]:
    """Messages of one wave, in ascending rank (`rank` is that of the first), to people of their own."""
    wave = step_run or make_step_run(session)
    first = changes.pop("rank", 0)
    ids = [_message(session, wave, {"rank": first + index} | changes) for index in range(how_many)]
    session.execute(
        t.step_run.update()
        .where(t.step_run.c.id == wave)
        .values(frozen=t.step_run.c.frozen + how_many)
    )
    enqueue(session, ids)
    return ids


def enqueue(session: Session, messages: Iterable[int]) -> None:
    """Queue rows for those of the messages that are queued."""
    m = t.message
    session.execute(
        insert(t.queue).from_select(
            ["pool", "tier", "priority", "rank", "message_id", "step_run_id", "not_before"],
            select(m.c.pool, t.step_run.c.tier, m.c.priority, m.c.rank, m.c.id, m.c.step_run_id, m.c.not_before)
            .join(t.step_run, t.step_run.c.id == m.c.step_run_id)
            .where(m.c.id.in_(list(messages)), m.c.state == MessageState.QUEUED),
        )
    )  # fmt: skip


def make_lane(session: Session, **changes: Any) -> str:
    """A lane on pool `sms:CL` at 100 segments a second."""
    values: dict[str, Any] = {
        "name": "sms",
        "pool": "sms:CL",
        "channel": Channel.SMS,
        "sender": "+56900000000",
    }
    values |= {"rate": 100.0, "fence": 0} | changes
    _put(session, t.lane, values)
    return str(values["name"])


def make_suppression(session: Session, *, address_hash: bytes, **changes: Any) -> None:
    values: dict[str, Any] = {"address_hash": address_hash, "channel": "*", "purpose": "*"}
    values |= {"reason": "asked", "at": NOW} | changes
    _put(session, t.suppression, values)


def state_of(session: Session, message: int) -> MessageState:
    return MessageState(row_of(session, message).state)


def row_of(session: Session, message: int) -> Any:
    """The whole message row; `try` as `row._mapping["try"]`."""
    return session.execute(select(t.message).where(t.message.c.id == message)).one()


def address_hash_of(session: Session, message: int) -> bytes:
    found: bytes = session.execute(
        select(t.contact_point.c.address_hash)
        .join(t.message, t.message.c.contact_point_id == t.contact_point.c.id)
        .where(t.message.c.id == message)
    ).scalar_one()
    return found


def _message(session: Session, wave: int, changes: dict[str, Any]) -> int:
    channel = changes.get("channel", Channel.SMS)
    if "customer_id" not in changes:
        household = changes.get("household_id") or make_household(session)
        changes = changes | {
            "customer_id": make_customer(session, household=household),
            "household_id": household,
        }
    if "contact_point_id" not in changes:
        point = make_contact_point(session, channel=channel)
        make_customer_contact(session, customer=changes["customer_id"], contact_point=point)
        changes = changes | {"contact_point_id": point}
    values: dict[str, Any] = {
        "step_run_id": wave,
        "channel": channel,
        "priority": PriorityClass.C,
        "locale": "es-CL",
        "zone": ZONE,
        "locality": "Providencia",
        "premises": 1,
        "pool": f"{channel}:CL",
        "state": MessageState.QUEUED,
        "try": 0,
        "failures": 0,
    }
    return _add(session, t.message, values | changes)


def _add(session: Session, table: Table, values: dict[str, Any]) -> int:
    number: int = session.execute(_returning(table), values).scalar_one()
    return number


@cache
def _returning(table: Table) -> Insert:
    return insert(table).returning(table.c.id)


def _put(session: Session, table: Table, values: dict[str, Any]) -> None:
    session.execute(insert(table), values)


def make_load(session: Session, **changes: Any) -> None:
    """One load of the record, done."""
    values: dict[str, Any] = {"source": "crm", "loaded_at": NOW, "counts": {}} | changes
    _put(session, t.record_load, values)
