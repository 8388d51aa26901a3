"""What several verbs of `outreach outage` read alike: windows of time, second persons, storms."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

from outreach.entry.cli import stated, storms_named, times
from outreach.entry.cli.command import Context
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.naming import zone_of
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind
from outreach.outages.guards import LONGEST_WINDOW
from outreach.outages.revise import Change
from outreach.store import events

WINDOW = N_("Estimated restoration as a window: 08:00-10:00, `thu 22:00-02:00`.")
APPROVER = N_("Second person, for an exact estimate after two that were missed.")
EVENT = N_("All open outages of this event, in place of one.")


def told_of(
    context: Context,
    occasion: Occasion,
    *,
    cause: str | None = None,
    etr: str | None,
    window: str | None,
    following: str | None,
) -> Change:
    """What was typed of an outage, in its own wall time."""
    zone = zone_of(occasion)
    change = stated.change(
        context, etr=etr, following=following, cause=cause, zone=zone,
        cadence=stated.cadence(context, occasion),
    )  # fmt: skip
    return windowed(context, change, window, zone)


def windowed(context: Context, change: Change, typed: str | None, zone: ZoneInfo) -> Change:
    """The change with a window for an estimate; echoed, and asked about where it is long."""
    if typed is None:
        return change
    if change.etr_at is not None or change.withdrawn:
        raise InputRefused(_("--etr and --window say the same thing; give one of them"))
    begins, ends = times.window(typed, now=context.now, zone=zone)
    for moment in (begins, ends):
        context.say(times.echo(moment, now=context.now, zone=zone), essential=True)
    if ends - begins > LONGEST_WINDOW:
        length = spelled(ends - begins)
        context.confirm(_("The window is {length} long. Is it right?").format(length=length))
    return replace(change, etr_at=ends, etr_from=begins)


def of_event(context: Context, name: str) -> list[Occasion]:
    """The open outages of an event; InputRefused where it has none."""
    storm = storms_named.found(context, name)
    with context.database.read() as session:
        joined = events.open_occasions(session, storm.id)
    outages = [each for each in joined if each.kind is OccasionKind.OUTAGE]
    if not outages:
        raise InputRefused(_("{name}: no outage of this event is open").format(name=storm.name))
    return outages
