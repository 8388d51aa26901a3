"""What one CAP alert does to the truth: opens an advisory or an outage, changes it, or ends it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from outreach.campaigns import alert_places
from outreach.campaigns.alert_places import Placed
from outreach.campaigns.engine import Applied, Engine
from outreach.model.cap import CapAlert, CapInfo
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import cap_rules, revise
from outreach.outages.cap_policy import CapPolicy
from outreach.outages.revise import Change, Origin
from outreach.store import occasions

Did = tuple[Occasion, Applied | None]
"""The occasion, and what the engine did; None where it was the truth already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person adds to an alert; None and empty leave what it says."""

    text: str = ""
    scope: Scope | None = None
    end_at: datetime | None = None
    occasion: OccasionId | None = None
    """What it is about, where the alert does not say so itself."""


AS_IT_SAYS = Decision()


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """One alert on its way in."""

    engine: Engine
    alert: CapAlert
    policy: CapPolicy
    now: datetime
    author: str
    decision: Decision = AS_IT_SAYS

    @property
    def infos(self) -> tuple[CapInfo, ...]:
        return cap_rules.chosen(self.alert, self.engine.settings.company.locale)

    @property
    def origin(self) -> Origin:
        seq = int(self.alert.sent_at.timestamp())
        return Origin(author=self.author, source="cap", source_seq=seq)

    @property
    def end_at(self) -> datetime | None:
        ends = [info.expires for info in self.infos if info.expires is not None]
        return self.decision.end_at or max(ends, default=None)

    @property
    def start_at(self) -> datetime:
        info = self.infos[0]
        return info.onset or info.effective or self.alert.sent_at

    @property
    def text(self) -> str:
        return self.decision.text.strip() or cap_rules.text(self.infos[0])


def placed(taking: Taking) -> Placed:
    """Where the infos that we tell hold."""
    wanted = [area for info in taking.infos for area in info.areas]
    return alert_places.place(taking.engine.database, wanted, taking.policy)


def opened(taking: Taking, scope: Scope) -> Did:
    engine, alert = taking.engine, taking.alert
    source_ref = f"cap:{alert.sender},{alert.identifier}"
    with engine.database.read() as session:
        known = occasions.named(session, source_ref)
    if known:  # it was opened, and the process died before it could note that
        return known[0], None
    company = engine.settings.company
    is_outage = any(taking.policy.means_outage(info) for info in taking.infos)
    new = NewOccasion(
        kind=OccasionKind.OUTAGE if is_outage else OccasionKind.ADVISORY,
        service=Service(company.service),
        name=taking.infos[0].event[:60],
        zone=company.zone,
        source_ref=source_ref,
    )
    revision = _outage(taking, scope) if is_outage else _advisory(taking, scope)
    applied = engine.open(new, revision, now=taking.now)
    return applied.occasion, applied


def _advisory(taking: Taking, scope: Scope) -> Revision:
    end_at = taking.end_at
    if end_at is None:
        raise InputRefused("it does not say until when it holds; say it with --until")
    return revise.advised(
        scope,
        taking.text,
        start_at=taking.start_at,
        end_at=end_at,
        now=taking.now,
        origin=taking.origin,
    )


def _outage(taking: Taking, scope: Scope) -> Revision:
    return revise.opened(
        scope,
        start_at=taking.start_at,
        change=Change(confirmed=True),
        now=taking.now,
        origin=taking.origin,
    )


def changed(taking: Taking, about: OccasionId, scope: Scope) -> Did:
    engine = taking.engine
    with engine.database.read() as session:
        occasion = occasions.get(session, about)
    change = Change(scope=scope, confirmed=True)
    if occasion.kind is OccasionKind.ADVISORY:
        end_at = taking.end_at
        change = replace(change, text=taking.text, end_at=end_at, next_update_at=end_at)
    revision = revise.updated(occasion.revision, change, now=taking.now, origin=taking.origin)
    if revision is None:
        return occasion, None
    applied = engine.revise(about, revision, now=taking.now)
    return applied.occasion, applied


def ended(taking: Taking, about: OccasionId) -> Did:
    with taking.engine.database.read() as session:
        occasion = occasions.get(session, about)
    return withdrawn(taking.engine, occasion, taking.origin, now=taking.now)


def withdrawn(engine: Engine, occasion: Occasion, origin: Origin, *, now: datetime) -> Did:
    if not occasion.revision.state.is_open:
        return occasion, None
    if occasion.kind is not OccasionKind.ADVISORY:
        raise GuardRefused(
            "a withdrawn alert does not bring supply back; restore the outage, or cancel it"
        )
    revision = revise.ended(occasion.revision, now=now, origin=origin)
    applied = engine.revise(occasion.id, revision, now=now)
    return applied.occasion, applied
