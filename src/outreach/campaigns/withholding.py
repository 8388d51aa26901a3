"""Late tail and holdout of a wave: who may be kept back for a measurement, until when, and by whose word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from outreach.campaigns.drill_lanes import every_lane
from outreach.campaigns.plan import Load, drain
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion
from outreach.model.pack import Pack, RuleKind
from outreach.model.words import Channel, OccasionKind, Purpose
from outreach.outages import packs
from outreach.settings import Settings
from outreach.store import forecasts, lanes, sent_segments
from outreach.store.forecasts import Group
from outreach.store.freeze import Freezing
from outreach.store.freezing import Tail
from outreach.store.session import Session

_OWED = {
    OccasionKind.PLANNED: (
        RuleKind.PLANNED_NOTICE,
        RuleKind.PLANNED_REPEAT,
        RuleKind.LIFE_SUPPORT_NOTICE,
    ),
    OccasionKind.OUTAGE: (RuleKind.EVENT_CLOCK, RuleKind.CAUSE_CLOCK),
    OccasionKind.ADVISORY: (),
}
"""Rules of a country that make a notice of this kind a duty."""


def withheld(
    session: Session, settings: Settings, plan: Freezing, *, campaign: Campaign, occasion: Occasion
) -> Freezing:
    """The plan with whom its campaign keeps back; as it was, where that is nobody.

    The late tail is of a run's first wave alone: from the second on everybody hears in turn, so that
    nobody waits longer than the first rollout and the tail's minutes. It is dropped where its text
    would not be true any more when it leaves.
    """
    wanted = campaign.measurement
    if plan.lists or plan.is_to_told or occasion.drill or not wanted.keeps_back:
        return plan
    held = replace(plan, holdout=wanted.holdout_share)
    if not wanted.tail_share or plan.earlier:
        return held
    at = _tail_at(session, settings, held, after=timedelta(minutes=wanted.tail_minutes))
    if at is None or (plan.not_after is not None and at >= plan.not_after):
        return held
    return replace(held, tail=Tail(share=wanted.tail_share, at=at))


def _tail_at(
    session: Session, settings: Settings, plan: Freezing, *, after: timedelta
) -> datetime | None:
    """So long after the last regular slot, as the lanes carry now; None where some never leave."""
    by_pool = rates(session, settings)
    segments = sent_segments.average(session)
    loads = _loads(forecasts.groups(session, plan), by_pool, plan.wave.created_at, segments)
    last = drain(loads)
    return None if last is None or last.last_at is None else last.last_at + after


def _loads(
    groups: list[Group], by_pool: Mapping[str, float], now: datetime, segments: float
) -> Iterator[Load]:
    sums: dict[tuple[str, datetime], float] = {}
    for one in groups:
        each = segments if one.channel is Channel.SMS else 1.0
        key = (one.pool, one.not_before or now)
        sums[key] = sums.get(key, 0.0) + each * one.messages
    for (pool, starts_at), total in sums.items():
        rate = by_pool.get(pool, 0.0)
        yield Load(segments=round(total), rate=rate, starts_at=starts_at, pool=pool)


def rates(session: Session, settings: Settings) -> dict[str, float]:
    """pool -> segments a second of its lanes as they are now; a stopped one carries nothing."""
    known = {lane.name: lane for lane in lanes.every(session)}
    found: dict[str, float] = {}
    for lane in every_lane(settings):
        row = known.get(lane.name)
        weight = lane.weight if row is None else 0 if row.stopped_at else row.weight
        found[lane.pool] = found.get(lane.pool, 0.0) + lane.rate * weight / 100
    return found


def refuse_unlawful(campaign: Campaign, settings: Settings) -> None:
    """GuardRefused if a holdout would leave out somebody whom a rule of the country wants told."""
    if campaign.measurement.holdout_share > 0 and campaign.purpose is not Purpose.COMMERCIAL:
        pack = packs.read_pack(settings.company.country, settings.workspace)
        for why in owed_by(pack, campaign, settings):
            raise GuardRefused(
                f"{campaign.name}: measurement.holdout_share: refused: {why}; set it to 0"
            )


def owed_by(pack: Pack, campaign: Campaign, settings: Settings) -> Iterator[str]:
    """Each rule that makes the campaign's notices a duty, as a reason."""
    services = campaign.services or (settings.company.service,)
    seen = {
        rule.id: rule for service in services for rule in pack.of(service, *_OWED[campaign.serves])
    }
    for rule in seen.values():
        yield f"rule {rule.id} makes this notice a duty ({rule.source})"


def refuse_nameless(campaign: Campaign, approver: str) -> None:
    """GuardRefused unless a second person, by name, stands for people being kept back."""
    if campaign.measurement.keeps_back and (not approver or approver.startswith("emergency:")):
        raise GuardRefused(
            f"{campaign.name}: it keeps some people back for a measurement, and for that a second person"
            " stands by name: approve it with `outreach campaign approve`, or set tail_share and"
            " holdout_share to 0"
        )
