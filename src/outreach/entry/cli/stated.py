"""What several verbs ask for alike: estimates, next news, starts, and the campaign's cadence."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outreach.campaigns import pins
from outreach.campaigns.due import DEFAULT_CADENCE
from outreach.entry.cli.command import Context
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.naming import operator
from outreach.entry.cli.told import CAMPAIGNS
from outreach.entry.languages import N_, _
from outreach.model.campaign import Campaign
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind
from outreach.outages.guards import LONGEST_ETR, OLDEST_START
from outreach.outages.revise import Change, Origin
from outreach.store import runs

UNKNOWN = N_("unknown")


def origin() -> Origin:
    """A person at this terminal."""
    return Origin(author=operator())


def change(
    context: Context,
    *,
    etr: str | None,
    following: str | None,
    cause: str | None,
    zone: ZoneInfo,
    cadence: timedelta,
) -> Change:
    """A change as typed; asks where a time looks like a slip, GuardRefused in the past."""
    withdrawn = etr is not None and etr.strip().casefold() in {UNKNOWN, _(UNKNOWN)}
    return Change(
        etr_at=context.etr(etr, zone=zone) if etr and not withdrawn else None,
        withdrawn=withdrawn,
        next_update_at=_next_news(context, following, zone) if following else None,
        cause=cause,
        cadence=cadence,
        confirmed=True,
        etr_minutes=context.settings.delivery.quarter_hour_etr,
    )


def start(context: Context, typed: str | None, zone: ZoneInfo) -> datetime:
    """When it began, by default now; asks where that is long ago."""
    if typed is None:
        return context.now
    at = context.at(typed, zone=zone, past=True)
    if context.now - at > OLDEST_START:
        ago = spelled(context.now - at)
        context.confirm(_("It began {length} ago. Is it right?").format(length=ago))
    return at


def _next_news(context: Context, typed: str, zone: ZoneInfo) -> datetime:
    at = context.at(typed, zone=zone)
    if at - context.now > LONGEST_ETR:
        away = spelled(at - context.now)
        context.confirm(_("That is {length} away. Is it right?").format(length=away))
    return at


def campaign(context: Context, kind: OccasionKind) -> Campaign | None:
    """The workspace's campaign for this kind; None where there is none that can be read.

    The truth is kept whatever the state of the campaign files: `outreach campaign lint` names it.
    """
    try:
        return pins.read(context.settings, CAMPAIGNS[kind]).campaign
    except InputRefused:
        return None


def cadence(context: Context, occasion: Occasion | None = None) -> timedelta:
    """How often news is promised: by the running campaign, else by the workspace's."""
    if occasion is not None:
        with context.database.read() as session:
            for run in runs.of(session, occasion.id):
                return pins.of_run(session, run).campaign.cadence
    own = campaign(context, OccasionKind.OUTAGE)
    return own.cadence if own else DEFAULT_CADENCE
