"""Holds a planned work against the rules of its country before anybody is told, and records who let it pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import conflicts, pins, plan
from outreach.campaigns.people import Act, refuse_unless, same_person
from outreach.campaigns.pins import Pinned
from outreach.campaigns.telling import Telling, facts
from outreach.messages import items
from outreach.messages.render import Renderer
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision
from outreach.model.pack import Broken, Lead, PlannedNotice, RuleKind, Stated
from outreach.model.words import Audience, Event, OccasionKind
from outreach.outages import pack_check, packs
from outreach.settings import Settings
from outreach.store import audience, audit, conflicts as found, runs, scopes, waivers
from outreach.store.runs import Run
from outreach.store.session import Session

_HOW = (
    "mend it, or let a second person pass it: outreach planned waive ID, or here, with"
    " --because REASON --approver NAME"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """Two people who let a work break a rule, and why."""

    because: str
    author: str
    approver: str


def unborn(new: NewOccasion, revision: Revision) -> Occasion:
    """A work that nobody has written yet, to be judged before it is."""
    return Occasion(
        id=OccasionId(0), kind=new.kind, service=new.service, name=new.name,
        source_ref=new.source_ref, zone=new.zone, opened_at=revision.recorded_at,
        revision=revision, drill=new.drill,
    )  # fmt: skip


def judged(
    settings: Settings, pinned: Pinned, work: Occasion, *, priority: int, told_at: datetime
) -> tuple[Broken, ...]:
    """Every rule that announcing `work` with these texts at `told_at` breaks; none for a drill.

    `priority`: customers of the life-support register inside.
    """
    if work.kind is not OccasionKind.PLANNED or work.drill:
        return ()
    pack = packs.read_pack(settings.company.country, settings.workspace)
    asks_for_items = pack.of(work.service, RuleKind.PLANNED_ITEMS)
    notice = PlannedNotice(
        service=work.service,
        zone=work.zone,
        start_at=work.revision.start_at,
        end_at=work.revision.end_at or work.revision.start_at,
        told_at=told_at,
        priority_customers=priority,
        leads=leads(pinned.campaign),
        stated=_stated(settings, pinned, work) if asks_for_items else (),
        tells_cancelled=any(
            step.audience is Audience.TOLD for step in pinned.campaign.steps_on(Event.CANCELLED)
        ),
    )
    return pack_check.check(notice, pack)


def leads(campaign: Campaign) -> tuple[Lead, ...]:
    """What a campaign sends ahead to everybody of its classes."""
    return tuple(
        Lead(
            step=step.name,
            before=step.lead,
            classes=frozenset(each.value for each in step.classes),
            channels=frozenset(each.value for each in step.channels),
        )
        for step in campaign.steps_on(Event.NOTICE)
        if step.lead is not None and step.segment.is_everybody
    )


def _stated(settings: Settings, pinned: Pinned, work: Occasion) -> tuple[Stated, ...]:
    words = pins.words(settings.company)
    renderer = Renderer(pinned.texts, words, main=settings.company.locale)
    telling = Telling(
        occasion=work, revision=work.revision, before=None, told_etr=None, sent_at=None, customers=0
    )
    said = facts(telling, area=work.name)
    by_template = {step.template: step.channels for step in pinned.campaign.steps_on(Event.NOTICE)}
    return tuple(
        one
        for template, channels in by_template.items()
        for one in items.stated(
            renderer, pinned.texts, template, said, words=words, channels=channels
        )
    )


def leaving_at(session: Session, run: Run, event: Event) -> list[tuple[Event, str]]:
    """Each notice asks anew who is affected: the steps that tell who was told before and is not any more.

    None at the first notice, before which nobody was told.
    """
    if event is not Event.NOTICE or not runs.waves(session, run.id):
        return []
    steps = pins.campaign(session, run.pinned).steps_on(Event.JOINED)
    return [(Event.JOINED, step.name) for step in steps if step.audience is Audience.LEFT]


def refused(broken: Iterable[Broken]) -> tuple[Broken, ...]:
    """Those that keep a notice from going out; the others are listed only."""
    return tuple(one for one in broken if one.rule.refuses)


def broken_rules(
    session: Session, settings: Settings, pinned: Pinned, work: Occasion, *, now: datetime
) -> tuple[Broken, ...]:
    """What keeps a work from being announced now: rules broken, less those that were let pass for
    this very start."""
    if work.kind is not OccasionKind.PLANNED:
        return ()
    priority = audience.affected(session, scopes.remaining(session, work)).priority_customers
    judgement = refused(judged(settings, pinned, work, priority=priority, told_at=now))
    passed = waived(session, work)
    return tuple(one for one in judgement if one.rule.id not in passed)


def refuse_broken(
    session: Session, settings: Settings, pinned: Pinned, work: Occasion, *, now: datetime
) -> None:
    """GuardRefused with each rule and its source, for a first launch by whatever door."""
    if not runs.of(session, work.id, campaign=pinned.campaign.name):
        refuse(work.name, broken_rules(session, settings, pinned, work, now=now))


def forbids(
    session: Session, settings: Settings, pinned: Pinned, work: Occasion, *, now: datetime
) -> str:
    """Why an armed campaign does not announce a work by itself; empty if it may."""
    broken = broken_rules(session, settings, pinned, work, now=now)
    return "; ".join(pack_check.in_words(one) for one in broken)


def warnings(
    session: Session, settings: Settings, pinned: Pinned, work: Occasion, *, now: datetime
) -> tuple[str, ...]:
    """What somebody should see of a work before saying yes: rules, conflicts, who came too late."""
    if work.kind is not OccasionKind.PLANNED or not work.revision.state.is_open:
        return ()
    scope = scopes.remaining(session, work)
    seen = conflicts.of_work(session, work, scope, country=settings.company.country, now=now)
    said = [
        pack_check.in_words(one) for one in broken_rules(session, settings, pinned, work, now=now)
    ]
    said += [conflicts.in_words(one) for one in seen]
    is_announced = bool(runs.of(session, work.id, campaign=pinned.campaign.name))
    late = found.newcomers(session, work) if is_announced else 0
    if late and plan.breaches(pinned.campaign, start_at=work.revision.start_at, now=now):
        said.append(
            f"{late:,} customers joined after the first notice: told now, they have less time"
        )
    return tuple(said)


def refuse(name: str, broken: Iterable[Broken]) -> None:
    """GuardRefused if there is one; a line each."""
    lines = [pack_check.in_words(one) for one in broken]
    if lines:
        raise GuardRefused("\n".join([f"{name}: {line}" for line in lines] + [_HOW]))


def waived(session: Session, work: Occasion) -> frozenset[str]:
    """Ids of the rules that were let pass for a work at the start that it has now."""
    start = work.revision.start_at.isoformat()
    return frozenset(
        rule
        for one in waivers.of(session, work.id)
        if one["start_at"] == start
        for rule in one["rules"]
    )


def waive(
    session: Session,
    work: Occasion,
    broken: Iterable[Broken],
    waiver: Waiver,
    *,
    now: datetime,
) -> None:
    """Records that two people let these rules be broken, for this start alone."""
    rules = [one.rule.id for one in broken]
    if not rules:
        return
    audit.write(
        session,
        waiver.author,
        waivers.ACTION,
        f"occasion:{work.id}",
        now=now,
        rules=rules,
        why=[one.why for one in broken],
        start_at=work.revision.start_at.isoformat(),
        because=waiver.because,
        approver=waiver.approver,
    )


def checked(waiver: Waiver, settings: Settings) -> Waiver:
    """The same, or GuardRefused: a reason is missing, or nobody else than the author approves."""
    if not waiver.because.strip():
        raise GuardRefused("--because: empty; say why this rule is broken, it is recorded")
    if not waiver.approver.strip() or same_person(waiver.author, waiver.approver):
        raise GuardRefused(
            f"--approver: {waiver.author!r} typed this and cannot approve it; somebody else has to"
        )
    refuse_unless(waiver.approver, Act.APPROVE, settings.roles)
    return waiver
