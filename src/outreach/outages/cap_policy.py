"""How far a feed of CAP alerts is trusted: its mapping file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from outreach.model.cap import CapInfo
from outreach.outages import mapping_file
from outreach.outages.cap_signatures import Certificate, read_certificates

SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
_LISTS = ("senders", "severities", "outages", "certificates")
_FLAGS = ("auto", "require_signature")


@dataclass(frozen=True, slots=True, kw_only=True)
class CapPolicy:
    """The careful default: every alert waits until a person has looked at it."""

    auto: bool = False
    """What is beyond doubt becomes an occasion at once, and tells where a campaign is armed."""
    require_signature: bool = False
    """Refuse what nobody whose certificate is among `certificates` has signed."""
    certificates: tuple[Certificate, ...] = ()
    """Of those who sign; a signature that does not hold is refused with or without `require_signature`."""
    senders: tuple[str, ...] = ()
    """The only ones that are heard; empty: all."""
    severities: tuple[str, ...] = SEVERITIES
    """The only ones that are heard."""
    outages: tuple[str, ...] = ()
    """Events (`Power outage`) and codes (`SAME=POS`) that mean an outage of ours; others advise."""
    geocodes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """`valueName=value` of an area -> localities of the record."""

    def means_outage(self, info: CapInfo) -> bool:
        """Whether an info speaks of an outage, not of weather."""
        said = {info.event.casefold(), *(f"{n}={v}".casefold() for n, v in info.event_codes)}
        return not said.isdisjoint(each.casefold() for each in self.outages)


CAREFUL = CapPolicy()


def read_cap_policy(path: Path) -> CapPolicy:
    """Reads and checks a mapping: [cap] and [geocodes]; InputRefused lists every mistake, one a line."""
    raw = mapping_file.read(path, _mistakes)
    cap = raw.get("cap", {})
    codes = {
        code: (names,) if isinstance(names, str) else tuple(names)
        for code, names in raw.get("geocodes", {}).items()
    }
    given: dict[str, Any] = {key: cap[key] for key in _FLAGS if key in cap}
    given |= {key: tuple(cap[key]) for key in _LISTS if key in cap}
    if files := given.pop("certificates", ()):
        given["certificates"] = tuple(
            each for file in files for each in read_certificates(path.parent / file)
        )
    return CapPolicy(**given, geocodes=codes)


def _mistakes(raw: dict[str, Any]) -> list[str]:
    found = [f"{part}: unknown; cap or geocodes" for part in raw if part not in {"cap", "geocodes"}]
    for part in ("cap", "geocodes"):
        if not isinstance(raw.get(part, {}), dict):
            return [*found, f"{part}: must be a part, [{part}]"]
    found += [mistake for key, value in raw.get("cap", {}).items() for mistake in _key(key, value)]
    if raw.get("cap", {}).get("require_signature") and not raw["cap"].get("certificates"):
        found.append("cap.require_signature: whose? name their PEM files in cap.certificates")
    found += [
        f'geocodes."{code}": must be a locality, or a list of them'
        for code, names in raw.get("geocodes", {}).items()
        if not isinstance(names, str) and not _is_texts(names)
    ]
    return found


def _key(key: str, value: Any) -> list[str]:
    if key in _FLAGS:
        return [] if isinstance(value, bool) else [f"cap.{key}: must be true or false"]
    if key not in _LISTS:
        return [f"cap.{key}: unknown; one of {', '.join((*_FLAGS, *_LISTS))}"]
    if not _is_texts(value):
        return [f"cap.{key}: must be a list of texts"]
    wrong = [each for each in value if key == "severities" and each not in SEVERITIES]
    return [f"cap.severities: {each!r}; one of {', '.join(SEVERITIES)}" for each in wrong]


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) and each for each in value)
