"""`outreach simulate`: plays a storm against a campaign in virtual time; nothing is changed and nothing leaves."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

import click

from outreach.campaigns import simulating
from outreach.campaigns.feed_readers import READERS
from outreach.campaigns.simulated import Figures, figures
from outreach.deflection.calls_expected import HALF_HOUR, CallModel, Desk, HalfHour, expected
from outreach.entry import logs, playing
from outreach.entry.cli import simulate_picture, simulate_shown
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.output import Format
from outreach.entry.cli.simulate_shown import Lists, Simulated
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused

_FILE = click.Path(path_type=Path, dir_okay=False)
_SHARE = click.FloatRange(-1, 1)
_COUNT = click.FloatRange(0)


@command(
    "simulate",
    N_("Play a storm against a campaign: who hears what when, at what cost, and the calls."),
    example="outreach simulate campaigns/unplanned-outage.toml --storm oms_eventos.jsonl --mapping oms.toml\n"
    "outreach simulate campaigns/unplanned-outage.toml --storm storm.jsonl --picture storm.png\n"
    "outreach simulate campaigns/draft.toml --storm storm.jsonl --list calls --format csv",
)
@argument("campaign", type=_FILE)
@option("--storm", type=_FILE, required=True, help=N_("File of an outage system, with its times."))
@option(
    "--as",
    "kind",
    type=click.Choice(tuple(READERS)),
    default="jsonl",
    show_default=True,
    help=N_("What kind of file it is."),
)
@option("--mapping", type=_FILE, help=N_("File that names the fields and words of the system."))
@option("--picture", type=_FILE, help=N_("Also draw it, as PNG; needs the extra `report`."))
@option(
    "--list",
    "shown",
    type=click.Choice([str(each) for each in Lists]),
    default=str(Lists.HOURS),
    show_default=True,
    help=N_("Which list csv and jsonl write; tables and json hold them all."),
)
@option(
    "--deflection",
    type=_SHARE,
    default=CallModel.__dataclass_fields__["deflection"].default,
    show_default=True,
    help=N_("Assumed: share of its calls that a message prevents."),
)
@option(
    "--calls-each",
    type=_COUNT,
    default=CallModel.__dataclass_fields__["each"].default,
    show_default=True,
    help=N_("Assumed: calls of an average customer in the first six hours."),
)
@option(
    "--other-calls",
    type=_COUNT,
    default=0,
    show_default=True,
    help=N_("Assumed: calls about other things, in half an hour."),
)
@option(
    "--patience",
    type=click.FloatRange(0, min_open=True),
    default=Desk.__dataclass_fields__["patience"].default,
    show_default=True,
    help=N_("Assumed: minutes until a waiting caller hangs up."),
)
@option(
    "--handling",
    type=click.FloatRange(0, min_open=True),
    help=N_("Assumed: minutes of a call; by default contactcenter.handling_minutes."),
)
@option(
    "--agent-cost",
    type=_COUNT,
    default=Desk.__dataclass_fields__["hourly"].default,
    show_default=True,
    help=N_("Assumed: cost of an agent's hour, in the company's currency."),
)
@option(
    "--storms",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help=N_("How many such storms a season has, for its budget."),
)
def simulate(
    context: Context,
    campaign: Path,
    *,
    storm: Path,
    kind: str,
    mapping: Path | None,
    picture: Path | None,
    shown: str,
    storms: int,
    **assumed: float | None,
) -> None:
    logs.configure(logging.ERROR)  # what the virtual worker does is told by the figures
    if picture is not None:
        simulate_picture.refuse_missing()
    _refuse_other(campaign)
    found = _simulated(context, campaign, storm, kind=kind, mapping=mapping, assumed=assumed)
    if picture is not None:
        simulate_picture.draw(found, picture, zone=context.zone)
        context.say(_("drawn: {file}").format(file=picture), essential=True)
    if context.format is Format.TABLE:
        simulate_shown.tables(context, found, storms=storms)
    elif context.format is Format.JSON:
        context.out.record(simulate_shown.facts(found, storms=storms))
    else:
        context.out.rows(simulate_shown.rows(found, Lists(shown)), headings={})


def _refuse_other(campaign: Path) -> None:
    if not campaign.is_file() or campaign.suffix != ".toml":
        raise InputRefused(
            _("{file}: no campaign file; they lie in campaigns/ of the workspace").format(
                file=campaign
            )
        )


def _simulated(
    context: Context,
    campaign: Path,
    storm: Path,
    *,
    kind: str,
    mapping: Path | None,
    assumed: dict[str, float | None],
) -> Simulated:
    coming = simulating.read_storm(storm, kind=kind, mapping=mapping)
    settings = context.settings
    with playing.scratch(settings, context.database, campaign) as place:
        played = playing.played(place, context.keyring, coming, progress=_clock(context))
        told = figures(place.database, settings.delivery.sms_price, now=played.ended_at)
    model = CallModel(
        each=assumed["calls_each"] or 0.0,
        deflection=assumed["deflection"] or 0.0,
        other=assumed["other_calls"] or 0.0,
    )
    desk = Desk(
        handling=assumed["handling"] or settings.contactcenter.handling_minutes,
        patience=assumed["patience"] or 0.0,
        hourly=assumed["agent_cost"] or 0.0,
    )
    return Simulated(
        campaign=campaign.stem,
        storm=storm.name,
        currency=settings.company.currency,
        began_at=played.began_at,
        last_at=played.last_at,
        ended_at=played.ended_at,
        taken=dict(played.storm.desk.taken.counts),
        troubles=tuple(played.storm.troubles),
        figures=told,
        model=model,
        desk=desk,
        calls=tuple(_calls(told, model, desk, began=played.began_at, ended=played.ended_at)),
    )


def _calls(
    told: Figures, model: CallModel, desk: Desk, *, began: datetime, ended: datetime
) -> list[HalfHour]:
    start = began - (began - began.replace(minute=0, second=0, microsecond=0)) % HALF_HOUR
    return expected(told.dark, model, desk, start=start, end=ended)


def _clock(context: Context) -> playing.Progress:
    """The virtual time, on one line of a terminal."""

    def shown(at: datetime) -> None:
        if context.interactive:
            wall = at.astimezone(context.zone)
            click.echo(f"\r{wall:%Y-%m-%d %H:%M}", nl=False, err=True)

    return shown
