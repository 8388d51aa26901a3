"""What an account said of its person, sealed as one text: name, speech, contacts, tags."""

from __future__ import annotations

import json
from typing import NamedTuple

from outreach.addresses import Keyring
from outreach.model.record import Contact
from outreach.model.words import Channel

Note = tuple[str, str]
"""(tally, word): what was remarkable about a row; rows like most others have none."""

_CHANNELS = {channel.value: channel for channel in Channel}
_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decoded = json.JSONDecoder().decode


class Body(NamedTuple):
    """The personal part of one account, in clear. What is sealed follows the order of these fields."""

    name: str
    locale: str
    zone: str
    preferred: str | None
    contacts: tuple[Contact, ...]
    tags: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def written(body: Body) -> str:
    """The body of an account as the one text that is sealed."""
    return _encoded(body)


def unseal(keyring: Keyring, sealed: bytes) -> Body:
    """The body whose text, as `written`, was sealed."""
    name, locale, zone, preferred, contacts, tags, notes = _decoded(keyring.open(sealed))
    return Body(
        name,
        locale,
        zone,
        preferred,
        tuple([Contact(_CHANNELS[channel], *said) for channel, *said in contacts]),
        tuple(tags),
        tuple([(tally, word) for tally, word in notes]),
    )
