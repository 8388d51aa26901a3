"""`outreach planned import`: takes in a company's export of works; each work whole or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import click

from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.plan import Outlook
from outreach.entry.cli import told
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.notices import launched, outlooks
from outreach.entry.cli.output import Format
from outreach.entry.cli.rejected import write_rejected
from outreach.entry.cli.times import wall, zone_named
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import DoneInPart, GuardRefused
from outreach.model.occasion import NewOccasion, Occasion, Revision
from outreach.model.record import RowRefused
from outreach.model.words import OccasionKind, OccasionState
from outreach.outages.intake_works import Work, read_works, revised
from outreach.outages.works_mapping import WorksMapping, WorkStatus, read_works_mapping
from outreach.store import network, occasions


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of each work of a file."""

    done: Counter[str] = field(default_factory=Counter)
    untold: int = 0
    """Added works that no run announces yet."""
    refused: list[RowRefused] = field(default_factory=list)
    late: list[dict[str, object]] = field(default_factory=list)
    doubtful: list[dict[str, object]] = field(default_factory=list)


_KINDS = ("added", "moved", "cancelled", "unchanged", "over")


@command(
    "import",
    N_("Import planned works; good rows are taken, rejected ones go to a file."),
    example="outreach planned import works.csv --mapping works.toml --dry-run",
    sends=True,
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--mapping",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("works.toml"),
    show_default=True,
    help=N_("File that names the encoding, the columns and the words of the export."),
)
@option("--launch", is_flag=True, help=N_("Announce the works that are new."))
def imported(context: Context, *, file: Path, mapping: Path, launch: bool) -> None:
    words = read_works_mapping(mapping)
    read = read_works(file, words)
    report = Report(refused=list(read.refused))
    with told.engine(context) as engine:
        for number, work in enumerate(read.works, 1):
            _take(context, engine, work, words, report, file=file, launch=launch)
            context.progress(number, len(read.works))
    report.refused.sort(key=lambda row: row.record)
    _answer(context, report, _rejected_file(context, report, file))
    if report.refused:
        count = len(report.refused)
        form = ngettext(
            "{count} row was rejected; mend it and import again",
            "{count} rows were rejected; mend them and import again",
            count,
        )
        raise DoneInPart(form.format(count=count))


def _take(
    context: Context,
    engine: Engine,
    work: Work,
    words: WorksMapping,
    report: Report,
    *,
    file: Path,
    launch: bool,
) -> None:
    """One work in transactions of its own; a refusal leaves no trace of it."""
    current, strange = _known(engine, work)
    if current is None and work.end.at <= context.now and work.status is not WorkStatus.CANCELLED:
        report.done["over"] += 1
        return
    if strange and work.status is not WorkStatus.CANCELLED:
        _refuse(report, file, work, "unknown_node", ", ".join(strange))
        return
    try:
        revision = revised(
            work, current.revision if current else None, now=context.now, author=operator()
        )
    except GuardRefused as error:
        _refuse(report, file, work, "not_possible", str(error))
        return
    if revision is None:
        report.done["unchanged"] += 1
        return
    applied = _write(engine, work, words, current, revision, launch=launch, now=context.now)
    report.untold += not (current or applied.launched)
    report.done[_kind(current, revision)] += 1
    _look_ahead(context, work, words, revision, report)


def _known(engine: Engine, work: Work) -> tuple[Occasion | None, list[str]]:
    """The work as we have it, by its folio; and its nodes that the network does not know."""
    with engine.database.read() as session:
        named = [
            each
            for each in occasions.named(session, work.ref)
            if each.kind is OccasionKind.PLANNED and each.source_ref == work.ref
        ]
        strange = [ref for ref in work.scope.nodes if not network.spans(session, [ref])]
    return (named[0] if named else None), strange


