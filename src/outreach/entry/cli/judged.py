"""What a person sees of a work before anybody is told: rules it breaks, what stands in its way, who lets it pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.campaigns import conflicts, pins, works
from outreach.campaigns.conflicts import Conflict, ConflictKind
from outreach.campaigns.engine import Engine
from outreach.campaigns.pins import Pinned
from outreach.campaigns.works import Waiver
from outreach.entry.cli.command import Context, option
from outreach.entry.cli.identity import account
from outreach.entry.cli.told import CAMPAIGNS
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion
from outreach.model.pack import Broken, Rule
from outreach.model.words import OccasionKind
from outreach.outages import pack_check
from outreach.store.scopes import Remaining
from outreach.store.session import Session

BASES = {
    "rule": N_("rule"),
    "configured value, not confirmed": N_("configured value, not confirmed"),
}
_CONFLICTS = {
    ConflictKind.OVERLAP: N_("CONFLICT: overlaps with {name}, {count} premises in common"),
    ConflictKind.TWICE: N_("CONFLICT: {name} cuts {count} of the same premises within 7 days"),
    ConflictKind.OPEN_OUTAGE: N_("CONFLICT: {count} of its premises are out now ({name})"),
    ConflictKind.HOLIDAY: N_("CONFLICT: {day} is a public holiday: {name}"),
    ConflictKind.LIFE_SUPPORT: N_("CONFLICT: {count} priority customers are inside"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The rules that a notice of a work breaks now, and what else there is to look at."""

    context: Context
    broken: tuple[Broken, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    @property
    def refused(self) -> tuple[Broken, ...]:
        return works.refused(self.broken)

    def lines(self) -> list[str]:
        return [
            *(broken_line(each) for each in self.broken),
            *(conflict_line(self.context, each) for each in self.conflicts),
        ]

    def facts(self) -> dict[str, object]:
        """The same for machines."""
        return {
            "broken": [broken_facts(each) for each in self.broken],
            "conflicts": [conflict_facts(self.context, each) for each in self.conflicts],
        }


def texts(context: Context) -> Pinned | None:
    """The workspace's campaign for planned works with its texts; None where it cannot be read.

    Some 200 files: a command reads them once.
    """
    try:
        return pins.read(context.settings, CAMPAIGNS[OccasionKind.PLANNED])
    except InputRefused:
        return None


def judge(
    context: Context,
    session: Session,
    work: Occasion,
    scope: Remaining,
    *,
    pinned: Pinned | None,
    told_at: datetime | None = None,
) -> Judgement:
    """By these texts, see `texts`; only conflicts where there are none."""
    found = conflicts.of_work(
        session, work, scope, country=context.settings.company.country, now=context.now
    )
    priority = sum(each.count for each in found if each.kind is ConflictKind.LIFE_SUPPORT)
    told_at = told_at or context.now
    broken = (
        works.judged(context.settings, pinned, work, priority=priority, told_at=told_at)
        if pinned
        else ()
    )
    return Judgement(context=context, broken=broken, conflicts=found)


def broken_line(one: Broken) -> str:
    """`AGAINST ar.planned_notice (48 h): … · rule · source: … · certainty W`."""
    rule = one.rule
    return _("AGAINST {rule} ({value}): {why} · {basis} · source: {source} · certainty {certainty}").format(
        rule=rule.id,
        value=rule.value,
        why=one.why,
        basis=basis(rule),
        source=rule.source,
        certainty=rule.certainty.value,
    )  # fmt: skip


def basis(rule: Rule) -> str:
    """What a rule may be called, in the operator's language."""
    return _(BASES[pack_check.basis(rule)])


def broken_facts(one: Broken) -> dict[str, object]:
    rule = one.rule
    return {
        "rule": rule.id,
        "value": rule.value,
        "why": one.why,
        "refuses": rule.refuses,
        "legal": rule.certainty.may_be_called_legal,
        "source": rule.source,
        "date": rule.as_of.isoformat(),
        "certainty": rule.certainty.value,
    }


def conflict_line(context: Context, one: Conflict) -> str:
    return _(_CONFLICTS[one.kind]).format(
        name=one.name, count=context.out.count(one.count), day=one.day
    )


def conflict_facts(context: Context, one: Conflict) -> dict[str, object]:
    return {
        "kind": one.kind.value,
        "count": one.count,
        "other": shown_id(context.keyring, one.other) if one.other else None,
        "name": one.name,
        "day": one.day.isoformat() if one.day else None,
    }


def waiving(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --because and --approver."""
    for added in (
        option("--approver", help=N_("Who else lets it pass; never who types this.")),
        option("--because", help=N_("Why a rule of the country is broken; recorded.")),
    ):
        function = added(function)
    return function


def waiver(context: Context, because: str | None, approver: str | None) -> Waiver | None:
    """Two people's word, checked; None where none was given."""
    if because is None and approver is None:
        return None
    given = Waiver(because=because or "", author=account(), approver=approver or "")
    return works.checked(given, context.settings)


def record(
    engine: Engine, work: Occasion, broken: tuple[Broken, ...], given: Waiver | None, now: datetime
) -> None:
    """Writes into the audit chain who let these rules be broken."""
    if given is None or not broken:
        return
    with engine.database.write() as session:
        works.waive(session, work, broken, given, now=now)
