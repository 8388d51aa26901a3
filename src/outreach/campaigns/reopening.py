"""Takes back a restoration where people report that they are still out: only there, and since the first start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from outreach.addresses import normalise_phone
from outreach.campaigns.engine import Applied, Engine
from outreach.model.numbering import Phone
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Scope
from outreach.model.words import OccasionState
from outreach.outages import guards, revise
from outreach.outages.clusters import Cluster, clusters
from outreach.outages.revise import Change, Origin
from outreach.store import occasions, reported
from outreach.store.session import Session

_BACK = (OccasionState.PARTIAL, OccasionState.RESTORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Somebody says that it is dark; `who` is a premise, an account number or a telephone."""

    who: str
    at: datetime | None = None
    """When they said so; None: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened:
    """What became of the reports; the numbers are premises, but `unknown` places in their list."""

    clusters: tuple[tuple[Cluster, Applied], ...] = ()
    start_at: datetime
    known_already: int = 0
    """This outage, or one that came out of it, says already that they are out."""
    elsewhere: int = 0
    """Never of this outage."""
    too_old: int = 0
    """Reported before it was said to be back: no proof that it is not."""
    unknown: tuple[int, ...] = ()

    @property
    def premises(self) -> int:
        return sum(len(cluster.premises) for cluster, _applied in self.clusters)


@dataclass(slots=True)
class _Sorted:
    out: dict[str, int] = field(default_factory=dict)
    """Premise -> tree order."""
    too_old: set[str] = field(default_factory=set)
    unknown: list[int] = field(default_factory=list)


def by_reports(
    engine: Engine,
    occasion: OccasionId,
    reports: Iterable[Report],
    *,
    change: Change,
    origin: Origin,
    now: datetime,
) -> Reopened:
    """Opens a nested outage for each cluster of reports, since the outage began.

    Who heard that it was back hears that it is not, class A first. The rest of the restoration
    stands. The same reports again open nothing: they are known. GuardRefused for an outage of
    which nothing was said to be back.
    """
    with engine.database.read() as session:
        current = occasions.get(session, occasion)
        guards.state_is(current.revision, _BACK, "reopen it by reports")
        found = _sorted(session, engine, current, list(reports))
        refs = sorted(found.out)
        of_it = reported.out_of(session, current, refs)
        known = reported.still_out(session, current, refs)
        dark = {ref: found.out[ref] for ref in refs if ref in of_it and ref not in known}
        parts = clusters(dark, reported.feeding(session, dark.values()))
    return Reopened(
        clusters=tuple(
            (part, _opened(engine, current, part, change=change, origin=origin, now=now))
            for part in parts
        ),
        start_at=current.revision.start_at,
        known_already=len(known & of_it),
        elsewhere=len(found.out) - len(of_it),
        too_old=len(found.too_old - found.out.keys()),
        unknown=tuple(found.unknown),
    )


def by_held(
    engine: Engine, occasion: OccasionId, *, change: Change, origin: Origin, now: datetime
) -> Reopened:
    """`by_reports` of what people have told us themselves since it was said to be back, by whatever way.

    Some of it made no truth by itself: "no power" hours later, or too many at once. The same again finds nothing. A
    suspicion keeps its reports until the next minute, when the outages opened here take them.
    """
    with engine.database.read() as session:
        current = occasions.get(session, occasion)
        guards.state_is(current.revision, _BACK, "reopen it by reports")
        held = reported.held(session, current, since=_said_to_be_back(session, current))
    said = [Report(who=each.premise, at=each.at) for each in held]
    result = by_reports(engine, occasion, said, change=change, origin=origin, now=now)
    with engine.database.write() as session:
        reported.put_to(session, current, [each.id for each in held], now=now)
    return result


def _opened(
    engine: Engine,
    parent: Occasion,
    part: Cluster,
    *,
    change: Change,
    origin: Origin,
    now: datetime,
) -> Applied:
    new = NewOccasion(
        kind=parent.kind,
        service=parent.service,
        name=part.node or parent.name,
        zone=parent.zone,
        event_id=parent.event_id,
        parent_id=parent.id,
        drill=parent.drill,
    )
    revision = revise.nested(
        parent.revision, Scope(premises=part.premises), change=change, now=now, origin=origin
    )
    return engine.open(new, revision, now=now)


def _sorted(session: Session, engine: Engine, occasion: Occasion, reports: list[Report]) -> _Sorted:
    back_at = _said_to_be_back(session, occasion)
    supplies = _looked_up(session, engine, [report.who.strip() for report in reports])
    found = _Sorted()
    for number, (report, mine) in enumerate(zip(reports, supplies, strict=True), 1):
        if not mine:
            found.unknown.append(number)
        elif report.at is not None and report.at <= back_at:
            found.too_old.update(each.premise for each in mine)
        else:
            found.out.update({each.premise: each.order for each in mine})
    return found


def _said_to_be_back(session: Session, occasion: Occasion) -> datetime:
    """When the newest restoration is said to have happened; of a part, when it was said."""
    if occasion.revision.restored_at is not None:
        return occasion.revision.restored_at
    back = [
        one.recorded_at for one in occasions.history(session, occasion.id) if one.state in _BACK
    ]
    return min(back)


def _looked_up(session: Session, engine: Engine, who: list[str]) -> list[list[reported.Supply]]:
    """What each report names: a premise before an account, an account before a telephone."""
    distinct = sorted(set(who))
    premises = reported.by_premise(session, distinct)
    accounts = reported.by_account(session, [each for each in distinct if each not in premises])
    country = engine.settings.company.country
    phones = {
        each: engine.keyring.standing(_number(each, country))
        for each in distinct
        if each not in premises and each not in accounts
    }
    called = reported.by_address(session, sorted({one for all_ in phones.values() for one in all_}))
    return [
        premises.get(each)
        or accounts.get(each)
        or next((called[one] for one in phones.get(each, ()) if one in called), [])
        for each in who
    ]


def _number(typed: str, country: str) -> str:
    """As the record keeps it; what is no number of today's plans is looked up as it stands."""
    phone = normalise_phone(typed, region=country)
    return phone.e164 if isinstance(phone, Phone) else typed
