"""What people wished for on their pages, for one wave: whose quiet hours hold it, and until when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, time

from outreach.audience.hours import quiet_until
from outreach.model.campaign import Campaign, QuietHours, Step
from outreach.model.words import Purpose, Tier
from outreach.store import preferences
from outreach.store.freeze import Freezing, Release
from outreach.store.freezing import Silence
from outreach.store.session import Session

_HOUR = 60


def preferred(session: Session, plan: Freezing, *, campaign: Campaign, step: Step) -> Freezing:
    """The plan with everybody's wishes; as it was where nobody has any: that costs one look.

    A step that would send at night waits for the hours that a person set, for they asked for it
    themselves. Emergencies, steps of safety and class A pass.
    """
    if plan.lists or not preferences.has_any(session):
        return plan
    passes = campaign.purpose is Purpose.EMERGENCY or step.tier is Tier.SAFETY
    hours = [] if passes else preferences.quiet_hours(session)
    return replace(plan, silences=tuple(silences(hours, plan.releases, now=plan.wave.created_at)))


def silences(
    hours: Sequence[tuple[int, int]], releases: Sequence[Release], *, now: datetime
) -> Iterator[Silence]:
    """In each zone: whose hours (first and last minute of the day) hold what could leave now."""
    for release in releases:
        leaves = release.not_before or now
        held: dict[tuple[int, datetime], list[int]] = defaultdict(list)
        for begins, ends in hours:
            until = quiet_until(leaves, release.zone, _hours(begins, ends))
            if until is not None:
                held[ends, until].append(begins)
        for (ends, until), starts in held.items():
            yield Silence(zone=release.zone, begins=tuple(starts), ends=ends, until=until)


def _hours(begins: int, ends: int) -> QuietHours:
    return QuietHours(start=time(*divmod(begins, _HOUR)), end=time(*divmod(ends, _HOUR)))
