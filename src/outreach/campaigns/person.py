"""What a person may ask of their data: all of it in one document, its end, or that it is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from outreach.addresses import Keyring
from outreach.campaigns import explain
from outreach.settings import Settings
from outreach.store import audit, erasing, person_requests, person_rows, scrubbing, tables as t
from outreach.store.erasing import Erased
from outreach.store.session import Database

PREFIX = "per"
OWED_WITHIN = timedelta(days=30)
"""LGPD gives 15 days for the full statement, GDPR art. 12(3) one month, Ley 21.719 art. 11 thirty days."""
KINDS = ("export", "erase", "restrict", "lift")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks for what, and why, as it is kept; the reason must name nobody."""

    by: str
    reason: str
    now: datetime


def ask(database: Database, keyring: Keyring, customer: int, kind: str, asked: Asked) -> int:
    """Notes a request that is to be done later; its number."""
    with database.write() as session:
        number = person_requests.ask(
            session, customer, kind, by=asked.by, reason=asked.reason, now=asked.now
        )
        _audit(session, keyring, customer, f"asked.{kind}", asked, request=number)
    return number


def export(
    database: Database, settings: Settings, keyring: Keyring, customer: int, asked: Asked
) -> dict[str, Any]:
    """Everything that is held on a person, opened, by section; every row with its source, time and basis.

    What belongs to others is not in it: other holders of an address are a number.
    """
    with database.read() as session:
        points = person_rows.hashes(session, customer)
        forms = {form for _hash, sealed in points for form in keyring.forms(keyring.open(sealed))}
        rows = person_rows.everything(session, customer, forms | {one[0] for one in points})
    opened = {name: [_opened(keyring, row) for row in found] for name, found in rows.items()}
    opened["messages"], opened["not_sent"] = _told(database, settings, keyring, customer)
    with database.write() as session:
        _done(session, keyring, customer, "export", asked)
    return {"made_at": asked.now, "company": settings.company.name, "held": opened}


def erase(
    database: Database,
    keyring: Keyring,
    customer: int,
    asked: Asked,
    *,
    draw: Callable[[int], bytes],
) -> Erased:
    """Takes the person out, in one transaction; refs are remembered by keyed hash, so that a return shows.

    GuardRefused while a message to them is in a sender's hands.
    """
    with scrubbing.overwriting(database) as session:
        erased = erasing.erase(session, keyring, customer, now=asked.now, draw=draw)
        number = _done(session, keyring, customer, "erase", asked, **erased.counts)
        erasing.remember(session, keyring, erased.refs, request=number, now=asked.now)
    scrubbing.forget_log(database)
    return erased


def restrict(database: Database, keyring: Keyring, customer: int, asked: Asked) -> tuple[int, int]:
    """Writes to the person only where life is at stake: (addresses stopped, addresses others hold too)."""
    with database.write() as session:
        stopped = person_requests.restrict(session, now=asked.now, customer=customer)
        _done(session, keyring, customer, "restrict", asked, addresses=stopped)
        return stopped, person_requests.shared_points(session, customer)


def lift(database: Database, keyring: Keyring, customer: int, asked: Asked) -> int:
    """Takes a restriction back; how many addresses may be written to again. Opt-outs stay."""
    with database.write() as session:
        lifted = person_requests.lift(session, customer, now=asked.now)
        _done(session, keyring, customer, "lift", asked, addresses=lifted)
    return lifted


def after_load(database: Database, keyring: Keyring, *, since: datetime, now: datetime) -> int:
    """Restricts the new addresses of restricted people; how many erased people the source brought back.

    `since`: when the load began. Each hash costs 2 µs, and only where anybody was erased.
    """
    with database.write() as session:
        person_requests.restrict(session, now=now)
        if not erasing.any_remembered(session):
            return 0
        refs = {*erasing.loaded_since(session, t.account, since)}
        refs |= {*erasing.loaded_since(session, t.customer, since)}
        hashes = [form for ref in refs for form in keyring.forms(f"ref {ref}")]
        back = erasing.mark_back(session, hashes, now=now) if hashes else []
        for number in back:
            audit.write(session, "record", "person.came_back", f"request:{number}", now=now)
    return len(back)


def _done(
    session: Any, keyring: Keyring, customer: int, kind: str, asked: Asked, **counts: int
) -> int:
    number = person_requests.done(
        session, customer, kind, by=asked.by, reason=asked.reason, now=asked.now
    )
    _audit(session, keyring, customer, kind, asked, request=number, **counts)
    return number


def _audit(
    session: Any, keyring: Keyring, customer: int, did: str, asked: Asked, **detail: int
) -> None:
    """Opaque ids and counts alone: neither ref nor reason, which may name somebody."""
    subject = keyring.public_id(PREFIX, customer)
    audit.write(session, asked.by, f"person.{did}", subject, now=asked.now, **detail)


def _opened(keyring: Keyring, row: Mapping[str, Any]) -> dict[str, Any]:
    """`body_sealed` becomes `body`, in clear."""
    opened: dict[str, Any] = {}
    for name, value in row.items():
        if not name.endswith("_sealed"):
            opened[name] = value
        else:
            clear = keyring.open(value) if value else ""
            opened[name.removesuffix("_sealed")] = _read(clear)
    return opened


def _read(clear: str) -> Any:
    """What an account said is kept as JSON."""
    return json.loads(clear) if clear.startswith("[") else clear


def _told(
    database: Database, settings: Settings, keyring: Keyring, customer: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = explain.explain(database, settings, customer, keyring=keyring)
    messages = [
        {
            "id": keyring.public_id("msg", one.sent.recipient.id),
            "occasion": one.sent.occasion_name,
            "campaign": one.sent.recipient.campaign,
            "step": one.sent.recipient.step,
            "channel": one.sent.recipient.channel.value,
            "to": keyring.open(one.sent.recipient.address_sealed),
            "purpose": one.sent.recipient.purpose,
            "basis": one.sent.basis,
            "state": one.sent.state.value,
            "at": one.sent.delivered_at or one.sent.accepted_at or one.sent.created_at,
            "provider": one.sent.provider,
            "subject": one.content.subject if one.content else None,
            "text": one.content.text if one.content else None,
            "text_is": one.proof.value,
            "receipts": [{"says": h.says, "at": h.at} for h in one.heard],
        }
        for one in found.told
    ]
    unsent = [
        {"occasion": one.occasion_name, "campaign": one.campaign, "step": one.step, "at": one.at,
         "reason": one.reason.value}
        for one in found.left_out
    ]  # fmt: skip
    return messages, unsent
