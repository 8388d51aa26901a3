"""`outreach contacts`: takes in what the contact center logged, callers only as keyed hashes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import IO

import click

from outreach import clock
from outreach.deflection.calls import CallsReport, Intake, import_contacts
from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_reading import Terms
from outreach.deflection.contacts import FORMATS, Form, mapping_of
from outreach.deflection.contacts_follow import Follower
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.rejected import Rejected
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused

group = Group("contacts")

EVERY_S = 1.0
STDIN = Path("-")


@command(
    "import",
    N_("Import contacts from a log or a stream; running it again stores nothing twice."),
    within=group,
    example="outreach contacts import calls.csv --mapping calls.toml\n"
    "outreach contacts import /var/log/asterisk/cdr-csv/Master.csv --as asterisk --follow",
)
@argument("file", type=click.Path(path_type=Path, allow_dash=True))
@option(
    "--as",
    "form",
    type=click.Choice([each.value for each in Form]),
    default=Form.CSV.value,
    show_default=True,
    help=N_("Form of the log: columns, JSON lines, or what a platform writes."),
)
@option(
    "--mapping",
    type=click.Path(path_type=Path),
    default=None,
    help=N_(
        "File that names the columns, times and words of the log; calls.toml for csv and jsonl."
    ),
)
@option("--follow", is_flag=True, help=N_("Go on with what the file grows by, until Ctrl-C."))
def imported(
    context: Context, file: Path, *, form: str, mapping: Path | None, follow: bool
) -> None:
    shape = Form(form)
    named = mapping or (Path("calls.toml") if FORMATS[shape].needs_mapping else None)
    rules = mapping_of(context.settings, shape, named)
    with Rejected(
        workspace=context.settings.workspace, source=_source(file), now=context.now
    ) as rejected:
        intake = Intake(
            database=context.database,
            terms=Terms(rules, context.keyring, context.now),
            refuse=rejected.write,
            progress=context.progress,
        )
        if follow:
            _followed(context, _follower(intake, file, shape))
        else:
            import_contacts(intake, _opened(file, rules), shape)
    _say(context, intake.report, rejected.path)
    _refuse_unread(intake.report, file, named)


def follow_file(
    follower: Follower, *, sleep: Callable[[float], None], now: Callable[[], datetime]
) -> None:
    """Until Ctrl-C, a look a second; what is taken in is committed, and the next run goes on behind it."""

    def ends() -> bool:
        sleep(EVERY_S)
        return False

    try:
        follower.until(ends, clock=now)
    except KeyboardInterrupt:
        return


def _followed(context: Context, follower: Follower) -> None:
    context.say(_("Following {file}; Ctrl-C ends it.").format(file=follower.path), essential=True)
    now = (lambda: context.now) if context.given.now else clock.now
    follow_file(follower, sleep=time.sleep, now=now)


def _follower(intake: Intake, file: Path, form: Form) -> Follower:
    if file == STDIN:
        raise InputRefused(_("a stream needs no --follow: it is read until it ends"))
    if not file.exists():
        raise InputRefused(_("{file}: not found; name the log that grows").format(file=file))
    return Follower(intake=intake, path=file, form=form)


def _opened(file: Path, mapping: CallsMapping) -> Path | IO[str]:
    if file != STDIN:
        return file
    return TextIOWrapper(sys.stdin.buffer, encoding=mapping.encoding, newline="")


def _source(file: Path) -> str:
    return "stdin" if file == STDIN else file.stem


def _say(context: Context, report: CallsReport, path: Path | None) -> None:
    context.out.record(
        {
            "rows": report.rows,
            "imported": report.imported,
            "repeated": report.repeated,
            "completed": report.completed,
            "passed": report.passed,
            "known": report.known,
            "hidden": report.hidden,
            "outage": report.outage,
            "rejected": report.rejected.total(),
            "rejected_reasons": dict(report.rejected.most_common()),
            "rejected_file": path and str(path),
        },
        headings=_TITLES,
    )
    if report.imported:
        context.say(_("what they tell: outreach deflection show"))


def _refuse_unread(report: CallsReport, file: Path, mapping: Path | None) -> None:
    if not report.rejected or report.imported or report.repeated or report.passed:
        return
    if mapping is None:
        raise InputRefused(
            _("{file}: no record could be read; is --as the form of this log?").format(file=file)
        )
    raise InputRefused(
        _("{file}: no row could be read; does {mapping} fit this log?").format(
            file=file, mapping=mapping
        )
    )


_TITLES = {
    "rows": N_("rows read"),
    "imported": N_("contacts imported"),
    "repeated": N_("there already"),
    "completed": N_("of which more is known now"),
    "passed": N_("no contact of a customer"),
    "known": N_("from a number of the record"),
    "hidden": N_("without a number"),
    "outage": N_("to an outage number"),
    "rejected": N_("rejected"),
    "rejected_reasons": N_("rejected because"),
    "rejected_file": N_("rejected rows in"),
}
