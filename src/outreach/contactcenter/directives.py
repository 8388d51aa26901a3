"""The document that the contact center reads: directives in force, dated, signed, each with its end."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from outreach.contactcenter.directive_rules import Rules
from outreach.model.contactcenter import Directive, DirectiveMode, DirectiveState

SCHEMA = "outreach.directives/1"
MOST = 500
"""Directives of one document; what is less urgent is left out."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def active(states: Iterable[DirectiveState], *, now: datetime) -> list[Directive]:
    """Directives that hold now, the most urgent first, of one urgency those that touch most."""
    held = [state.directive for state in states if state.on and state.directive]
    return sorted(
        (directive for directive in held if directive.expires_at > now),
        key=lambda directive: (
            -directive.priority,
            -(directive.reason.get("value") or 0),
            directive.id,
        ),
    )


def decided_at(states: Iterable[DirectiveState]) -> datetime | None:
    """When somebody last decided; None: never."""
    return max((state.evidence_at for state in states), default=None)


def mode(
    states: Sequence[DirectiveState], *, now: datetime, is_shadow: bool = False
) -> DirectiveMode:
    """`stale` from the minute in which nobody decides any more, whatever the settings say."""
    newest = decided_at(states)
    if newest is None or now - newest > Rules().fresh_for:
        return DirectiveMode.STALE
    return DirectiveMode.SHADOW if is_shadow else DirectiveMode.LIVE


def document(
    states: Sequence[DirectiveState], *, tenant: str, now: datetime, mode: str = "live"
) -> dict[str, Any]:
    """The whole JSON document of directives.schema.json; mode is `live`, `shadow` or `stale`.

    It is dated by its decision, not by its reading: while nothing is decided and nothing ends,
    every reader gets the same bytes. Read while stale it keeps the last generation.
    """
    held = active(states, now=now)[:MOST]
    issued_at = max((each.issued_at for each in held), default=decided_at(states) or _EPOCH)
    return {
        "schema": SCHEMA,
        "tenant": tenant,
        "generation": max((state.generation for state in states), default=1),
        "issued_at": _written(issued_at),
        "not_after": _written(
            max((each.expires_at for each in held), default=issued_at + Rules().lease)
        ),
        "mode": str(mode),
        "directives": [as_json(directive) for directive in held],
    }


def as_bytes(document: dict[str, Any]) -> bytes:
    """The document as it travels: UTF-8, no escapes."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def as_json(directive: Directive) -> dict[str, Any]:
    """One directive as it travels, instants in UTC, whole numbers without a decimal point."""
    body = asdict(directive) | {"kind": directive.kind.value, "on_expiry": "default_flow"}
    for name in ("state_since", "issued_at", "expires_at"):
        body[name] = _written(body[name])
    plain: dict[str, Any] = _plain(body)
    return plain


def signature(body: dict[str, Any], key: bytes) -> str:
    """Lower-hex HMAC-SHA256 over the directive without `sig`: keys sorted, no blanks, UTF-8."""
    unsigned = {name: value for name, value in body.items() if name != "sig"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def is_genuine(body: dict[str, Any], key: bytes) -> bool:
    """Whether a directive is as it was signed."""
    return hmac.compare_digest(str(body.get("sig", "")).encode(), signature(body, key).encode())


def _plain(value: Any) -> Any:
    """20.0 becomes 20, and figures have six digits: every language writes those alike, and so signs alike."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        rounded = round(value, 6)
        return int(rounded) if rounded.is_integer() else rounded
    return value


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
