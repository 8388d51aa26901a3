"""A consumer of directives as an integrator would write it: standard library only, to be read and copied.

It fetches nothing. Give it each document as it comes, by whatever way, and ask it what is in force:

    consumer = Consumer(key=b"the shared secret")
    taken = consumer.take(document, now=now)
    for directive in consumer.in_force(now=now, zone="Ñuñoa"):
        ...

What it does not know, does not trust, or is over, it ignores: then the platform's own flow goes on.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SCHEMA = "outreach.directives/1"
KINDS = frozenset(
    {
        "ivr_upfront", "wait_announcement", "callback_offer", "digital_shift", "overflow_queue",
        "priority_queue", "skill_calm", "campaign_pace",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a document: ids that count, and why others do not."""

    accepted: tuple[str, ...] = ()
    ignored: Mapping[str, str] = field(default_factory=dict)
    """Directive id, or `document` -> bad_signature, expired, unknown_kind, lower_generation, …"""
    is_shadow: bool = False
    """Log what you would have done; nothing of it is in force."""


class Consumer:
    """Keeps the newest document's directives until they end."""

    def __init__(self, *, key: bytes) -> None:
        self._key = key
        self._generation = 0
        self._held: tuple[dict[str, Any], ...] = ()

    def take(self, document: Mapping[str, Any], *, now: datetime) -> Taken:
        """Replaces what is held, unless the document is older or of a schema we do not know.

        The same generation again is welcome: it is the same document, with less in it where
        something has ended. In shadow mode nothing is held.
        """
        try:
            generation = int(document["generation"])
            found = [dict(each) for each in document["directives"]]
        except (KeyError, TypeError, ValueError):
            return Taken(ignored={"document": "malformed"})
        if document.get("schema") != SCHEMA:
            return Taken(ignored={"document": "unknown_schema"})
        if generation < self._generation:
            return Taken(ignored={"document": "lower_generation"})
        verdicts = {str(each.get("id", "?")): self._refused(each, now) for each in found}
        good = tuple(each for each in found if not verdicts[str(each.get("id", "?"))])
        is_shadow = document.get("mode") == "shadow"
        self._generation = generation
        self._held = () if is_shadow else good
        return Taken(
            accepted=tuple(str(each["id"]) for each in good),
            ignored={name: why for name, why in verdicts.items() if why},
            is_shadow=is_shadow,
        )

    def in_force(
        self, *, now: datetime, zone: str = "", priority: str = "C", line: str = "any"
    ) -> list[dict[str, Any]]:
        """What holds for such a caller, the highest priority first; of one kind, one.

        Class A skips what is told up front, except danger: safety cannot be overridden.
        """
        found: dict[str, dict[str, Any]] = {}
        caller = {"zones": zone, "classes": priority, "lines": line}
        for each in sorted(self._held, key=lambda one: -one["priority"]):
            if now < _instant(each["expires_at"]) and _is_for(each["scope"], caller):
                found.setdefault(each["kind"], each)
        if "priority_queue" in found and not _is_safety(found.get("ivr_upfront")):
            found.pop("ivr_upfront", None)
        return list(found.values())

    def _refused(self, directive: Mapping[str, Any], now: datetime) -> str:
        """Why it does not count; empty: it does."""
        if directive.get("kind") not in KINDS:
            return "unknown_kind"
        said = str(directive.get("sig", "")).encode()
        if not hmac.compare_digest(said, self._signature(directive).encode()):
            return "bad_signature"
        return "" if now < _instant(directive["expires_at"]) else "expired"

    def _signature(self, directive: Mapping[str, Any]) -> str:
        unsigned = {name: value for name, value in directive.items() if name != "sig"}
        text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hmac.new(self._key, text.encode(), "sha256").hexdigest()


def _is_for(scope: Mapping[str, Any], caller: Mapping[str, str]) -> bool:
    """A scope names whom it is for; what it does not name it does not restrict."""
    return all(
        not scope.get(name) or "any" in scope[name] or value in scope[name]
        for name, value in caller.items()
    )


def _is_safety(directive: Mapping[str, Any] | None) -> bool:
    return directive is not None and directive["params"].get("text_class") == "safety"


def _instant(written: str) -> datetime:
    return datetime.fromisoformat(written)
