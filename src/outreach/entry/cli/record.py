"""`outreach record`: takes in customers, premises and the network from the company's own exports."""

from __future__ import annotations

from pathlib import Path

import click

from outreach.entry.cli.command import Context, Group, command, option
from outreach.entry.cli.rejected import write_rejected
from outreach.entry.languages import N_, _
from outreach.record.importing import import_record
from outreach.record.mapping import read_mapping
from outreach.record.report import ImportReport

group = Group("record")


@command(
    "import",
    N_("Import customers, premises and the network; good rows stay, rejected ones go to a file."),
    within=group,
    example="outreach record import --mapping record.toml",
)
@option(
    "--mapping",
    type=click.Path(path_type=Path),
    default=Path("record.toml"),
    show_default=True,
    help=N_("File that names the exports, their encoding and their columns."),
)
@option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help=N_("Folder of the exports; by default that of the mapping."),
)
def imported(context: Context, *, mapping: Path, folder: Path | None) -> None:
    report = import_record(
        context.database,
        context.keyring,
        read_mapping(mapping, folder=folder),
        now=context.now,
        progress=lambda stage, count: context.say(f"{_(_STAGES.get(stage, stage))} {count:,}"),
    )
    path = write_rejected(
        report.refused,
        workspace=context.settings.workspace,
        source=Path(report.source).stem,
        now=context.now,
    )
    context.out.record(_figures(report, path), headings=_TITLES)
    for shared in report.people.shared:
        context.say(
            _("…{ending}: held by {count} customers; it joins nobody into a household").format(
                ending=shared.ending, count=shared.customers
            ),
            essential=True,
        )


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
    "writing": N_("writing"),
    "reach": N_("reach"),
}
_TITLES = {
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
