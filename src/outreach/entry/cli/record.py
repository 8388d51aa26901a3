"""`outreach record`: takes in customers, premises and the network from the company's own exports."""

from __future__ import annotations

import time
from pathlib import Path

import click

from outreach.audience.areas import inside
from outreach.campaigns import person
from outreach.entry.cli import record_check, record_show, record_switch
from outreach.entry.cli.command import Context, Group, command, option
from outreach.entry.cli.rejected import Rejected
from outreach.entry.languages import N_, _
from outreach.record.mapping import Mapping, read_mapping
from outreach.record.report import ImportReport
from outreach.record.sync import Mode, sync_record
from outreach.store import areas, occasions

group = Group("record")


_MAPPING = option(
    "--mapping",
    type=click.Path(path_type=Path),
    default=Path("record.toml"),
    show_default=True,
    help=N_("File that names the exports, their encoding and their columns."),
)
_FOLDER = option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=N_("Folder of the exports; by default that of the mapping."),
)


@command(
    "import",
    N_("Import customers, premises and the network; good rows stay, rejected ones go to a file."),
    within=group,
    example="outreach record import --mapping record.toml",
    asks=True,
)
@_MAPPING
@_FOLDER
def imported(context: Context, *, mapping: Path, folder: Path | None) -> None:
    _load(context, read_mapping(mapping, folder=folder), "full")


@command(
    "sync",
    N_("Bring the record up to date from its sources; what did not change is not touched."),
    within=group,
    example="outreach record sync --delta",
    asks=True,
)
@_MAPPING
@_FOLDER
@option(
    "--delta",
    is_flag=True,
    help=N_("Read only what has changed since the last load; nothing vanishes."),
)
def synced(context: Context, *, mapping: Path, folder: Path | None, delta: bool) -> None:
    _load(context, read_mapping(mapping, folder=folder), "delta" if delta else "full")


def _load(context: Context, mapping: Mapping, mode: Mode) -> None:
    """Both commands are one: `import` is `sync` of everything."""
    rejected = Rejected(
        workspace=context.settings.workspace, source=Path(mapping.source).stem, now=context.now
    )
    with rejected:
        report = sync_record(
            context.database,
            context.keyring,
            mapping,
            now=context.now,
            yes=context.yes,
            mode=mode,
            progress=_Shown(context).progress,
            refuse=rejected.write,
        )
    _follow_areas(context)
    back = person.after_load(context.database, context.keyring, since=context.now, now=context.now)
    context.out.record(_figures(report, rejected.path), headings=_TITLES)
    if back:
        again = _("erased people the source names still: {count}; see `outreach person list`")
        context.say(again.format(count=back), essential=True)
    for shared in report.people.shared:
        context.say(
            _("…{ending}: held by {count} customers; it joins nobody into a household").format(
                ending=shared.ending, count=shared.customers
            ),
            essential=True,
        )
    if report.tallies.life_support.total() > report.tallies.life_support["valid"]:
        context.say(_("next: outreach record check   the register has entries that do not hold"))


def _follow_areas(context: Context) -> None:
    """Polygons of open occasions take in the premises that are new inside them."""
    with context.database.read() as session:
        scopes = [
            part
            for occasion in occasions.open_ones(session)
            for whole in (occasion.revision.scope, occasion.revision.restored)
            for part in (whole, whole.less)
            if part is not None
        ]
    areas.renew(context.database, inside, (digest for scope in scopes for digest in scope.areas))


class _Shown:
    """How far a load is: a line a phase, with its rows and how many of them a second."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._stage, self._count, self._since = "", 0, 0.0

    def progress(self, stage: str, count: int) -> None:
        if stage != self._stage:
            self._end()
            self._stage, self._since = stage, time.monotonic()
            self._context.say(_(_STAGES.get(stage, stage)))
        self._count = count
        self._context.progress(count)

    def _end(self) -> None:
        took = time.monotonic() - self._since
        if self._stage and self._count and took >= 1:
            rate = _("{rows:,} rows, {rate:,.0f} a second")
            self._context.say("\n" + rate.format(rows=self._count, rate=self._count / took))


def _figures(report: ImportReport, path: Path | None) -> dict[str, object]:
    return report.counts() | {
        "rejected_reasons": dict(_summed(report.customers.refused, report.premises.refused)),
        "rejected_file": path and str(path),
    }


def _summed(*counts: dict[str, int]) -> list[tuple[str, int]]:
    reasons = sorted({reason for each in counts for reason in each})
    return [(reason, sum(each.get(reason, 0) for each in counts)) for reason in reasons]


_STAGES = {
    "customers": N_("customers"),
    "network": N_("network"),
    "premises": N_("premises"),
    "accounts": N_("writing accounts"),
    "accounts closed": N_("closing accounts"),
    "premises closed": N_("closing premises"),
    "aging": N_("entries of the register that begin or end"),
    "spelling": N_("spellings of localities"),
    "households": N_("households"),
    "reach": N_("reach"),
    "headcounts": N_("headcounts"),
}
_TITLES = {
    "read": N_("rows read"),
    "unchanged": N_("unchanged"),
    "new": N_("new"),
    "changed": N_("changed"),
    "closed": N_("closed"),
    "accounts": N_("accounts"),
    "customers": N_("customers"),
    "households": N_("households"),
    "premises": N_("premises"),
    "life_support": N_("life support"),
    "contact_points": N_("contact points"),
    "refused_addresses": N_("addresses refused"),
    "reachable_customers": N_("customers reachable"),
    "network": N_("network"),
    "closed_customers": N_("customers gone"),
    "closed_premises": N_("premises gone"),
    "warnings": N_("taken with a warning"),
    "refused": N_("rejected"),
    "rejected_reasons": N_("rejected because"),
    "rejected_file": N_("rejected rows in"),
}

group.add_command(record_switch.switch)
group.add_command(record_check.check)
group.add_command(record_show.show)
