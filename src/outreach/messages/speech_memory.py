"""What a sentence for the ear adds, or leaves out, for who heard of it before."""

from __future__ import annotations

from outreach.messages import spoken_times
from outreach.messages.fields import Fields
from outreach.messages.languages import language
from outreach.model.notice import Facts


def told(facts: Facts, locale: str) -> str:
    """`Le escribimos a las dos y cinco de la tarde.`; empty where we did not."""
    if facts.told_at is None:
        return ""
    when = spoken_times.at(facts, facts.told_at, locale)
    return str(language(locale)["memory"]["told"].format(time=when))


def unchanged(facts: Facts, values: Fields, locale: str) -> str:
    """`Corte de luz en Ñuñoa: sin cambios desde las dos y diez de la tarde.`, and the estimate that stands.

    `values` are the speech fields of the same facts.
    """
    if facts.unchanged_since is None:
        return ""
    words = language(locale)["memory"]
    since = spoken_times.bare(facts, facts.unchanged_since, locale)
    first = words["unchanged"].format(zone=values["zone"], time=since)
    return f"{first} {_stands(values, words)}".strip()


def _stands(values: Fields, words: dict[str, str]) -> str:
    for name in ("etr", "next"):
        if value := values.get(name):
            return words[name].format(time=value)
    return ""
