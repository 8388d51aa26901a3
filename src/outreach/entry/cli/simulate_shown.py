"""A simulated storm as people read it in tables, and as machines do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.campaigns.simulated import HOUR, QUARTER, Figures, Heard, Kept, Sum, open_at
from outreach.deflection.calls_expected import CallModel, Desk, HalfHour
from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _
from outreach.model.intake import Outcome
from outreach.model.words import Channel

_CHANNELS = {
    Channel.SMS: N_("SMS"),
    Channel.EMAIL: N_("e-mail"),
    Channel.VOICE: N_("voice"),
    Channel.SOCIAL: N_("posts"),
}
_SLOWEST = 8
"""Outages shown in the table; all of them stand in json and csv."""
_MINUTE = timedelta(minutes=1)


class Lists(StrEnum):
    """What can be written as rows."""

    HOURS = "hours"
    QUARTERS = "quarters"
    STEPS = "steps"
    OUTAGES = "outages"
    CALLS = "calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A storm that was played, and what was assumed of callers and agents."""

    campaign: str
    storm: str
    currency: str
    began_at: datetime
    last_at: datetime
    ended_at: datetime
    taken: dict[Outcome, int]
    troubles: tuple[str, ...]
    figures: Figures
    model: CallModel
    desk: Desk
    calls: tuple[HalfHour, ...]

    @property
    def calls_without(self) -> float:
        return sum(each.calls_without for each in self.calls)

    @property
    def calls_with(self) -> float:
        return sum(each.calls_with for each in self.calls)


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def rows(found: Simulated, wanted: Lists) -> Iterator[dict[str, object]]:
    """One of the lists, for machines and tables alike."""
    match wanted:
        case Lists.HOURS:
            return _hours(found)
        case Lists.QUARTERS:
            return _quarters(found)
        case Lists.STEPS:
            return _steps(found.figures.sums)
        case Lists.OUTAGES:
            return map(_outage, found.figures.heard)
        case Lists.CALLS:
            return map(_half_hour, found.calls)


def _hours(found: Simulated) -> Iterator[dict[str, object]]:
    sums = found.figures.sums
    hour = found.began_at.replace(minute=0, second=0, microsecond=0)
    while hour < found.ended_at:
        own = [each for each in sums if hour <= each.at < hour + HOUR]
        yield {"at": hour, "open": open_at(found.figures.open, hour + HOUR)} | _by_channel(own)
        hour += HOUR


def _quarters(found: Simulated) -> Iterator[dict[str, object]]:
    for each in found.figures.sums:
        yield {
            "at": each.at,
            "until": each.at + QUARTER,
            "step": each.step,
            "channel": each.channel.value,
            "messages": each.messages,
            "segments": each.segments,
            "cost": round(each.cost, 2),
        }


def _steps(sums: Iterable[Sum]) -> Iterator[dict[str, object]]:
    by_step: dict[str, list[Sum]] = {}
    for each in sums:
        by_step.setdefault(each.step, []).append(each)
    for step, own in sorted(by_step.items(), key=lambda each: -_messages(each[1])):
        yield {"step": step} | _by_channel(own)


def _messages(sums: Iterable[Sum]) -> int:
    return sum(each.messages for each in sums)


def _by_channel(sums: Iterable[Sum]) -> dict[str, object]:
    counts: Counter[Channel] = Counter()
    segments, cost = 0, 0.0
    for each in sums:
        counts[each.channel] += each.messages
        segments += each.segments
        cost += each.cost
    by_name = {channel.value: counts[channel] for channel in _CHANNELS}
    return {**by_name, "segments": segments, "cost": round(cost, 2)}


def _outage(one: Heard) -> dict[str, object]:
    return {
        "outage": one.name,
        "opened_at": one.opened_at,
        "state": one.state.value,
        "customers": one.customers,
        "told": one.told,
        "messages": one.messages,
        "half_min": _minutes(one.median),
        "last_min": _minutes(one.last),
        "class_a_min": _minutes(one.last_priority),
    }


def _minutes(length: timedelta | None) -> float | None:
    return None if length is None else round(length / _MINUTE, 1)


def _half_hour(one: HalfHour) -> dict[str, object]:
    return {
        "at": one.at,
        "calls_without": round(one.calls_without),
        "calls_with": round(one.calls_with),
        "agents_without": one.agents_without,
        "agents_with": one.agents_with,
        "cost_without": round(one.cost_without, 2),
        "cost_with": round(one.cost_with, 2),
    }


# ── machines ────────────────────────────────────────────────────────────────────────────────────


