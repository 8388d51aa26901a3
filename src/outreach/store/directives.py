"""Directives between two minutes: whether on, since when, and what was last signed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select

from outreach.model.contactcenter import Directive, DirectiveKind, DirectiveState
from outreach.store import tables as t
from outreach.store.session import Session

_INSTANTS = ("state_since", "issued_at", "expires_at")


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


def _row(state: DirectiveState) -> dict[str, Any]:
    return {
        "kind": state.kind.value,
        "scope_key": state.scope_key,
        "generation": state.generation,
        "on": state.on,
        "state_since": state.state_since,
        "confirmations": state.confirmations,
        "body": _body(state.directive) if state.directive else {},
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
        directive=_directive(row["body"]) if row["body"] else None,
    )


def _directive(body: dict[str, Any]) -> Directive:
    read = body | {name: datetime.fromisoformat(body[name]) for name in _INSTANTS}
    return Directive(**read | {"kind": DirectiveKind(body["kind"])})
