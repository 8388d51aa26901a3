"""`outreach forecast upload`: hands an exported forecast to the workforce management of Genesys Cloud."""

from __future__ import annotations

import json
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from outreach import clock
from outreach.contactcenter import genesys_forecast
from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.platform_http import PlatformHttp
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused

WITHIN_S = 30.0
"""A person waits for it, and nobody else."""


@command(
    "upload",
    N_("Import an exported forecast into Genesys Cloud."),
    example="outreach forecast upload week.json --week 2026-07-13",
    sends=True,
)
@argument("file", type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--week",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help=N_("First day of the week that it covers, as the business unit counts weeks."),
)
def upload(context: Context, file: Path, *, week: datetime) -> None:
    document = _read(file)
    settings = context.settings.contactcenter.genesys
    if not settings.is_on:
        raise InputRefused(_("contactcenter.genesys: set region and client to import forecasts"))
    facts = {"groups": len(document["planningGroups"]), "week": week.date().isoformat()}
    if context.dry_run:
        context.out.record(facts | {"dry_run": True})
        return
    operation = _uploaded(context, document, week.date())
    context.out.record(facts | {"operation": operation})
    context.say(_("Genesys Cloud imports it now; see its forecasts of that week"))


def _uploaded(context: Context, document: dict[str, Any], week: date) -> str:
    settings = context.settings
    only_loopback = settings.delivery.only_loopback
    with PlatformHttp(monotonic=clock.monotonic, only_loopback=only_loopback) as http:
        genesys = Genesys(settings.contactcenter.genesys, http, sleep=time.sleep)
        until = clock.monotonic() + WITHIN_S
        return genesys_forecast.upload(genesys, document, week=week, until=until)


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or not found.get("planningGroups"):
        raise InputRefused(
            _("{file}: no forecast; make one with outreach forecast export --as genesys").format(
                file=file
            )
        )
    return found