def facts(found: Simulated, *, storms: int) -> dict[str, object]:
    """Everything, as one record."""
    told = found.figures
    return {
        "campaign": found.campaign,
        "storm": found.storm,
        "began_at": found.began_at,
        "last_at": found.last_at,
        "ended_at": found.ended_at,
        "lines": {outcome.value: count for outcome, count in found.taken.items()},
        "outages_count": len(told.heard),
        "most_open": told.most_open(),
        "messages": told.messages,
        "cost": round(told.cost, 2),
        "currency": found.currency,
        "contradictory": sum(told.wrong.values()),
        "contradictory_by_rule": told.wrong,
        "clocks": {name: _clock(kept) for name, kept in _kept(told).items()},
        "not_launched": told.without_run,
        "paused": told.paused,
        "lanes_stopped": told.stopped,
        "troubles": found.troubles,
        "assumed": assumed(found),
        "budget": budget(found, storms=storms),
        **{str(each): list(rows(found, each)) for each in Lists},
    }


def _kept(told: Figures) -> dict[str, Kept]:
    return {
        "next_news": told.news,
        "estimates": told.estimates,
        "event_60_min": told.event_clock,
        "cause_15_min": told.cause_clock,
    }


def _clock(kept: Kept) -> dict[str, object]:
    return {
        "made": kept.made,
        "kept": kept.kept,
        "missed": kept.missed,
        "over": kept.over,
        "worst_min": _minutes(kept.worst),
    }


def assumed(found: Simulated) -> dict[str, object]:
    """Nothing of this is measured."""
    model, desk = found.model, found.desk
    return {
        "calls_each": model.each,
        "repeats": model.repeats,
        "deflection": model.deflection,
        "other_calls": model.other,
        "handling_min": desk.handling,
        "patience_min": desk.patience,
        "agent_hour": desk.hourly,
        "served": desk.goal.served,
        "within_s": round(desk.goal.within * 60),
        "most_abandoned": desk.goal.most_abandoned,
        "most_occupied": desk.goal.most_occupied,
    }


def budget(found: Simulated, *, storms: int) -> dict[str, object]:
    """Of all storms of a season, if they are like this one."""
    before = sum(each.cost_without for each in found.calls) * storms
    after = sum(each.cost_with for each in found.calls) * storms
    messages = found.figures.cost * storms
    return {
        "storms": storms,
        "calls_without": round(found.calls_without * storms),
        "calls_with": round(found.calls_with * storms),
        "most_agents_without": max((each.agents_without for each in found.calls), default=0),
        "most_agents_with": max((each.agents_with for each in found.calls), default=0),
        "agents_cost_without": round(before, 2),
        "agents_cost_with": round(after, 2),
        "messages_cost": round(messages, 2),
        "balance": round(before - after - messages, 2),
    }


# ── people ──────────────────────────────────────────────────────────────────────────────────────

_COUNTS = {channel.value: heading for channel, heading in _CHANNELS.items()}
_COST = {"segments": N_("segments"), "cost": N_("cost")}
_HOURS = {"at": N_("from"), "open": N_("outages open")} | _COUNTS | _COST
_STEPS = {"step": N_("step")} | _COUNTS | _COST
_OUTAGES = {
    "outage": N_("outage"),
    "customers": N_("customers"),
    "told": N_("told"),
    "messages": N_("messages"),
    "half_min": N_("half after min"),
    "last_min": N_("last after min"),
    "class_a_min": N_("class A after min"),
}
_CALLS = {
    "at": N_("from"),
    "calls_without": N_("calls without"),
    "calls_with": N_("with"),
    "agents_without": N_("agents without"),
    "agents_with": N_("with"),
    "cost_without": N_("cost without"),
    "cost_with": N_("with"),
}
_PROMISES = {
    "what": N_("promised"),
    "made": N_("made"),
    "kept": N_("kept"),
    "missed": N_("missed"),
    "over": N_("nothing due"),
    "worst": N_("at worst late by"),
}
_NAMES = {
    "next_news": N_("next news at"),
    "estimates": N_("estimates told"),
    "event_60_min": N_("first notice within 60 min"),
    "cause_15_min": N_("cause told within 15 min"),
}


def tables(context: Context, found: Simulated, *, storms: int) -> None:
    """All of it, in the order of the questions that people ask."""
    out, told = context.out, found.figures
    out.text(_head(context, found))
    out.text(_truth(context, told))
    for line in _waiting(context, found):
        out.text(line)
    sections = [
        (_("What was promised"), [*_promises(told)], _PROMISES),
        (_("Messages by step"), [*rows(found, Lists.STEPS)], _STEPS),
        (_("Messages by hour"), [*rows(found, Lists.HOURS)], _HOURS),
        (_("Who waits longest for the first message, of all outages"), _slowest(told), _OUTAGES),
        (_("Calls expected by half-hour, without messages and with them"), _busy(found), _CALLS),
    ]
    for title, shown, headings in sections:
        out.text("")
        out.text(title)
        out.rows(shown, headings=headings)
    out.text("")
    for line in (*_budget(context, found, storms=storms), _assumed(context, found)):
        out.text(line)


