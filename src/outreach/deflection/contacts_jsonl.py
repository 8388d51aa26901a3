"""A call log as JSON lines: one object a contact, its fields found by the paths of a mapping."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from outreach.deflection.calls_reading import Seen, Terms, Unfit, named, text, whole_seconds
from outreach.model.calls import CallRow

MOST_CHARS = 1024 * 1024
"""Of one line."""


def seen(lines: Iterable[str], terms: Terms) -> Iterator[Seen]:
    """One Seen a line that is not blank."""
    paths = {ours: theirs.split(".") for ours, theirs in terms.mapping.columns.items()}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield Seen(number, number, _call(_object(line), paths, terms))
            except Unfit as error:
                yield Seen(number, number, refusal=str(error))


def found(document: Any, path: Iterable[str]) -> Any:
    """What stands at the end of a path of keys; None where it breaks off."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def _object(line: str) -> dict[str, Any]:
    if len(line) > MOST_CHARS:
        raise Unfit("line_too_long")
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        raise Unfit("not_json") from None
    if not isinstance(read, dict):
        raise Unfit("not_an_object")
    return read


def _call(document: dict[str, Any], paths: dict[str, list[str]], terms: Terms) -> CallRow:
    def value(name: str) -> Any:
        return found(document, paths[name]) if name in paths else None

    mapping = terms.mapping
    when = _written(value("at"))
    call_id = named(value("call_id"))
    if not when:
        raise Unfit("at_missing")
    return CallRow(
        call_id=call_id,
        at=terms.at(when),
        address_hash=terms.caller(_written(value("ani"))),
        dnis=terms.dialled(_written(value("dnis"))),
        queue=terms.queue(_written(value("queue"))),
        contained=_claim(value("contained"), mapping.contained),
        abandoned=_claim(value("result"), mapping.abandoned),
        wait_s=_seconds(value("wait_s"), "wait_s"),
        talk_s=_seconds(value("talk_s"), "talk_s"),
        source=mapping.source,
        kind=terms.kind(_written(value("kind"))),
        wrap_up=text(value("wrap_up")),
    )


def _written(value: Any) -> str:
    """Texts and whole numbers as text: ids and times come as either."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, int | float) else text(value)


def _claim(value: Any, words: frozenset[str]) -> bool | None:
    """A JSON true or false stands for itself, a word for what the mapping says."""
    if value is None or value == "":
        return None
    return value if isinstance(value, bool) else str(value).casefold() in words


def _seconds(value: Any, name: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit(f"{name}_not_seconds")
    return whole_seconds(value)
