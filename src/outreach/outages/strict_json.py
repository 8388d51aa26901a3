"""JSON from outside: RFC 8259 and nothing beside it, within limits, never a crash."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MOST_BYTES = 20 * 1024 * 1024


def parsed(raw: bytes | str) -> Any:
    """The value; ValueError for anything that is not JSON in UTF-8, too deep or too large.

    NaN and Infinity, which Python's own reader takes, are refused.
    """
    if len(raw) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
