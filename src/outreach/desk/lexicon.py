"""The words of `words.toml` made ready for reading: spellings, a tree of phrases, near spellings."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from outreach.desk.tokens import folded
from outreach.model.words import Service

LOCALES = ("es", "pt", "en")
_SERVICE = "luz"
_REPEATED = re.compile(r"(.)\1+")
_OTHER_SERVICE = "otherservice"
_SHORTEST_MENDED = 6
"""Letters below which one letter makes another word: `baja` and `caja`, `sair` and `cair`."""
_LONGEST_MENDED = 16


class Tag(StrEnum):
    """What a phrase is; the tables of `words.toml` bear these names."""

    OPT_OUT_WORD = "opt_out_word"
    OPT_OUT_WORD_AT_HOME = "opt_out_word_at_home"
    OPT_OUT = "opt_out"
    NOT_OPT_OUT = "not_opt_out"
    ORDINARY = "ordinary"
    OPT_IN_WORD = "opt_in_word"
    OPT_IN = "opt_in"
    HELP_WORD = "help_word"
    STATUS_WORD = "status_word"
    STATUS = "status"
    OUT_WORD = "out_word"
    OUT = "out"
    OUT_SELF = "out_self"
    STILL_OUT = "still_out"
    TROUBLE = "trouble"
    FINE = "fine"
    NOT_NOW = "not_now"
    PAST = "past"
    BUT = "but"
    ABOUT = "about"
    OTHER_SERVICE = "other_service"
    URGENT = "urgent"
    THANKS = "thanks"
    NOT_THANKS = "not_thanks"


_MENDED = (Tag.STATUS, Tag.OUT, Tag.OUT_SELF, Tag.STILL_OUT, Tag.TROUBLE)
_NEVER_MENDED = (Tag.OPT_OUT_WORD, Tag.OPT_OUT, Tag.NOT_OPT_OUT, Tag.OPT_IN_WORD)


@dataclass(slots=True)
class Entry:
    """One phrase: what it may be, and in which languages."""

    phrase: str
    tags: frozenset[Tag] = frozenset()
    locales: frozenset[str] = frozenset()
    names_us: bool = False
    """It says what to stop: our messages, the list."""


@dataclass(slots=True)
class Node:
    """The phrases that begin with the words so far."""

    next: dict[str, Node] = field(default_factory=dict)
    entry: Entry | None = None


@dataclass(slots=True, kw_only=True)
class Lexicon:
    """Everything that reading looks up, for one service. Words are folded and in one spelling."""

    spelled: Mapping[str, str]
    root: Node
    languages: Mapping[str, tuple[int, ...]]
    """A word as typed -> 1 for each of `LOCALES` that has it, 0 for the others."""
    filler: frozenset[str]
    negations: Mapping[str, frozenset[str]]
    """By the language of the text; all of them under an empty one."""
    insults: frozenset[str]
    choices: Mapping[str, int]
    choice_filler: frozenset[str]
    choice_both: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]
    yes_emoji: frozenset[str]
    near: Mapping[str, str]
    """A long word less one letter -> the word; empty where two differ, or an opt-out is near."""
    reactions: tuple[tuple[str, bool], ...]

    def known(self, word: str) -> str:
        """The word in its one spelling, with letters held too long or one slip of a long word mended."""
        spelled = self.spelled.get(word)
        if spelled is not None:
            return spelled
        single = _REPEATED.sub(r"\1", word)
        return self.spelled.get(single) or self._mended(word)

    def _mended(self, word: str) -> str:
        if len(word) < _SHORTEST_MENDED or len(word) > _LONGEST_MENDED or not word.isalpha():
            return word
        found = {self.near.get(one) for one in _less_one(word)} - {None}
        meant = (found.pop() if len(found) == 1 else None) or word
        return self.spelled.get(meant, meant)


@cache
def table() -> Mapping[str, Any]:
    """`words.toml` as it stands."""
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


@cache
def lexicon(service: Service) -> Lexicon:
    """Read once a process: 16,000 phrases, about 0.2 s of CPU."""
    raw = table()
    spelled = dict(_spellings(raw, service))
    phrases = list(_phrases(raw, spelled))
    languages = _languages(raw, phrases)
    vocabulary = {word: spelled.get(word, word) for word in languages}
    negations = frozenset(spelled.get(word, word) for word in _words(raw["negations"]))
    return Lexicon(
        spelled=vocabulary,
        root=_tree(phrases, frozenset(_words(raw["names_us"]))),
        languages=_telling(languages, frozenset(_words(raw["no_language"]))),
        filler=frozenset(spelled.get(w, w) for w in _words(raw["filler"])) - negations,
        negations={
            code: negations - frozenset(folded(raw["not_negations"].get(code, "")).split())
            for code in ("", *LOCALES)
        },
        insults=frozenset(_words(raw["insults"])),
        choices={w: int(n) for n, words in raw["choice"].items() for w in _words(words)},
        choice_filler=frozenset(_words(raw["choice_filler"])),
        choice_both=frozenset(_words(raw["choice_both"])),
        yes=frozenset(_words(raw["yes"])),
        no=frozenset(_words(raw["no"])),
        yes_emoji=frozenset(raw["yes_emoji"]["any"]),
        near=_near(phrases, _words(raw["service"][service])),
        reactions=_reactions(raw["reactions"]),
    )


def _telling(
    languages: Mapping[str, set[str]], silent: frozenset[str]
) -> dict[str, tuple[int, ...]]:
    """Of which languages a word is; absent where it is in all of them, or taught by us."""
    return {
        word: tuple(int(locale in of) for locale in LOCALES)
        for word, of in languages.items()
        if word not in silent and len(of) < len(LOCALES)
    }


def _reactions(raw: Mapping[str, list[str]]) -> tuple[tuple[str, bool], ...]:
    """Longest first, so that `no le gusto` is not read as `le gusto`."""
    both = [(folded(text), kind == "thanks") for kind, texts in raw.items() for text in texts]
    return tuple(sorted(both, key=lambda one: -len(one[0])))


def _words(by_locale: Mapping[str, str]) -> Iterator[str]:
    for text in by_locale.values():
        yield from folded(text).split()


def _spellings(raw: Mapping[str, Any], service: Service) -> Iterator[tuple[str, str]]:
    for forms in raw["forms"].values():
        for main, variants in forms.items():
            yield from ((variant, main) for variant in folded(variants).split())
    for name, by_locale in raw["service"].items():
        main = _SERVICE if name == service else _OTHER_SERVICE
        ours = set(_words(raw["service"][service]))
        yield from (
            (word, main) for word in _words(by_locale) if main == _SERVICE or word not in ours
        )


def _phrases(
    raw: Mapping[str, Any], spelled: Mapping[str, str]
) -> Iterator[tuple[Tag, str, tuple[str, ...], tuple[str, ...]]]:
    """Tag, locale, the words as written and in their one spelling, of every phrase written out."""
    lists = raw["lists"]
    for tag in Tag:
        for locale, patterns in raw[tag].items():
            for typed in itertools.chain.from_iterable(_written_out(p, lists) for p in patterns):
                words = (w if w != "other_service" else _OTHER_SERVICE for w in typed)
                yield (
                    tag,
                    locale,
                    typed,
                    tuple(word if word == _SERVICE else spelled.get(word, word) for word in words),
                )


def _written_out(pattern: str, lists: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    places = [_choices(place, lists) for place in pattern.replace("-", " ").split()]
    for chosen in itertools.product(*places):
        yield tuple(itertools.chain.from_iterable(chosen))


def _choices(place: str, lists: Mapping[str, str]) -> list[tuple[str, ...]]:
    names = place.removesuffix("?")
    names = lists[names[1:]] if names.startswith("@") else names
    either = [_parts(folded(one)) for one in names.split("|")]
    return [*either, ()] if place.endswith("?") else either


def _parts(one: str) -> tuple[str, ...]:
    return (one,) if one == "other_service" else tuple(one.split("_"))


def _tree(
    phrases: Iterable[tuple[Tag, str, tuple[str, ...], tuple[str, ...]]], names_us: frozenset[str]
) -> Node:
    root = Node()
    for tag, locale, _, words in phrases:
        node = root
        for word in words:
            node = node.next.setdefault(word, Node())
        if node.entry is None:
            node.entry = Entry(" ".join(words), names_us=not names_us.isdisjoint(words))
        node.entry.tags |= {tag}
        node.entry.locales |= {locale}
    return root


def _languages(raw: Mapping[str, Any], phrases: Iterable[Any]) -> dict[str, set[str]]:
    languages: dict[str, set[str]] = {}
    for _, locale, typed, words in phrases:
        for word in (*typed, *words):
            languages.setdefault(word, set())
        for word in typed:
            languages[word].add(locale)
    tables = (*raw["service"].values(), raw["filler"], raw["negations"], *raw["choice"].values())
    forms = {locale: " ".join(of.values()) for locale, of in raw["forms"].items()}
    for table in (*tables, forms, raw["yes"], raw["no"]):
        for locale, text in table.items():
            for word in folded(text).split():
                languages.setdefault(word, set()).add(locale)
    return languages


def _near(
    phrases: Iterable[tuple[Tag, str, tuple[str, ...], tuple[str, ...]]], service: Iterable[str]
) -> dict[str, str]:
    near: dict[str, str] = {}
    mended = {word for tag, _, _, words in phrases if tag in _MENDED for word in words}
    mended |= set(service)
    never = {word for tag, _, _, words in phrases if tag in _NEVER_MENDED for word in words}
    for word in sorted(mended - never):
        for less in _less_one(word) if len(word) >= _SHORTEST_MENDED else ():
            near[less] = word if near.get(less, word) == word else ""
    near |= {less: "" for word in never for less in _less_one(word)}
    return near


def _less_one(word: str) -> Iterator[str]:
    """The word itself and with each letter left out: two words that share one differ by a slip."""
    yield word
    for at in range(len(word)):
        yield word[:at] + word[at + 1 :]
