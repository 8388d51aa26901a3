"""Who was told where: people of an outage that was merged, split or nested follow it into the other.

An outage that absorbed others speaks to who heard of those; one that came out of another (nested,
split, reopened by reports) to who heard of that, as far as they lie in its own scope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from outreach.campaigns import pins, standstill, timing
from outreach.campaigns.freezing import Telling
from outreach.campaigns.launching import RandomBytes
from outreach.model import order
from outreach.model.campaign import Renotify, Step
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import Audience, Event, OccasionKind, RunState
from outreach.outages import etr
from outreach.store import occasions, promises, runs, scopes
from outreach.store.freeze import Freezing
from outreach.store.runs import NewRun, Run, Wave
from outreach.store.session import Session

_ETR_CHANGED = {Event.ETR_LATER, Event.ETR_EARLIER}
_DEEPEST = 20
"""Outages nested in each other; a longer chain is a mistake of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A wave that told somebody, of this outage or of one that it is followed from."""

    occasion: OccasionId
    wave: Wave
    step: Step | None


def who_heard(session: Session, plan: Freezing, telling: Telling) -> Freezing:
    """The plan with who was told before, here and where this outage came from or took in."""
    absorbed = telling.same.ask(occasions.absorbed, session, telling.occasion.id)
    parents = _parents(session, telling.occasion)
    own = [
        one for one in _told(session, telling.run, telling.beside) if one.wave.id in plan.earlier
    ]
    followed = [
        one
        for each in (*absorbed, *parents)
        for run in runs.of(session, each.id, campaign=telling.run.campaign)
        for one in _waves(session, run)
    ]
    if not followed:
        plan = standstill.narrowed(session, plan, telling)
        if not plan.wave.classes:
            return plan
    before = [*own, *_not_news(session, telling, absorbed, followed)]
    plan = replace(
        plan,
        earlier=tuple(one.wave.id for one in before),
        heard_in=plan.heard_in or _heard_in(session, telling.step, before),
        siblings=(*plan.siblings, *_told_of_the_end(session, telling)),
    )
    if telling.step.on is Event.JOINED and plan.wave.audience is Audience.LEFT:
        # Let go by a new prediction: whose part is back hears that, and not that it never was out.
        whole = scopes.whole(session, telling.occasion, telling.revision)
        plan = replace(plan, scope=whole)
    return _placed(session, plan, telling, of_parent=bool(parents)) if followed else plan


def inherit(
    session: Session,
    source: Occasion,
    occasion: Occasion,
    *,
    random_bytes: RandomBytes,
    now: datetime,
) -> None:
    """Opens the runs of an outage for the one that its people follow into; they keep who answers for them."""
    for run in runs.of(session, source.id):
        if run.state not in {RunState.ACTIVE, RunState.PAUSED}:
            continue
        seed = random_bytes(order.SEED_BYTES)
        runs.open_run(
            session,
            NewRun(
                occasion_id=occasion.id,
                campaign=run.campaign,
                purpose=pins.campaign(session, run.pinned).purpose,
                basis=pins.campaign(session, run.pinned).basis,
                pinned=run.pinned,
                seed=seed,
                seed_hash=order.commitment(seed),
                launched_by=run.launched_by,
                launched_at=now,
                approved_by=run.approved_by,
                drill=occasion.drill,
            ),
        )


def as_before(parent: Revision, own: Revision) -> Revision:
    """What people of the parent knew, for a nested outage: one without an estimate withdraws nobody's."""
    return parent if own.etr_at is not None else replace(parent, etr_at=None)


def refuse_merge(gone: Occasion, kept: Occasion) -> None:
    """GuardRefused where two occasions cannot be one."""
    if gone.id == kept.id:
        raise GuardRefused("an outage is not merged into itself; name two")
    for each in (gone, kept):
        if each.kind is not OccasionKind.OUTAGE:
            raise GuardRefused(f"{each.name} is no outage; only outages are merged")
    if (gone.service, gone.drill) != (kept.service, kept.drill):
        raise GuardRefused(
            f"{gone.name} and {kept.name} are of different services, or one is a drill"
        )


def refuse_loss(before: int, after: int) -> None:
    """GuardRefused where one scope cannot hold both: what one takes away, the other has under it."""
    if after < before:
        raise GuardRefused(
            f"together they would cover {after:,} premises where one alone covers {before:,};"
            " restore or split the smaller one instead"
        )


