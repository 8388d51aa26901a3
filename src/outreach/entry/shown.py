"""The short ids by which people and machines name an occasion, such as `out_7kq2m4xa`."""

from __future__ import annotations

from outreach.addresses import Keyring
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import OccasionKind

PREFIXES = {
    OccasionKind.OUTAGE: "out",
    OccasionKind.PLANNED: "pla",
    OccasionKind.ADVISORY: "adv",
}


def shown_id(keyring: Keyring, occasion: Occasion) -> str:
    """What this occasion is called on screens, in URLs and towards the contact center."""
    return keyring.public_id(PREFIXES[occasion.kind], occasion.id)


def read_id(keyring: Keyring, text: str) -> tuple[OccasionKind, OccasionId] | None:
    """Kind and number behind an id, whether or not there is such an occasion; None: not an id."""
    for kind, prefix in PREFIXES.items():
        number = keyring.read_public_id(prefix, text.strip().lower())
        if number is not None:
            return kind, OccasionId(number)
    return None
