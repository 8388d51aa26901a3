"""Opens the waves of a step and freezes their audience."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from outreach.addresses import Keyring
from outreach.audience import segments
from outreach.campaigns import (
    accounts,
    following,
    jobs,
    pins,
    preferring,
    surroundings,
    timing,
    withholding,
)
from outreach.campaigns.drill_lanes import DRILL, drill_lanes
from outreach.campaigns.freezing import Same, Telling
from outreach.campaigns.jobs import JobQueue
from outreach.model.audience import Segment
from outreach.model.campaign import Campaign, Step
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import (
    AtNight,
    Audience,
    Channel,
    Event,
    OccasionKind,
    PriorityClass,
    Purpose,
)
from outreach.settings import Settings
from outreach.store import audience, due, freeze, occasions, runs, scopes, stakeholders, told_waves
from outreach.store.runs import Run, Wave
from outreach.store.session import Database, Session

_SOON = timedelta(hours=1)
_SWITCHING = timedelta(minutes=30)
"""Two parts that are back within so long are of one and the same switching."""


def opened(  # noqa: PLR0913  what happened, to whom, and which of its steps
    session: Session,
    occasion: Occasion,
    run: Run,
    happened: tuple[Event, ...],
    *,
    now: datetime,
    step: str = "",
    again: bool = False,
) -> tuple[Wave, ...]:
    """The waves that these events open in a run, in the order of its file; `step` picks one.

    `again`: also where this step has had its wave at this revision.
    """
    campaign = pins.campaign(session, run.pinned)
    steps = [one for event in happened for one in campaign.steps_on(event)]
    chosen = [
        one
        for one in steps
        if applies(one, occasion.revision)
        and (one.name == step or not one.lead)
        and (not one.lists or stakeholders.has(session, one.lists))
        and not _is_told_again(session, occasion, run, one, now=now)
    ]
    waves = [
        runs.add_wave(
            session,
            run.id,
            occasion.revision.version,
            one,
            now=now,
            again=again,
        )
        for one in chosen
        if not step or one.name == step
    ]
    return tuple(wave for wave in waves if wave is not None)


def _is_told_again(
    session: Session, occasion: Occasion, run: Run, step: Step, *, now: datetime
) -> bool:
    """Switching brings back a street every few seconds; the others need not hear each time that they are none."""
    if step.not_again_within is None:
        return False
    version = told_waves.version_told(session, run.id, step.name, since=now - step.not_again_within)
    if version is None:
        return False
    told, current = occasions.revision_at(session, occasion.id, version), occasion.revision
    return (told.etr_from, told.public_etr) == (current.etr_from, current.public_etr)


def applies(step: Step, revision: Revision) -> bool:
    """Whether a step's `when` fits: `etr` at revisions with an estimate, `no_etr` at those without."""
    has_etr = revision.public_etr is not None
    return not step.when or has_etr is (step.when == "etr")


def frozen(  # noqa: PLR0913  everything that a freeze works with
    database: Database,
    settings: Settings,
    keyring: Keyring,
    wave: Wave,
    *,
    queue: JobQueue | None = None,
    wanted: Callable[[], bool] = lambda: True,
    own: Database | None = None,
    same: Same | None = None,
) -> Wave:
    """Writes the wave's audience slice by slice, each in a transaction of its own.

    Several processes may be at it: each slice is one's alone. Once it is whole, the lanes that can send of
    it are asked for in the same commit. `wanted` False ends between two slices. `own`: a connection
    `apart` that is there already. `same`: what the waves opened together with it have found.
    """
    if own is None:
        with database.apart() as made:
            return frozen(database, settings, keyring, wave, queue=queue, wanted=wanted, own=made)
    with own.read() as session:
        beside = {one.id: one for one in runs.waves(session, wave.run_id)}
        current = beside[wave.id]
        plan = _looked_at(session, settings, current, [*beside.values()], same or Same())
        held = None if plan is None else _kept_for_morning(session, plan)
    if plan is not None and held is not None:
        plan = _class_a_alone(plan)
        with database.write() as session:
            due.add(session, [_again(session, wave, held)])
    if plan is None or plan.is_for_nobody:
        with own.write() as session:
            return freeze.close_unwritten(session, current)
    if plan.posts_at is not None:
        with database.write() as session:
            accounts.ours(session, settings, keyring)
    asked = _Asked(queue, settings)
    written = None
    if wanted() and (laid := freeze.lay_whole(own, plan)):
        written = _written(own, plan, partial(freeze.freeze_whole, laid=laid), asked)
    while written is None and wanted():
        freeze.prepare(own, plan)
        written = _written(own, plan, _slice, asked)
    if written is not None:
        return written
    with database.read() as session:
        return runs.wave(session, wave.id)