def is_news(
    told: datetime | None, public: datetime | None, *, now: datetime, rules: Renotify
) -> bool:
    """Whether people who heard `told` of their outage learn something from the estimate of another."""
    if public is None:
        return etr.usable(told, now)
    return etr.renotify(told, public, now, rules) is not None


def _not_news(
    session: Session, telling: Telling, absorbed: Sequence[Occasion], followed: list[_Told]
) -> list[_Told]:
    """Where the survivor's estimate is news to the absorbed, they hear the whole as if they joined."""
    if telling.step.on is not Event.JOINED:
        return followed
    learning = set()
    for each in absorbed:
        promise = promises.told(session, each.id)
        told = promise.etr_at if promise else None
        at, rules = telling.wave.created_at, telling.campaign.renotify
        if is_news(told, telling.revision.public_etr, now=at, rules=rules):
            learning.add(each.id)
    return [one for one in followed if one.occasion not in learning]


def _parents(session: Session, occasion: Occasion) -> list[Occasion]:
    """The outage it came out of, and where that came from."""
    found: list[Occasion] = []
    above = occasion.parent_id
    while above is not None and len(found) < _DEEPEST:
        found.append(occasions.get(session, OccasionId(above)))
        above = found[-1].parent_id
    return found


def _waves(session: Session, run: Run) -> list[_Told]:
    return _told(session, run, runs.waves(session, run.id))


def _told(session: Session, run: Run, waves: Sequence[Wave]) -> list[_Told]:
    steps = {step.name: step for step in pins.campaign(session, run.pinned).steps}
    of = OccasionId(run.occasion_id)
    return [
        _Told(occasion=of, wave=wave, step=steps.get(wave.step))
        for wave in waves
        if not wave.is_empty
    ]


def _heard_in(session: Session, step: Step, before: list[_Told]) -> tuple[int, ...] | None:
    """A changed estimate is news only to who heard one (the others hear ETR_SET); a false return to who heard of it."""
    if step.on is Event.STILL_OUT:
        return tuple(one.wave.id for one in before if _told_back(one))
    if step.on not in _ETR_CHANGED:
        return None
    estimated = {
        (each, revision.version)
        for each in {one.occasion for one in before}
        for revision in occasions.history(session, each)
        if revision.public_etr is not None
    }
    heard = (one.wave for one in before if (one.occasion, one.wave.version) in estimated)
    return tuple(wave.id for wave in heard if wave.audience is not Audience.LEFT)


def _told_back(one: _Told) -> bool:
    is_end = one.step is not None and one.step.on is Event.RESTORED
    return is_end or one.wave.audience is Audience.LEFT


def _told_of_the_end(session: Session, telling: Telling) -> list[int]:
    """Waves in which outages that came out of this one told their people that all is over: once is enough."""
    if telling.step.on is not Event.RESTORED:
        return []
    return [
        one.wave.id
        for child in occasions.nested_in(session, telling.occasion.id)
        for run in runs.of(session, child.id, campaign=telling.run.campaign)
        for one in _waves(session, run)
        if one.step is not None and one.step.on is Event.RESTORED
    ]


def step_of(session: Session, wave: Wave) -> Step:
    """The step of a wave, as it was pinned."""
    campaign = pins.campaign(session, runs.get(session, wave.run_id).pinned)
    return next(step for step in campaign.steps if step.name == wave.step)


def _placed(session: Session, plan: Freezing, telling: Telling, *, of_parent: bool) -> Freezing:
    """Of the parent's people only those in this outage's own scope; and the zones of them all."""
    if plan.wave.audience not in {Audience.TOLD, Audience.LEFT}:
        return plan
    at = telling.wave.created_at
    zones = runs.zones_of(session, plan.earlier)
    releases = timing.releases(
        telling.campaign, telling.step, telling.occasion, zones=zones, now=at
    )
    plan = replace(plan, releases=releases)
    if not of_parent:
        return plan
    revision = telling.revision
    if plan.wave.audience is Audience.LEFT and revision.version > 1:
        revision = occasions.revision_at(session, telling.occasion.id, revision.version - 1)
    return replace(plan, within=scopes.whole(session, telling.occasion, revision))
