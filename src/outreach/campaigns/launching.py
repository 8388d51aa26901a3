"""Launches campaigns: by two people, or by being armed; once per occasion, within ceilings.

The one door for terminal, API and clock: above the campaign's threshold a run opens only with what a
second person said yes to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import news, pins, withholding
from outreach.campaigns.counting import Counting
from outreach.campaigns.people import same_person
from outreach.campaigns.pins import Pinned
from outreach.model import order
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion
from outreach.model.record import AffectedCounts
from outreach.model.words import OccasionState, RunState
from outreach.outages.change import CORRECTION
from outreach.store import approvals, audit, runs
from outreach.store.approvals import Approval, NewApproval
from outreach.store.runs import Armed, Run
from outreach.store.session import Session

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A launch that somebody, or an arming, wants."""

    pinned: Pinned
    actor: str
    customers: int
    """Affected at this moment."""
    armed: Armed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """Who stands for a launch; `approver` is empty where the campaign asks for no second person."""

    author: str
    approver: str = ""
    approval: Approval | None = None


def open_run(
    session: Session,
    occasion: Occasion,
    wanted: Wanted,
    *,
    random_bytes: RandomBytes,
    now: datetime,
) -> tuple[Run, bool]:
    """The run of this occasion and campaign, and whether it is new.

    GuardRefused: the campaign serves something else, was cancelled for this occasion, or has more
    customers than one person may launch for and nobody else has approved just this.
    """
    pinned = wanted.pinned
    refuse_other_kind(occasion, pinned.campaign)
    refuse_suspected(occasion)
    run = next(iter(runs.of(session, occasion.id, campaign=pinned.campaign.name)), None)
    is_new = False
    if run is None:
        run, is_new = _opened(session, occasion, wanted, random_bytes=random_bytes, now=now)
    refuse_cancelled(occasion, run)
    return run, is_new


def refuse_other_kind(occasion: Occasion, campaign: Campaign) -> None:
    """GuardRefused where the campaign is made for something else."""
    if not serves(occasion, campaign):
        raise GuardRefused(
            f"{campaign.name} serves {campaign.serves}, not {occasion.kind} of {occasion.service}"
        )


def refuse_suspected(occasion: Occasion) -> None:
    """GuardRefused of what nobody has confirmed."""
    if occasion.revision.state is OccasionState.SUSPECTED:
        raise GuardRefused(
            f"{occasion.name} is only suspected; confirm it first: outreach outage confirm"
        )


def refuse_cancelled(occasion: Occasion, run: Run) -> None:
    """GuardRefused of a run that a person has taken back."""
    if run.state is RunState.CANCELLED:
        raise GuardRefused(
            f"{run.campaign} was cancelled for {occasion.name} and is not launched again"
        )


def _opened(
    session: Session,
    occasion: Occasion,
    wanted: Wanted,
    *,
    random_bytes: RandomBytes,
    now: datetime,
) -> tuple[Run, bool]:
    pinned, standing = wanted.pinned, _standing(session, occasion, wanted)
    if standing.approval and not approvals.use(session, standing.approval.id, now=now):
        raise GuardRefused(
            "this approval was used a moment ago; look at `outreach campaign status`"
        )
    runs.pin(session, pinned.digest, pinned.body, now=now)
    seed = random_bytes(order.SEED_BYTES)
    return runs.open_run(
        session,
        runs.NewRun(
            occasion_id=occasion.id,
            campaign=pinned.campaign.name,
            purpose=pinned.campaign.purpose,
            basis=pinned.campaign.basis,
            pinned=pinned.digest,
            seed=seed,
            seed_hash=order.commitment(seed),
            launched_by=standing.author,
            launched_at=now,
            approved_by=standing.approver,
            drill=occasion.drill,
            canary_rank=canary_rank(pinned.campaign.limits.canary_share, wanted.customers),
        ),
    )


def canary_rank(share: float, customers: int) -> int | None:
    """The keyed rank below which a share of the households lies; None: too few for a canary, or none is wanted.

    Ranks are uniform over 63 bits, so that the canary is a random sample of all streets.
    """
    if share * customers < 1:
        return None
    return int(share * (1 << order.RANK_BITS))


# ── the second person ───────────────────────────────────────────────────────────────────────────


def needs_second(occasion: Occasion, campaign: Campaign, customers: int) -> bool:
    """Whether nobody may launch this alone: it is large, or keeps people back for a measurement. A drill reaches nobody."""
    is_large = customers > campaign.limits.approve_above
    return not occasion.drill and (is_large or campaign.measurement.keeps_back)


def stands_for(author: str, approver: str) -> str:
    """Whose word a message leaves on: the second person's, or the author's own below the threshold."""
    return approver or author


def moved(before: int, now: int) -> float:
    """Share by which an audience moved, up or down."""
    return abs(now - before) / before if before else float(now > 0)


