"""What the contact center is told to do, minute by minute; all of it expires by itself."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.contactcenter.directive_evidence import Evidence, OutageEvidence, effect
from outreach.contactcenter.directive_rules import (
    Rules,
    Wish,
    first,
    lapsed,
    next_state,
    switched,
)
from outreach.model.contactcenter import Directive, DirectiveKind, DirectiveState
from outreach.model.errors import InputRefused

SCHEMA = "outreach.directives/1"
_PRIORITIES = {
    DirectiveKind.PRIORITY_QUEUE: 100,
    DirectiveKind.IVR_UPFRONT: 60,
    DirectiveKind.WAIT_ANNOUNCEMENT: 40,
    DirectiveKind.DIGITAL_SHIFT: 30,
}
_SAFETY_PRIORITY = 90
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What a directive says while it is on, before it is dated and signed."""

    scope: dict[str, Any]
    params: dict[str, Any]
    reason: dict[str, Any]
    expires_at: datetime
    priority: int


def decide(
    evidence: Evidence,
    previous: Sequence[DirectiveState],
    *,
    now: datetime,
    key: bytes,
    rules: Rules | None = None,
) -> tuple[DirectiveState, ...]:
    """The states after this minute; those on carry their signed directive.

    previous: what the last call returned. key: signs; InputRefused if it is empty. The generation
    rises at every call, so that a consumer can tell an old document from a newer one.
    """
    if not key:
        raise InputRefused(
            "contactcenter.directive_key: empty; set a secret, directives are signed"
        )
    rules = rules or Rules()
    known = {(state.kind, state.scope_key): state for state in previous}
    minute = _Minute(evidence=evidence, now=now, rules=rules, known=known, key=key)
    return tuple(minute.states())


def active(states: Iterable[DirectiveState], *, now: datetime) -> list[Directive]:
    """Directives that hold now, the most urgent first."""
    held = [state.directive for state in states if state.on and state.directive]
    return sorted(
        (directive for directive in held if directive.expires_at > now),
        key=lambda directive: (-directive.priority, directive.id),
    )


def document(
    states: Sequence[DirectiveState], *, tenant: str, now: datetime, mode: str = "live"
) -> dict[str, Any]:
    """The whole JSON document of directives.schema.json; mode is `live`, `shadow` or `stale`.

    In shadow mode consumers log what they would have done, and do nothing.
    """
    held = active(states, now=now)
    lease = Rules().lease
    return {
        "schema": SCHEMA,
        "tenant": tenant,
        "generation": max((state.generation for state in states), default=1),
        "issued_at": _written(now),
        "not_after": _written(max((each.expires_at for each in held), default=now + lease)),
        "mode": mode,
        "directives": [as_json(directive) for directive in held],
    }


def as_json(directive: Directive) -> dict[str, Any]:
    """One directive as it travels, instants in UTC."""
    body = asdict(directive) | {"kind": directive.kind.value, "on_expiry": "default_flow"}
    for name in ("state_since", "issued_at", "expires_at"):
        body[name] = _written(body[name])
    return body


