"""Launches campaigns: by a person, or by being armed; once per occasion, within ceilings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from outreach.campaigns import pins
from outreach.campaigns.pins import Pinned
from outreach.model import order
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion
from outreach.model.record import AffectedCounts
from outreach.model.words import RunState
from outreach.store import runs
from outreach.store.runs import Run
from outreach.store.session import Session

RandomBytes = Callable[[int], bytes]


def open_run(
    session: Session,
    occasion: Occasion,
    pinned: Pinned,
    *,
    actor: str,
    random_bytes: RandomBytes,
    now: datetime,
) -> tuple[Run, bool]:
    """The run of this occasion and campaign, and whether it is new.

    GuardRefused: the campaign serves something else, or was cancelled for this occasion.
    """
    if not serves(occasion, pinned.campaign):
        raise GuardRefused(
            f"{pinned.campaign.name} serves {pinned.campaign.serves}, not {occasion.kind} of {occasion.service}"
        )
    runs.pin(session, pinned.digest, pinned.body, now=now)
    seed = random_bytes(order.SEED_BYTES)
    run, is_new = runs.open_run(
        session,
        runs.NewRun(
            occasion_id=occasion.id,
            campaign=pinned.campaign.name,
            purpose=pinned.campaign.purpose,
            pinned=pinned.digest,
            seed=seed,
            seed_hash=order.commitment(seed),
            launched_by=actor,
            launched_at=now,
        ),
    )
    if run.state is RunState.CANCELLED:
        raise GuardRefused(
            f"{run.campaign} was cancelled for {occasion.name} and is not launched again"
        )
    return run, is_new


def armed_runs(
    session: Session,
    occasion: Occasion,
    counts: AffectedCounts,
    *,
    random_bytes: RandomBytes,
    now: datetime,
) -> tuple[list[Run], tuple[str, ...]]:
    """Opens runs of the armed campaigns that serve this occasion; and why others stayed."""
    opened: list[Run] = []
    stayed: list[str] = []
    running = {run.campaign for run in runs.of(session, occasion.id)}
    for armed in runs.armed(session, now=now):
        pinned = pins.stored(session, armed.pinned)
        if armed.campaign in running or not serves(occasion, pinned.campaign):
            continue
        ceiling = over_ceiling(pinned.campaign, counts)
        if ceiling:
            stayed.append(f"{armed.campaign}: {ceiling}")
            continue
        actor = f"armed:{armed.approver}"
        run, _is_new = open_run(
            session, occasion, pinned, actor=actor, random_bytes=random_bytes, now=now
        )
        opened.append(run)
    return opened, tuple(stayed)


def serves(occasion: Occasion, campaign: Campaign) -> bool:
    """Whether a campaign is made for this kind of occasion and this service."""
    return campaign.serves is occasion.kind and (
        not campaign.services or occasion.service in campaign.services
    )


def over_ceiling(campaign: Campaign, counts: AffectedCounts) -> str:
    """Why an armed campaign may not launch by itself for so many; empty if it may."""
    ceiling = campaign.limits.max_audience
    if ceiling is not None and counts.customers > ceiling:
        return f"{counts.customers:,} customers are more than its ceiling of {ceiling:,}"
    return ""
