"""Reads all rows that are about one person, sealed as they stand, by the name of what they are."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, or_, select

from outreach.store import bulk, tables as t
from outreach.store.session import Session

Rows = list[dict[str, Any]]


def everything(session: Session, customer: int, hashes: Collection[bytes]) -> dict[str, Rows]:
    """Section -> rows by column. `hashes`: every form under which the person's addresses may stand."""
    found = _of_record(customer) | _of_talk(session, customer, hashes) | _of_ledger(customer)
    return {
        name: [dict(row) for row in session.execute(asked).mappings()]
        for name, asked in found.items()
    }


def hashes(session: Session, customer: int) -> list[tuple[bytes, bytes]]:
    """(hash, sealed address) of the contact points that the person holds."""
    p, link = t.contact_point.c, t.customer_contact.c
    held = (
        select(p.address_hash, p.address_sealed)
        .join(t.customer_contact, link.contact_point_id == p.id)
        .where(link.customer_id == customer)
        .distinct()
    )
    return [(bytes(row[0]), bytes(row[1])) for row in session.execute(held)]


def _of_record(customer: int) -> dict[str, Select[Any]]:
    c, a, s, p = t.customer.c, t.account.c, t.supply.c, t.premise.c
    link, point = t.customer_contact.c, t.contact_point.c
    source = t.record_source.c
    return {
        "customer": select(
            c.ref, c.name_sealed, c.locale, c.zone, c.preferred, c.loaded_at, c.closed_at
        ).where(c.id == customer),
        "accounts": select(
            a.ref, a.customer_type, a.priority, a.life_support, a.life_support_on,
            a.life_support_until, a.updated_on, a.closed_at, a.body_sealed, a.loaded_at,
            source.name.label("source"), a.source_record,
        ).join(t.record_source, source.id == a.source_id, isouter=True)
        .where(a.customer_id == customer).order_by(a.ref),
        "premises": select(
            p.ref, s.role, p.street_sealed, p.locality, p.postal_code, p.latitude, p.longitude,
            p.transformer, p.loaded_at, source.name.label("source"), p.source_record,
        ).join(t.supply, s.premise_id == p.id)
        .join(t.account, a.id == s.account_id)
        .join(t.record_source, source.id == p.source_id, isouter=True)
        .where(a.customer_id == customer).order_by(p.ref),
        "contact_points": select(
            point.channel, point.address_sealed, link.purpose, link.consent, link.usable,
            link.basis, link.loaded_at, point.bad_since, point.customers.label("held_by"),
        ).join(t.customer_contact, link.contact_point_id == point.id)
        .where(link.customer_id == customer).order_by(point.channel, point.id),
        "tags": select(t.customer_tag.c.tag).where(t.customer_tag.c.customer_id == customer),
    }  # fmt: skip


def _of_talk(session: Session, customer: int, hashes: Collection[bytes]) -> dict[str, Select[Any]]:
    s, c, r, k = t.suppression.c, t.consent_change.c, t.reply.c, t.call.c
    d = t.dialogue.c
    return {
        "suppressions": select(s.channel, s.purpose, s.reason, s.at)
        .where(bulk.among(session, s.address_hash, hashes)).order_by(s.at),
        "consent_changes": select(c.at, c.channel, c.purpose, c.gave, c.via)
        .where(bulk.among(session, c.address_hash, hashes)).order_by(c.id),
        "preferences": select(
            *(each for each in t.preference.c if each.name != "customer_id")
        ).where(t.preference.c.customer_id == customer),
        "replies": select(
            r.at, r.channel, r.provider, r.address_sealed, r.body_sealed, r.meaning, r.outcome,
            r.answered,
        ).where(or_(r.customer_id == customer, bulk.among(session, r.address_hash, hashes)))
        .order_by(r.at),
        "questions_open": select(d.channel, d.asks, d.asked_at, d.expires_at)
        .where(bulk.among(session, d.address_hash, hashes)),
        "calls": select(
            k.at, k.kind, k.dnis, k.queue, k.contained, k.abandoned, k.wait_s, k.talk_s,
            k.wrap_up, k.source,
        ).where(bulk.among(session, k.address_hash, hashes)).order_by(k.at),
    }  # fmt: skip


def _of_ledger(customer: int) -> dict[str, Select[Any]]:
    n, k, o = t.answer.c, t.task.c, t.report.c
    s, a, q = t.supply.c, t.account.c, t.person_request.c
    home = (
        select(s.premise_id).join(t.account, a.id == s.account_id).where(a.customer_id == customer)
    )
    return {
        "answers": select(n.at, n.via, n.meaning, n.said_by).where(n.customer_id == customer),
        "tasks": select(
            k.kind, k.why, k.opened_at, k.taken_at, k.closed_at, k.outcome, k.note_sealed
        ).where(k.customer_id == customer).order_by(k.id),
        "reports": select(o.at, o.via, o.meaning).where(o.premise_id.in_(home)).order_by(o.at),
        "requests": select(q.kind, q.asked_at, q.reason, q.done_at)
        .where(q.customer_id == customer).order_by(q.id),
    }  # fmt: skip
