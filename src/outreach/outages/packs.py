"""Reads country packs: the rules that we ship, and over them those of the workspace."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from outreach.model.errors import InputRefused
from outreach.model.pack import Certainty, Hours, Item, Pack, Rule, RuleKind
from outreach.model.words import Service

FOLDER = "packs"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MANNERS = ("personal", "written", "spoken")
_UNITS = {
    "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1),
    "y": timedelta(days=365),
}  # fmt: skip
_KEYS = ("rule", "value", "unit", "source", "date", "certainty", "service", "note", "refuse")
_NEEDED = ("rule", "value", "source", "date", "certainty")
_LEADS = frozenset(
    {RuleKind.PLANNED_NOTICE, RuleKind.PLANNED_REPEAT, RuleKind.LIFE_SUPPORT_NOTICE,
     RuleKind.CAUSE_CLOCK, RuleKind.EVENT_CLOCK, RuleKind.PAGE_REFRESH}
)  # fmt: skip
"""Rules whose value is a length of time and nothing else."""


def countries(workspace: Path) -> tuple[str, ...]:
    """Countries with a pack, ours or the workspace's, in upper case."""
    shipped = (each.name for each in files("outreach").joinpath(FOLDER).iterdir())
    own = (each.name for each in (workspace / FOLDER).glob("*.toml"))
    names = {name.removesuffix(".toml").upper() for name in (*shipped, *own)}
    return tuple(sorted(name for name in names if len(name) == 2))  # noqa: PLR2004  ISO 3166


def read_pack(country: str, workspace: Path) -> Pack:
    """The pack of a country; a rule of the workspace's `packs/<cc>.toml` wins over ours of its kind
    and service. No file, no rules.

    InputRefused names every mistake, one a line, as `file: rule n: key: what`.
    """
    name = f"{country.lower()}.toml"
    ours = files("outreach").joinpath(FOLDER, name)
    shipped = Pack(country=country.upper())
    if ours.is_file():
        shipped = parse_pack(ours.read_text(encoding="utf-8"), file=f"packs/{name} (shipped)")
    path = workspace / FOLDER / name
    if not path.exists():
        return shipped
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(f"{path}: cannot be read as UTF-8: {error}") from None
    return _over(shipped, parse_pack(text, file=str(path)))


def _over(shipped: Pack, own: Pack) -> Pack:
    if shipped.rules and own.country != shipped.country:
        raise InputRefused(
            f"{own.file}: country: {own.country!r}; this file is {shipped.country}'s"
        )
    taken = {(rule.kind, rule.service) for rule in own.rules}
    kept = [rule for rule in shipped.rules if (rule.kind, rule.service) not in taken]
    return replace(own, rules=(*own.rules, *kept))


