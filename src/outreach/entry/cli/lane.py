"""`outreach lane`: how the senders fare, and a person's word over them."""

from __future__ import annotations

from datetime import datetime

import click

from outreach.entry import wiring
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.lane_caps import caps
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.settings import Lane as Configured
from outreach.store import audit, lane_health, lanes, spent
from outreach.store.lane_health import Minute
from outreach.store.lanes import Lane
from outreach.store.session import Session
from outreach.store.spent import Caps, Spent

group = Group("lane")


@command(
    "list",
    N_("List the lanes: rate, weight, the last 5 minutes, today's spending, and who drives them."),
    within=group,
    example="outreach lane list",
)
def listed(context: Context) -> None:
    with context.database.read() as session:
        rows = [_row(context, session, lane) for lane in _lanes(context, session)]
    context.out.rows(rows, headings=_COLUMNS)


_COLUMNS = {
    "lane": N_("lane"),
    "pool": N_("pool"),
    "rate": N_("rate"),
    "weight": N_("weight"),
    "calls": N_("messages in 5 min"),
    "errors": N_("errors"),
    "mean_ms": N_("mean ms"),
    "today": N_("today"),
    "spent": N_("spent"),
    "driven_by": N_("driven by"),
    "state": N_("state"),
}


@command(
    "stop",
    N_("Stop a lane: nothing leaves by it until a person resumes it, restarts included."),
    within=group,
    example="outreach lane stop sms-backup --why 'number under review'",
)
@argument("name")
@option("--why", default="", help=N_("The reason, for whoever resumes it."))
def stopped(context: Context, name: str, *, why: str) -> None:
    lane = _configured(context, name)
    reason = f"{lanes.BY_HAND}{operator()}" + (f": {why}" if why else "")
    with context.database.write() as session:
        lanes.declare(session, [wiring.lane_row(lane, context.settings)])
        done = lanes.stop(session, lane.name, reason, now=context.now)
        _note(session, "lane.stop", lane.name, why, context.now)
    _answer(
        context,
        lane.name,
        _("{lane} is stopped") if done else _("{lane} was stopped before"),
    )


@command(
    "resume",
    N_("Let a stopped lane go on."),
    within=group,
    example="outreach lane resume sms-backup",
)
@argument("name")
def resumed(context: Context, name: str) -> None:
    lane = _configured(context, name)
    with context.database.write() as session:
        done = lanes.resume(session, lane.name)
        _note(session, "lane.resume", lane.name, "", context.now)
    _answer(context, lane.name, _("{lane} goes on") if done else _("{lane} was not stopped"))


@command(
    "weigh",
    N_("Give a lane a weight now; it drifts home to that of outreach.toml by 20 points a minute."),
    within=group,
    example="outreach lane weigh sms-backup 40",
)
@argument("name")
@argument("weight", type=click.IntRange(0, 100))
def weighed(context: Context, name: str, weight: int) -> None:
    lane = _configured(context, name)
    with context.database.write() as session:
        lanes.declare(session, [wiring.lane_row(lane, context.settings)])
        lane_health.weigh(session, lane.name, weight, cooled_until=None, now=context.now)
        _note(session, "lane.weigh", lane.name, str(weight), context.now)
    said = _("{lane} carries {weight} % of its rate; at home it is {home} %")
    _answer(context, lane.name, said, weight=weight, home=lane.weight)


def _configured(context: Context, name: str) -> Configured:
    by_name = {lane.name: lane for lane in context.settings.lanes}
    if name not in by_name:
        names = ", ".join(sorted(by_name))
        raise InputRefused(
            _("no lane {lane} in outreach.toml; there is: {names}").format(lane=name, names=names)
        )
    return by_name[name]


def _note(session: Session, what: str, lane: str, why: str, now: datetime) -> None:
    audit.write(session, operator(), what, lane, now=now, why=why)


def _answer(context: Context, lane: str, form: str, **facts: int) -> None:
    said = form.format(lane=lane, **facts)
    context.out.record({"lane": lane, "said": said}, headings={"said": N_("done")})


def _lanes(context: Context, session: Session) -> list[tuple[Configured, Lane]]:
    """Those of the settings, as they are in the database, or as they would be on the first start."""
    known = {lane.name: lane for lane in lanes.every(session)}
    return [
        (lane, known.get(lane.name) or wiring.lane_row(lane, context.settings))
        for lane in context.settings.lanes
    ]


def _row(context: Context, session: Session, both: tuple[Configured, Lane]) -> dict[str, object]:
    configured, lane = both
    limits = caps(configured, context.settings)
    recent = lane_health.recent(session, now=context.now)
    seen = lane_health.totals(recent, lane.name, now=context.now)
    today = spent.today(session, lane.name, limits, now=context.now)
    return {
        "lane": lane.name,
        "pool": lane.pool,
        "rate": f"{lane.rate:g}/s",
        "weight": _weight(lane, configured),
        "calls": context.out.count(seen.calls),
        "errors": context.out.count(seen.errors),
        "mean_ms": _mean(seen),
        "today": _of(context.out.count(today.messages), limits.daily),
        "spent": _of(f"{today.cost:.2f}", limits.spend),
        "driven_by": (lane.owner or "")
        if lane.lease_until and lane.lease_until >= context.now
        else "",
        "state": _state(context, lane, limits, today),
    }


def _weight(lane: Lane, configured: Configured) -> str:
    if lane.weight == configured.weight:
        return f"{lane.weight}"
    return _("{weight} (home {home})").format(weight=lane.weight, home=configured.weight)


def _mean(seen: Minute) -> int | str:
    return round(seen.took_ms / seen.calls) if seen.calls else ""


def _of(value: str, cap: float | None) -> str:
    return value if cap is None else _("{value} of {cap}").format(value=value, cap=f"{cap:g}")


def _state(context: Context, lane: Lane, limits: Caps, today: Spent) -> str:
    if lane.stopped_at is not None:
        return _("stopped: {reason}").format(reason=lane.stopped_reason or "?")
    if capped := spent.met(limits, today):
        return capped
    if lane.cooled_until is not None:
        if lane.cooled_until > context.now:
            return _("waits until {time}").format(
                time=f"{lane.cooled_until.astimezone(context.zone):%H:%M:%S}"
            )
        return _("probes with one message")
    return _("standby") if lane.weight == 0 else _("carries")
