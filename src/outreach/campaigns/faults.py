"""Everything wrong with a campaign: its file and the texts of its templates, each fault with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from outreach.campaigns import pins
from outreach.messages.lint import findings
from outreach.model.errors import GuardRefused, InputRefused
from outreach.settings import Settings

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
    return of_file(settings, name) or list(_of_texts(settings, name))


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
