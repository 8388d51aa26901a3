"""Directives between two minutes: whether on, since when, what was last signed; and what only SQL can count for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, case, delete, func, insert, literal, or_, select

from outreach.model.contactcenter import Directive, DirectiveKind, DirectiveState
from outreach.model.words import RunState
from outreach.store import calls, tables as t
from outreach.store.session import Session

_INSTANTS = ("state_since", "issued_at", "expires_at")
_MOST_CALLS = 20_000
_MOST_RUNS = 100
_TELEPHONES = ("sms", "voice")


def load(session: Session) -> tuple[DirectiveState, ...]:
    """Every directive ever decided here, in order of kind and scope."""
    wanted = select(t.directive).order_by(t.directive.c.kind, t.directive.c.scope_key)
    return tuple(_state(row) for row in session.execute(wanted).mappings())


def save(session: Session, states: Iterable[DirectiveState]) -> None:
    """Replaces what is remembered by these; there are a few dozen at most."""
    rows = [_row(state) for state in states]
    session.execute(delete(t.directive))
    if rows:
        session.execute(insert(t.directive), rows)


def generation(session: Session) -> int:
    """Of the newest decision; 0 before the first. Cheap: a reader asks several times a second."""
    return int(session.scalar(select(func.max(t.directive.c.generation))) or 0)


def repeated_households(
    session: Session, *, numbers: Sequence[str], since: datetime, until: datetime, least: int
) -> int:
    """Households (unknown callers: numbers) with so many calls in [since, until), of the newest 20,000 calls."""
    recent = (
        select(t.call.c.address_hash)
        .where(
            calls.within(numbers, since, until),
            t.call.c.kind == "call",
            t.call.c.address_hash.is_not(None),
        )
        .order_by(t.call.c.at.desc())
        .limit(_MOST_CALLS)
        .subquery()
    )
    hashed = (
        select(recent.c.address_hash, func.count().label("calls"))
        .group_by(recent.c.address_hash)
        .subquery()
    )
    point, held = t.contact_point, t.customer_contact
    household = (
        select(func.min(t.customer.c.household_id))
        .join(held, held.c.customer_id == t.customer.c.id)
        .join(point, point.c.id == held.c.contact_point_id)
        .where(point.c.channel.in_(_TELEPHONES), point.c.address_hash == hashed.c.address_hash)
        .scalar_subquery()
    )
    known = select(household.label("household"), hashed.c.calls).subquery()
    alone = case((known.c.household.is_(None), known.c.calls), else_=0)
    together = (
        select(func.sum(known.c.calls).label("calls"))
        .where(known.c.household.is_not(None))
        .group_by(known.c.household)
        .subquery()
    )
    strangers = session.scalar(select(func.count()).select_from(known).where(alone >= least))
    families = session.scalar(
        select(func.count()).select_from(together).where(together.c.calls >= least)
    )
    return int(strangers or 0) + int(families or 0)


def missed_estimates(
    session: Session, occasions: Collection[int], *, now: datetime
) -> dict[int, int]:
    """occasion -> estimates told to customers that were missed, or have passed; none: absent."""
    p = t.promise.c
    passed = p.settled_at.is_(None) & (p.etr_at < now)
    rows = session.execute(
        select(p.occasion_id, func.count())
        .where(p.occasion_id.in_(list(occasions)), or_(p.kept.is_(False), passed))
        .group_by(p.occasion_id)
    )
    return {row[0]: row[1] for row in rows}


def sending(
    session: Session, *, since: datetime, paused_like: str
) -> list[tuple[int, int, str, str, str]]:
    """(run, occasion, campaign, state, reason) of the newest runs that are sending.

    Those that we paused ourselves (reason begins with `paused_like`) are among them, however old.
    """
    r = t.run.c
    is_ours = (r.state == RunState.PAUSED) & r.reason.startswith(paused_like, autoescape=True)
    is_busy = (
        (r.state == RunState.ACTIVE)
        & (r.launched_at >= since)
        & select(literal(1))
        .where(t.step_run.c.run_id == r.id, t.queue.c.step_run_id == t.step_run.c.id)
        .exists()
    )
    rows = session.execute(
        select(r.id, r.occasion_id, r.campaign, r.state, r.reason)
        .where(r.drill.is_(False), or_(is_ours, is_busy))
        .order_by(r.id.desc())
        .limit(_MOST_RUNS)
    )
    return [tuple(row) for row in rows]


def _row(state: DirectiveState) -> dict[str, Any]:
    return {
        "kind": state.kind.value,
        "scope_key": state.scope_key,
        "generation": state.generation,
        "on": state.on,
        "state_since": state.state_since,
        "confirmations": state.confirmations,
        "body": {"heard": state.heard} | (_body(state.directive) if state.directive else {}),
        "evidence_at": state.evidence_at,
        "expires_at": state.expires_at,
    }


def _body(directive: Directive) -> dict[str, Any]:
    body = asdict(directive)
    return body | {name: body[name].isoformat() for name in _INSTANTS}


def _state(row: RowMapping) -> DirectiveState:
    return DirectiveState(
        kind=DirectiveKind(row["kind"]),
        scope_key=row["scope_key"],
        generation=row["generation"],
        on=row["on"],
        state_since=row["state_since"],
        confirmations=row["confirmations"],
        evidence_at=row["evidence_at"],
        expires_at=row["expires_at"],
        directive=_directive(row["body"]) if "sig" in row["body"] else None,
        heard=row["body"].get("heard", {}),
    )


def _directive(body: dict[str, Any]) -> Directive:
    said = {name: value for name, value in body.items() if name != "heard"}
    read = said | {name: datetime.fromisoformat(body[name]) for name in _INSTANTS}
    return Directive(**read | {"kind": DirectiveKind(body["kind"])})
