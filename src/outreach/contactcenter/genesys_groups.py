"""The emergency group of Genesys Cloud: ours only while it carries our mark, and never for longer than it says.

An enabled group comes before holidays, closed and open hours, and the platform knows no expiry for
it. So the mark in its description says until when, for people who look and for the watchdog.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from outreach.contactcenter.genesys import CONFLICT, Genesys
from outreach.contactcenter.platform_http import PlatformAway

_MARK = re.compile(r" ?\[outreach: on until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\]")
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """How a group stands."""

    enabled: bool
    ours_until: datetime | None
    """From our mark; None: whatever it is, a person set it."""

    @property
    def is_theirs(self) -> bool:
        """Switched on by a person: not ours to switch off."""
        return self.enabled and self.ours_until is None


class Group:
    """One emergency group, changed as a whole by its version; a conflict is read again."""

    def __init__(self, genesys: Genesys, group: str) -> None:
        self._genesys = genesys
        self._path = f"/api/v2/architect/emergencygroups/{quote(group, safe='')}"

    def state(self, *, until: float) -> GroupState:
        return _state(self._read(until))

    def switch_on(self, expires_at: datetime, *, until: float) -> GroupState:
        """On and marked; a group that a person switched on stays theirs and unmarked."""
        return self._change(expires_at, until)

    def switch_off(self, *, until: float) -> GroupState:
        """Off, and the mark gone; a group that a person switched on stays on."""
        return self._change(None, until)

    def _change(self, expires_at: datetime | None, until: float) -> GroupState:
        for _try in range(_TRIES):
            found = self._read(until)
            before = _state(found)
            wanted = _wanted(found, expires_at)
            if before.is_theirs or wanted == found:
                return before
            status, answer = self._genesys.ask(
                "PUT", self._path, wanted, until=until, fine=(CONFLICT,)
            )
            if status != CONFLICT:
                return _state(answer or wanted)
        raise PlatformAway("genesys: the emergency group changes under us; it is tried again")

    def _read(self, until: float) -> dict[str, Any]:
        _status, answer = self._genesys.ask("GET", self._path, until=until)
        if not isinstance(answer, dict) or "version" not in answer:
            raise PlatformAway("genesys: the emergency group came without a version")
        return answer


def _state(found: dict[str, Any]) -> GroupState:
    mark = _MARK.search(str(found.get("description") or ""))
    ours = datetime.strptime(mark[1], "%Y-%m-%dT%H:%M:%S%z") if mark else None
    return GroupState(enabled=bool(found.get("enabled")), ours_until=ours)


def _wanted(found: dict[str, Any], expires_at: datetime | None) -> dict[str, Any]:
    """The whole object: what is left out of a PUT is lost there."""
    bare = _MARK.sub("", str(found.get("description") or ""))
    mark = (
        f" [outreach: on until {expires_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}]"
        if expires_at
        else ""
    )
    return {**found, "enabled": expires_at is not None, "description": f"{bare}{mark}".strip()}
