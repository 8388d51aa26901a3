"""When the messages of a wave may leave, and until when they are true."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.audience.hours import quiet_until
from outreach.model.campaign import Campaign, Step
from outreach.model.occasion import Occasion, Revision
from outreach.model.words import AtNight, Event, OccasionKind, PriorityClass
from outreach.store.freeze import Release

CLOSING_TRUE_FOR = timedelta(hours=12)
"""Restored, cancelled, moved and corrections stay true, but late news of them only confuses."""
_ENDS_WITH_START = {Event.NOTICE, Event.MOVED}
_ENDS_WITH_ETR = {
    Event.ETR_SET,
    Event.ETR_LATER,
    Event.ETR_EARLIER,
    Event.OPENED,
    Event.JOINED,
    Event.PARTIAL,
}


def releases(
    campaign: Campaign, step: Step, occasion: Occasion, *, zones: tuple[str, ...], now: datetime
) -> tuple[Release, ...]:
    """For each zone of the audience: when the rest may leave, and when class A may."""

    def leaves(zone: str, priority: PriorityClass) -> datetime | None:
        start_at = occasion.revision.start_at
        return not_before(campaign, step, priority=priority, zone=zone, start_at=start_at, now=now)

    return tuple(
        Release(
            zone=zone,
            not_before=leaves(zone, PriorityClass.C),
            priority_not_before=leaves(zone, PriorityClass.A),
        )
        for zone in zones
    )


def not_before(
    campaign: Campaign,
    step: Step,
    *,
    priority: PriorityClass,
    zone: str,
    start_at: datetime,
    now: datetime,
) -> datetime | None:
    """The first instant at which a notice may leave; None: at once.

    Class A leaves at once, unless its step holds everybody for the night. The others wait until
    it can no longer be undone, until an outage is old enough not to be a reclosing breaker, and,
    unless the step sends at any hour, until the night of the recipient's zone is over.
    """
    if priority is PriorityClass.A:
        held = step.at_night is AtNight.HOLD
        return quiet_until(now, zone, campaign.quiet_hours) if held else None
    earliest = now + campaign.undo_for
    if campaign.serves is OccasionKind.OUTAGE:
        earliest = max(earliest, start_at + campaign.minimum_age)
    if step.at_night is AtNight.SEND:
        return earliest
    return quiet_until(earliest, zone, campaign.quiet_hours) or earliest


def not_after(step: Step, revision: Revision, *, now: datetime) -> datetime:
    """The instant from which the text would be untrue; a message is never sent later."""
    limits = [now + (step.too_late_after or CLOSING_TRUE_FOR)]
    if step.on in _ENDS_WITH_START:
        limits.append(revision.start_at)
    if step.on in _ENDS_WITH_ETR and revision.public_etr is not None:
        limits.append(revision.public_etr)
    if (
        revision.state.is_open
        and revision.public_etr is None
        and revision.next_update_at is not None
    ):
        limits.append(revision.next_update_at)
    if revision.state.is_open and revision.end_at is not None:
        limits.append(revision.end_at)
    return min(limits)
