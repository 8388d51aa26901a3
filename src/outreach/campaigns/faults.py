"""Everything wrong with a campaign: its file and the texts of its templates, each fault with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outreach.audience import segments
from outreach.audience.segments import Unknown
from outreach.campaigns import pins
from outreach.campaigns.files import read_text
from outreach.campaigns.toml_lines import Place, line_of, lines_of
from outreach.messages.lint import findings
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.words import Audience, Event, Tier
from outreach.settings import Settings
from outreach.store.session import Session

_PLACED = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<message>.+)")
_TOML = re.compile(r"(?P<file>.+?\.toml): (?P<message>.+?)(?: \(at line (?P<line>\d+).*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One mistake; `line` 0 where it is no single line's. `file` is as people can open it."""

    file: str
    line: int
    message: str


def names(settings: Settings) -> list[str]:
    """The campaigns of the workspace."""
    return sorted(path.stem for path in (settings.workspace / "campaigns").glob("*.toml"))


def of_file(settings: Settings, name: str) -> list[Fault]:
    """The mistakes of the campaign file alone: quick."""
    try:
        pins.read(settings, name)
    except (InputRefused, GuardRefused) as error:
        return [_placed(line) for line in str(error).splitlines()]
    return []


def of_campaign(settings: Settings, name: str) -> list[Fault]:
    """The mistakes of the file, and if it reads, of every text that it sends: about a second."""
    return of_file(settings, name) or [
        *_of_correction(settings, name),
        *_of_texts(settings, name),
    ]


def of_segments(session: Session, settings: Settings, name: str) -> list[Fault]:
    """Values of its segments that nothing in the record has; none where the file itself is wrong.

    They would drop people in silence, class A among them.
    """
    if of_file(settings, name):
        return []
    path = settings.workspace / "campaigns" / f"{name}.toml"
    lines = lines_of(read_text(path))
    campaign = pins.read(settings, name).campaign
    found = [
        _unknown(path, lines, number, one)
        for number, step in enumerate(campaign.steps)
        for one in segments.checked(session, step.segment).unknown
    ]
    return list(dict.fromkeys(found))


def refuse_unknown(session: Session, settings: Settings, campaign: Campaign) -> None:
    """InputRefused where a segment names what nobody in the record has: a launch would drop people."""
    if all(step.segment.is_everybody for step in campaign.steps):
        return
    found = of_segments(session, settings, campaign.name)
    if found:
        first = found[0]
        raise InputRefused(f"{first.file}:{first.line}: {first.message} ({len(found)} in all)")


def _unknown(path: Path, lines: dict[Place, int], number: int, one: Unknown) -> Fault:
    """At the step's own key, else at the campaign's, where it came from."""
    places: tuple[Place, ...] = (
        ("step", number, "segment", one.key),
        ("step", number, "segment"),
        ("segment", one.key),
        ("segment",),
    )
    own = _names(path, number, one)
    wanted = places[:2] if own else places[2:]
    line = next((lines[place] for place in wanted if place in lines), line_of(lines, places[0]))
    near = f"; near: {', '.join(one.near)}" if one.near else ""
    message = f"{one.key}: {one.value!r}: nobody in the record has it{near}"
    return Fault(file=str(path), line=line, message=message)


def _names(path: Path, number: int, one: Unknown) -> bool:
    """Whether the step's own segment names the value."""
    step = tomllib.loads(read_text(path))["step"][number]
    return one.value in step.get("segment", {}).get(one.key, ())


def _of_correction(settings: Settings, name: str) -> Iterator[Fault]:
    """What would be missing on the night a text was wrong; its words for each channel are linted as all texts."""
    pinned = pins.read(settings, name)
    path = str(settings.workspace / "campaigns" / f"{name}.toml")
    steps = pinned.campaign.steps_on(Event.CORRECTION)
    if not any(step.audience is Audience.TOLD for step in steps):
        yield Fault(file=path, line=0, message=_NO_CORRECTION)
    for step in pinned.campaign.steps if pinned.campaign.limits.canary_share else ():
        if step.on in _CLOSING and step.tier is Tier.BULK:
            said = f'step {step.name!r} would wait for the canary; give it tier = "restoration"'
            yield Fault(file=path, line=0, message=said)


_CLOSING = {Event.RESTORED, Event.CANCELLED, Event.CORRECTION}
_NO_CORRECTION = (
    'no step on = "correction" with audience = "told": what was told wrongly could not be taken back;'
    " add one, as the shipped campaigns have"
)


def _of_texts(settings: Settings, name: str) -> Iterator[Fault]:
    pinned = pins.read(settings, name)
    found = findings(
        pinned.texts,
        pins.words(settings.company),
        fold=pinned.campaign.fold,
        services=pinned.campaign.services or (settings.company.service,),
    )
    for one in found:
        path = settings.workspace / "templates" / one.file
        yield Fault(file=str(path), line=one.line, message=one.message)


def _placed(said: str) -> Fault:
    match = _PLACED.fullmatch(said) or _TOML.fullmatch(said)
    if match is None:
        return Fault(file="", line=0, message=said)
    return Fault(file=match["file"], line=int(match["line"] or 0), message=match["message"])
