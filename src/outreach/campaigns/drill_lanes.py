"""The lanes that carry drills: one a channel, with the outbox for a carrier, whatever credentials there are."""

from __future__ import annotations

from outreach.model.words import Channel
from outreach.settings import Lane, Settings

DRILL = "drill"
"""In the place of a country, in the pools of drills: `sms:drill`."""


def drill_lanes(settings: Settings) -> tuple[Lane, ...]:
    """As many as there are channels. Drills have pools of their own and leave by these alone."""
    return tuple(
        _of(settings, channel)
        for channel in Channel
        if any(lane.channel is channel for lane in settings.lanes)
    )


def every_lane(settings: Settings) -> tuple[Lane, ...]:
    """The lanes of the settings, and those for drills."""
    return settings.lanes + drill_lanes(settings)


def _of(settings: Settings, channel: Channel) -> Lane:
    """As fast as the real ones together, so that a drill takes as long."""
    mine = [lane for lane in settings.lanes if lane.channel is channel]
    return Lane(
        name=f"{DRILL}-{channel}",
        channel=channel,
        provider="outbox",
        sender=mine[0].sender,
        rate=sum(lane.rate for lane in mine),
        country=DRILL,
        two_way=all(lane.two_way for lane in mine),
    )
