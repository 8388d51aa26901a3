"""Which release of the time zone rules is read, and the newest of those at hand."""

from __future__ import annotations

import hashlib
import re
import zoneinfo
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from outreach.audience import hours

PROBE = "America/Santiago"
"""`zoneinfo` looks for each zone by itself, in the system's folders first; this one stands for all."""
PACKAGE = "package tzdata"
_ORDERED = re.compile(r"\d{4}[a-z]+")
_SYSTEM = tuple(zoneinfo.TZPATH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of the rules: `2026f`, and the folder or package it is read from."""

    name: str
    where: str

    def is_older(self, other: str) -> bool:
        """Whether both names are releases that can be told apart by age, and this is the earlier."""
        ordered = all(_ORDERED.fullmatch(name) for name in (self.name, other))
        return ordered and self.name < other


def release() -> Release:
    """The release that `zoneinfo` reads now."""
    for folder in zoneinfo.TZPATH:
        if (Path(folder) / PROBE).is_file():
            return _of(Path(folder), where=str(folder))
    return _packaged()


def use_newest() -> Release:
    """Makes `zoneinfo` read the package where the system's files are older; the release in use then.

    A host that is seldom updated would otherwise keep its old rules, whatever comes with the product.
    What was read before is forgotten where the rules have changed under a running process.
    """
    before = _READ.get(PROBE)
    zoneinfo.reset_tzpath(_SYSTEM)
    if release().is_older(_packaged().name):
        zoneinfo.reset_tzpath(())
    now = release()
    if before != now:
        _READ[PROBE] = now
        forget()
    return now


def forget() -> None:
    """Reads every zone anew when it is asked for next."""
    zoneinfo.ZoneInfo.clear_cache()
    hours.forget()


_READ: dict[str, Release] = {}
"""The release that this process read last."""


def _packaged() -> Release:
    spec = find_spec("tzdata")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        return Release(name="", where="nowhere")
    return _of(Path(places[0]) / "zoneinfo", where=PACKAGE)


def _of(folder: Path, *, where: str) -> Release:
    """By its own word; else by the content of one zone, which at least changes with it."""
    source, version = folder / "tzdata.zi", folder / "+VERSION"
    if source.is_file():
        with source.open(encoding="utf-8") as lines:
            return Release(name=lines.readline().removeprefix("# version").strip(), where=where)
    if version.is_file():
        return Release(name=version.read_text(encoding="utf-8").strip(), where=where)
    content = (folder / PROBE).read_bytes()
    return Release(name=f"sha256:{hashlib.sha256(content).hexdigest()[:12]}", where=where)
