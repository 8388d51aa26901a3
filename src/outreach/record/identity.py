"""What makes two accounts one customer: identity numbers, read by the rules of their country."""

from __future__ import annotations

import re
from collections.abc import Callable

_STANDARD_WEIGHTS = (2, 3, 4, 5, 6, 7)


def plain(text: str) -> str | None:
    """Any identity number, compared without blanks, dots and hyphens, in capitals."""
    return re.sub(r"[\s.\-]", "", text).upper() or None


def rut_cl(text: str) -> str | None:
    """A Chilean RUT as digits and check digit, or None if it is none, or a stand-in of equal digits.

    Source: Servicio de Registro Civil; modulo 11 with weights 2 to 7 from the right.
    """
    bare = re.sub(r"[\s.\-]", "", text).lstrip("0").upper()
    if not re.fullmatch(r"[0-9]{7,8}[0-9K]", bare):
        return None
    body, check = bare[:-1], bare[-1]
    if len(set(body)) == 1:
        return None
    total = sum(
        int(digit) * _STANDARD_WEIGHTS[place % len(_STANDARD_WEIGHTS)]
        for place, digit in enumerate(reversed(body))
    )
    return bare if check == "0123456789K0"[11 - total % 11] else None


READERS: dict[str, Callable[[str], str | None]] = {
    "none": lambda _text: None,
    "plain": plain,
    "rut_cl": rut_cl,
}
"""By the name in the mapping file."""
