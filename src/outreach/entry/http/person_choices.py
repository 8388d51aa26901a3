"""What the preferences form says and what was said in it: read strictly, with an error for each field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from outreach.addresses import Keyring
from outreach.entry.http.person_frame import LANGUAGES, Words, code_of, ending
from outreach.model.words import Purpose
from outreach.store.preferences import ASKED, Person, Turn, Way, Wish

_HOUR = 60
_DAY = 24
_PREFIX = "way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The form's fields as they stand in it, and what they mean."""

    locale: str
    quiet_from: str = ""
    quiet_until: str = ""
    on: Mapping[int, frozenset[Purpose]] = field(default_factory=dict)
    """Contact point -> purposes for which it may be written to."""
    wish: Wish = field(default_factory=Wish)
    errors: Mapping[str, str] = field(default_factory=dict)
    """Field -> key of the words that say what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownWay:
    """One address on the page: by its end alone."""

    id: str
    shown: str
    on: tuple[str, ...]
    by_carrier: bool


def of_person(person: Person, *, main: str) -> Choices:
    """The form as it is first shown."""
    begins, ends = person.wish.quiet or (None, None)
    return Choices(
        locale=code_of(person.wish.locale or person.locale, main),
        quiet_from="" if begins is None else str(begins // _HOUR),
        quiet_until="" if ends is None else str(ends // _HOUR),
        on={way.point: frozenset(ASKED) - way.off for way in person.ways},
        wish=person.wish,
    )


def read(
    pairs: Iterable[tuple[str, str]], person: Person, keyring: Keyring, *, main: str
) -> Choices:
    """What was posted; fields that are not of the form are not looked at."""
    given: dict[str, list[str]] = defaultdict(list)
    for name, value in pairs:
        given[name].append(value)
    locale, begins, ends = (
        given.get(name, [""])[0] for name in ("locale", "quiet_from", "quiet_until")
    )
    errors = _errors(locale, begins, ends)
    on = {
        way.point: frozenset(each for each in ASKED if each in given.get(_id(way, keyring), ()))
        for way in person.ways
    }
    quiet = None if errors or not begins else (int(begins) * _HOUR, int(ends) * _HOUR)
    chosen = None if locale == code_of(person.locale, main) else locale
    return Choices(
        locale=locale if locale in LANGUAGES else code_of(person.locale, main),
        quiet_from=begins, quiet_until=ends, on=on,
        wish=Wish(locale=chosen, quiet=quiet), errors=errors,
    )  # fmt: skip


def _errors(locale: str, begins: str, ends: str) -> dict[str, str]:
    errors = {}
    if locale not in LANGUAGES:
        errors["locale"] = "error_language"
    if not _is_hour(begins) and (begins or ends):
        errors["quiet_from"] = "error_from"
    if not _is_hour(ends) and (begins or ends):
        errors["quiet_until"] = "error_until"
    if begins and begins == ends and not errors:
        errors["quiet_until"] = "error_same"
    return errors


def _is_hour(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 2 and int(text) < _DAY  # noqa: PLR2004


def turns(choices: Choices, person: Person) -> Sequence[Turn]:
    """What differs from what holds."""
    return [
        Turn(way=way, purpose=purpose, on=purpose in choices.on[way.point])
        for way in person.ways
        if not way.by_carrier  # what its carrier blocks, no page lifts
        for purpose in ASKED
        if (purpose in choices.on[way.point]) is (purpose in way.off)
    ]


def shown(person: Person, choices: Choices, keyring: Keyring, said: Words) -> list[ShownWay]:
    """The ways as the page shows them; an address is opened for its end alone."""
    return [
        ShownWay(
            id=_id(way, keyring),
            shown=said[f"way_{way.channel}"].format(
                end=ending(way.channel, keyring.open(way.address_sealed))
            ),
            on=tuple(str(each) for each in ASKED if each in choices.on[way.point]),
            by_carrier=way.by_carrier,
        )
        for way in person.ways
    ]


def _id(way: Way, keyring: Keyring) -> str:
    return keyring.public_id(_PREFIX, way.point)
