"""Scopes put together and taken apart, by their refs: what lies under a node only the tree knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from outreach.model.occasion import Scope

_KINDS = tuple(field.name for field in fields(Scope) if field.name != "less")
_Refs = tuple[str, ...]


def union(one: Scope, other: Scope) -> Scope:
    """Everything that either names; what is taken away from them is left out."""
    return _each(one, other, lambda left, right: tuple(dict.fromkeys((*left, *right))))


def without(scope: Scope, part: Scope) -> Scope:
    """The scope less a part: what it names itself is named no more, the rest is taken away."""
    rest = _each(scope, part, _but)
    deeper = _each(part, scope, _but)
    less = union(scope.less or Scope(), deeper)
    return rest if rest.is_empty or less.is_empty else replace(rest, less=less)


def together(one: Scope, other: Scope) -> Scope:
    """Both scopes as one; what one takes away and the other names stays in."""
    less = union(_less(one, other), _less(other, one))
    return replace(union(one, other), less=None if less.is_empty else less)


def _less(scope: Scope, other: Scope) -> Scope:
    taken = scope.less or Scope()
    return _each(taken, other, _but)


def _but(refs: _Refs, others: _Refs) -> _Refs:
    gone = frozenset(others)  # a storm brings back hundreds of streets, and asks at every revision
    return tuple(ref for ref in refs if ref not in gone)


def _each(one: Scope, other: Scope, combined: Callable[[_Refs, _Refs], _Refs]) -> Scope:
    refs: dict[str, Any] = {
        kind: combined(getattr(one, kind), getattr(other, kind)) for kind in _KINDS
    }
    return Scope(**refs)
