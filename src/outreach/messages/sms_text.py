"""Counts SMS segments, and folds what is not in the GSM-7 alphabet to what is."""

# ruff: noqa: RUF001  typographic signs are what is folded here

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

GSM7 = "GSM-7"
UCS2 = "UCS-2"

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One septet each (3GPP TS 23.038, 6.2.1). Not here: á í ó ú ã õ â ê ô ç."""
EXTENSION = "\f^{}\\[~]|€"
"""An escape and a septet each (6.2.1.1); the pair is never split over two segments."""

_ONE, _JOINED = {GSM7: 160, UCS2: 70}, {GSM7: 153, UCS2: 67}
_BASIC_BYTES = BASIC.encode("latin-1", "ignore")
_EXTENSION_BYTES = EXTENSION.encode("latin-1", "ignore")
_BASIC_SET, _EXTENSION_SET = frozenset(BASIC), frozenset(EXTENSION)


class Segments(NamedTuple):
    """How a text travels: `units` are septets in GSM-7, UTF-16 units in UCS-2.

    A tuple, for it is made once a message and a frozen dataclass costs three times as much.
    """

    encoding: str
    units: int
    count: int  # type: ignore[assignment]  # a segment count hides tuple.count


def segments(text: str) -> Segments:
    """Encoding, units and SMS segments of a text: 160 or 153 joined in GSM-7, 70 or 67 in UCS-2.

    An empty text counts one segment. Escape pairs and surrogate pairs are never split.
    """
    escaped = _escaped(text)
    if escaped is None:
        return _ucs2(text)
    units = len(text) + escaped
    if units <= 160:  # noqa: PLR2004  the common case first: this runs once a message
        return Segments(GSM7, units, 1)
    if not escaped:
        return Segments(GSM7, units, -(-units // 153))
    return Segments(GSM7, units, _joined((2 if c in _EXTENSION_SET else 1 for c in text), GSM7))


def is_gsm7(text: str) -> bool:
    """Whether every character of the text is in the GSM-7 alphabet or its extension."""
    return _escaped(text) is not None


def unfoldable(text: str) -> str:
    """The characters that force UCS-2 even after folding, each once, in order."""
    kept = dict.fromkeys(c for c in fold(text) if c not in _BASIC_SET and c not in _EXTENSION_SET)
    return "".join(kept)


def fold(text: str) -> str:
    """The text with what GSM-7 lacks replaced by what it has: á to a, typographic quotes to plain.

    Keeps é ñ ü ¿ ¡ à and all else that GSM-7 has; leaves what has no counterpart. Idempotent.
    """
    while not is_gsm7(text):
        folded = unicodedata.normalize("NFC", text).translate(_FOLDED)
        if folded == text:
            break
        text = folded
    return text


def _escaped(text: str) -> int | None:
    """How many characters need the escape; None if the text is not GSM-7.

    Deleting bytes is ten times cheaper than looking at characters; only Greek and the euro sign
    are outside Latin-1 and take the slow way.
    """
    try:
        rest = text.encode("latin-1").translate(None, _BASIC_BYTES)
    except UnicodeEncodeError:
        return _escaped_slowly(text)
    if not rest:
        return 0
    return None if rest.translate(None, _EXTENSION_BYTES) else len(rest)


def _escaped_slowly(text: str) -> int | None:
    rest = [c for c in text if c not in _BASIC_SET]
    return len(rest) if _EXTENSION_SET.issuperset(rest) else None


def _ucs2(text: str) -> Segments:
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units <= _ONE[UCS2]:
        return Segments(UCS2, units, 1)
    if units == len(text):
        return Segments(UCS2, units, -(-units // _JOINED[UCS2]))
    return Segments(UCS2, units, _joined((2 if c > "\uffff" else 1 for c in text), UCS2))


def _joined(widths: Iterable[int], encoding: str) -> int:
    """Segments of a long text, filled in order, a pair never split."""
    room, count, used = _JOINED[encoding], 1, 0
    for width in widths:
        if used + width > room:
            count, used = count + 1, 0
        used += width
    return count


class _Folding(dict[int, str]):
    """Replacement of each character, worked out at its first sight."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        replaced = character if is_gsm7(character) else _without_marks(character)
        if len(self) < 10_000:  # noqa: PLR2004  hostile text must not fill the memory
            self[code] = replaced
        return replaced


def _without_marks(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    bare = "".join(c for c in parts if not unicodedata.combining(c))
    return bare if bare and is_gsm7(bare) else character


_FOLDED = _Folding(
    str.maketrans(
        {
            **dict.fromkeys("‘’‚‛′´`ʼ", "'"),
            **dict.fromkeys("“”„‟″«»", '"'),
            **dict.fromkeys("‐‑‒–—―−", "-"),
            **dict.fromkeys("\u200b\u00ad\ufeff\u2060", ""),
            "\t": " ",
            "\u2028": "\n",
            "\u2029": "\n",
            "•": "-",
            "·": "-",
            "°": "o",
            "…": "...",
            "½": "1/2",
            "¼": "1/4",
            "¾": "3/4",
            "\u2044": "/",
            "×": "x",
            "÷": "/",
            "‹": "<",
            "›": ">",
            "©": "(c)",
            "®": "(r)",
            "ł": "l",
            "Ł": "L",
            "đ": "d",
            "Đ": "D",
        }
    )
)
