"""Says what a command did to the truth and to whom it goes, in a few lines; or, tried with --dry-run, would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from outreach.campaigns.engine import Applied, Engine
from outreach.entry import wiring
from outreach.entry.cli import asked_back, times
from outreach.entry.cli.command import Context
from outreach.entry.cli.naming import zone_of
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.occasion import Occasion
from outreach.model.record import AffectedCounts
from outreach.model.words import Audience, Channel, OccasionKind, OccasionState
from outreach.store import departures, recalls, runs
from outreach.store.departures import Departure
from outreach.store.rehearsal import rehearsed
from outreach.store.runs import Run, Wave
from outreach.store.session import Database

CAMPAIGNS = {
    OccasionKind.OUTAGE: "unplanned-outage",
    OccasionKind.PLANNED: "planned-outage",
    OccasionKind.ADVISORY: "advisory",
}
"""The campaign that is proposed for each kind; those that we ship."""
STATES = {
    OccasionState.SCHEDULED: N_("scheduled"),
    OccasionState.SUSPECTED: N_("suspected"),
    OccasionState.ACTIVE: N_("open"),
    OccasionState.PARTIAL: N_("partly back"),
    OccasionState.RESTORED: N_("restored"),
    OccasionState.MERGED: N_("merged"),
    OccasionState.DISCARDED: N_("discarded"),
    OccasionState.CANCELLED: N_("cancelled"),
    OccasionState.ENDED: N_("ended"),
}
_CHANNELS = {
    Channel.SMS: N_("SMS"),
    Channel.EMAIL: N_("e-mail"),
    Channel.VOICE: N_("voice"),
    Channel.SOCIAL: N_("social"),
}
_SOON = timedelta(seconds=90)
_LOCALITIES_SHOWN = 5


@contextmanager
def engine(context: Context) -> Iterator[Engine]:
    """The engine of this installation; with --dry-run everything it writes is rolled back."""
    if not context.dry_run:
        yield wiring.engine(context.database, context.settings, context.keyring)
        return
    with rehearsed(context.database) as database:
        yield wiring.engine(database, context.settings, context.keyring)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the engine did, with what is needed to tell it."""

    context: Context
    applied: Applied
    leaving: tuple[Departure, ...]
    runs: tuple[Run, ...]
    asked_back: Mapping[recalls.Outcome, int]
    """Asked of providers in the same commit: what they hold is true no more."""

    @property
    def occasion(self) -> Occasion:
        return self.applied.occasion

    @property
    def shown_id(self) -> str:
        return shown_id(self.context.keyring, self.occasion)

    def wall(self, at: datetime) -> str:
        """`Thu 16 Jul 05:30` in the zone of the area."""
        return times.wall(at, now=self.context.now, zone=zone_of(self.occasion))

    def count(self, number: int) -> str:
        return self.context.out.count(number)


def outcome(context: Context, database: Database, applied: Applied) -> Outcome:
    """Reads what leaves when, and counts who is affected; inside the same engine, so that a trial sees what it tried."""
    applied.counting.found()
    with database.read() as session:
        return Outcome(
            context=context,
            applied=applied,
            leaving=tuple(departures.of(session, [wave.id for wave in applied.waves])),
            runs=tuple(runs.of(session, applied.occasion.id)),
            asked_back=recalls.counts(session, occasion=applied.occasion.id, since=context.now),
        )


def answer(context: Context, record: Mapping[str, object], lines: Sequence[str]) -> None:
    """Lines for people, one record for machines; a trial says so first."""
    if context.format is not Format.TABLE:
        context.out.record({**record, "dry_run": context.dry_run})
        return
    if context.dry_run:
        context.out.text(_("TRIAL: nothing is written, nobody is told"))
    for line in lines:
        context.out.text(line)


def nothing_new(context: Context, occasion: Occasion) -> None:
    """A repeat is no new version and tells nobody."""
    line = _("{name}: nothing changed, and nobody is told").format(name=occasion.name)
    record = {"id": shown_id(context.keyring, occasion), "version": occasion.revision.version}
    answer(context, record | {"changed": False}, [line])


def head(told: Outcome) -> str:
    """`ALM-F12 · out_7kq2m4xa · open · version 2`."""
    revision = told.occasion.revision
    version = _("version {number}").format(number=revision.version)
    return " · ".join((told.occasion.name, told.shown_id, _(STATES[revision.state]), version))


def audience(told: Outcome) -> list[str]:
    """Who is touched and reachable, of what is not over."""
    if not told.occasion.revision.state.is_open:
        return []
    counts = told.applied.counts
    return [touched(told.context, counts), reachable(told.context, counts)]


def touched(context: Context, counts: AffectedCounts) -> str:
    """`18,000 premises · 15,900 customers · 41 priority · Providencia, Ñuñoa`."""
    places = list(counts.localities[:_LOCALITIES_SHOWN])
    more = len(counts.localities) - len(places)
    if more:
        places.append(_("{count} more").format(count=more))
    parts = [
        premises(context, counts.premises),
        ngettext("{count} customer", "{count} customers", counts.customers).format(
            count=context.out.count(counts.customers)
        ),
        _("{count} priority").format(count=context.out.count(counts.priority_customers)),
        ", ".join(places),
    ]
    return " · ".join(part for part in parts if part)


def premises(context: Context, number: int) -> str:
    return ngettext("{count} premise", "{count} premises", number).format(
        count=context.out.count(number)
    )