def parse_pack(text: str, *, file: str) -> Pack:
    """Reads one pack; InputRefused with every mistake."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputRefused(f"{file}: {error}") from None
    mistakes = [f"{file}: {mistake}" for mistake in _mistakes(raw)]
    if mistakes:
        raise InputRefused("\n".join(mistakes))
    country = str(raw["country"]).upper()
    rules = tuple(_rule(country, table, file=file) for table in raw["rule"])
    return Pack(country=country, rules=rules, file=file)


def _mistakes(raw: dict[str, Any]) -> Iterator[str]:
    yield from (
        f"{key}: unknown; one of country, rule" for key in raw if key not in {"country", "rule"}
    )
    country = raw.get("country")
    if not (isinstance(country, str) and len(country) == 2 and country.isalpha()):  # noqa: PLR2004  ISO 3166
        yield "country: must be two letters, as AR"
    rules = raw.get("rule")
    if not isinstance(rules, list) or not all(isinstance(table, dict) for table in rules):
        yield "rule: missing; begin each rule with [[rule]]"
        return
    seen: set[tuple[str, str]] = set()
    for number, table in enumerate(rules, 1):
        yield from (f"rule {number}: {mistake}" for mistake in _of_rule(table))
        named = (str(table.get("rule")), str(table.get("service", "")))
        if named in seen and table.get("rule") in _LEADS:
            yield f"rule {number}: rule: {named[0]} stands twice for the same service"
        seen.add(named)


def _of_rule(table: dict[str, Any]) -> Iterator[str]:
    yield from (_unknown(key, key, _KEYS) for key in table if key not in _KEYS)
    yield from (f"{key}: missing" for key in _NEEDED if key not in table)
    for key, allowed in (("rule", list(RuleKind)), ("certainty", list(Certainty)),
                         ("service", list(Service))):  # fmt: skip
        if key in table and table[key] not in [str(each) for each in allowed]:
            yield _unknown(key, table[key], [str(each) for each in allowed])
    if "source" in table and not str(table["source"]).strip():
        yield "source: empty; say where the rule was read"
    if "date" in table and type(table["date"]) is not date:
        yield f"date: {table['date']!r}; write it bare, as 2026-11-01"
    if not isinstance(table.get("refuse", True), bool):
        yield "refuse: must be true or false"
    if "value" in table and table.get("rule") in set(RuleKind):
        yield from _of_value(RuleKind(table["rule"]), table)


def _of_value(kind: RuleKind, table: dict[str, Any]) -> Iterator[str]:
    try:
        _read_value(kind, table)
    except ValueError as error:
        yield str(error)


def _unknown(key: str, found: object, allowed: Any) -> str:
    near = get_close_matches(str(found), [str(each) for each in allowed], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{key}: {found!r} is unknown; {hint}one of {', '.join(map(str, allowed))}"


def _rule(country: str, table: dict[str, Any], *, file: str) -> Rule:
    kind, service = RuleKind(table["rule"]), table.get("service")
    certainty = Certainty(table["certainty"])
    tail = f".{service}" if service else ""
    return Rule(
        id=f"{country.lower()}.{kind.value}{tail}",
        kind=kind,
        source=str(table["source"]).strip(),
        as_of=table["date"],
        certainty=certainty,
        service=Service(service) if service else None,
        note=str(table.get("note", "")),
        refuses=table.get("refuse", certainty is not Certainty.UNSETTLED),
        file=file,
        **_read_value(kind, table),
    )


def _read_value(kind: RuleKind, table: dict[str, Any]) -> dict[str, Any]:
    """The fields of a Rule that say its value; ValueError says what is wrong with it."""
    return _READERS.get(kind, _length if kind in _LEADS else _anything)(table)


def _length(table: dict[str, Any]) -> dict[str, Any]:
    value, unit = table["value"], table.get("unit")
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise ValueError(f"value: {value!r} is not a number above 0")
    if unit not in _UNITS:
        raise ValueError(_unknown("unit", unit, list(_UNITS)))
    return {"lead": value * _UNITS[unit], "value": f"{value:g} {unit}"}


def _anything(table: dict[str, Any]) -> dict[str, Any]:
    """A number with any unit, a text, or several: shown, not checked."""
    value = table["value"]
    if isinstance(value, dict):
        raise ValueError("value: must be a number, a text or a list")  # noqa: TRY004  one error for all readers
    parts = value if isinstance(value, list) else [value]
    shown = ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in parts)
    return {"value": f"{shown} {table.get('unit', '')}".strip()}


def _items(table: dict[str, Any]) -> dict[str, Any]:
    value = table["value"]
    if (
        not isinstance(value, list)
        or not all(isinstance(each, dict) for each in value)
        or not value
    ):
        raise ValueError(
            'value: must be a list of { item = "date", fields = [...], words = [...] }'
        )
    items = tuple(_item(each) for each in value)
    return {"items": items, "value": ", ".join(item.name for item in items)}


def _item(each: dict[str, Any]) -> Item:
    parts = {key: each.get(key, []) for key in ("all", "fields", "words")}
    is_sound = all(isinstance(part, list) for part in parts.values()) and any(parts.values())
    if not isinstance(each.get("item"), str) or not is_sound or set(each) - {"item", *parts}:
        raise ValueError(f"value: {each!r} needs an item, and all, fields or words as lists")
    return Item(
        name=each["item"],
        every=tuple(map(str, parts["all"])),
        fields=tuple(map(str, parts["fields"])),
        words=tuple(str(word).lower() for word in parts["words"]),
    )


def _window(table: dict[str, Any]) -> dict[str, Any]:
    value = table["value"]
    try:
        days = tuple(DAYS.index(day) for day in value["days"])
        start, end = (time.fromisoformat(value[key]) for key in ("from", "to"))
    except (KeyError, TypeError, ValueError):
        raise ValueError(
            'value: must be { days = ["mon", "sat"], from = "05:00", to = "22:00" }'
        ) from None
    if not days or start >= end:
        raise ValueError("value: the window is empty; give days, and a to after the from")
    shown = f"{' '.join(DAYS[day] for day in days)} {start:%H:%M}-{end:%H:%M}"
    return {"hours": Hours(days=days, start=start, end=end), "value": shown}


def _manner(table: dict[str, Any]) -> dict[str, Any]:
    value = table["value"]
    if not isinstance(value, list) or not value or set(value) - set(MANNERS):
        raise ValueError(f"value: {value!r}; a list of {', '.join(MANNERS)}")
    return {"manners": tuple(value), "value": ", ".join(value)}


_READERS: dict[RuleKind, Callable[[dict[str, Any]], dict[str, Any]]] = {
    RuleKind.PLANNED_ITEMS: _items,
    RuleKind.PLANNED_WINDOW: _window,
    RuleKind.LIFE_SUPPORT_MANNER: _manner,
}
