"""Opens the waves of a step and freezes their audience."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.addresses import Keyring
from outreach.audience import segments
from outreach.campaigns import accounts, pins, timing
from outreach.model.audience import Segment
from outreach.model.campaign import Campaign, Step
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import AtNight, Audience, Channel, Event
from outreach.settings import Settings
from outreach.store import audience, freeze, occasions, runs, scopes
from outreach.store.runs import Run, Wave
from outreach.store.session import Database, Session


def opened(
    session: Session,
    occasion: Occasion,
    run: Run,
    happened: tuple[Event, ...],
    *,
    now: datetime,
    step: str = "",
) -> tuple[Wave, ...]:
    """The waves that these events open in a run, in the order of its file; `step` picks one."""
    campaign = pins.of_run(session, run).campaign
    steps = [one for event in happened for one in campaign.steps_on(event)]
    chosen = [
        one
        for one in steps
        if applies(one, occasion.revision) and (one.name == step or not one.lead)
    ]
    waves = [
        runs.add_wave(
            session,
            run.id,
            occasion.revision.version,
            one,
            now=now,
        )
        for one in chosen
        if not step or one.name == step
    ]
    return tuple(wave for wave in waves if wave is not None)


def applies(step: Step, revision: Revision) -> bool:
    """Whether a step's `when` fits: `etr` at revisions with an estimate, `no_etr` at those without."""
    has_etr = revision.public_etr is not None
    return not step.when or has_etr is (step.when == "etr")


def frozen(database: Database, settings: Settings, keyring: Keyring, wave: Wave) -> Wave:
    """Writes the wave's audience slice by slice, each in a transaction of its own."""
    with database.read() as session:
        plan = planned(session, settings, wave)
    if plan.posts_at is not None:
        with database.write() as session:
            accounts.ours(session, settings, keyring)
    done = False
    while not done:
        with database.write() as session:
            current = runs.wave(session, wave.id)
            done = freeze.freeze_slice(session, freeze.at_slice(plan, current))
    with database.read() as session:
        return runs.wave(session, wave.id)


def planned(session: Session, settings: Settings, wave: Wave) -> freeze.Freezing:
    run = runs.get(session, wave.run_id)
    occasion = occasions.get(session, OccasionId(run.occasion_id))
    revision = occasions.revision_at(session, occasion.id, wave.version)
    campaign = pins.of_run(session, run).campaign
    step = next(one for one in campaign.steps if one.name == wave.step)
    scope = scopes.remaining(session, occasion, revision)
    others = [one for one in runs.waves(session, run.id) if one.id != wave.id]
    siblings = tuple(
        one.id
        for one in others
        if one.created_at == wave.created_at and one.version == wave.version
    )
    zones = _zones(session, scope, wave)
    return freeze.Freezing(
        wave=wave,
        seed=run.seed,
        scope=scope,
        channels=people_channels(step, settings),
        siblings=siblings,
        earlier=tuple(one.id for one in others if one.id not in siblings),
        releases=timing.releases(campaign, step, occasion, zones=zones, now=wave.created_at),
        not_after=timing.not_after(step, revision, now=wave.created_at),
        pools=pools(settings),
        # A correction goes to all who heard the mistake, wherever they stand now.
        only_in_scope=revision.state.is_open and step.on is not Event.CORRECTION,
        heard_at=_heard_at(session, occasion, step),
        posts_at=_posts_at(campaign, step, occasion, settings, now=wave.created_at),
        locale=settings.company.locale,
        zone=occasion.zone,
        segment=segment_of(session, step),
    )


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


def _heard_at(session: Session, occasion: Occasion, step: Step) -> tuple[int, ...] | None:
    """A changed estimate is news only to who heard one; the others told hear it as the first (ETR_SET)."""
    if step.on not in {Event.ETR_LATER, Event.ETR_EARLIER}:
        return None
    revisions = occasions.history(session, occasion.id)
    return tuple(each.version for each in revisions if each.public_etr is not None)


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


def _zones(session: Session, scope: scopes.Remaining, wave: Wave) -> tuple[str, ...]:
    if wave.audience in {Audience.TOLD, Audience.LEFT}:
        return runs.zones_told(session, wave.run_id)
    return audience.zones(session, scope, wave.generation)
