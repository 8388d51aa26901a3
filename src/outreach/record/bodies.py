"""What an account said of its person, sealed as one text: name, speech, contacts, tags."""

from __future__ import annotations

import json
from dataclasses import dataclass

from outreach.addresses import Keyring
from outreach.model.record import Account, Contact
from outreach.model.words import Channel

Note = tuple[str, str]
"""(tally, word): what was remarkable about a row; rows like most others have none."""

_CHANNELS = {channel.value: channel for channel in Channel}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The personal part of one account, in clear."""

    name: str
    locale: str
    zone: str
    preferred: str | None
    contacts: tuple[Contact, ...]
    tags: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def seal(keyring: Keyring, account: Account, notes: tuple[Note, ...] = ()) -> bytes:
    """The body of an account, unreadable without the keys."""
    contacts = [
        (one.channel.value, one.address, one.country, one.consent, one.usable)
        for one in account.contacts
    ]
    preferred = account.preferred and account.preferred.value
    said = (account.name, account.locale, account.zone, preferred, contacts, account.tags, notes)
    return keyring.seal(json.dumps(said, ensure_ascii=False, separators=(",", ":")))


def unseal(keyring: Keyring, sealed: bytes) -> Body:
    """What `seal` was given."""
    name, locale, zone, preferred, contacts, tags, notes = json.loads(keyring.open(sealed))
    return Body(
        name=name,
        locale=locale,
        zone=zone,
        preferred=preferred,
        contacts=tuple(
            Contact(
                channel=_CHANNELS[channel],
                address=address,
                country=country,
                consent=consent,
                usable=usable,
            )
            for channel, address, country, consent, usable in contacts
        ),
        tags=tuple(tags),
        notes=tuple((tally, word) for tally, word in notes),
    )
