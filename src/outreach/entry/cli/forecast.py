"""`outreach forecast`: calls of the next hour by quarter-hour, the agents they need, and the waits with those there are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import click

from outreach import clock
from outreach.campaigns import forecast_learning, forecasting
from outreach.campaigns.forecast_learning import Lesson
from outreach.deflection import agents
from outreach.entry import forecasts
from outreach.entry.cli import forecast_export, forecast_plan, forecast_upload
from outreach.entry.cli.command import Context, Group, command, option
from outreach.entry.cli.durations import duration
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import InputRefused
from outreach.model.forecast import QUARTER, Forecast, ForecastStatus
from outreach.settings_contactcenter import ForecastQueue
from outreach.store import expected

group = Group("forecast")
group.add_command(forecast_export.export)
group.add_command(forecast_plan.plan)
group.add_command(forecast_upload.upload)

STATUSES = {
    ForecastStatus.ESTIMATED: N_("from the calls so far and the measured effect of the messages"),
    ForecastStatus.SEEN: N_(
        "from the calls so far; the effect of the messages is assumed, not measured yet"
    ),
    ForecastStatus.PRIOR: N_(
        "A PRIOR ONLY: no call of these outages is known; it says what such outages bring"
    ),
    ForecastStatus.QUIET: N_("no outage: the usual calls of this hour"),
}
_COLUMNS = {
    "quarter": N_("quarter-hour"),
    "p05": N_("at least"),
    "p50": N_("calls"),
    "p80": N_("staff for"),
    "p95": N_("at most"),
    "agents": N_("agents needed"),
    "staffed": N_("there"),
    "wait": N_("wait"),
}
FRESH = timedelta(minutes=3)
_EVERY_S = 60.0
_LONG_S = agents.MOST_WAIT_S


@command(
    "show",
    N_("Show the calls to expect in the next four quarter-hours, and the agents they need."),
    within=group,
    example="outreach forecast show\noutreach forecast show --queue outages --watch",
)
@option("--queue", help=N_("One queue of the settings; by default all."))
@option("--watch", is_flag=True, help=N_("Show it anew every minute, until Ctrl-C."))
def show(context: Context, *, queue: str | None, watch: bool) -> None:
    chosen = _chosen(context, queue)
    if context.format is not Format.TABLE:
        found = _newest(context, chosen)
        rows = [_facts(context, each, found[each.name]) for each in chosen if each.name in found]
        context.out.rows(rows, headings={"queue": N_("queue"), "status": N_("status")})
        return
    _shown(context, chosen)
    if watch and context.interactive:
        _watched(context, chosen)


def _watched(context: Context, chosen: list[ForecastQueue]) -> None:
    try:
        while True:
            time.sleep(_EVERY_S)
            context.now = context.given.now or clock.now()
            click.clear()
            _shown(context, chosen)
    except KeyboardInterrupt:
        context.say(_("no longer watched; it goes on"))


def _chosen(context: Context, name: str | None) -> list[ForecastQueue]:
    every = context.settings.contactcenter.forecast.queues
    found = [each for each in every if name in {None, each.name}]
    if not found:
        known = ", ".join(each.name for each in every)
        raise InputRefused(
            _("no queue {name!r}; outreach.toml has: {known}").format(name=name, known=known)
        )
    return found


def _newest(context: Context, chosen: list[ForecastQueue]) -> dict[str, Forecast]:
    """What the clock wrote a moment ago; where no clock runs, made now and written nowhere."""
    with context.database.read() as session:
        stored = [expected.newest(session, each.name) for each in chosen]
    fresh = [
        each for each in stored if each is not None and context.now - each.made_at <= _fresh(each)
    ]
    if len(fresh) < len(chosen):
        fresh = forecasting.look(context.database, context.settings, now=context.now)
    return {each.queue: each for each in fresh}


def _fresh(found: Forecast) -> timedelta:
    """Without an outage one is made each quarter-hour."""
    return QUARTER if found.status is ForecastStatus.QUIET else FRESH


def _facts(context: Context, queue: ForecastQueue, found: Forecast) -> dict[str, object]:
    desk = forecasting.desk(context.settings, queue)
    return forecasts.facts(found, desk=desk, skills=queue.skills)


def _shown(context: Context, chosen: list[ForecastQueue]) -> None:
    found = _newest(context, chosen)
    for queue in chosen:
        each = found[queue.name]
        context.out.text(_head(context, each))
        context.out.text(_(STATUSES[each.status]))
        context.out.rows([*_rows(context, each)], headings=_COLUMNS)
        for line in (*_skills(context, queue, each), *_next_step(context, each)):
            context.out.text(line)


def _head(context: Context, found: Forecast) -> str:
    count = context.out.count
    parts = [
        found.queue,
        _("as of {time}").format(time=f"{found.made_at.astimezone(context.zone):%H:%M}"),
        _("{count} customers out").format(count=count(found.out)),
        _("{count} calls seen").format(count=count(found.calls_seen)),
    ]
    return " · ".join(parts)


def _rows(context: Context, found: Forecast) -> Iterator[dict[str, object]]:
    for each in found.quarters:
        begin, end = (
            f"{at.astimezone(context.zone):%H:%M}"
            for at in (each.start_at, each.start_at + QUARTER)
        )
        yield {
            "quarter": f"{begin}-{end}",
            "p05": round(each.p05),
            "p50": round(each.p50),
            "p80": round(each.p80),
            "p95": round(each.p95),
            "agents": each.agents,
            "staffed": each.staffed,
            "wait": _wait(each.wait_p80_s),
        }


def _wait(seconds: float | None) -> str | None:
    """Of four callers in five, if they hold on."""
    if seconds is None:
        return None
    if seconds >= _LONG_S:
        return _("over 2 h")
    if seconds < 1:
        return _("no wait")
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _skills(context: Context, queue: ForecastQueue, found: Forecast) -> Iterator[str]:
    if not queue.skills or not found.quarters:
        return
    desk = forecasting.desk(context.settings, queue)
    most = max(each.p80 for each in found.quarters)
    shown = " · ".join(
        f"{skill} {context.out.count(count)}"
        for skill, count in agents.by_skill(most, queue.skills, desk).items()
    )
    yield _("agents by skill, in the busiest quarter-hour: {skills}").format(skills=shown)


def _next_step(context: Context, found: Forecast) -> Iterator[str]:
    """What a person may do about it."""
    short = [
        (each.agents or 0) - each.staffed for each in found.quarters if each.staffed is not None
    ]
    if any(gap > 0 for gap in short):
        yield _("short of {count} agents at the worst; what callers hear: outreach routing show").format(
            count=context.out.count(max(short))
        )  # fmt: skip
    elif not short:
        yield _("nobody said who is there; to say it: outreach forecast plan FILE")
    if found.unexplained:
        yield _(
            "{count} calls of the last 15 min are more than these outages explain: is one not known yet?"
        ).format(count=context.out.count(found.unexplained))
    if found.status is ForecastStatus.PRIOR:
        yield _("to bring in the calls: outreach contacts import FILE")


_WHY = {
    "small": N_("too few customers"),
    "short": N_("over too soon"),
    "few calls": N_("too few calls known"),
    "among others": N_("others were out at the same time"),
}
_LESSONS = {
    "outage": N_("outage"),
    "customers": N_("customers"),
    "calls": N_("calls"),
    "learned": N_("learned"),
    "why_not": N_("why not"),
}


@command(
    "learn",
    N_(
        "Learn from past outages how your customers call; the forecast then weighs these curves too."
    ),
    within=group,
    sends=True,
    example="outreach forecast learn\noutreach forecast learn --back 365d --dry-run",
)
@option("--back", default="730d", show_default=True, help=N_("How far back to look."))
def learn(context: Context, *, back: str) -> None:
    lessons = forecast_learning.learn(
        context.database,
        context.settings,
        now=context.now,
        since=context.now - duration(back),
        keep=not context.dry_run,
    )
    rows = [_lesson(context, each) for each in lessons]
    context.out.rows(rows, headings=_LESSONS, empty=_("no outage is over yet"))
    learned = sum(each.curve is not None for each in lessons)
    form = _("would learn {count} curves") if context.dry_run else _("learned {count} curves")
    context.say(form.format(count=context.out.count(learned)), essential=True)


def _lesson(context: Context, each: Lesson) -> dict[str, object]:
    return {
        "outage": each.occasion.name,
        "id": shown_id(context.keyring, each.occasion),
        "customers": each.customers,
        "calls": each.calls,
        "learned": each.curve is not None,
        "why_not": _(_WHY[each.why_not]) if each.why_not else None,
    }
