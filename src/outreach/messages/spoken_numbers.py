"""Says numbers in words, with the gender and the short forms that num2words leaves out."""

from __future__ import annotations

import re

from outreach.messages.fields import rounded
from outreach.messages.languages import language


def number(value: int, locale: str, gender: str = "") -> str:
    """A number in words: counted alone, or `masculine` or `feminine` before its noun.

    veintiún, veintiuna; ciento un; doscientas; veintiún mil. No commas, for a voice would pause.
    """
    from num2words import num2words  # noqa: PLC0415  num2words

    rules = language(locale)["numbers"]
    words = str(num2words(value, lang=rules["num2words"])).replace(",", "")
    for pattern, replacement in rules.get(gender, ()):
        words = re.sub(pattern, replacement, words)
    return words


def ordinal(value: int, locale: str) -> str:
    """`sixteenth`, for English dates."""
    from num2words import num2words  # noqa: PLC0415  num2words

    return str(num2words(value, lang=language(locale)["numbers"]["num2words"], to="ordinal"))


def about(count: int, locale: str, gender: str = "masculine") -> str:
    """`cerca de mil doscientos`, two significant digits; empty below 50. `un millón de` clientes."""
    few = rounded(count)
    if not few:
        return ""
    rules = language(locale)["numbers"]
    said: str = rules["about"].format(number=number(few, locale, gender))
    return said + (rules["before_noun"] if re.search(rules["million"], said) else "")


def digits(value: str, locale: str) -> str:
    """A telephone number, digit by digit, in groups as written."""
    groups = re.findall(r"\d+", value)
    return ", ".join(" ".join(number(int(d), locale) for d in group) for group in groups)
