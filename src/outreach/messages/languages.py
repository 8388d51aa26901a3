"""The languages that texts are written in: their words, clock, numbers and lint rules, one file each."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from outreach.model.errors import InputRefused

LANGUAGES = ("es", "pt", "en")

Language = dict[str, Any]
"""The parsed language/<code>.toml: service, personal, numbers, clock, speech, danger, lint."""


def code_of(locale: str) -> str:
    """`es` of `es-CL` or `es_CL`; InputRefused when we have no words in that language."""
    code = locale.replace("_", "-").split("-")[0].lower()
    if code not in LANGUAGES:
        raise InputRefused(f"locale {locale!r}: no such language here; use {', '.join(LANGUAGES)}")
    return code


def language(locale: str) -> Language:
    """The words and rules of a locale's language; InputRefused when we do not have it."""
    return _read(code_of(locale))


@cache
def _read(code: str) -> Language:
    path = resources.files("outreach.messages") / "language" / f"{code}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