def _looked_at(
    session: Session, settings: Settings, current: Wave, beside: Sequence[Wave], same: Same
) -> freeze.Freezing | None:
    if _is_over(current):
        return None
    return planned(session, settings, current, beside=beside, same=same)


def _kept_for_morning(session: Session, plan: freeze.Freezing) -> datetime | None:
    """Until when the night keeps back all but class A of those who have light again while others have not.

    Switching brings back street after street, each a newer revision: written at each, they would be
    thousands of rows that the next one takes back. From the second on they are looked for once, when
    they may hear.
    """
    wave = plan.wave
    if wave.audience is not Audience.LEFT or not plan.only_in_scope:
        return None
    if following.step_of(session, wave).on is not Event.PARTIAL:
        return None
    if not told_waves.was_overtaken(session, wave, since=wave.created_at - _SWITCHING):
        return None
    instants = [release.not_before for release in plan.releases]
    soon = plan.wave.created_at + _SOON
    if not instants or any(at is None or at < soon for at in instants):
        return None
    return max(at for at in instants if at is not None)


def _class_a_alone(plan: freeze.Freezing) -> freeze.Freezing:
    classes = tuple(each for each in plan.wave.classes if each is PriorityClass.A)
    return replace(plan, wave=replace(plan.wave, classes=classes))


def _again(session: Session, wave: Wave, at: datetime) -> due.NewDue:
    occasion = runs.get(session, wave.run_id).occasion_id
    return due.NewDue(
        at=at, what=Event.PARTIAL, occasion_id=occasion, run_id=wave.run_id, step=wave.step
    )


def _is_over(wave: Wave) -> bool:
    """Overtaken before it was begun: the newer revision speaks to all whom it would have spoken to.

    The first wave of an outage is written all the same: it says who can be told at all.
    """
    is_first = wave.audience is Audience.AFFECTED
    return wave.superseded_at is not None and not is_first and freeze.is_unwritten(wave)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where lanes are asked for, once somebody is in a wave."""

    queue: JobQueue | None
    settings: Settings


def _written(
    own: Database,
    plan: freeze.Freezing,
    writes: Callable[[Session, freeze.Freezing], Wave | None],
    asked: _Asked,
) -> Wave | None:
    """One transaction of a freeze; the wave after the last."""
    with own.write() as session:
        current = runs.wave(session, plan.wave.id, locked=True)
        written = writes(session, freeze.at_slice(plan, current))
        if written is not None and asked.queue is not None:
            asked.queue.defer(session, *_drives(plan, asked.settings))
        return written


def _slice(session: Session, plan: freeze.Freezing) -> Wave | None:
    return runs.wave(session, plan.wave.id) if freeze.freeze_slice(session, plan) else None


def _drives(plan: freeze.Freezing, settings: Settings) -> list[jobs.Job]:
    """A job for each lane that may carry the wave; one that is driven already sees it by itself."""
    carrying = {*plan.channels} | ({Channel.SOCIAL} if plan.posts_at else set())
    return [
        jobs.of(jobs.Kind.DRIVE, lane.name)
        for lane in (drill_lanes(settings) if plan.home == DRILL else settings.lanes)
        if lane.channel in carrying
    ]


def planned(
    session: Session, settings: Settings, wave: Wave, *, beside: Sequence[Wave], same: Same
) -> freeze.Freezing:
    """Whom a wave is for, and when each may hear; `beside`: all waves of its run, itself too."""
    run = same.ask(runs.get, session, wave.run_id)
    occasion = same.ask(occasions.get, session, OccasionId(run.occasion_id))
    revision = occasion.revision
    if revision.version != wave.version:
        revision = same.ask(occasions.revision_at, session, occasion.id, wave.version)
    campaign = pins.campaign(session, run.pinned)
    step = next(one for one in campaign.steps if one.name == wave.step)
    scope = same.found(
        (scopes.remaining, occasion.id, wave.version),
        lambda: scopes.remaining(session, occasion, revision),
    )
    others = [one for one in beside if one.id != wave.id and not one.is_empty]
    siblings = tuple(
        one.id
        for one in others
        if one.version == wave.version
        # Who joins late is nobody whom this very revision has reached, or is still to reach.
        and (one.created_at == wave.created_at or wave.audience is Audience.JOINED)
    )
    corrects = step.on is Event.CORRECTION
    plan = freeze.Freezing(
        wave=wave,
        seed=run.seed,
        scope=scope,
        channels=people_channels(step, settings),
        siblings=siblings,
        earlier=tuple(one.id for one in others if one.id not in siblings),
        releases=(),
        not_after=timing.not_after(step, revision, now=wave.created_at),
        lists=step.lists,
        pools=() if run.drill else pools(settings),
        home=DRILL if run.drill else "*",
        # A correction goes to all who heard the mistake, wherever they stand now and by whatever channel.
        only_in_scope=revision.state.is_open and not corrects,
        everybody_told=corrects,
        posts_at=_posts_at(campaign, step, occasion, settings, now=wave.created_at),
        locale=settings.company.locale,
        zone=occasion.zone,
        segment=segment_of(session, step),
        together=step.together,
        is_emergency=campaign.purpose is Purpose.EMERGENCY,
    )
    telling = Telling(
        occasion=occasion, revision=revision, run=run, campaign=campaign, step=step, wave=wave,
        beside=tuple(beside), same=same,
    )  # fmt: skip
    plan = following.who_heard(session, plan, telling)
    if plan.is_for_nobody:
        return plan
    if not plan.releases:
        plan = replace(plan, releases=_releases(session, plan, telling))
    plan = surroundings.surrounded(session, plan, occasion=occasion, campaign=campaign, step=step)
    plan = preferring.preferred(session, plan, campaign=campaign, step=step)
    return withholding.withheld(session, settings, plan, campaign=campaign, occasion=occasion)


def _releases(
    session: Session, plan: freeze.Freezing, telling: Telling
) -> tuple[freeze.Release, ...]:
    campaign, step, wave = telling.campaign, telling.step, telling.wave
    return timing.releases(
        correcting_at_once(campaign) if step.on is Event.CORRECTION else campaign,
        step,
        telling.occasion,
        zones=_zones(session, plan, telling),
        now=wave.created_at,
        since=_settles_from(session, telling),
    )


def _settles_from(session: Session, telling: Telling) -> datetime | None:
    """None, and the history is not read, once the outage is too old for it to matter."""
    campaign, step, wave = telling.campaign, telling.step, telling.wave
    is_young = wave.created_at < telling.revision.start_at + 3 * campaign.minimum_age
    if step.on is not Event.JOINED or campaign.serves is not OccasionKind.OUTAGE or not is_young:
        return None
    history = occasions.history(session, telling.occasion.id)
    return timing.settles_from(
        campaign, step, [one for one in history if one.version <= wave.version]
    )


def correcting_at_once(campaign: Campaign) -> Campaign:
    """With nothing that makes a correction wait: it takes back itself, and every minute misleads."""
    return replace(campaign, undo_for=timedelta(0), minimum_age=timedelta(0))


def segment_of(session: Session, step: Step) -> Segment | None:
    """Whom of its audience a step speaks to, in the record's own spelling; None: everybody."""
    if step.segment.is_everybody or step.audience in {Audience.TOLD, Audience.LEFT}:
        return None
    return segments.checked(session, step.segment).segment


