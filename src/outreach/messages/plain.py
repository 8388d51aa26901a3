"""Makes data harmless and short before it meets a text: no controls, no bidi tricks, no broken letters."""

from __future__ import annotations

import re
import unicodedata

from outreach.model.errors import InputRefused

SLOT_START, SLOT_END = "\ue000", "\ue001"
"""Mark a personal field in a composed text; `clean` takes them out of all data."""

_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_GONE = re.compile(
    f"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff{_BIDI}{SLOT_START}{SLOT_END}\ud800-\udfff]"
)
_SPACES = re.compile(r"\s+")
_JOINERS = ("\u200d", "\u200c")
_INDICATORS = range(0x1F1E6, 0x1F200)
_MODIFIERS = range(0x1F3FB, 0x1F400)
_VIRAMA = 9
_PREPENDED = frozenset("\u0d4e\u0dd6")


def clean(value: str) -> str:
    """Data on one line, without control characters, bidi controls, lone surrogates or slot marks."""
    if value.isascii() and value.isprintable():
        return value.strip()
    return _SPACES.sub(" ", _GONE.sub("", _SPACES.sub(" ", value))).strip()


def one_line(value: str, *, what: str) -> str:
    """A cleaned name; InputRefused if it holds CR or LF, which could forge a mail header."""
    if "\r" in value or "\n" in value:
        raise InputRefused(f"{what}: holds a line break; take it out of the record or the settings")
    return clean(value)


def shorten(value: str, limit: int) -> str:
    """At most `limit` characters, cut between words, or else between graphemes, never inside one."""
    if len(value) <= limit:
        return value
    cut = value.rfind(" ", 0, limit + 1)
    if cut <= 0:
        cut = limit
    while cut and not _may_break(value, cut):
        cut -= 1
    return value[: cut or _first_grapheme(value, limit)].rstrip(" ,;-")


def _first_grapheme(value: str, limit: int) -> int:
    """End of a first grapheme longer than the limit; a hostile heap of accents is cut all the same."""
    ends = (at for at in range(limit, min(len(value), 2 * limit)) if _may_break(value, at))
    return next(ends, min(len(value), 2 * limit))


def _may_break(value: str, at: int) -> bool:
    """Whether a cut before index `at` surely falls between graphemes (UAX 29); doubt says no."""
    before, after = value[at - 1], value[at]
    return not (_extends(after) or _joins(before) or _is_pair(before, after))


def _extends(after: str) -> bool:
    return (
        unicodedata.category(after)[0] == "M"
        or unicodedata.category(after) == "Cf"
        or ord(after) in _MODIFIERS
        or after in "\uff9e\uff9f"
    )


def _joins(before: str) -> bool:
    return (
        before in _JOINERS
        or unicodedata.category(before) in {"Cf", "Cn"}
        or unicodedata.combining(before) == _VIRAMA
        or before in _PREPENDED
        or (unicodedata.category(before) == "Lo" and "PREPEND" in unicodedata.name(before, ""))
    )


def _is_pair(before: str, after: str) -> bool:
    both = ord(before), ord(after)
    conjunct = unicodedata.category(before) == "Mn" and unicodedata.category(after) == "Lo"
    flags = conjunct or all(code in _INDICATORS for code in both)
    return flags or (before == "\r" and after == "\n") or all(map(_is_hangul, (before, after)))


def _is_hangul(character: str) -> bool:
    return unicodedata.name(character, "").startswith("HANGUL")
