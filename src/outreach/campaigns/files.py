"""Reads campaign files: TOML in, a checked Campaign out, every mistake at once with file, line and key."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from outreach.campaigns import step_rules, values
from outreach.campaigns.toml_lines import Place, line_of, lines_of
from outreach.campaigns.values import Reader, unknown
from outreach.model.audience import Segment
from outreach.model.campaign import Campaign, Limits, Measurement, QuietHours, Renotify, Step
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.stakeholder import ContactList
from outreach.model.words import (
    AtNight,
    Audience,
    Basis,
    Channel,
    Event,
    OccasionKind,
    PriorityClass,
    Purpose,
    Service,
    Tier,
)

_MINUTE = timedelta(minutes=1)
_WHATSAPP = "whatsapp"


def _channels(value: Any) -> tuple[Any, ...]:
    """Channels to write on. WhatsApp is read and answered alone, and somebody will try it."""
    if isinstance(value, list) and _WHATSAPP in value:
        raise ValueError(
            f"{_WHATSAPP!r} only comes in: replies by it are read and answered, but no campaign writes"
            f" by it; use 'sms', to the same number; allowed: {', '.join(Channel)}"
        )
    return values.many_of(Channel, at_least=1)(value)  # type: ignore[no-any-return]


_CAMPAIGN: dict[str, Reader] = {
    "name": values.text,
    "serves": values.one_of(OccasionKind),
    "services": values.many_of(Service),
    "purpose": values.one_of(Purpose),
    "basis": values.one_of(Basis),
    "fold": values.boolean,
    "cadence": values.duration(at_least=5 * _MINUTE),
    "minimum_age": values.duration(),
    "pause_after_errors": values.whole(1, 200),
    "answer_within": values.duration(at_least=_MINUTE),
    "undo_for": values.duration(),
}
_PARTS: dict[str, tuple[type, dict[str, Reader]]] = {
    "quiet_hours": (QuietHours, {"start": values.clock, "end": values.clock}),
    "limits": (
        Limits,
        {
            "max_audience": values.whole(0, 10**9),
            "max_cost": values.number(0, 1e12),
            "audience_may_move": values.number(0, 1),
            "approve_above": values.whole(0, 10**9),
            "canary_share": values.number(0, 0.5),
        },
    ),
    "renotify": (
        Renotify,
        {
            "later_by": values.duration(at_least=_MINUTE),
            "earlier_by": values.duration(at_least=_MINUTE),
            "expiring_within": values.duration(),
        },
    ),
    "measurement": (
        Measurement,
        {
            "tail_share": values.number(0, 0.5),
            "tail_minutes": values.whole(0, 24 * 60),
            "holdout_share": values.number(0, 0.5),
            "grace_minutes": values.number(0, 60),
        },
    ),
}
_SEGMENT: dict[str, Reader] = {
    "locales": values.texts,
    "localities": values.texts,
    "customer_types": values.texts,
    "tags": values.texts,
    "channels": _channels,
    "not_told_for": values.duration(at_least=_MINUTE),
}
"""Keys of [segment] and [step.segment]; the class is the step's own `classes`."""
_STEP: dict[str, Reader] = {
    "name": values.text,
    "on": values.one_of(Event),
    "lead": values.duration(at_least=_MINUTE),
    "when": values.one_of(("etr", "no_etr")),
    "audience": values.one_of(Audience),
    "classes": values.many_of(PriorityClass, at_least=1),
    "channels": _channels,
    "template": values.text,
    "at_night": values.one_of(AtNight),
    "tier": values.one_of(Tier),
    "too_late_after": values.duration(),
    "together": values.many_of(PriorityClass, at_least=1),
    "lists": values.many_of(ContactList, at_least=1),
    "ladder_after": values.duration(at_least=_MINUTE),
    "not_again_within": values.duration(at_least=_MINUTE),
}


@dataclass(slots=True)
class _Reading:
    """One file being read, and what was found wrong with it so far."""

    file: str
    lines: dict[Place, int]
    mistakes: list[tuple[int, str]] = field(default_factory=list)

    def wrong(self, place: Place, message: str) -> None:
        line = line_of(self.lines, place)
        key = next((part for part in reversed(place) if isinstance(part, str)), "")
        self.mistakes.append((line, f"{self.file}:{line}: {key}: {message}"))

    def table(self, raw: Any, place: Place, readers: dict[str, Reader]) -> dict[str, Any]:
        """The values of one table that could be read; the others are noted as mistakes."""
        if not isinstance(raw, dict):
            self.wrong(place, "must be a table of keys")
            return {}
        read: dict[str, Any] = {}
        for key, value in raw.items():
            if key not in readers:
                self.wrong((*place, key), unknown(key, readers))
                continue
            try:
                read[key] = readers[key](value)
            except ValueError as error:
                self.wrong((*place, key), str(error))
        return read

    def needs(self, read: dict[str, Any], raw: Any, place: Place, keys: tuple[str, ...]) -> bool:
        """Whether all these keys could be read; notes those that are not there at all."""
        for key in keys:
            if isinstance(raw, dict) and key not in raw:
                self.wrong((*place, key), "missing")
        return all(key in read for key in keys)