def _write(
    engine: Engine,
    work: Work,
    words: WorksMapping,
    current: Occasion | None,
    revision: Revision,
    *,
    launch: bool,
    now: datetime,
) -> Applied:
    if current is not None:
        return engine.revise(current.id, revision, now=now)
    new = NewOccasion(
        kind=OccasionKind.PLANNED,
        service=words.service,
        name=work.ref,
        zone=words.zone,
        source_ref=work.ref,
    )
    applied = engine.open(new, revision, now=now)
    return launched(engine, applied, now=now) if launch else applied


def _kind(current: Occasion | None, revision: Revision) -> str:
    if revision.state is OccasionState.CANCELLED:
        return "cancelled"
    return "added" if current is None else "moved"


def _refuse(report: Report, file: Path, work: Work, reason: str, detail: str) -> None:
    report.refused.append(
        RowRefused(
            file=file.name,
            record=work.record,
            line=work.line,
            reason=reason,
            detail=f"{work.ref}: {detail}",
        )
    )


def _look_ahead(
    context: Context, work: Work, words: WorksMapping, revision: Revision, report: Report
) -> None:
    """Notices that cannot be kept any more, and wall times that the clock has twice or not at all."""
    if revision.state is OccasionState.SCHEDULED:
        ahead = outlooks(context, revision.start_at)
        report.late += [
            {"work": work.ref, "notice": due.step, "due_at": due.at, "outlook": due.outlook.value}
            for due in ahead.dues
            if due.outlook is not Outlook.AHEAD
        ]
    for end, time in (("start", work.start), ("end", work.end)):
        if time.does_not_exist or time.is_ambiguous:
            read_as = wall(time.at, now=context.now, zone=zone_named(words.zone))
            report.doubtful.append({"work": work.ref, "time": end, "read_as": read_as})


def _rejected_file(context: Context, report: Report, file: Path) -> Path | None:
    if context.dry_run:
        return None
    return write_rejected(
        report.refused, workspace=context.settings.workspace, source=file.stem, now=context.now
    )


def _answer(context: Context, report: Report, path: Path | None) -> None:
    counts: dict[str, object] = {kind: report.done[kind] for kind in _KINDS}
    counts |= {"rejected": len(report.refused)}
    rejected = [
        {"record": row.record, "line": row.line, "reason": row.reason, "detail": row.detail}
        for row in report.refused
    ]
    parts = {"late": report.late, "doubtful": report.doubtful, "rows": rejected}
    if context.format is not Format.TABLE:
        context.out.record(
            {**counts, "rejected_file": path and str(path), "dry_run": context.dry_run, **parts}
        )
        return
    if context.dry_run:
        context.out.text(_("TRIAL: nothing is written, nobody is told"))
    context.out.record(counts | {"rejected_file": path and str(path)}, headings=_TITLES)
    for key, rows in parts.items():
        if rows:
            context.out.text("")
            context.out.text(_(_SECTIONS[key]))
            context.out.rows(rows, headings=_HEADINGS[key])
    if report.untold:
        _say_how_to_launch(context)


def _say_how_to_launch(context: Context) -> None:
    context.say(
        _(
            "works without a run tell nobody: import with --launch, arm planned-outage, or"
            " `outreach campaign launch planned-outage FOLIO`"
        ),
        essential=True,
    )


_TITLES = {
    "added": N_("added"),
    "moved": N_("moved"),
    "cancelled": N_("cancelled"),
    "unchanged": N_("unchanged"),
    "over": N_("over before we knew them"),
    "rejected": N_("rejected"),
    "rejected_file": N_("rejected rows in"),
}
_SECTIONS = {
    "late": N_("notices whose instant has passed"),
    "doubtful": N_("times that the clock has twice, or skips"),
    "rows": N_("rejected rows"),
}
_HEADINGS = {
    "late": {
        "work": N_("work"),
        "notice": N_("notice"),
        "due_at": N_("was due"),
        "outlook": N_("what becomes of it"),
    },
    "doubtful": {"work": N_("work"), "time": N_("time"), "read_as": N_("read as")},
    "rows": {
        "record": N_("record"),
        "line": N_("line"),
        "reason": N_("reason"),
        "detail": N_("detail"),
    },
}
