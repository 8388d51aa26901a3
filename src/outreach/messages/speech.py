"""Turns text into what an ear can follow: words only, SSML, and how long it takes to say."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from html import escape

from outreach.messages import plain, spoken_times
from outreach.messages.fields import Fields, names
from outreach.messages.languages import code_of, language
from outreach.messages.spoken_numbers import about, digits, number
from outreach.model.notice import Facts, Spoken, Words
from outreach.model.words import OccasionKind

MAX_WORDS = 40
MAX_SECONDS = 20.0
"""A front message (deflection.md, 13): callers hang up, or press zero, beyond that."""

SILENCE = Spoken(text="", ssml="", seconds=0.0)
_SYLLABLES_A_SECOND, _COMMA, _STOP = 5.5, 0.25, 0.5
_ZONE_WORDS, _DATA_WORDS, _CAUSE_WORDS = 10, 24, 6
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_TIME = re.compile(r"(?<!\d)([01]?\d|2[0-3]):([0-5]\d)(?!\d)")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}([.,]\d{3})+\Z")
_UNSPEAKABLE = re.compile(r"[^\w\s.,;:!?¡¿'-]|_")
_ARTICLE = re.compile(r"\A(las?|as?) ", re.IGNORECASE)
_LONGEST_NUMBER = 9


def speak(text: str, locale: str) -> Spoken:
    """A finished text as speech; what is left of digits, signs and URLs is put into words.

    Seconds by the model of deflection.md: syllables / 5.5, a comma .25, a stop .5.
    """
    words = in_words(text, locale)
    return Spoken(text=words, ssml=ssml(words), seconds=round(seconds(words, locale), 1))


def fits(text: str, locale: str) -> bool:
    """Whether a caller listens to the end of a text in words: 40 of them, 20 seconds."""
    return len(words_of(text)) <= MAX_WORDS and seconds(text, locale) <= MAX_SECONDS


def ever_less(values: Fields, told: str = "") -> Iterator[Fields]:
    """The fields of an ivr.txt and what is said after it, then without the count, brief, without memory, without the next news."""
    after: Fields = {"told": told} if told else {}
    yield values | after
    few = {name: value for name, value in values.items() if name != "count"}
    if "count" in values:
        yield few | after
    yield few | {"brief": True} | after
    if told:
        yield few | {"brief": True}
    yield {name: value for name, value in few.items() if name != "next"} | {"brief": True}


def warning(facts: Facts, values: Fields, locale: str, *, main: str) -> str:
    """`Peligro: cable caído.`, said before everything else; empty where nobody is in danger.

    `values` are the speech fields of the same facts. The cause is in the language of `main`, the
    company's: whoever hears another one is warned without it. Advisories and works have words of
    their own.
    """
    if not facts.is_danger or facts.kind is not OccasionKind.OUTAGE:
        return ""
    words, cause = language(locale)["danger"], _limited(str(values.get("cause", "")), _CAUSE_WORDS)
    if not cause or code_of(locale) != code_of(main):
        return str(words["unnamed"])
    return str(words["named"].format(cause=cause.rstrip(",;:")))


def ssml(text: str) -> str:
    """speak, p and s only, XML-escaped: the tags that every platform's voices know."""
    sentences = "".join(f"<s>{escape(one, quote=True)}</s>" for one in sentences_of(text))
    return f"<speak><p>{sentences}</p></speak>"


def sentences_of(text: str) -> list[str]:
    return [one for one in re.split(r"(?<=[.!?])\s+", text.strip()) if one]


def seconds(text: str, locale: str) -> float:
    """How long a voice takes to say a text in words."""
    spoken = sum(syllables(word, locale) for word in words_of(text))
    commas = len(re.findall(r"[,;:]", text))
    stops = len(re.findall(r"[.!?]+", text))
    return spoken / _SYLLABLES_A_SECOND + _COMMA * commas + _STOP * stops


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text)


@lru_cache(16_384)
def syllables(word: str, locale: str) -> int:
    """Syllables of a word: groups of vowels, split where two strong ones or a stressed weak one meet."""
    rules = language(locale)["speech"]
    low = unicodedata.normalize("NFC", word.lower())
    for pattern in rules["silent"]:
        low = re.sub(pattern, lambda found: found.group()[:-1], low)
    for nasal in rules.get("nasal", ()):
        low = low.replace(nasal, nasal[0])
    vowels = rules["vowels"] + ("y" if rules.get("final_y") and low.endswith("y") else "")
    groups = re.findall(f"[{vowels}]+", low)
    nuclei = set(rules["strong"] + rules["stressed"])
    return max(1, sum(max(1, sum(c in nuclei for c in group)) for group in groups))


