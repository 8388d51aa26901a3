"""Gathers what directives are decided from: waits, forecast, readings, outages, promises and the measured effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from outreach.campaigns import dangers
from outreach.contactcenter.directive_evidence import (
    Evidence,
    LoadEvidence,
    OutageEvidence,
    SendingEvidence,
    WaitEvidence,
    fresh_reading,
    kappa,
    load_evidence,
    newest_waits,
    wait_evidence,
)
from outreach.contactcenter.directive_rules import Rules
from outreach.contactcenter.standing import Limits
from outreach.model.contactcenter import DirectiveKind, DirectiveState, LiveTruth
from outreach.model.forecast import Forecast
from outreach.model.words import OccasionKind, OccasionState, RunState
from outreach.settings import Settings
from outreach.store import audience, calls, directives as counted, expected, ivr, measured, runs
from outreach.store.runs import Run
from outreach.store.session import Session

AFTER = timedelta(hours=2)
NEAR = timedelta(hours=12)
"""How long before a planned work the front message tells it."""
BUSY_FOR = timedelta(days=1)
"""A campaign launched before is told of by its calls no more."""
ACTOR = "routing"
PACED = f"paused by {ACTOR}"
"""How the reason of a run begins that we paused ourselves."""
_MOST_ZONES = 20
Shown = Callable[[Any], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingRun:
    """A run that is sending, or was paused by us, with what it is called in directives."""

    id: int
    occasion: int
    campaign: str
    state: RunState
    reason: str
    shown_id: str

    @property
    def key(self) -> str:
        return f"{self.campaign}/{self.shown_id}"

    @property
    def is_paced(self) -> bool:
        return self.state is RunState.PAUSED and self.reason.startswith(PACED)


def gather(
    session: Session,
    settings: Settings,
    before: Sequence[DirectiveState],
    *,
    shown: Shown,
    seconds: Callable[[LiveTruth, bool], float],
    now: datetime,
) -> tuple[Evidence, list[SendingRun]]:
    """One minute's evidence, and the runs that campaign_pace may slow.

    seconds: how long the front message of a truth, dangerous or not, takes to hear.
    """
    rules, numbers = Rules(), settings.contactcenter.outage_numbers
    waits, load = _queue(session, settings, now=now, rules=rules)
    live = [each for each in ivr.live(session, since=now - AFTER, shown=shown) if _near(each, now)]
    missed = counted.missed_estimates(session, [each.occasion.id for each in live], now=now)
    sending = _sending(session, live, now=now)
    evidence = Evidence(
        at=now,
        queue=settings.contactcenter.queue,
        priority_target=settings.contactcenter.priority_queue,
        overflow_target=settings.contactcenter.overflow_queue,
        waits=waits,
        load=load,
        repeated=counted.repeated_households(
            session, numbers=numbers, since=now - rules.calm_over, until=now,
            least=rules.calm_calls,
        ),
        outages=tuple(
            _Outages(session, settings, before, missed=missed, seconds=seconds, now=now).all(live)
        ),
        sending=tuple(_effect(session, each, now=now, rules=rules) for each in sending),
        deflection=measured.latest(session),
    )  # fmt: skip
    return evidence, sending


def measured_waits(
    session: Session, *, numbers: Sequence[str], now: datetime, rules: Rules
) -> WaitEvidence:
    """Waits of the calls to these numbers (any, where none is given) that came in lately."""
    found = calls.waits(session, numbers=numbers, since=now - rules.waits_over, until=now)
    return wait_evidence(found, rules)


def _queue(
    session: Session, settings: Settings, *, now: datetime, rules: Rules
) -> tuple[WaitEvidence, LoadEvidence]:
    """What the queue is like, seen before expected: the platform's own look, calls, then the forecast."""
    center = settings.contactcenter
    forecast = _forecast(expected.newest(session, center.queue), now=now, rules=rules)
    reading = expected.reading(session, center.queue)
    waits = newest_waits(
        measured_waits(session, numbers=center.outage_numbers, now=now, rules=rules),
        reading, forecast, now=now, rules=rules,
    )  # fmt: skip
    live = fresh_reading(reading, now=now, rules=rules)
    staffed = live.agents if live is not None else None
    load = load_evidence(
        forecast,
        staffed=staffed if staffed is not None else expected.staffed(session, center.queue, now),
        lendable=_lendable(session, settings, now=now, rules=rules),
        now=now,
        rules=rules,
    )
    return waits, load


def _forecast(found: Forecast | None, *, now: datetime, rules: Rules) -> Forecast | None:
    return found if found is not None and now - found.made_at <= rules.fresh_for else None


def _lendable(session: Session, settings: Settings, *, now: datetime, rules: Rules) -> int | None:
    """Agents that the overflow queue has free: what its platform shows, else what was agreed."""
    center = settings.contactcenter
    if not center.overflow_queue:
        return None
    reading = expected.reading(session, center.overflow_queue)
    live = fresh_reading(reading, now=now, rules=rules)
    if live is None or live.agents is None:
        return center.overflow_agents
    return max(0, live.agents - (live.waiting or 0))


