"""The watchdog of the emergency group: on another host, it switches off what a dead outreach cannot."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from outreach.contactcenter.genesys_groups import Group
from outreach.contactcenter.platform_http import PlatformAway, PlatformHttp
from outreach.model.errors import InputRefused

LEASE = timedelta(minutes=10)
"""Silence for longer than this is death."""
OVERDUE = timedelta(minutes=1)
"""How long past the time in its own mark a group may still be renewed."""
PULL_S = 5.0
_OK = 200


class Step(StrEnum):
    """What one look decided."""

    ALIVE = "alive"
    """Outreach speaks: nothing to do."""
    SILENT = "silent"
    """Not heard, but not for long enough."""
    OFF = "switched off"
    ALREADY_OFF = "already off"
    THEIRS = "left on: a person switched it on"
    OUT_OF_REACH = "the platform does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the watchdog remembers between looks, and over its own restarts."""

    heard_at: datetime
    """When outreach last spoke live; at the first start, that start."""
    looked_at: datetime
    step: Step = Step.ALIVE

    def is_dead(self, now: datetime, *, lease: timedelta = LEASE) -> bool:
        return now - self.heard_at > lease


def is_alive(document: object, *, now: datetime, lease: timedelta = LEASE) -> bool:
    """Whether a document of /v1/directives shows that somebody decides: live, and issued of late.

    A web process alone answers too, with old directives: that is no life.
    """
    if not isinstance(document, dict) or document.get("mode") != "live":
        return False
    try:
        issued = datetime.fromisoformat(str(document["issued_at"]))
    except (KeyError, ValueError):
        return False
    return issued.tzinfo is not None and abs(now - issued) <= lease


def look(watch: Watch, document: object, group: Group, *, now: datetime, until: float) -> Watch:
    """One look: heard, silent, or dead long enough to switch off. Never raises for the platform.

    document: what the pull brought, None for nothing. A group whose own mark ran out is switched
    off as well, even while outreach speaks: then it cannot reach the platform.
    """
    heard = replace(watch, heard_at=now) if is_alive(document, now=now) else watch
    try:
        step = _step(heard, group, now=now, until=until)
    except (PlatformAway, InputRefused):  # a watchdog that stops watches nothing
        step = Step.OUT_OF_REACH
    return replace(heard, looked_at=now, step=step)


def _step(watch: Watch, group: Group, *, now: datetime, until: float) -> Step:
    state = group.state(until=until)
    is_over = state.ours_until is not None and now > state.ours_until + OVERDUE
    if not (watch.is_dead(now) or is_over):
        return Step.ALIVE if watch.heard_at == now else Step.SILENT
    if state.is_theirs:
        return Step.THEIRS
    if not state.enabled:
        return Step.ALREADY_OFF
    return Step.OFF if not group.switch_off(until=until).enabled else Step.OUT_OF_REACH


def pull(http: PlatformHttp, url: str, *, token: str = "", until: float) -> object:
    """The document of /v1/directives; None if nothing, or nothing readable, came."""
    headers = {"accept": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        answer = http.send("GET", url, headers=headers, until=until)
        found: object = json.loads(answer.body) if answer.status == _OK else None
    except (PlatformAway, ValueError):
        return None
    return found


def read_state(path: Path, *, now: datetime) -> Watch:
    """What an earlier watchdog remembered; at the first start the silence begins now."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        heard = datetime.fromisoformat(found["heard_at"]).astimezone(UTC)
    except FileNotFoundError:
        return Watch(heard_at=now, looked_at=now)
    except (OSError, ValueError, KeyError, TypeError):
        raise InputRefused(f"{path}: not a state of the watchdog; remove it") from None
    return Watch(heard_at=min(heard, now), looked_at=now)


def write_state(path: Path, watch: Watch) -> None:
    """Whole or not at all: a restart in the middle keeps the older one."""
    body = {
        "heard_at": watch.heard_at.isoformat(),
        "looked_at": watch.looked_at.isoformat(),
        "step": watch.step.value,
    }
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_text(json.dumps(body), encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise InputRefused(
            f"{path}: cannot be written ({error.strerror}); choose another"
        ) from None
