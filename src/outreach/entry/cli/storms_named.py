"""Which event a command means, and what an outage that joins it takes from it."""

from __future__ import annotations

from difflib import get_close_matches
from zoneinfo import ZoneInfo

from outreach.campaigns.events import inherit
from outreach.entry.cli.command import Context
from outreach.entry.cli.naming import LAST
from outreach.entry.languages import _
from outreach.model.errors import InputRefused
from outreach.model.storm import Storm
from outreach.outages.revise import Change
from outreach.store import events


def found(context: Context, which: str) -> Storm:
    """The event of this name; `last`: the youngest open one, else the youngest. InputRefused with near names."""
    with context.database.read() as session:
        known = events.every(session)
        named = events.named(session, which.strip())
    if which.strip().casefold() == LAST and known:
        return next((storm for storm in known if storm.is_open), known[0])
    if named:
        return named[0]
    raise InputRefused(_none(which, known))


def zone_of(storm: Storm) -> ZoneInfo:
    """The zone in which its times are typed and shown."""
    return ZoneInfo(storm.zone)


def joining(context: Context, which: str | None, change: Change) -> tuple[int | None, Change]:
    """The event that a new outage joins, and the outage's facts with what it takes from there.

    `which`: as typed after --event; None: no event, the change as it is. InputRefused: it is closed.
    """
    if which is None:
        return None, change
    storm = found(context, which)
    if not storm.is_open:
        raise InputRefused(
            _("{name}: this event is closed; open one with `outreach event open`").format(
                name=storm.name
            )
        )
    return storm.id, inherit(change, storm, now=context.now)


def _none(which: str, known: list[Storm]) -> str:
    names = {storm.name.casefold(): storm.name for storm in known}
    near = get_close_matches(which.strip().casefold(), names, n=3, cutoff=0.5)
    if near:
        shown = ", ".join(names[one] for one in near)
        return _("{which!r}: no such event; near: {names}").format(which=which, names=shown)
    return _("{which!r}: no such event; `outreach event list` shows them").format(which=which)
