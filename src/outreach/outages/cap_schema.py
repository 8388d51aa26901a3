"""The rules of CAP 1.1 and 1.2 as tables: which elements, in which order, how often, saying what.

Source: OASIS Common Alerting Protocol 1.2 (1 July 2010), section 3.2 and its schema; for 1.1 the
schema of October 2005 with its errata. Where 1.2 is stricter, 1.1 is read as it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

NAMESPACES = {
    "urn:oasis:names:tc:emergency:cap:1.2": "1.2",
    "urn:oasis:names:tc:emergency:cap:1.1": "1.1",
}
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
MANY = 10_000

Check = Callable[[str], str]
"""What is wrong with a value; empty: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How often an element stands, what its text may be, what is inside."""

    least: int = 0
    most: int = 1
    check: Check | None = None
    parts: Mapping[str, Rule] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """The first thing that is wrong."""

    element: str
    reason: str


def first_mistake(alert: Any, version: str) -> Mistake | None:
    """What the schema says against an `alert` element of this version; None: nothing."""
    return next(_mistakes(alert, RULES[version], "alert"), None)


def _mistakes(element: Any, rules: Mapping[str, Rule], path: str) -> Iterator[Mistake]:
    order = {name: place for place, name in enumerate(rules)}
    space = element.tag.rpartition("}")[0]
    counted: Counter[str] = Counter()
    reached = 0
    for child in element:
        if child.tag == SIGNATURE and path == "alert":
            continue
        child_space, _, name = child.tag.rpartition("}")
        if child_space != space or name not in rules:
            yield Mistake(element=f"{path}.{name}", reason="CAP has no such element here")
            continue
        counted[name] += 1
        here = _named(path, name, counted[name], rules[name])
        if order[name] < reached:
            yield Mistake(element=here, reason="stands after elements that must follow it")
        reached = max(reached, order[name])
        yield from _wrong(child, rules[name], here)
    yield from _miscounted(counted, rules, path)


def _named(path: str, name: str, count: int, rule: Rule) -> str:
    return f"{path}.{name}[{count}]" if rule.most > 1 else f"{path}.{name}"


def _wrong(element: Any, rule: Rule, here: str) -> Iterator[Mistake]:
    if rule.parts is not None:
        yield from _mistakes(element, rule.parts, here)
        return
    if len(element):
        yield Mistake(element=here, reason="has elements inside, and should be text")
    reason = rule.check((element.text or "").strip()) if rule.check else ""
    if reason:
        yield Mistake(element=here, reason=reason)


def _miscounted(counted: Counter[str], rules: Mapping[str, Rule], path: str) -> Iterator[Mistake]:
    for name, rule in rules.items():
        if counted[name] < rule.least:
            yield Mistake(element=f"{path}.{name}", reason="missing")
        if counted[name] > rule.most:
            yield Mistake(element=f"{path}.{name}", reason="stands more than once")


# ── Values ───────────────────────────────────────────────────────────────────────────────────

_FORBIDDEN = re.compile(r"[\s,<&]")
_SENT_12 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_SENT_11 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([-+]\d\d:\d\d|Z)")
_NUMBER = r"[-+]?\d{1,12}(?:\.\d{0,12})?"
_CORNER = re.compile(rf"({_NUMBER}),({_NUMBER})")
_CIRCLE = re.compile(rf"({_NUMBER}),({_NUMBER})\s+({_NUMBER})")
_LATITUDE, _LONGITUDE, _LEAST_CORNERS = 90.0, 180.0, 4
_SHOWN = 30


def _one_of(*allowed: str) -> Check:
    def check(text: str) -> str:
        return "" if text in allowed else f"{_short(text)}: must be one of {', '.join(allowed)}"

    return check


def _word(text: str) -> str:
    if not text:
        return "empty"
    found = _FORBIDDEN.search(text)
    return f"{_short(text)}: no space, comma, < or & may be in it" if found else ""


def _filled(text: str) -> str:
    return "" if text else "empty"


def _instant(pattern: re.Pattern[str]) -> Check:
    def check(text: str) -> str:
        if pattern.fullmatch(text):
            try:
                datetime.fromisoformat(text)
            except ValueError:
                pass
            else:
                return ""
        return f"{_short(text)}: must be a time with its offset, 2026-07-16T02:43:00-04:00"

    return check


def corners(text: str) -> tuple[tuple[float, float], ...]:
    """Corners of a polygon; ValueError says what is wrong."""
    found = tuple(_corner(pair) for pair in text.split())
    if len(found) < _LEAST_CORNERS:
        raise ValueError("fewer than four pairs")
    if found[0] != found[-1]:
        raise ValueError("not closed: its last pair must be its first")
    return found


def circle(text: str) -> tuple[tuple[float, float], float]:
    """Centre and radius in km; ValueError says what is wrong."""
    match = _CIRCLE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{_short(text)}: must be latitude,longitude radius")
    if float(match[3]) < 0:
        raise ValueError("the radius is negative")
    return _corner(f"{match[1]},{match[2]}"), float(match[3])


def _corner(pair: str) -> tuple[float, float]:
    match = _CORNER.fullmatch(pair)
    if match is None:
        raise ValueError(f"{_short(pair)}: must be latitude,longitude")
    latitude, longitude = float(match[1]), float(match[2])
    if abs(latitude) > _LATITUDE or abs(longitude) > _LONGITUDE:
        raise ValueError(f"{_short(pair)}: off the globe")
    return latitude, longitude


def _parsed(read: Callable[[str], object]) -> Check:
    def check(text: str) -> str:
        try:
            read(text)
        except ValueError as error:
            return str(error)
        return ""

    return check


def references(text: str) -> tuple[tuple[str, str, str], ...]:
    """(sender, identifier, sent) of each; ValueError names the first that is none."""
    found = []
    for group in text.split():
        parts = tuple(group.split(","))
        if len(parts) != 3 or not all(parts):  # noqa: PLR2004  sender, identifier, sent
            raise ValueError(f"{_short(group)}: must be sender,identifier,sent")
        found.append((parts[0], parts[1], parts[2]))
    return tuple(found)


def _number(text: str) -> str:
    return "" if re.fullmatch(_NUMBER, text) else f"{_short(text)}: must be a number"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…")


# ── Elements ─────────────────────────────────────────────────────────────────────────────────

_ONE = Rule(least=1, check=_filled)
_ANY = Rule()
_PAIR = {"valueName": Rule(least=1, check=_filled), "value": Rule(least=1)}
_PAIRS = Rule(most=MANY, parts=_PAIR)
_AREA = {
    "areaDesc": _ONE,
    "polygon": Rule(most=MANY, check=_parsed(corners)),
    "circle": Rule(most=MANY, check=_parsed(circle)),
    "geocode": _PAIRS,
    "altitude": Rule(check=_number),
    "ceiling": Rule(check=_number),
}
_CATEGORY = ("Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport",
             "Infra", "CBRNE", "Other")  # fmt: skip
_RESPONSE = ("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear",
             "None")  # fmt: skip


def _resource(version: str) -> dict[str, Rule]:
    return {
        "resourceDesc": _ONE,
        "mimeType": Rule(least=1 if version == "1.2" else 0),
        "size": Rule(check=_number),
        "uri": _ANY,
        "derefUri": _ANY,
        "digest": _ANY,
    }


def _info(version: str, instant: Check) -> dict[str, Rule]:
    return {
        "language": _ANY,
        "category": Rule(least=1, most=MANY, check=_one_of(*_CATEGORY)),
        "event": _ONE,
        "responseType": Rule(most=MANY, check=_one_of(*_RESPONSE)),
        "urgency": Rule(
            least=1, check=_one_of("Immediate", "Expected", "Future", "Past", "Unknown")
        ),
        "severity": Rule(
            least=1, check=_one_of("Extreme", "Severe", "Moderate", "Minor", "Unknown")
        ),
        "certainty": Rule(
            least=1, check=_one_of("Observed", "Likely", "Possible", "Unlikely", "Unknown")
        ),
        "audience": _ANY,
        "eventCode": _PAIRS,
        "effective": Rule(check=instant),
        "onset": Rule(check=instant),
        "expires": Rule(check=instant),
        "senderName": _ANY,
        "headline": _ANY,
        "description": _ANY,
        "instruction": _ANY,
        "web": _ANY,
        "contact": _ANY,
        "parameter": _PAIRS,
        "resource": Rule(most=MANY, parts=_resource(version)),
        "area": Rule(most=MANY, parts=_AREA),
    }


def _alert(version: str) -> dict[str, Rule]:
    instant = _instant(_SENT_12 if version == "1.2" else _SENT_11)
    return {
        "identifier": Rule(least=1, check=_word),
        "sender": Rule(least=1, check=_word),
        "sent": Rule(least=1, check=instant),
        "status": Rule(least=1, check=_one_of("Actual", "Exercise", "System", "Test", "Draft")),
        "msgType": Rule(least=1, check=_one_of("Alert", "Update", "Cancel", "Ack", "Error")),
        "source": _ANY,
        "scope": Rule(least=1, check=_one_of("Public", "Restricted", "Private")),
        "restriction": _ANY,
        "addresses": _ANY,
        "code": Rule(most=MANY),
        "note": _ANY,
        "references": Rule(check=_parsed(references)),
        "incidents": _ANY,
        "info": Rule(most=MANY, parts=_info(version, instant)),
    }


RULES = {version: _alert(version) for version in ("1.1", "1.2")}
"""Version -> the children of `alert`, in their order."""