def signature(body: dict[str, Any], key: bytes) -> str:
    """Lower-hex HMAC-SHA256 over the directive without `sig`: keys sorted, no blanks, UTF-8."""
    unsigned = {name: value for name, value in body.items() if name != "sig"}
    text = json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def is_genuine(body: dict[str, Any], key: bytes) -> bool:
    """Whether a directive is as it was signed."""
    return hmac.compare_digest(str(body.get("sig", "")).encode(), signature(body, key).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minute:
    """One evaluation of every directive."""

    evidence: Evidence
    now: datetime
    rules: Rules
    known: dict[tuple[DirectiveKind, str], DirectiveState]
    key: bytes

    def states(self) -> Iterator[DirectiveState]:
        queue = self.evidence.queue
        decided = [self._priority(queue), *map(self._front, self.evidence.outages)]
        decided += [
            self._by_wait(DirectiveKind.WAIT_ANNOUNCEMENT, queue, self._announcement()),
            self._by_wait(DirectiveKind.DIGITAL_SHIFT, queue, self._shift()),
        ]
        seen = {(state.kind, state.scope_key) for state in decided}
        # an outage no longer named keeps its lease, and then is off
        decided += [
            lapsed(state, self.now) for place, state in self.known.items() if place not in seen
        ]
        generation = 1 + max((state.generation for state in self.known.values()), default=0)
        for state in decided:
            yield replace(state, generation=generation)

    def _before(self, kind: DirectiveKind, scope_key: str) -> DirectiveState:
        return self.known.get((kind, scope_key)) or first(kind, scope_key, long_ago=_LONG_AGO)

    def _is_fresh(self) -> bool:
        return self.now - self.evidence.at <= self.rules.fresh_for

    def _priority(self, queue: str) -> DirectiveState:
        """Class A never waits on a metric: always on, renewed whatever the evidence."""
        state = self._before(DirectiveKind.PRIORITY_QUEUE, queue)
        if not state.on:
            state = switched(state, self.now)
        said = _Said(
            scope={"queue": queue, "classes": ["A"]},
            params={"target": self.evidence.priority_target, "skip_upfront": True},
            reason={"metric": "class_a_caller", "value": None, "on": None, "off": None},
            expires_at=self.now + self.rules.lease,
            priority=_PRIORITIES[DirectiveKind.PRIORITY_QUEUE],
        )
        return self._signed(replace(state, evidence_at=self.now), said)

    def _front(self, outage: OutageEvidence) -> DirectiveState:
        """Facts switch it at once: confirmations are for noisy metrics, not for what people decide."""
        state = lapsed(self._before(DirectiveKind.IVR_UPFRONT, outage.shown_id), self.now)
        if not self._is_fresh():
            return state
        said = self._told(outage)
        wish = outage.wish(self.now, self.rules) if said.expires_at > self.now else Wish.OFF
        if wish is (Wish.OFF if state.on else Wish.ON):
            state = switched(state, self.now)
        state = replace(state, evidence_at=self.evidence.at)
        return self._signed(state, said) if state.on else state

    def _told(self, outage: OutageEvidence) -> _Said:
        priority = _SAFETY_PRIORITY if outage.is_safety else _PRIORITIES[DirectiveKind.IVR_UPFRONT]
        return _Said(
            scope={"zones": list(outage.zones), "queue": self.evidence.queue},
            params={
                "text_class": outage.text_class(self.now),
                "text_ref": outage.text_ref,
                "seconds": outage.seconds,
            },
            reason={
                "metric": "affected_customers",
                "value": outage.affected,
                "on": outage.threshold(self.rules),
                "off": None,
            },
            expires_at=self._front_ends(outage),
            priority=priority,
        )

    def _front_ends(self, outage: OutageEvidence) -> datetime:
        """Ten minutes; up to thirty where the next news is promised; never past ETR + 15."""
        ends = self.evidence.at + self.rules.lease
        if outage.fresh_until is not None:
            ends = min(self.evidence.at + self.rules.front_lease, outage.fresh_until)
        if outage.etr_at is not None and outage.restored_at is None:
            ends = min(ends, outage.etr_at + self.rules.past_etr)
        return ends

    def _by_wait(self, kind: DirectiveKind, queue: str, said: _Said) -> DirectiveState:
        state = next_state(
            self._before(kind, queue),
            wish := self.evidence.waits.wish(self.rules),
            evidence_at=self.evidence.at,
            now=self.now,
            rules=self.rules,
        )
        renews = state.on and wish is not Wish.UNKNOWN and self._is_fresh()
        return self._signed(state, said) if renews else state

    def _announcement(self) -> _Said:
        return self._on_wait(
            {"queue": self.evidence.queue},
            {"band": self.evidence.waits.band, "text_ref": self.rules.wait_text},
            DirectiveKind.WAIT_ANNOUNCEMENT,
        )

    def _shift(self) -> _Said:
        scope = {"queue": self.evidence.queue, "lines": ["mobile"], "classes": ["B", "C"]}
        return self._on_wait(
            scope,
            {"consent": "press_1", "per_household_min": self.rules.household_pause_min},
            DirectiveKind.DIGITAL_SHIFT,
        )

    def _on_wait(self, scope: dict[str, Any], params: dict[str, Any], kind: DirectiveKind) -> _Said:
        return _Said(
            scope=scope,
            params=params,
            reason={
                "metric": "p80_wait_s",
                "value": self.evidence.waits.p80_s,
                "on": self.rules.wait_on_s,
                "off": self.rules.wait_off_s,
            },
            expires_at=self.evidence.at + self.rules.lease,
            priority=_PRIORITIES[kind],
        )

    def _signed(self, state: DirectiveState, said: _Said) -> DirectiveState:
        unsigned = Directive(
            id=f"{state.kind}:{state.scope_key}",
            kind=state.kind,
            scope=said.scope,
            priority=said.priority,
            params=said.params,
            state_since=state.state_since,
            issued_at=self.now,
            expires_at=min(said.expires_at, self.now + timedelta(minutes=30)),
            reason=said.reason,
            evidence=effect(self.evidence.deflection),
            approved_by="auto",
        )
        signed = replace(unsigned, sig=signature(as_json(unsigned), self.key))
        return replace(state, directive=signed, expires_at=signed.expires_at)


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
