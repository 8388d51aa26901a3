"""The notices of a planned work as its campaign would send them: when, which are late, what is breached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from outreach.campaigns import approving, plan
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.pins import Pinned
from outreach.campaigns.plan import Breach, Outlook, PlannedDue
from outreach.entry.cli import identity, told
from outreach.entry.cli.command import Context
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _
from outreach.model.words import OccasionKind

_OUTLOOKS = {
    Outlook.AHEAD: N_("notice {step}: {time}"),
    Outlook.LATE: N_("notice {step}: {time}, late: it leaves at once"),
    Outlook.EXPIRED: N_("notice {step}: {time}, too late: not sent"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlooks:
    """What becomes of each notice, seen from now."""

    dues: tuple[PlannedDue, ...] = ()
    breaches: tuple[Breach, ...] = ()

    def lines(self, done: told.Outcome) -> list[str]:
        """A line a notice in the area's wall time, then the breach."""
        said = [
            _(_OUTLOOKS[due.outlook]).format(step=due.step, time=done.wall(due.at))
            for due in self.dues
        ]
        return said + [
            _("BREACH: {step} was due {time}, {length} ago").format(
                step=breach.step, time=done.wall(breach.due_at), length=spelled(breach.short_by)
            )
            for breach in self.breaches
        ]

    def facts(self) -> dict[str, object]:
        """The same for machines."""
        return {
            "notices": [
                {"step": due.step, "at": due.at, "outlook": due.outlook.value} for due in self.dues
            ],
            "breaches": [
                {"step": breach.step, "due_at": breach.due_at, "short_by": breach.short_by}
                for breach in self.breaches
            ],
        }


def outlooks(context: Context, start_at: datetime, pinned: Pinned | None) -> Outlooks:
    """By the workspace's campaign for planned works; nothing where it cannot be read."""
    if pinned is None:
        return Outlooks()
    campaign = pinned.campaign
    return Outlooks(
        dues=tuple(plan.planned_dues(campaign, start_at, context.now)),
        breaches=tuple(plan.breaches(campaign, start_at=start_at, now=context.now)),
    )


def launched(engine: Engine, applied: Applied, *, now: datetime) -> Applied:
    """Opens the run, unless an armed campaign did."""
    if applied.launched:
        return applied
    campaign = told.CAMPAIGNS[OccasionKind.PLANNED]
    if approving.is_needed(engine, applied.occasion.id, campaign):
        author = identity.account()
        asked = approving.ask(engine, applied.occasion.id, campaign, author=author, now=now)
        waits = _("{campaign}: somebody other than {author}: outreach campaign approve {number}")
        said = waits.format(campaign=campaign, author=author, number=asked.id)
        return replace(applied, stayed=(*applied.stayed, said))
    return engine.launch(applied.occasion.id, campaign, actor=operator(), now=now)
