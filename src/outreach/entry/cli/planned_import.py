"""`outreach planned import`: takes in a company's export of works; each work whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.pins import Pinned
from outreach.campaigns.works import Waiver
from outreach.entry.cli import judged, told
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.judged import Judgement
from outreach.entry.cli.naming import operator
from outreach.entry.cli.notices import launched, outlooks
from outreach.entry.cli.planned_report import Report
from outreach.entry.languages import N_, _
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import NewOccasion, Occasion, Revision
from outreach.model.words import OccasionKind, OccasionState, Service
from outreach.outages import intake_ical, revise_planned
from outreach.outages.ical_mapping import DEFAULT, read_calendar_mapping
from outreach.outages.intake_works import Work, WorksRead, read_works, revised
from outreach.outages.works_mapping import WorkStatus, read_works_mapping
from outreach.store import network, occasions, scopes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One file of works as it was read, and how to take it in."""

    file: Path
    read: WorksRead
    zone: str
    service: Service
    launch: bool
    waiver: Waiver | None


@command(
    "import",
    N_("Import planned works; good rows are taken, rejected ones go to a file."),
    example="outreach planned import works.csv --mapping works.toml --dry-run\n"
    "outreach planned import works.ics",
    sends=True,
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@option(
    "--mapping",
    type=click.Path(dir_okay=False, path_type=Path),
    help=N_(
        "File that names the encoding, the columns and the words of the export; by default"
        " works.toml, and none for a calendar."
    ),
)
@option("--launch", is_flag=True, help=N_("Announce the works that are new."))
@judged.waiving
def imported(
    context: Context,
    *,
    file: Path,
    mapping: Path | None,
    launch: bool,
    because: str | None,
    approver: str | None,
) -> None:
    given = judged.waiver(context, because, approver)
    sheet = _sheet(context, file, mapping, launch=launch, given=given)
    report = Report(refused=list(sheet.read.refused))
    with told.engine(context) as engine:
        taking = _Taking(
            context=context,
            engine=engine,
            sheet=sheet,
            report=report,
            pinned=judged.texts(context),
        )
        for number, work in enumerate(sheet.read.works, 1):
            taking.take(_walled(work, sheet.zone))
            context.progress(number, len(sheet.read.works))
    report.answer(context, file)


def _sheet(
    context: Context, file: Path, mapping: Path | None, *, launch: bool, given: Waiver | None
) -> Sheet:
    if not intake_ical.is_calendar(file):
        words = read_works_mapping(mapping or Path("works.toml"))
        return Sheet(
            file=file, read=read_works(file, words), zone=words.zone, service=words.service,
            launch=launch, waiver=given,
        )  # fmt: skip
    own = read_calendar_mapping(mapping) if mapping else DEFAULT
    try:
        with file.open("rb") as stream:
            read = intake_ical.read_works(stream, name=file.name, mapping=own)
    except OSError:
        raise InputRefused(_("{file}: cannot be read; check the path").format(file=file)) from None
    company = context.settings.company
    return Sheet(
        file=file, read=read, zone=own.zone or company.zone,
        service=own.service if mapping else company.service, launch=launch, waiver=given,
    )  # fmt: skip


def _walled(work: Work, zone: str) -> Work:
    """With the wall times of the area, where the file did not write them so."""
    if work.start_wall is not None:
        return work
    start, end = (revise_planned.wall_of(each.at, zone) for each in (work.start, work.end))
    return replace(work, start_wall=start, end_wall=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taking:
    """Takes the works of one sheet, each in transactions of its own; a refusal leaves no trace."""

    context: Context
    engine: Engine
    sheet: Sheet
    report: Report
    pinned: Pinned | None

    def take(self, work: Work) -> None:
        is_off = work.status is WorkStatus.CANCELLED
        current, strange = self._known(work)
        if current is None and work.end.at <= self.context.now and not is_off:
            self.report.done["over"] += 1
            return
        if strange and not is_off:
            self._refuse(work, "unknown_node", ", ".join(strange))
            return
        try:
            revision = revised(
                work,
                current.revision if current else None,
                now=self.context.now,
                author=operator(),
            )
        except GuardRefused as error:
            self._refuse(work, "not_possible", str(error))
            return
        if revision is None:
            self.report.done["unchanged"] += 1
            return
        applied = self._write(work, current, revision)
        self.report.untold += not (current or applied.launched)
        self.report.done[_kind(current, revision)] += 1
        if revision.state is OccasionState.SCHEDULED:
            self.report.look_ahead(work, outlooks(self.context, revision.start_at, self.pinned))
        self.report.look_at_times(self.context, work, self.sheet.zone)

    def _known(self, work: Work) -> tuple[Occasion | None, list[str]]:
        """The work as we have it, by its folio; and its nodes that the network does not know."""
        with self.engine.database.read() as session:
            named = [
                each
                for each in occasions.named(session, work.ref)
                if each.kind is OccasionKind.PLANNED and each.source_ref == work.ref
            ]
            strange = [ref for ref in work.scope.nodes if not network.spans(session, [ref])]
        return (named[0] if named else None), strange

    def _refuse(self, work: Work, reason: str, detail: str) -> None:
        self.report.refuse(self.sheet.file, work, reason, detail)

    def _write(self, work: Work, current: Occasion | None, revision: Revision) -> Applied:
        """The work is kept whatever it breaks; announced where it breaks nothing, or two people say so."""
        now, given = self.context.now, self.sheet.waiver
        if current is not None:
            applied = self.engine.revise(current.id, revision, now=now)
        else:
            applied = self.engine.open(self._new(work), revision, now=now)
        seen = self._judged(applied.occasion)
        if current is not None or not self.sheet.launch:
            return applied
        if seen.refused and given is None:
            self.report.held += 1
            return applied
        judged.record(self.engine, applied.occasion, seen.refused, given, now)
        return launched(self.engine, applied, now=now)

    def _new(self, work: Work) -> NewOccasion:
        return NewOccasion(
            kind=OccasionKind.PLANNED,
            service=self.sheet.service,
            name=work.ref,
            zone=self.sheet.zone,
            source_ref=work.ref,
        )

    def _judged(self, work: Occasion) -> Judgement:
        if work.revision.state is not OccasionState.SCHEDULED:
            return Judgement(context=self.context)
        with self.engine.database.read() as session:
            where = scopes.remaining(session, work)
            seen = judged.judge(self.context, session, work, where, pinned=self.pinned)
        self.report.look_at(work, seen)
        return seen


def _kind(current: Occasion | None, revision: Revision) -> str:
    if revision.state is OccasionState.CANCELLED:
        return "cancelled"
    return "added" if current is None else "moved"
