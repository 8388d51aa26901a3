"""Our own social accounts as contact points: they have no customer, and one post each."""

from __future__ import annotations

from outreach.addresses import Keyring
from outreach.model.words import Channel
from outreach.settings import Settings
from outreach.store import points, rotations
from outreach.store.session import Session


def ours(session: Session, settings: Settings, keyring: Keyring) -> None:
    """Writes the accounts of the social lanes, once."""
    for lane in settings.lanes:
        if lane.channel is Channel.SOCIAL:
            rotations.adopt(session, keyring, [lane.sender])
            sealed = keyring.seal(lane.sender)
            points.keep(
                session, Channel.SOCIAL, address_hash=keyring.hash(lane.sender), sealed=sealed
            )