def read_campaign(
    path: Path, *, templates: Collection[str] | None = None, country: str = ""
) -> Campaign:
    """Reads one file; `templates` are the names that exist, `country` the company's (ISO 3166).

    InputRefused names every mistake, one a line, as `file:line: key: what`. GuardRefused if the
    file is sound but holds people back whom it must not.
    """
    return parse_campaign(read_text(path), path=path, templates=templates, country=country)


def read_campaigns(
    folder: Path, *, templates: Collection[str] | None = None, country: str = ""
) -> tuple[Campaign, ...]:
    """All `*.toml` of a folder by name; the mistakes of all files come in one InputRefused."""
    campaigns: list[Campaign] = []
    refusals: list[InputRefused | GuardRefused] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            campaigns.append(read_campaign(path, templates=templates, country=country))
        except (InputRefused, GuardRefused) as error:
            refusals.append(error)
    if refusals:
        guards_only = all(isinstance(error, GuardRefused) for error in refusals)
        message = "\n".join(str(error) for error in refusals)
        raise GuardRefused(message) if guards_only else InputRefused(message)
    return tuple(campaigns)


def read_text(path: Path) -> str:
    """The text of a campaign file; InputRefused if there is none or it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        raise InputRefused(f"{path}: cannot be read; check the path") from None
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None


def parse_campaign(
    text: str, *, path: Path, templates: Collection[str] | None = None, country: str = ""
) -> Campaign:
    """Like `read_campaign`, for a text that is at hand already, as a launch pinned it."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputRefused(f"{path}: {error}") from None
    reading = _Reading(file=str(path), lines=lines_of(text))
    campaign = _campaign(reading, raw, stem=path.stem, templates=templates)
    if campaign is not None and not reading.mistakes:
        guards = list(step_rules.held_back(campaign, country))
        for place, message in guards:
            reading.wrong(place, message)
        if guards:
            raise GuardRefused(_report(reading))
        return campaign
    raise InputRefused(_report(reading))


def _campaign(
    reading: _Reading, raw: dict[str, Any], *, stem: str, templates: Collection[str] | None
) -> Campaign | None:
    known = {**_CAMPAIGN, **dict.fromkeys((*_PARTS, "segment", "step"), _whatever)}
    read = reading.table(raw, (), known)
    complete = reading.needs(read, raw, (), ("name", "serves"))
    if read.get("name", stem) != stem:
        reading.wrong(("name",), f"must be the file's name, {stem!r}")
    parts = {
        part: kind(**reading.table(raw.get(part, {}), (part,), readers))
        for part, (kind, readers) in _PARTS.items()
    }
    shared = reading.table(raw.get("segment", {}), ("segment",), _SEGMENT)
    steps = {
        number: step_rules.with_shared(step, shared)
        for number, step in _steps(reading, raw.get("step", []), templates)
    }
    if not complete:
        return None
    own = {key: read[key] for key in _CAMPAIGN if key in read}
    for place, message in step_rules.mistakes(own["serves"], steps):
        reading.wrong(place, message)
    if wrong := basis_mistake(
        own.get("purpose", Purpose.SERVICE), own.get("basis", Basis.CONTRACT)
    ):
        reading.wrong(("basis",), wrong)
    return Campaign(**own, **parts, steps=tuple(steps.values()))


def basis_mistake(purpose: Purpose, basis: Basis) -> str:
    """What a basis in law lacks for its purpose; empty: it holds.

    Commerce needs a consent. Vital interest passes what people restricted, so only an emergency may claim it.
    """
    if purpose is Purpose.COMMERCIAL and basis is not Basis.CONSENT:
        return 'commerce needs the customer\'s consent; write basis = "consent"'
    if basis is Basis.VITAL_INTEREST and purpose is not Purpose.EMERGENCY:
        return 'only purpose = "emergency" is of vital interest; write "contract" or "legal_duty"'
    return ""


def _steps(
    reading: _Reading, raw: Any, templates: Collection[str] | None
) -> Iterator[tuple[int, Step]]:
    """Complete steps with their number in the file."""
    if not isinstance(raw, list) or not raw:
        reading.wrong(("step",), "missing; begin each step with [[step]]")
        return
    for number, table in enumerate(raw):
        place: Place = ("step", number)
        read = reading.table(table, place, {**_STEP, "segment": _whatever})
        if "segment" in read:
            own = reading.table(read["segment"], (*place, "segment"), _SEGMENT)
            read["segment"] = Segment(**own)
        complete = reading.needs(read, table, place, ("name", "on", "template"))
        if templates is not None and read.get("template", "") not in {"", *templates}:
            reading.wrong((*place, "template"), unknown(read["template"], sorted(templates)))
        if complete:
            yield number, Step(**read)


def _whatever(value: Any) -> Any:
    return value


def _report(reading: _Reading) -> str:
    return "\n".join(message for _, message in sorted(reading.mistakes))
