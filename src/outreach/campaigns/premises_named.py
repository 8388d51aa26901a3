"""Which premises one message is about, in a line: streets for their own customer, else localities."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from outreach.addresses import Keyring
from outreach.messages import plain
from outreach.model.message import Recipient
from outreach.model.occasion import Occasion, Revision
from outreach.model.words import Channel
from outreach.store import scopes, told_premises
from outreach.store.scopes import Remaining, Span
from outreach.store.session import Database, Session
from outreach.store.told_premises import Beside, Lying, Stood

MOST_STREETS = 10
"""Streets listed one by one; more premises are told by locality."""
MOST_PREMISES = 500
MOST_HELD = 50_000
"""Addresses of which it is kept what they hold."""
AT_ONCE = 500
"""Addresses that are looked up together."""
LONGEST_AREA = 48
"""What a text may say in the place of the zone before it costs a second segment on every template."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a revision held, resolved once for all its messages."""

    ever: Remaining
    """Everything it names, restored or not."""
    still: Remaining
    is_open: bool


def places(session: Session, occasion: Occasion, revision: Revision) -> Places:
    """The places of one revision."""
    return Places(
        ever=scopes.whole(session, occasion, revision),
        still=scopes.remaining(session, occasion, revision),
        is_open=revision.state.is_open,
    )


def content(places: Places, revision: tuple[int, int]) -> tuple[object, ...]:
    """What two revisions share that hold the same premises; one that names premises shares with none."""
    parts = (places.ever.out, places.still.out, places.still.back)
    own = () if all(part.only_spans for part in parts) else revision
    return (*parts, places.is_open, own)


def named(
    session: Session, recipient: Recipient, places: Places, *, keyring: Keyring | None
) -> str:
    """`Calle 1, Providencia; Calle 2, Ñuñoa` or `Providencia (12), Ñuñoa`.

    Empty for one premise, and where the record no longer has as many as the message counts: a list
    that does not add up would name the wrong ones.
    """
    if not 1 < recipient.premises <= MOST_PREMISES:
        return ""
    either = (places.still, places.ever)
    for found in told_premises.of_message(session, recipient.id, either, limit=MOST_PREMISES + 1):
        if len(found) == recipient.premises:
            return _line(found, keyring)
    return ""


@dataclass(slots=True)
class Held:
    """What people hold, read once for all revisions of a storm: asked for each, it is much of the sending.

    Of one generation of the record.
    """

    _read: set[bytes] = field(default_factory=set)
    _stood: dict[tuple[str, bytes], list[Stood]] = field(default_factory=dict)

    def by(
        self, database: Database, key: tuple[str, bytes], beside: Sequence[bytes]
    ) -> Sequence[Stood]:
        """Of one address, looked up together with those beside it."""
        if key[1] not in self._read:
            if len(self._read) >= MOST_HELD:
                self._read.clear()
                self._stood.clear()
            missing = [each for each in beside if each not in self._read]
            with database.read() as session:
                self._stood |= told_premises.held(session, missing)
            self._read.update(missing)
        return self._stood.get(key, ())


@dataclass(slots=True, kw_only=True)
class Apart:
    """Which premises an outage is about, for who has others in another one; for all messages of a revision.

    "Power is back in Providencia" is no truth for who lives in the dark there, with a shop across the
    street that has light again.
    """

    places: Places
    beside: Beside
    keyring: Keyring | None
    divided: tuple[bytes, ...]
    """Hashes of the addresses concerned, in order; everybody else reads the area as it is."""
    held: Held
    _lying: dict[int, dict[tuple[str, bytes], list[Lying]]] = field(default_factory=dict)
    _spans: tuple[Sequence[Span], Sequence[Span]] | None = field(init=False)
    """Of both scopes, where these tell them whole."""

    def __post_init__(self) -> None:
        ever, still = self.places.ever.spans, self.places.still.spans
        self._spans = None if ever is None or still is None else (ever, still)

    def line(self, database: Database, recipient: Recipient) -> str:
        """In the place of the area; empty where that would be too long, or there is nothing to tell apart."""
        place = bisect_left(self.divided, recipient.address_hash)
        if recipient.channel is Channel.SOCIAL or self.divided[place : place + 1] != (
            recipient.address_hash,
        ):
            return ""
        key = (recipient.channel, recipient.address_hash)
        return self._named(self._around(database, key, place - place % AT_ONCE))

    def _around(self, database: Database, key: tuple[str, bytes], start: int) -> Sequence[Lying]:
        hashes = self.divided[start : start + AT_ONCE]
        if self._spans is not None:
            return told_premises.lying(self.held.by(database, key, hashes), *self._spans)
        if start not in self._lying:
            with database.read() as session:
                self._lying[start] = told_premises.around(
                    session, hashes, self.places.ever, self.places.still
                )
        return self._lying[start].get(key, ())

    def _named(self, premises: Sequence[Lying]) -> str:
        others = [one.stood for one in premises if not one.is_ever][:MOST_PREMISES]
        if not any(self.beside.is_dark(one) for one in others):
            return ""
        told_of = [
            one.stood for one in premises if (one.is_still if self.places.is_open else one.is_ever)
        ]
        named = _line(
            [one for one in told_of[:MOST_STREETS] if not self._is_dark_too(one)], self.keyring
        )
        return named if len(named) <= LONGEST_AREA else ""

    def _is_dark_too(self, one: Stood) -> bool:
        """At an end: a premise for which it is not over is none of those that are back."""
        return not self.places.is_open and self.beside.is_dark(one)


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
