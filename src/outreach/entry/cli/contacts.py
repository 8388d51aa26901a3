"""`outreach contacts`: takes in what the contact center logged, callers only as keyed hashes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from outreach.deflection.calls import import_calls
from outreach.deflection.calls_mapping import read_calls_mapping
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.rejected import write_rejected
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused

group = Group("contacts")


@command(
    "import",
    N_("Import a call log; running it again stores nothing twice."),
    within=group,
    example="outreach contacts import calls.csv --mapping calls.toml",
)
@argument("file", type=click.Path(path_type=Path))
@option(
    "--mapping",
    type=click.Path(path_type=Path),
    default=Path("calls.toml"),
    show_default=True,
    help=N_("File that names the columns, the times and the words of the log."),
)
def imported(context: Context, file: Path, *, mapping: Path) -> None:
    report = import_calls(
        context.database,
        context.keyring,
        read_calls_mapping(mapping),
        path=file,
        now=context.now,
        progress=context.progress,
    )
    path = write_rejected(
        report.refused, workspace=context.settings.workspace, source=file.stem, now=context.now
    )
    context.out.record(
        {
            "rows": report.rows,
            "imported": report.imported,
            "repeated": report.repeated,
            "known": report.known,
            "hidden": report.hidden,
            "outage": report.outage,
            "rejected": len(report.refused),
            "rejected_reasons": dict(Counter(row.reason for row in report.refused).most_common()),
            "rejected_file": path and str(path),
        },
        headings=_TITLES,
    )
    if report.refused and not report.imported and not report.repeated:
        raise InputRefused(
            _("{file}: no row could be read; does {mapping} fit this log?").format(
                file=file, mapping=mapping
            )
        )


_TITLES = {
    "rows": N_("rows read"),
    "imported": N_("calls imported"),
    "repeated": N_("there already"),
    "known": N_("from a number of the record"),
    "hidden": N_("without a number"),
    "outage": N_("to an outage number"),
    "rejected": N_("rejected"),
    "rejected_reasons": N_("rejected because"),
    "rejected_file": N_("rejected rows in"),
}
