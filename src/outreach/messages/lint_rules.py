"""The wording rules, one function each, over a rendered text; their words stand in language/*.toml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from outreach.messages import sms_text, social_text, speech
from outreach.messages.languages import language
from outreach.model.notice import Facts

OWN_CHANGE = ("later", "withdrawn", "delayed", "moved", "correction", "reopened", "overrun")
"""Part of a template's name that says we changed what we had said: only then we apologise."""

RESTORED = ("restored",)

_EARS = ("ivr.txt", "voice.txt")
_FACTUAL = re.compile(r"https?://|\w\.[a-z]{2,}|\d{2}:\d{2}")
"""An address on the web, with or without a path, or a time of day."""

Fault = tuple[int, str, str]
TOO_LONG = frozenset({"too-long", "too-many-words"})
"""Rules that a shorter form of a text may still keep."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One file of one template, as one reader sees it."""

    template: str
    locale: str
    file: str
    source: str
    text: str
    facts: Facts

    @property
    def words(self) -> dict[str, Any]:
        rules: dict[str, Any] = language(self.locale)["lint"]
        return rules

    @property
    def is_spoken(self) -> bool:
        return self.file in _EARS

    def match(self, rule: str) -> re.Match[str] | None:
        return re.search(bare(self.words[rule]), bare(self.text), re.IGNORECASE)

    def line_of(self, words: str) -> int:
        """The source's line that holds the words; 1 if they came from a field."""
        lines = bare(self.source).lower().splitlines()
        return next((n for n, line in enumerate(lines, 1) if bare(words).lower() in line), 1)


@lru_cache(4096)
def bare(text: str) -> str:
    """Without accents: staff write `manana` as often as `mañana`."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(c for c in parts if not unicodedata.combining(c))


def wording(reading: Reading, *, fold: bool) -> Iterator[Fault]:
    """Every broken rule of a reading: (line, rule, message)."""
    if reading.file == "sms.txt":
        yield from _one_segment(reading, fold=fold)
    for rule in _RULES:
        yield from rule(reading)


def _one_segment(reading: Reading, *, fold: bool) -> Iterator[Fault]:
    sent = sms_text.fold(reading.text) if fold else reading.text
    counted = sms_text.segments(sent)
    if fold and counted.encoding != sms_text.GSM7:
        odd = sms_text.unfoldable(reading.text)
        yield 1, "sms-alphabet", f"not in GSM-7 even when folded: {odd}"
    elif counted.count > 1:
        most = 160 if counted.encoding == sms_text.GSM7 else 70
        yield 1, "sms-length", f"{counted.units} of {most} characters with the longest values"


def _post_length(reading: Reading) -> Iterator[Fault]:
    if reading.file == "social.txt" and (weight := social_text.weight(reading.text)) > 280:  # noqa: PLR2004  X's limit
        yield 1, "social-length", f"weighs {weight} of {social_text.LIMIT} with the longest values"


def _forbidden(reading: Reading) -> Iterator[Fault]:
    """Agents' notes may quote what not to say."""
    if reading.file == "agent.txt":
        return
    for rule in reading.words["forbidden"]:
        if reading.is_spoken and rule.get("eye_only"):
            continue
        for found in re.finditer(bare(rule["pattern"]), bare(reading.text), re.IGNORECASE):
            said = found.group()
            yield reading.line_of(said), "forbidden", f"{said!r}: {rule['why']}"


def _health(reading: Reading) -> Iterator[Fault]:
    if found := reading.match("health"):
        yield (
            reading.line_of(found.group()),
            "health",
            f"{found.group()!r} names a condition: never, to anybody",
        )


def _carrier(reading: Reading) -> Iterator[Fault]:
    prose = social_text.without_links(reading.text)
    found = re.search(bare(reading.words["carrier"]), bare(prose), re.IGNORECASE)
    if reading.file == "sms.txt" and found:
        yield (
            reading.line_of(found.group()),
            "carrier-word",
            f"{found.group()!r} is answered by the carrier, not by us: never invite it",
        )


