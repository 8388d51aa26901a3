"""What became of each work of an imported file: counts, notices too late, rules broken, conflicts, rejected rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from outreach.campaigns.conflicts import ConflictKind
from outreach.campaigns.plan import Outlook
from outreach.entry.cli import judged
from outreach.entry.cli.command import Context
from outreach.entry.cli.judged import Judgement
from outreach.entry.cli.notices import Outlooks
from outreach.entry.cli.output import Format
from outreach.entry.cli.rejected import write_rejected
from outreach.entry.cli.times import wall, zone_named
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import DoneInPart
from outreach.model.occasion import Occasion
from outreach.model.record import RowRefused
from outreach.outages.intake_works import Work

_KINDS = ("added", "moved", "cancelled", "unchanged", "over")
Rows = list[dict[str, object]]


@dataclass(slots=True, kw_only=True)
class Report:
    """Filled work by work, told once."""

    done: Counter[str] = field(default_factory=Counter)
    untold: int = 0
    """Added works that no run announces yet."""
    held: int = 0
    """Of them, those that break a rule of the country."""
    refused: list[RowRefused] = field(default_factory=list)
    late: Rows = field(default_factory=list)
    doubtful: Rows = field(default_factory=list)
    broken: Rows = field(default_factory=list)
    conflicts: Rows = field(default_factory=list)

    def refuse(self, file: Path, work: Work, reason: str, detail: str) -> None:
        self.refused.append(
            RowRefused(
                file=file.name,
                record=work.record,
                line=work.line,
                reason=reason,
                detail=f"{work.ref}: {detail}",
            )
        )

    def look_ahead(self, work: Work, ahead: Outlooks) -> None:
        """Notices that cannot be kept any more."""
        self.late += [
            {"work": work.ref, "notice": due.step, "due_at": due.at, "outlook": due.outlook.value}
            for due in ahead.dues
            if due.outlook is not Outlook.AHEAD
        ]

    def look_at_times(self, context: Context, work: Work, zone: str) -> None:
        """Wall times that the clock has twice or not at all."""
        for end, time in (("start", work.start), ("end", work.end)):
            if time.does_not_exist or time.is_ambiguous:
                read_as = wall(time.at, now=context.now, zone=zone_named(zone))
                self.doubtful.append({"work": work.ref, "time": end, "read_as": read_as})

    def look_at(self, work: Occasion, seen: Judgement) -> None:
        """Rules of the country that it breaks, and what else stands in its way."""
        self.broken += [{"work": work.name, **judged.broken_facts(each)} for each in seen.broken]
        self.conflicts += [
            {"work": work.name, "what": judged.conflict_line(seen.context, each)}
            | judged.conflict_facts(seen.context, each)
            for each in seen.conflicts
        ]

    def answer(self, context: Context, file: Path) -> None:
        """Prints it, writes the rejected rows; DoneInPart where something was left undone."""
        self.refused.sort(key=lambda row: row.record)
        path = None
        if not context.dry_run:
            path = write_rejected(
                self.refused,
                workspace=context.settings.workspace,
                source=file.stem,
                now=context.now,
            )
        self._print(context, path)
        undone = [*self._of_rejected(), *self._of_held()]
        if undone:
            raise DoneInPart("\n".join(undone))

    def _print(self, context: Context, path: Path | None) -> None:
        counts: dict[str, object] = {kind: self.done[kind] for kind in _KINDS}
        counts |= {"rejected": len(self.refused)}
        parts = self._parts()
        if context.format is not Format.TABLE:
            whole = {**counts, "rejected_file": path and str(path), "dry_run": context.dry_run}
            context.out.record({**whole, **parts})
            return
        if context.dry_run:
            context.out.text(_("TRIAL: nothing is written, nobody is told"))
        context.out.record(counts | {"rejected_file": path and str(path)}, headings=_TITLES)
        for key, rows in self._to_look_at(parts).items():
            if rows:
                context.out.text("")
                context.out.text(_(_SECTIONS[key]))
                context.out.rows(rows, headings=_HEADINGS[key])
        if self.untold > self.held:
            _say_how_to_launch(context)

    def _parts(self) -> dict[str, Rows]:
        return {
            "late": self.late,
            "broken": self.broken,
            "conflicts": self.conflicts,
            "doubtful": self.doubtful,
            "rows": [
                {"record": row.record, "line": row.line, "reason": row.reason, "detail": row.detail}
                for row in self.refused
            ],
        }

    def _to_look_at(self, parts: dict[str, Rows]) -> dict[str, Rows]:
        """Nearly every work has priority customers inside: people see it where they see the work."""
        rows = [row for row in self.conflicts if row["kind"] != ConflictKind.LIFE_SUPPORT.value]
        return parts | {"conflicts": rows}

    def _of_rejected(self) -> list[str]:
        count = len(self.refused)
        form = ngettext(
            "{count} row was rejected; mend it and import again",
            "{count} rows were rejected; mend them and import again",
            count,
        )
        return [form.format(count=count)] * bool(count)

    def _of_held(self) -> list[str]:
        form = ngettext(
            "{count} work breaks a rule of its country and was not announced; let it pass with"
            " --because REASON --approver NAME",
            "{count} works break a rule of their country and were not announced; let them pass with"
            " --because REASON --approver NAME",
            self.held,
        )
        return [form.format(count=self.held)] * bool(self.held)


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
    "broken": N_("rules of the country that are broken"),
    "conflicts": N_("conflicts"),
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
    "broken": {
        "work": N_("work"),
        "rule": N_("rule"),
        "value": N_("value"),
        "why": N_("why"),
        "source": N_("source"),
        "certainty": N_("certainty"),
    },
    "conflicts": {"work": N_("work"), "what": N_("what")},
    "doubtful": {"work": N_("work"), "time": N_("time"), "read_as": N_("read as")},
    "rows": {
        "record": N_("record"),
        "line": N_("line"),
        "reason": N_("reason"),
        "detail": N_("detail"),
    },
}