def _near(each: LiveTruth, now: datetime) -> bool:
    """A work days ahead is no reason to greet every caller with it; who asks hears it all the same."""
    is_planned = each.occasion.kind is OccasionKind.PLANNED
    return not is_planned or each.occasion.revision.start_at - now <= NEAR


@dataclass(frozen=True, slots=True)
class _Outages:
    """Turns live truths into evidence; counts the customers of a zone once an outage, not once a minute."""

    session: Session
    settings: Settings
    before: Sequence[DirectiveState]
    missed: Mapping[int, int]
    seconds: Callable[[LiveTruth, bool], float]
    now: datetime

    def all(self, live: Sequence[LiveTruth]) -> list[OutageEvidence]:
        warned = dangers.warned(self.session, [each.occasion.id for each in live], now=self.now)
        heard = {
            state.scope_key: state.heard
            for state in self.before
            if state.kind is DirectiveKind.IVR_UPFRONT
        }
        return [
            self._one(each, heard.get(each.shown_id, {}), is_warned=each.occasion.id in warned)
            for each in live
        ]

    def _one(self, each: LiveTruth, heard: Mapping[str, Any], *, is_warned: bool) -> OutageEvidence:
        occasion, revision, rules = each.occasion, each.occasion.revision, Rules()
        launched = _launched(self.session, occasion.id)
        is_danger = (
            is_warned
            or dangers.is_declared(launched)
            or dangers.is_named(occasion, self.settings.contactcenter.danger_causes)
        )
        # without a zone it would be told to everybody; what is over is told as such
        is_safety = is_danger and bool(each.areas) and revision.state.is_open
        is_large = each.customers >= rules.front_least
        return OutageEvidence(
            shown_id=each.shown_id,
            zones=each.areas[:_MOST_ZONES],
            affected=each.customers,
            zone_customers=self._zone(each, heard) if is_large and not is_safety else 0,
            text_ref=f"{occasion.kind}.ivr@{revision.version}",
            seconds=self.seconds(each, is_safety) if is_large or is_safety else rules.front_seconds,
            is_approved=bool(launched),
            is_open=revision.state.is_open,
            is_planned=occasion.kind is OccasionKind.PLANNED,
            is_safety=is_safety,
            was_safety=heard.get("metric") == "danger",
            knows_cause=bool(revision.cause),
            started_at=revision.start_at,
            etr_at=revision.public_etr,
            etr_confidence=revision.etr_confidence if revision.public_etr else "",
            restored_at=revision.restored_at if revision.state is OccasionState.RESTORED else None,
            fresh_until=None if each.is_feed else revision.next_update_at,
            heard_until=self._heard_until(each),
            missed=self.missed.get(occasion.id, 0),
        )

    def _zone(self, each: LiveTruth, heard: Mapping[str, Any]) -> int:
        """A count of millions of rows: what was heard a minute ago holds while as many are out."""
        if heard.get("on") is not None and heard.get("value") == each.customers:
            return int(heard["on"] / Rules().front_share + 0.5)
        return audience.customers_of(self.session, each.areas)

    def _heard_until(self, each: LiveTruth) -> datetime | None:
        """As the IVR believes a feed: as long as the longest of them may be silent."""
        if not each.is_feed or each.heartbeat_at is None:
            return None
        silences = [timedelta(seconds=feed.silent_after_s) for feed in self.settings.feeds]
        return each.heartbeat_at + (max(silences) if silences else Limits().feed_lapse)


def _launched(session: Session, occasion: int) -> list[Run]:
    """A launched campaign is approved text: nothing is told up front that nobody let out."""
    return [run for run in runs.of(session, occasion) if run.state is not RunState.CANCELLED]


def _sending(session: Session, live: Sequence[LiveTruth], *, now: datetime) -> list[SendingRun]:
    names = {int(each.occasion.id): each.shown_id for each in live}
    rows = counted.sending(session, since=now - BUSY_FOR, paused_like=PACED)
    return [
        SendingRun(
            id=number, occasion=occasion, campaign=campaign, state=RunState(state), reason=reason,
            shown_id=names.get(occasion, f"run-{number}"),
        )
        for number, occasion, campaign, state, reason in rows
    ]  # fmt: skip


def _effect(session: Session, run: SendingRun, *, now: datetime, rules: Rules) -> SendingEvidence:
    """Of a measurement that is of this minute, not of last week."""
    found = measured.newest(session, run.id)
    at = found.measured_at if found is not None else None
    is_fresh = at is not None and now - at <= rules.fresh_for
    return SendingEvidence(
        key=run.key, campaign=run.campaign, kappa=kappa(found) if is_fresh else None
    )  # fmt: skip
