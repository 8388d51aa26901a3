"""`outreach forecast plan`: takes in how many agents are planned by quarter-hour."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import click

from outreach.deflection.workforce import quarter_of
from outreach.entry.cli import times
from outreach.entry.cli.command import Context, argument, command
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.forecast import Staffed
from outreach.store import expected

_COLUMNS = ("queue", "start", "agents")


@command(
    "plan",
    N_("Take in the agents planned: a CSV with queue, start and agents, a row a quarter-hour."),
    sends=True,
    example="outreach forecast plan staffing.csv",
)
@argument("file", type=click.Path(path_type=Path))
def plan(context: Context, file: Path) -> None:
    planned = list(_read(context, file))
    if not planned:
        raise InputRefused(_("{file}: no row; write queue,start,agents").format(file=file))
    if not context.dry_run:
        with context.database.write() as session:
            expected.put_staffed(session, planned)
    context.out.record(
        {
            "rows": len(planned),
            "queues": sorted({each.queue for each in planned}),
            "from": min(each.at for each in planned),
            "to": max(each.at for each in planned),
            "dry_run": context.dry_run,
        },
        headings=_TITLES,
    )


_TITLES = {
    "rows": N_("quarter-hours"),
    "queues": N_("queues"),
    "from": N_("first"),
    "to": N_("last"),
}


def _read(context: Context, file: Path) -> Iterator[Staffed]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputRefused(_("{file}: cannot be read as UTF-8 text").format(file=file)) from error
    rows = csv.DictReader(text.splitlines())
    missing = [name for name in _COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise InputRefused(
            _("{file}: no column {names}; the first line is queue,start,agents").format(
                file=file, names=", ".join(missing)
            )
        )
    for number, row in enumerate(rows, start=2):
        yield _planned(context, row, place=f"{file}:{number}")


def _planned(context: Context, row: dict[str, str], *, place: str) -> Staffed:
    known = [each.name for each in context.settings.contactcenter.forecast.queues]
    queue, agents = (row["queue"] or "").strip(), (row["agents"] or "").strip()
    if queue not in known:
        raise InputRefused(
            _("{place}: no queue {name!r}; outreach.toml has: {known}").format(
                place=place, name=queue, known=", ".join(known)
            )
        )
    if not agents.isdecimal():
        raise InputRefused(
            _("{place}: agents is {text!r}; write a whole number").format(place=place, text=agents)
        )
    at = times.at(row["start"] or "", now=context.now, zone=context.zone)
    return Staffed(queue=queue, at=quarter_of(at), agents=int(agents), source="plan")
