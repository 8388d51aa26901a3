"""Which premises one message is about, in a line: streets for their own customer, else localities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from outreach.addresses import Keyring
from outreach.messages import plain
from outreach.model.message import Recipient
from outreach.model.occasion import Occasion, Revision
from outreach.store import scopes, told_premises
from outreach.store.session import Session
from outreach.store.told_premises import Stood

MOST_STREETS = 10
"""Streets listed one by one; more premises are told by locality."""
MOST_PREMISES = 500


def named(
    session: Session,
    recipient: Recipient,
    occasion: Occasion,
    revision: Revision,
    *,
    keyring: Keyring | None,
) -> str:
    """`Calle 1, Providencia; Calle 2, Ñuñoa` or `Providencia (12), Ñuñoa`.

    Empty for one premise, and where the record no longer has as many as the message counts: a list
    that does not add up would name the wrong ones.
    """
    if not 1 < recipient.premises <= MOST_PREMISES:
        return ""
    scope = scopes.remaining(session, occasion, revision)
    for each in (scope, scopes.whole(session, occasion, revision)):
        found = told_premises.of_message(session, recipient.id, each, limit=MOST_PREMISES + 1)
        if len(found) == recipient.premises:
            return _line(found, keyring)
    return ""


def _line(found: Sequence[Stood], keyring: Keyring | None) -> str:
    if keyring is not None and len(found) <= MOST_STREETS:
        streets = [_street(one, keyring) for one in found]
        if all(streets):
            return "; ".join(streets)
    counted = Counter(plain.clean(one.locality) for one in found if one.locality)
    return ", ".join(
        f"{locality} ({count})" if count > 1 else locality for locality, count in counted.items()
    )


def _street(one: Stood, keyring: Keyring) -> str:
    street = plain.clean(keyring.open(one.street_sealed)) if one.street_sealed else ""
    return ", ".join(part for part in (street, plain.clean(one.locality)) if part) if street else ""
