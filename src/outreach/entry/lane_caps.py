"""What a lane of the settings may spend, as the store counts it."""

from __future__ import annotations

from outreach.model.words import Channel
from outreach.settings import Lane, Settings
from outreach.store.spent import Caps


def caps(lane: Lane, settings: Settings) -> Caps:
    """Only SMS has a price."""
    return Caps(
        zone=settings.company.zone,
        country=lane.country,
        daily=lane.daily_cap,
        spend=lane.spend_cap,
        countries=lane.countries,
        prefix=lane.prefix_cap,
        prices=settings.delivery.sms_price if lane.channel is Channel.SMS else {},
    )