def _head(context: Context, found: Simulated) -> str:
    out, told = context.out, found.figures
    return _(
        "{storm} against {campaign}: {outages} outages, {open} open at once at most\n{messages} messages, {cost} {currency}"
    ).format(
        storm=found.storm, campaign=found.campaign, outages=out.count(len(told.heard)),
        open=out.count(told.most_open()), messages=out.count(told.messages),
        cost=out.count(round(told.cost, 2)), currency=found.currency,
    )  # fmt: skip


def _truth(context: Context, told: Figures) -> str:
    if not told.wrong:
        return _("stale or contradictory texts: 0")
    by_rule = " · ".join(f"{rule} {context.out.count(n)}" for rule, n in told.wrong.items())
    return _("stale or contradictory texts: {count} ({rules})").format(
        count=context.out.count(sum(told.wrong.values())), rules=by_rule
    )


def _waiting(context: Context, found: Simulated) -> Iterator[str]:
    """What nobody did in the simulation, and a person would have to."""
    told = found.figures
    if told.without_run:
        yield _("not launched, above the campaign's ceiling: {count} outages").format(
            count=told.without_run
        )
    if told.paused:
        yield _("paused until a person looks: {count} runs").format(count=told.paused)
    for lane, why in told.stopped.items():
        yield _("nothing more left by {lane}: {why}").format(lane=lane, why=why)
    refused = found.taken.get(Outcome.REFUSED, 0)
    if refused:
        yield _("messages of the storm that a guard refused: {count}").format(
            count=context.out.count(refused)
        )
    yield from found.troubles[:3]


def _promises(told: Figures) -> Iterator[dict[str, object]]:
    for name, kept in _kept(told).items():
        yield _clock(kept) | {"what": _(_NAMES[name]), "worst": kept.worst}


def _slowest(told: Figures) -> list[dict[str, object]]:
    heard = [one for one in told.heard if one.last is not None]
    heard.sort(key=lambda one: one.last or timedelta(), reverse=True)
    return [_outage(one) for one in heard[:_SLOWEST]]


def _busy(found: Simulated) -> list[dict[str, object]]:
    """The half-hours in which anybody calls."""
    return [
        _half_hour(each) for each in found.calls if round(each.calls_without) or each.agents_without
    ]


def _budget(context: Context, found: Simulated, *, storms: int) -> Iterator[str]:
    def count(key: str) -> str:
        return context.out.count(given[key])  # type: ignore[arg-type]  # they are numbers

    given = budget(found, storms=storms)
    if storms > 1:
        yield _("A season of {storms} such storms").format(storms=storms)
    yield _("calls {without} without messages, {told} with; at most {most} agents instead of {before}").format(
        without=count("calls_without"), told=count("calls_with"),
        most=count("most_agents_with"), before=count("most_agents_without"),
    )  # fmt: skip
    yield _("agents {before} without, {after} with; messages {messages}; balance {balance} {currency}").format(
        before=count("agents_cost_without"), after=count("agents_cost_with"),
        messages=count("messages_cost"), balance=count("balance"), currency=found.currency,
    )  # fmt: skip


def _assumed(context: Context, found: Simulated) -> str:
    """What the calls rest on; none of it is measured here."""
    given, out = assumed(found), context.out
    shown = {key: out.person(value) for key, value in given.items()}
    return _(
        "ASSUMED, not measured: {each} calls a customer in 6 h, {repeats} repeated; a message prevents {deflection}\n"
        "of them; a call takes {handling} min, callers wait {patience} min; an agent's hour costs {hour};\n"
        "{served} answered in {within} s, at most {abandoned} give up, agents busy at most {occupied}"
    ).format(
        each=shown["calls_each"], repeats=_percent(found.model.repeats),
        deflection=_percent(found.model.deflection), handling=shown["handling_min"],
        patience=shown["patience_min"], hour=shown["agent_hour"],
        served=_percent(found.desk.goal.served), within=shown["within_s"],
        abandoned=_percent(found.desk.goal.most_abandoned),
        occupied=_percent(found.desk.goal.most_occupied),
    )  # fmt: skip


def _percent(share: float) -> str:
    return f"{share:.0%}"
