"""How a word is compared with the same word typed otherwise."""

from __future__ import annotations

import unicodedata


def plain(name: str) -> str:
    """Trimmed, lower case, without accents: Ñuñoa is typed `nunoa`, Sábado `sabado`."""
    letters = unicodedata.normalize("NFKD", name.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