def in_words(text: str, locale: str, lexicon: Mapping[str, str] | None = None) -> str:
    """Text without digits, abbreviations, signs or URLs; `lexicon` says how places are pronounced."""
    said = _URL.sub(" ", plain.clean(text))
    for written, spoken in (lexicon or {}).items():
        said = said.replace(written, spoken)
    said = _expanded(unicodedata.normalize("NFKC", said), locale)
    said = _TIME.sub(lambda found: _time(found, locale), said)
    said = _NUMBER.sub(lambda found: f" {_number(found.group(), locale)} ", said)
    for sign, words in language(locale)["numbers"]["symbols"].items():
        said = said.replace(sign, words)
    said = re.sub(r"\s+", " ", _UNSPEAKABLE.sub(" ", said))
    return re.sub(r"\s+([.,;:!?])", r"\1", said).strip()


def speech_fields(
    facts: Facts, words: Words, locale: str, lexicon: Mapping[str, str] | None = None
) -> Fields:
    """The fields of ivr.txt and voice.txt: as in `fields`, but for the ear, and without any link."""
    values = names(facts, words, locale) | _spoken_times(facts, locale)
    zone = in_words(plain.one_line(facts.area, what="area name"), locale, lexicon)
    values |= {
        "zone": _limited(zone, _ZONE_WORDS),
        "company": in_words(words.company, locale, lexicon),
        "s": in_words(words.sender, locale, lexicon),
        "cause": _limited(in_words(facts.cause, locale, lexicon), _DATA_WORDS).rstrip("."),
        "fact": _limited(in_words(facts.fact, locale, lexicon), _DATA_WORDS).rstrip("."),
        "danger": "",  # said by the platform's own menu first, where there is one
        "danger_planned": "",
        "phone": digits(words.phone, locale),
        "tel": digits(words.priority_line, locale),
        "emergency": digits(words.emergency, locale),
        "count": about(facts.customers, locale),
        "low": facts.etr_confidence == "low",
        "window": bool(facts.etr_at and facts.etr_from),
        "two_way": False,
    }
    return {name: value for name, value in values.items() if value}


def _spoken_times(facts: Facts, locale: str) -> Fields:
    values: Fields = {"asof": spoken_times.of(facts, facts.as_of, locale)}
    values["etr"] = _estimate(facts, facts.etr_at, locale)
    for name, at in (("next", facts.next_update_at), ("old", facts.old_etr_at)):
        values[name] = spoken_times.at(facts, at, locale) if at else ""
    for name, at in (("start", facts.start_at), ("restored", facts.restored_at)):
        values[name] = spoken_times.at(facts, at, locale) if at else ""
    values["until"] = spoken_times.bare(facts, facts.end_at, locale) if facts.end_at else ""
    values["sent"] = spoken_times.of(facts, facts.sent_at, locale) if facts.sent_at else ""
    return values | _spoken_works(facts, locale)


def _spoken_works(facts: Facts, locale: str) -> Fields:
    values = _works(facts, facts.start_at, facts.end_at, locale)
    old = _works(facts, facts.old_start_at, facts.old_end_at, locale)
    return values | {f"old_{name}": value for name, value in old.items()}


def _works(facts: Facts, start: datetime | None, end: datetime | None, locale: str) -> Fields:
    if start is None:
        return {}
    return {
        "date": spoken_times.date(facts, start, locale),
        "a": spoken_times.hours(facts, start, locale),
        "b": spoken_times.hours(facts, end, locale, beside=start) if end else "",
    }


def _estimate(facts: Facts, at: datetime | None, locale: str) -> str:
    if at is None:
        return ""
    if facts.etr_from is not None:
        return spoken_times.between(facts, facts.etr_from, at, locale)
    if facts.etr_confidence == "low":
        return spoken_times.window(facts, at, locale)
    return spoken_times.at(facts, at, locale)


def _limited(text: str, most: int) -> str:
    return " ".join(text.split()[:most])


def _expanded(text: str, locale: str) -> str:
    """Each word that is a known abbreviation, written out; a comma after it stays."""
    known = language(locale)["speech"]["abbreviations"]
    return " ".join(_one_expanded(word, known) for word in text.split())


def _one_expanded(word: str, known: Mapping[str, str]) -> str:
    for tail in ("", ",", ";", "."):
        bare = word[: len(word) - len(tail)]
        if word.endswith(tail) and bare.lower() in known:
            return known[bare.lower()] + tail
    return word


def _time(found: re.Match[str], locale: str) -> str:
    """Without its article, which the text before it mostly brings: `desde las` 05:30."""
    there = datetime(2000, 1, 1, int(found[1]), int(found[2]))  # noqa: DTZ001  a clock face
    return f" {_ARTICLE.sub('', spoken_times.clock(there, locale))} "


def _number(written: str, locale: str) -> str:
    if _THOUSANDS.match(written):
        written = re.sub("[.,]", "", written)
    parts = re.split("[.,]", written)
    if len(parts) == 2:  # noqa: PLR2004  whole and fraction
        point = language(locale)["numbers"]["point"]
        return f"{_whole(parts[0], locale)}{point}{_whole(parts[1], locale)}"
    return " ".join(_whole(part, locale) for part in parts)


def _whole(written: str, locale: str) -> str:
    if len(written) > _LONGEST_NUMBER or (written.startswith("0") and len(written) > 1):
        return digits(written, locale)
    return number(int(written), locale)