def reachable(context: Context, counts: AffectedCounts) -> str:
    """`reachable: SMS 14,000 · e-mail 3,000 · none 400`."""
    parts = [
        f"{_(_CHANNELS[channel])} {context.out.count(counts.reachable[channel])}"
        for channel in (Channel.SMS, Channel.EMAIL, Channel.VOICE)
        if counts.reachable.get(channel) or channel is not Channel.VOICE
    ]
    none = _("on no channel {count}").format(
        count=context.out.count(counts.reachable.get("none", 0))
    )
    return _("reachable: {channels}").format(channels=" · ".join((*parts, none)))


def leaving(told: Outcome) -> list[str]:
    """A line a wave: how many and when; or how to launch where nothing was."""
    lines = [_("launched: {names}").format(names=", ".join(told.applied.launched))] * bool(
        told.applied.launched
    )
    lines += [
        _("not launched by itself: {reason}").format(reason=why) for why in told.applied.stayed
    ]
    lines += [_of_wave(told, wave) for wave in told.applied.waves if wave.frozen]
    if told.applied.superseded:
        count = told.count(told.applied.superseded)
        lines.append(_("superseded unsent: {count}").format(count=count))
    lines += asked_back.lines(told.context, told.asked_back)
    if not told.runs:
        lines.append(_nobody(told))
    return lines


def _nobody(told: Outcome) -> str:
    return _("nobody is told yet; to tell them: outreach campaign launch {campaign} {id}").format(
        campaign=CAMPAIGNS[told.occasion.kind], id=told.shown_id
    )


def _of_wave(told: Outcome, wave: Wave) -> str:
    mine = [one for one in told.leaving if one.step_run == wave.id]
    to_people = [one for one in mine if one.channel is not Channel.SOCIAL]
    parts = []
    for (is_priority, at), group in groupby(to_people, key=lambda one: (one.is_priority, one.at)):
        count = told.count(sum(one.count for one in group))
        form = _("{count} priority {when}") if is_priority else _("{count} {when}")
        parts.append(form.format(count=count, when=when(told, at)))
    posts = sum(one.count for one in mine) - sum(one.count for one in to_people)
    if posts:
        parts.append(ngettext("{count} post", "{count} posts", posts).format(count=posts))
    return f"{wave.step}: {' · '.join(parts) or told.count(wave.frozen)}"


def people(told: Outcome, wanted: Audience) -> int:
    """Messages to customers, posts left out, of the waves for this audience."""
    waves = {wave.id for wave in told.applied.waves if wave.audience is wanted}
    return sum(
        one.count
        for one in told.leaving
        if one.step_run in waves and one.channel is not Channel.SOCIAL
    )


def when(told: Outcome, at: datetime | None) -> str:
    """`now`, `in 30 s`, `at 02:48`, or with the day where it is another one."""
    now = told.context.now
    if at is None or at <= now:
        return _("now")
    if at - now < _SOON:
        return _("in {seconds} s").format(seconds=round((at - now).total_seconds()))
    zone = zone_of(told.occasion)
    is_today = at.astimezone(zone).date() == now.astimezone(zone).date()
    shown = f"{at.astimezone(zone):%H:%M}" if is_today else told.wall(at)
    return _("at {time}").format(time=shown)


def next_news(told: Outcome) -> str:
    """What the IVR says already, and when people were promised to hear again."""
    promised = told.occasion.revision.next_update_at
    if promised is None:
        return _("the IVR says it already")
    if promised <= told.context.now:
        return _("the IVR says it already · news is overdue since {time}; say when: --next").format(
            time=told.wall(promised)
        )
    return _("the IVR says it already · next news {time}").format(time=told.wall(promised))


def take_back(told: Outcome) -> list[str]:
    """Until when `outreach undo` keeps messages from leaving."""
    if told.context.dry_run:
        return []
    first = min((one.at for one in told.leaving if one.at is not None), default=None)
    if first is None or first <= told.context.now:
        return [_("to take it back: outreach undo")]
    return [_("to take it back: outreach undo · they leave {when}").format(when=when(told, first))]


def facts(told: Outcome) -> dict[str, object]:
    """The same for machines."""
    occasion, revision, counts = told.occasion, told.occasion.revision, told.applied.counts
    return {
        "id": told.shown_id,
        "name": occasion.name,
        "kind": occasion.kind,
        "service": occasion.service,
        "state": revision.state,
        "version": revision.version,
        "zone": occasion.zone,
        "start_at": revision.start_at,
        "end_at": revision.end_at,
        "etr_at": revision.public_etr,
        "next_update_at": revision.next_update_at,
        "restored_at": revision.restored_at,
        "premises": counts.premises,
        "customers": counts.customers,
        "households": counts.households,
        "priority_customers": counts.priority_customers,
        "reachable": counts.reachable,
        "localities": counts.localities,
        "events": told.applied.events,
        "waves": [_wave_facts(told, wave) for wave in told.applied.waves],
        "superseded": told.applied.superseded,
        "asked_back": asked_back.facts(told.asked_back),
        "launched": told.applied.launched,
        "stayed": told.applied.stayed,
    }


def _wave_facts(told: Outcome, wave: Wave) -> dict[str, object]:
    mine = [one for one in told.leaving if one.step_run == wave.id]
    return {
        "step": wave.step,
        "audience": wave.audience,
        "messages": wave.frozen,
        "leaving": [
            {"channel": one.channel, "priority": one.is_priority, "at": one.at, "count": one.count}
            for one in mine
        ],
    }
