"""What a call says after a key: thanks, the emergency number, or the question once more."""

from __future__ import annotations

from outreach.messages.languages import LANGUAGES, language
from outreach.messages.spoken_numbers import digits
from outreach.model.notice import Words
from outreach.model.task import Meaning

KEYS = {"1": Meaning.HEARD, "2": Meaning.NEEDS_HELP}


def thanks(meaning: Meaning, locale: str, words: Words) -> list[str]:
    """Sentences for the ear; one that needs a number which the company did not give is left out."""
    spoken = _spoken(locale)
    known = {
        "tel": digits(words.priority_line, spoken),
        "emergency": digits(words.emergency, spoken),
    }
    return [
        sentence.format(**known)
        for sentence in language(spoken)["keys"][meaning.value]
        if all(value or f"{{{name}}}" not in sentence for name, value in known.items())
    ]


def again(locale: str) -> str:
    """The question alone, for who pressed nothing, or another key."""
    return str(language(_spoken(locale))["keys"]["again"])


def bye(locale: str) -> list[str]:
    """After the second time: a person will call."""
    return list(language(_spoken(locale))["keys"]["bye"])


def _spoken(locale: str) -> str:
    """A language that we have words in; a call must never end in silence."""
    code = locale.replace("_", "-").partition("-")[0].lower()
    return code if code in LANGUAGES else LANGUAGES[0]
