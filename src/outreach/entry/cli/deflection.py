"""`outreach deflection`: how many calls the messages saved, with its interval, or why that is not said."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from outreach.campaigns import measuring
from outreach.campaigns.measuring import Pooled
from outreach.deflection.evidence import By, Measured
from outreach.deflection.saved import saved
from outreach.entry.cli import deflection_picture, deflection_words as words, times
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.deflection_simulate import simulate
from outreach.entry.cli.occasions_named import CHANNELS, any_kind
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.deflection import Deflection, Verdict
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import Channel
from outreach.store import occasions, runs
from outreach.store.runs import Run

group = Group("deflection")
group.add_command(simulate)

_NEWEST = 10
_MOST_POOLED = 1_000
_LAG = "lag"
_METHOD = "message deflection, 1 - theta_msg; randomised send order, Mantel-Haenszel by minute"
_FILE = click.Path(dir_okay=False, path_type=Path)


@command(
    "show",
    N_("Show how many calls the messages saved, with the interval; or that it cannot be said yet."),
    within=group,
    example="outreach deflection show last\noutreach deflection show last --by class\n"
    "outreach deflection show --pooled --since 30d\noutreach deflection show --format json",
)
@argument("which", required=False)
@option(
    "--by",
    type=click.Choice([*(each.value for each in By), _LAG]),
    help=N_("Divide it by wave, class or channel, or by the time since sending."),
)
@option("--pooled", is_flag=True, help=N_("Add up what all campaigns show together."))
@option(
    "--since",
    metavar="TIME",
    help=N_("With --pooled: campaigns launched since: 30d, 12h, 2026-07-16 05:30."),
)
@option("--picture", type=_FILE, help=N_("Also draw it, as PNG; needs the extra `report`."))
def show(
    context: Context,
    *,
    which: str | None,
    by: str | None,
    pooled: bool,
    since: str | None,
    picture: Path | None,
) -> None:
    if since and not pooled:
        raise InputRefused(_("--since is for --pooled; leave it out, or add --pooled"))
    if picture is not None:
        deflection_picture.refuse_missing()
    shown = _Shown(context, which, since=_since(context, since), pools=pooled)
    if not shown.runs:
        context.say(_("no campaign was launched: there is nothing to measure"), essential=True)
    if pooled:
        shown.together()
    else:
        shown.each(by)
    if picture is not None:
        shown.draw(picture)


def _since(context: Context, text: str | None) -> datetime | None:
    if text is None:
        return None
    if text.endswith("d") and text[:-1].isdigit():
        return context.now - timedelta(days=int(text[:-1]))
    if text.endswith("h") and text[:-1].isdigit():
        return context.now - timedelta(hours=int(text[:-1]))
    return times.at(text, now=context.now, zone=context.zone, past=True)


class _Shown:
    """The runs that were asked for, measured now."""

    def __init__(
        self, context: Context, which: str | None, *, since: datetime | None, pools: bool
    ) -> None:
        self.context = context
        with context.database.read() as session:
            if which:
                chosen = runs.of(session, any_kind(context, which).id)
            else:
                chosen = runs.every(session, limit=_MOST_POOLED if pools else _NEWEST)
            self.runs = [run for run in chosen if not pools or _is_pooled(run, since)]
            self.occasions = {
                run.id: occasions.get(session, OccasionId(run.occasion_id)) for run in self.runs
            }

    def measured(self, run: Run) -> Measured:
        with self.context.database.read() as session:
            return measuring.of_run(session, self.context.settings, run, now=self.context.now)

    def each(self, by: str | None) -> None:
        """Run by run; divided, as one table a run."""
        found = [(run, self.measured(run)) for run in self.runs]
        out = self.context.out
        if self.context.format is not Format.TABLE:
            rows = [row for run, one in found for row in self._rows(run, one, by)]
            out.rows(rows, headings={"id": N_("id"), "campaign": N_("campaign")})
            return
        for run, one in found:
            for line in words.of_run(self.context, self._title(run), one.deflection):
                out.text(line)
            self._table(one, by)
            self._holdout(run)

    def together(self) -> None:
        pool = measuring.together([self.measured(run).deflection for run in self.runs])
        if self.context.format is not Format.TABLE:
            self.context.out.rows(
                [_pooled_facts(self.context, pool)], headings={"runs": N_("runs")}
            )
            return
        title = _("{runs} campaigns together").format(runs=self.context.out.count(pool.runs))
        for line in words.of_run(self.context, title, pool.deflection):
            self.context.out.text(line)
        if pool.refused:
            form = _(
                "  note: {count} left out, for their order may not be trusted, or nobody called"
            )
            self.context.out.text(form.format(count=self.context.out.count(pool.refused)))

    def draw(self, path: Path) -> None:
        """The picture of the first run."""
        if not self.runs:
            return
        run = self.runs[0]
        one, occasion = self.measured(run), self.occasions[run.id]
        deflection_picture.draw(
            one.buckets(), one.deflection, path, title=self._title(run),
            start=one.evidence.start, zone=times.zone_named(occasion.zone),
        )  # fmt: skip
        self.context.say(_("drawn: {path}").format(path=path))

    def _title(self, run: Run) -> str:
        return f"{run.campaign} · {self.occasions[run.id].name}"

    def _table(self, one: Measured, by: str | None) -> None:
        if by is None:
            return
        out = self.context.out
        rows = [words.part_row(name, part) for name, part in _named_parts(one, by)]
        out.rows(rows, headings=words.PART_COLUMNS)
        out.text(_(_WARNED[by]))

    def _holdout(self, run: Run) -> None:
        with self.context.database.read() as session:
            found = measuring.holdout(session, self.context.settings, run, now=self.context.now)
        if found is not None:
            for line in words.of_holdout(self.context, found):
                self.context.out.text(line)

    def _rows(self, run: Run, one: Measured, by: str | None) -> list[dict[str, object]]:
        facts = _facts(self.context, run, self.occasions[run.id], one.deflection)
        if by is None:
            return [facts]
        return [
            {"id": facts["id"], "name": facts["name"], "campaign": run.campaign, "by": by,
             "part": name, "note": _WARNED[by], **_numbers(self.context, part)}
            for name, part in _parts(one, by)
        ]  # fmt: skip


_WARNED = {
    By.WAVE: N_("  each wave against those who still waited for it"),
    By.CLASS: N_("  classes differ in more than the message: comparing them is not causal"),
    By.CHANNEL: N_(
        "  comparing channels is not causal unless randomised among people who have both"
    ),
    _LAG: N_("  average over exposures inside the rollout; a later band stands on fewer calls"),
}


def _is_pooled(run: Run, since: datetime | None) -> bool:
    return not run.drill and (since is None or run.launched_at >= since)


def _parts(one: Measured, by: str) -> list[tuple[str, Deflection]]:
    if by == _LAG:
        return [(words.band_name(band), band.deflection) for band in one.bands()]
    return list(one.by(By(by)).items())


def _named_parts(one: Measured, by: str) -> list[tuple[str, Deflection]]:
    if by != By.CHANNEL:
        return _parts(one, by)
    return [(_(CHANNELS[Channel(name)]), part) for name, part in _parts(one, by)]


def _facts(context: Context, run: Run, occasion: Occasion, found: Deflection) -> dict[str, object]:
    """Numbers only where they may be published."""
    head: dict[str, object] = {
        "id": shown_id(context.keyring, occasion),
        "name": occasion.name,
        "campaign": run.campaign,
    }
    return head | _numbers(context, found)


def _pooled_facts(context: Context, pool: Pooled) -> dict[str, object]:
    head: dict[str, object] = {"runs": pool.runs, "left_out": pool.refused}
    return head | _numbers(context, pool.deflection)


def _numbers(context: Context, found: Deflection) -> dict[str, object]:
    is_shown = found.publishable
    numbers = ("theta_msg", "theta_itt", "calls_avoided", "calls_avoided_scaled")
    intervals = ("theta_interval", "itt_interval", "calls_avoided_interval")
    money = saved(found, call_cost=context.settings.contactcenter.call_cost)
    said: dict[str, Any] = {
        "verdict": words.verdict(found),
        "episodes": found.counts.episodes if found.counts else None,
        "reasons": found.reasons,
        "identified_share": found.identified_share,
        "measured_at": found.measured_at,
        "minimum_detectable": (
            words.detectable(found) if found.verdict is Verdict.NOT_ENOUGH else None
        ),
        "cost_saved": money.cost if money else None,
        "cost_saved_interval": words.pair(money.interval) if money else None,
        "currency": context.settings.company.currency if money else None,
        "method": _METHOD,
    }
    said |= {name: getattr(found, name) if is_shown else None for name in numbers}
    return said | {
        name: words.pair(getattr(found, name)) if is_shown else None for name in intervals
    }