def _estimate(reading: Reading) -> Iterator[Fault]:
    shown = re.search(r"{{\s*etr\b", reading.source) and reading.facts.etr_at
    if shown and not reading.match("estimate"):
        yield reading.line_of("etr"), "estimate", "shows an estimate without calling it one"


def _apology(reading: Reading) -> Iterator[Fault]:
    if reading.file == "agent.txt":
        return
    said = list(re.finditer(bare(reading.words["apology"]), bare(reading.text), re.IGNORECASE))
    if not said:
        return
    line = reading.line_of(said[0].group())
    if not any(part in reading.template for part in OWN_CHANGE):
        yield line, "apology", "apologise only for our own change"
    if len(said) > 1:
        yield line, "apology", "apologise once"
    elif not _is_last(reading, said[0]):
        yield line, "apology", "apologise at the end"


def _is_last(reading: Reading, said: re.Match[str]) -> bool:
    """After it may stand only where and as of when: no further sentence of prose."""
    if reading.file == "email.html":
        return True  # the same words as email.txt, in a frame of other words
    rest = re.split(r"[.!]\s|\n\n", bare(reading.text)[said.end() :])[1:]
    as_of = reading.words["as_of"]
    footer = reading.file == "email.txt"
    prose = [
        one
        for one in rest
        if one.strip() and not _FACTUAL.search(one) and not re.search(as_of, one, re.IGNORECASE)
    ]
    return footer or not prose


def _one_way(reading: Reading) -> Iterator[Fault]:
    if (
        reading.file != "agent.txt"
        and not reading.facts.two_way
        and (found := reading.match("reply"))
    ):
        yield (
            reading.line_of(found.group()),
            "one-way",
            f"{found.group()!r} on a lane that hears no answer: put it in {{% if two_way %}}",
        )


def _reply_words(reading: Reading) -> Iterator[Fault]:
    """What a restored customer answers must not read as opt-out, help, yes or no."""
    if not any(part in reading.template for part in RESTORED):
        return
    for found in re.finditer(f"(?:{reading.words['reply']}) ([^.]*)", reading.text, re.IGNORECASE):
        shared = set(found[1].lower().split()) & set(reading.words["reserved"])
        if shared:
            yield (
                reading.line_of(found.group()[:8]),
                "reply-word",
                f"{', '.join(sorted(shared))}: shares a word with opt-out, help, yes or no",
            )


def _as_of(reading: Reading) -> Iterator[Fault]:
    if reading.is_spoken and not reading.match("as_of"):
        yield 1, "as-of", "does not say as of when: add the asof field"


def _digits(reading: Reading) -> Iterator[Fault]:
    if reading.is_spoken and (found := re.search(r"\d+", reading.text)):
        yield reading.line_of(found.group()), "digits", f"{found.group()}: write it in words"


def _too_long(reading: Reading) -> Iterator[Fault]:
    if not reading.is_spoken:
        return
    seconds = speech.seconds(reading.text, reading.locale)
    if seconds > speech.MAX_SECONDS:
        yield (
            1,
            "too-long",
            f"{seconds:.1f} s with the longest values; at most {speech.MAX_SECONDS:.0f}",
        )
    words = len(speech.words_of(reading.text))
    if reading.file == "ivr.txt" and words > speech.MAX_WORDS:
        yield 1, "too-many-words", f"{words} with the longest values; at most {speech.MAX_WORDS}"


def _places_in_email(reading: Reading) -> Iterator[Fault]:
    """A list of streets makes an SMS three, and tells a room what a mailbox keeps."""
    if "personal.places" in reading.source and reading.file not in {"email.txt", "email.html"}:
        line = reading.line_of("personal.places")
        yield line, "places", "personal.places is for e-mail; here use personal.several"


_RULES: tuple[Callable[[Reading], Iterator[Fault]], ...] = (
    _post_length,
    _forbidden,
    _health,
    _carrier,
    _estimate,
    _apology,
    _one_way,
    _reply_words,
    _as_of,
    _digits,
    _too_long,
    _places_in_email,
)
