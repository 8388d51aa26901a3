"""What makes two accounts one customer: identity numbers, read by the rules of their country."""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import mul

_STANDARD_WEIGHTS = (2, 3, 4, 5, 6, 7) * 2
"""From the right, as far as any number goes."""
_BETWEEN = re.compile(r"[\s.\-]")
_RUT = re.compile(r"[0-9]{7,8}[0-9K]")


def plain(text: str) -> str | None:
    """Any identity number, compared without blanks, dots and hyphens, in capitals."""
    return _BETWEEN.sub("", text).upper() or None


def rut_cl(text: str) -> str | None:
    """A Chilean RUT as digits and check digit, or None if it is none, or a stand-in of equal digits.

    Source: Servicio de Registro Civil; modulo 11 with weights 2 to 7 from the right.
    """
    bare = _BETWEEN.sub("", text).lstrip("0").upper()
    if not _RUT.fullmatch(bare):
        return None
    body, check = bare[:-1], bare[-1]
    if len(set(body)) == 1:
        return None
    total = sum(map(mul, map(int, reversed(body)), _STANDARD_WEIGHTS))
    return bare if check == "0123456789K0"[11 - total % 11] else None


READERS: dict[str, Callable[[str], str | None]] = {
    "none": lambda _text: None,
    "plain": plain,
    "rut_cl": rut_cl,
}
"""By the name in the mapping file."""