def _standing(session: Session, occasion: Occasion, wanted: Wanted) -> _Standing:
    if wanted.armed is not None:
        return _Standing(author=f"armed:{wanted.armed.author}", approver=wanted.armed.approver)
    campaign = wanted.pinned.campaign
    if not needs_second(occasion, campaign, wanted.customers):
        return _small(session, occasion, wanted)
    found = approvals.usable(session, occasion.id, campaign.name)
    if found is None:
        withholding.refuse_nameless(campaign, "")
        raise GuardRefused(
            f"{campaign.name}: {wanted.customers:,} customers are more than the "
            f"{campaign.limits.approve_above:,} that one person may launch for (limits.approve_above);"
            " a second person approves it with `outreach campaign approve`"
        )
    _refuse_other(found, wanted)
    approver = found.approver or f"emergency:{found.author}"
    withholding.refuse_nameless(campaign, approver)
    return _Standing(author=found.author, approver=approver, approval=found)


def _small(session: Session, occasion: Occasion, wanted: Wanted) -> _Standing:
    """One person is enough; a reason that was given all the same is kept with the run."""
    found = approvals.usable(session, occasion.id, wanted.pinned.campaign.name)
    if found is None or not found.emergency or found.pinned != wanted.pinned.digest:
        return _Standing(author=wanted.actor)
    return _Standing(author=found.author, approver=f"emergency:{found.author}", approval=found)


def _refuse_other(found: Approval, wanted: Wanted) -> None:
    """What was approved must be what is launched, and by two people."""
    limits = wanted.pinned.campaign.limits
    if not found.emergency and same_person(found.author, found.approver):
        raise GuardRefused(f"{found.author!r} wrote it and cannot approve it; somebody else has to")
    if found.pinned != wanted.pinned.digest:
        raise GuardRefused(
            "file or texts were edited after the approval; launch it anew to ask again"
        )
    if moved(found.audience, wanted.customers) > limits.audience_may_move:
        raise GuardRefused(
            f"the audience moved from {found.audience:,} to {wanted.customers:,} customers, more than"
            f" {limits.audience_may_move:.0%} (limits.audience_may_move); launch it anew to ask again"
        )


def outgrown(
    session: Session, occasion: Occasion, counting: Counting, *, now: datetime
) -> tuple[str, ...]:
    """Pauses runs whose occasion has grown beyond what they were allowed for, and asks for a second person.

    Else a small launch that is widened afterwards would reach everybody on one person's word.
    """
    said: list[str] = []
    if occasion.revision.known_how == CORRECTION:
        return ()  # it goes to who has heard, however many are affected
    for run in runs.of(session, occasion.id):
        campaign = pins.campaign(session, run.pinned)
        if (
            run.state is not RunState.ACTIVE
            or run.drill
            or not _is_over(session, run, campaign, counting)
        ):
            continue
        customers = counting.within(session).customers
        asked = approvals.ask(
            session,
            NewApproval(
                occasion_id=occasion.id,
                campaign=run.campaign,
                pinned=run.pinned,
                author=occasion.revision.author,
                asked_at=now,
                audience=customers,
            ),
        )
        why = (
            f"grown to {customers:,} customers; a second person lets it go on:"
            f" outreach campaign approve {asked.id}"
        )
        runs.set_state(session, run.id, RunState.PAUSED, why, now=now)
        audit.write(
            session, "outreach", "campaign.outgrown", f"run:{run.id}", now=now, approval=asked.id
        )
        news.of_run(session, run, RunState.PAUSED, now=now)
        said.append(f"{run.campaign}: {why}")
    return tuple(said)


def _is_over(session: Session, run: Run, campaign: Campaign, counting: Counting) -> bool:
    is_armed = run.launched_by.startswith("armed:") and run.approved_by
    ceiling = campaign.limits.max_audience
    if is_armed and ceiling is None:
        return False  # nobody is counted where no number of them would stop it
    allowed = approvals.audience_used(session, run.occasion_id, run.campaign)
    customers = counting.within(session).customers
    if is_armed and ceiling is not None:
        return customers > max(ceiling, allowed)
    return customers - allowed > campaign.limits.approve_above


# ── by being armed ──────────────────────────────────────────────────────────────────────────────


def armed_runs(
    session: Session,
    occasion: Occasion,
    counting: Counting,
    *,
    random_bytes: RandomBytes,
    now: datetime,
    forbids: Callable[[Pinned], str] = lambda _pinned: "",
) -> tuple[list[Run], tuple[str, ...]]:
    """Opens runs of the armed campaigns that serve this occasion; and why others stayed.

    `forbids`: why a rule of the country keeps one from launching by itself, empty if none does.
    """
    opened: list[Run] = []
    stayed: list[str] = []
    running = {run.campaign for run in runs.of(session, occasion.id)}
    if occasion.revision.state is OccasionState.SUSPECTED:
        return [], ()  # confirmed, it launches
    for armed in runs.armed(session, now=now) if not occasion.drill else ():
        if armed.campaign in running:  # as at every revision but the first
            continue
        pinned = pins.stored(session, armed.pinned)
        if not serves(occasion, pinned.campaign):
            continue
        limits = pinned.campaign.limits
        is_counted = limits.max_audience is not None or limits.canary_share > 0
        counts = counting.within(session) if is_counted else AffectedCounts(reachable={})
        ceiling = over_ceiling(pinned.campaign, counts) or forbids(pinned)
        if ceiling:
            stayed.append(f"{armed.campaign}: {ceiling}")
            continue
        wanted = Wanted(pinned=pinned, actor=armed.author, customers=counts.customers, armed=armed)
        run, _is_new = open_run(session, occasion, wanted, random_bytes=random_bytes, now=now)
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
