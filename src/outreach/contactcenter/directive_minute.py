"""Decides every directive once a minute: what is asked, what its state allows, what is signed; all of it expires."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from outreach.contactcenter import directive_asks
from outreach.contactcenter.directive_asks import Asked
from outreach.contactcenter.directive_evidence import Evidence, effect
from outreach.contactcenter.directive_rules import (
    Rules,
    Wish,
    first,
    is_fresh,
    lapsed,
    next_state,
    switched,
)
from outreach.contactcenter.directive_words import words
from outreach.contactcenter.directives import as_json, signature
from outreach.model.contactcenter import Directive, DirectiveKind, DirectiveState
from outreach.model.errors import InputRefused

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_FORGOTTEN_AFTER = timedelta(days=1)
"""What is off and no longer spoken of for so long is dropped."""
_Place = tuple[DirectiveKind, str]


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
    rises at every call, for every call renews leases and so changes the document.
    """
    if not key:
        raise InputRefused(
            "contactcenter.directive_key: empty; set a secret, directives are signed"
        )
    known = {(state.kind, state.scope_key): state for state in previous}
    minute = _Minute(evidence=evidence, now=now, rules=rules or Rules(), known=known, key=key)
    return tuple(minute.states())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minute:
    """One evaluation of every directive."""

    evidence: Evidence
    now: datetime
    rules: Rules
    known: dict[_Place, DirectiveState]
    key: bytes

    def states(self) -> Iterator[DirectiveState]:
        decided = {self._place(each): self._next(each) for each in self._asked()}
        priority = directive_asks.priority(self.evidence, now=self.now, rules=self.rules)
        decided[self._place(priority)] = self._always(priority)
        # an outage no longer named keeps its lease, and then is off
        for place in self.known.keys() - decided.keys():
            state = lapsed(self.known[place], self.now)
            if state.on or self.now - state.state_since < _FORGOTTEN_AFTER:
                decided[place] = state
        generation = 1 + max((state.generation for state in self.known.values()), default=0)
        for place in sorted(decided):
            yield replace(decided[place], generation=generation)

    def _asked(self) -> Iterator[Asked]:
        return directive_asks.asked(self.evidence, now=self.now, rules=self.rules)

    def _place(self, asked: Asked) -> _Place:
        return asked.kind, asked.scope_key

    def _before(self, asked: Asked) -> DirectiveState:
        place = self._place(asked)
        return self.known.get(place) or first(*place, long_ago=_LONG_AGO)

    def _next(self, asked: Asked) -> DirectiveState:
        state = self._at_once(asked) if asked.at_once else self._confirmed(asked)
        state = replace(state, heard=asked.reason | {"lacks": asked.lacks})
        renews = state.on and asked.wish is not Wish.UNKNOWN and self._is_fresh()
        return self._signed(state, asked) if renews else state

    def _confirmed(self, asked: Asked) -> DirectiveState:
        return next_state(
            self._before(asked),
            asked.wish,
            evidence_at=self.evidence.at,
            now=self.now,
            rules=self.rules,
        )

    def _at_once(self, asked: Asked) -> DirectiveState:
        state = lapsed(self._before(asked), self.now)
        if not self._is_fresh():
            return state
        if asked.wish is (Wish.OFF if state.on else Wish.ON):
            state = switched(state, self.now)
        return replace(state, evidence_at=self.evidence.at)

    def _always(self, asked: Asked) -> DirectiveState:
        state = self._before(asked)
        if not state.on:
            state = switched(state, self.now)
        return self._signed(replace(state, evidence_at=self.now, heard=asked.reason), asked)

    def _is_fresh(self) -> bool:
        return is_fresh(self.evidence.at, self.now, self.rules)

    def _signed(self, state: DirectiveState, asked: Asked) -> DirectiveState:
        unsigned = Directive(
            id=f"{state.kind}:{state.scope_key}",
            kind=state.kind,
            scope=asked.scope,
            priority=asked.priority,
            params=asked.params,
            state_since=state.state_since,
            issued_at=self.now,
            expires_at=min(asked.expires_at, self.now + self.rules.front_lease),
            reason=asked.reason | {"words": words(asked.reason)},
            evidence=effect(self.evidence.deflection),
            approved_by="auto",
        )
        signed = replace(unsigned, sig=signature(as_json(unsigned), self.key))
        return replace(state, directive=signed, expires_at=signed.expires_at)