def people_channels(step: Step, settings: Settings) -> tuple[Channel, ...]:
    """The step's channels that a lane carries; posts have no customer and are broadcast apart."""
    carried = {lane.channel for lane in settings.lanes} - {Channel.SOCIAL}
    return tuple(channel for channel in step.channels if channel in carried)


def pools(settings: Settings) -> tuple[str, ...]:
    """`sms:CL`, `email:*`: where the lanes of this installation take their messages from."""
    return tuple(f"{lane.channel}:{lane.country}" for lane in settings.lanes)


def two_way(channel: Channel, settings: Settings) -> bool:
    """Whether people can answer what they get on this channel: on every lane that may carry it."""
    lanes = [lane for lane in settings.lanes if lane.channel is channel]
    return bool(lanes) and all(lane.two_way for lane in lanes)


def _posts_at(
    campaign: Campaign, step: Step, occasion: Occasion, settings: Settings, *, now: datetime
) -> datetime | None:
    """When our own accounts post a step; a post wakes nobody, so that no night holds it."""
    has_account = any(lane.channel is Channel.SOCIAL for lane in settings.lanes)
    if not has_account or Channel.SOCIAL not in step.channels:
        return None
    at_any_hour = replace(step, at_night=AtNight.SEND)
    [release] = timing.releases(campaign, at_any_hour, occasion, zones=(occasion.zone,), now=now)
    return release.not_before


def _zones(session: Session, plan: freeze.Freezing, telling: Telling) -> tuple[str, ...]:
    wave, scope = plan.wave, plan.scope
    if wave.audience in {Audience.TOLD, Audience.LEFT}:
        return runs.zones_told(session, wave.run_id)
    return telling.same.found(
        (audience.zones, scope.occasion, scope.version, wave.generation),
        lambda: audience.zones(session, scope, wave.generation),
    )
