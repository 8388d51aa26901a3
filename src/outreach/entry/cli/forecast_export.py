"""`outreach forecast export`: what is expected, or came, in the shape that workforce management takes in."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

import click

from outreach.campaigns import forecasting
from outreach.deflection import workforce
from outreach.deflection.workforce import Interval
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.durations import duration
from outreach.entry.languages import N_, _
from outreach.model.errors import GuardRefused
from outreach.settings_contactcenter import ForecastQueue
from outreach.store import arrivals, expected

_WEEKS = 4


class Shape(StrEnum):
    """Who takes it in."""

    CSV = "csv"
    GENESYS = "genesys"
    CONNECT = "connect"


@command(
    "export",
    N_("Write the forecast, or with --history the calls that came, for workforce management."),
    answers=False,
    example="outreach forecast export --as connect\noutreach forecast export --as genesys --history 90d",
)
@option(
    "--as", "shape", type=click.Choice([each.value for each in Shape]), default="csv", show_default=True,
    help=N_("csv for any tool; genesys: import of Genesys Cloud; connect: Amazon Connect."),
)  # fmt: skip
@option("--mean", is_flag=True, help=N_("The mean in place of p80, by which to staff."))
@option("--history", default="", help=N_("Calls that came instead, so far back: 90d."))
def export(context: Context, *, shape: str, mean: bool, history: str) -> None:
    queues = context.settings.contactcenter.forecast.queues
    form = Shape(shape)
    if history:
        since = workforce.quarter_of(context.now - duration(history))
        past = [each for queue in queues for each in _past(context, queue, since)]
        _write(_history(form, past if form is Shape.CSV else _as_there(context, past)))
        return
    found = [each for queue in queues for each in _expected(context, queue, mean=mean)]
    if not found:
        raise GuardRefused(
            _("no forecast of the last minutes; is `outreach serve` running? See `outreach doctor`")
        )
    match form:
        case Shape.GENESYS:
            click.echo(json.dumps(_week(context, queues, found), indent=2))
        case Shape.CONNECT:
            _write(workforce.connect_rows(_as_there(context, found)))
        case Shape.CSV:
            _write(workforce.plain_rows(found))


def _history(form: Shape, past: Sequence[Interval]) -> list[dict[str, object]]:
    match form:
        case Shape.GENESYS:
            return workforce.genesys_history(past)
        case Shape.CONNECT:
            return workforce.connect_rows(past)
        case Shape.CSV:
            return workforce.plain_rows(past)


def _expected(context: Context, queue: ForecastQueue, *, mean: bool) -> list[Interval]:
    """Of a forecast that is fresh; an old one would be staffed for in vain."""
    with context.database.read() as session:
        found = expected.newest(session, queue.name)
    if found is None or context.now - found.made_at > timedelta(minutes=15):
        return []
    return workforce.intervals(found, mean=mean, platform_id=queue.platform_id)


def _as_there(context: Context, found: Sequence[Interval]) -> list[Interval]:
    """By the name that the platform's own records have for the queue, where the settings say one."""
    names = {
        each.name: each.queues[0]
        for each in context.settings.contactcenter.forecast.queues
        if len(each.queues) == 1
    }
    return [replace(each, queue=names.get(each.queue, each.queue)) for each in found]


def _past(context: Context, queue: ForecastQueue, since: datetime) -> list[Interval]:
    """Where the log has no talk time, the handling time of the settings."""
    line = forecasting.line(context.settings, queue)
    usual = forecasting.desk(context.settings, queue).handling * 60
    until = workforce.quarter_of(context.now)
    with context.database.read() as session:
        rows = arrivals.by_quarter(session, line, since=since, until=until)
    return [
        Interval(
            queue=queue.name,
            at=each.at,
            calls=each.calls,
            handling_s=each.talk_s / each.handled if each.talk_s else usual,
            handled=each.handled,
            platform_id=queue.platform_id,
        )
        for each in rows
    ]


def _week(
    context: Context, queues: Sequence[ForecastQueue], found: Sequence[Interval]
) -> Mapping[str, object]:
    """The week of now, from its Monday in the company's zone; beside the forecast the usual calls of four weeks."""
    local = context.now.astimezone(context.zone)
    monday = (local - timedelta(days=local.weekday())).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    since = workforce.quarter_of(context.now) - timedelta(weeks=_WEEKS)
    usual = {queue.name: _usual(_past(context, queue, since)) for queue in queues}
    name = _("outreach {time}").format(time=f"{local:%Y-%m-%d %H:%M}")
    return workforce.genesys_week(
        found, usual, begins_at=monday.astimezone(found[0].at.tzinfo), description=name
    )


def _usual(past: Sequence[Interval]) -> dict[int, float]:
    """Mean calls by quarter-hour of the week."""
    sums: dict[int, float] = defaultdict(float)
    for each in past:
        sums[workforce.quarter_of_week(each.at)] += each.calls / _WEEKS
    return dict(sums)


def _write(rows: Sequence[Mapping[str, object]]) -> None:
    """CSV with the platform's own column names; nothing of it is text that a person typed."""
    if not rows:
        raise GuardRefused(_("nothing to export; `outreach contacts import` brings the calls"))
    written = io.StringIO()
    out = csv.DictWriter(written, fieldnames=list(rows[0]), lineterminator="\n")
    out.writeheader()
    out.writerows(rows)
    click.echo(written.getvalue(), nl=False)
