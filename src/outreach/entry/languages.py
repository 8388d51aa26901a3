"""The operator's language: catalogues in Spanish and Portuguese beside the English of the code."""

from __future__ import annotations

import gettext
import os
from functools import cache
from pathlib import Path

DOMAIN = "outreach"
LOCALES = Path(__file__).parent / "locales"
LANGUAGES = ("es", "pt", "en")
SOURCE = "en"

_spoken = SOURCE


def N_(text: str) -> str:  # noqa: N802  the name that gettext's extractors know
    """Marks a text that is kept now and translated when it is shown."""
    return text


def _(text: str) -> str:
    """The text in the operator's language."""
    return translations(_spoken).gettext(text) if text else text


def ngettext(one: str, many: str, count: int) -> str:
    """The form that fits the count; the caller fills in the number."""
    return translations(_spoken).ngettext(one, many, count)


def spoken() -> str:
    """The language in use: `es`, `pt` or `en`."""
    return _spoken


def use(language: str) -> None:
    """Speaks this language from now on, Click's own messages included."""
    global _spoken  # noqa: PLW0603  one terminal, one language
    _spoken = language
    gettext.bindtextdomain(DOMAIN, str(LOCALES))
    gettext.textdomain(DOMAIN)
    # Written, not read: gettext() inside Click learns its language only here.
    os.environ["LANGUAGE"] = language  # noqa: TID251


def chosen(*wishes: str | None) -> str:
    """The first wish that we speak (`es`, `pt_BR.UTF-8` …), else English."""
    for wish in wishes:
        language = (wish or "")[:2].lower()
        if language in LANGUAGES:
            return language
    return SOURCE


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; English needs none."""
    return gettext.translation(DOMAIN, str(LOCALES), [language], fallback=True)
