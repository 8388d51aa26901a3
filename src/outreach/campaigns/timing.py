"""When the messages of a wave may leave, and until when they are true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

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


def settles_from(campaign: Campaign, step: Step, history: Sequence[Revision]) -> datetime:
    """From when on an outage counts as old enough for those whom a step takes in.

    A first prediction grows within minutes, and its estimate follows: who is taken in late hears both
    in one text. Not beyond twice the minimum age after the start, for they sit in the dark since then.
    """
    start_at = history[-1].start_at
    if step.on is not Event.JOINED:
        return start_at
    grown = [
        after.recorded_at for before, after in pairwise(history) if before.scope != after.scope
    ]
    return min(max([start_at, *grown]), start_at + 2 * campaign.minimum_age)


def releases(
    campaign: Campaign,
    step: Step,
    occasion: Occasion,
    *,
    zones: tuple[str, ...],
    now: datetime,
    since: datetime | None = None,
) -> tuple[Release, ...]:
    """For each zone of the audience: when the rest may leave, and when class A may.

    `since`: as `settles_from`; by default the start.
    """

    def leaves(zone: str, priority: PriorityClass) -> datetime | None:
        start_at = since or occasion.revision.start_at
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
    earliest = at_any_hour(campaign, start_at=start_at, now=now)
    if step.at_night is AtNight.SEND:
        return earliest
    return quiet_until(earliest, zone, campaign.quiet_hours) or earliest


def at_any_hour(campaign: Campaign, *, start_at: datetime, now: datetime) -> datetime:
    """When a notice may leave were there no night: undone no more, and of an outage that is old enough."""
    earliest = now + campaign.undo_for
    if campaign.serves is OccasionKind.OUTAGE:
        earliest = max(earliest, start_at + campaign.minimum_age)
    return earliest


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
