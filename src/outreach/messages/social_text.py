"""Counts a post as X does: 280 weighted characters, a link 23, most letters 1, emoji and CJK 2."""

from __future__ import annotations

import re
import unicodedata

LIMIT = 280
LINK = 23
_LINK = re.compile(r"(?:https?://)?(?:[\w-]+\.)+[a-z]{2,}(?:/[^\s]*)?", re.IGNORECASE)
_LIGHT = (range(4352), range(8192, 8206), range(8208, 8224), range(8242, 8248))


def weight(text: str) -> int:
    """Weighted length of a post (docs.x.com, counting characters): more than 280 is refused."""
    composed = unicodedata.normalize("NFC", text)
    links = len(_LINK.findall(composed))
    rest = _LINK.sub("", composed)
    return links * LINK + sum(1 if _is_light(ord(c)) else 2 for c in rest)


def without_links(text: str) -> str:
    """The prose alone: a word inside an address says nothing."""
    return _LINK.sub(" ", text)


def _is_light(code: int) -> bool:
    return any(code in light for light in _LIGHT)
