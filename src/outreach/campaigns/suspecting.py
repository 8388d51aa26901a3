"""Makes one suspected outage of many reports, on the device that explains them, until somebody confirms it.

Every minute: known outages take the reports that they explain; the rest points at devices
(`outages/suspicion`); suspicions open, end in one of the device above, or lapse when nobody reports them
any longer. None of them texts a customer.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.campaigns.engine import Backing, Engine
from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Scope
from outreach.model.record import NetworkNode
from outreach.model.words import OccasionKind, OccasionState
from outreach.outages import revise, revise_suspected, suspicion
from outreach.outages.revise_suspected import REPORTS
from outreach.outages.suspicion import Counted, Moves, Network, Rule, Standing, Suspected
from outreach.store import alarms, occasions, reported, suspected
from outreach.store.session import Session
from outreach.store.suspected import Place

NEWS_FOR = timedelta(minutes=5)
"""A report looks for its outage when it comes; outages that were revised since look for their reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one look found."""

    moves: Moves
    nodes: Mapping[str, NetworkNode]
    since: Mapping[str, datetime]
    """The first report under each device that is suspected."""


def minute(engine: Engine, *, now: datetime) -> Counter[str]:
    """Brings suspicions up to date; how many were `opened`, `merged`, `lapsed`, reports `joined`, `absorbed`.

    Again: nothing. Two at once do no harm: a revision has one successor, and the loser looks again a minute later.
    """
    done: Counter[str] = Counter()
    since = now - timedelta(minutes=engine.settings.reports.window_minutes)
    with engine.database.read() as session:
        stands = occasions.suspected(session)
        if not stands and not suspected.is_any_pending(session, since=since):
            return done | _alarms_settled(engine, now=now)
    done += _absorbed(engine, stands, since=since, now=now)
    with engine.database.read() as session:
        stands = occasions.suspected(session)
        seen = _look(session, engine, stands, since=since)
    at = {one.node: OccasionId(number) for number, one in seen.moves.covered}
    for one in seen.moves.opened:
        at[one.node] = _opened(engine, one, seen, now=now)
        done["opened"] += 1
    done["joined"] += _joined(engine, at, seen.nodes, since=since, now=now)
    for gone, above in seen.moves.merged:
        done["merged"] += _merged(engine, OccasionId(gone), at[above], now=now)
    done["lapsed"] += _lapsed(engine, now=now)
    return +done + _alarms_settled(engine, now=now)


# ── known outages take their reports ────────────────────────────────────────────────────────────


def _absorbed(
    engine: Engine, stands: Sequence[Occasion], *, since: datetime, now: datetime
) -> Counter[str]:
    """Reports that outages explain which were opened or revised lately; a suspicion left without any goes along."""
    done: Counter[str] = Counter()
    of = [int(each.id) for each in stands]
    with engine.database.read() as session:
        recent = [each for each in occasions.open_ones(session) if _is_news(each, now)]
    for known in recent:
        with engine.database.write() as session:
            done["absorbed"] += suspected.absorb(session, known, of, since=since, now=now)
            left = suspected.evidence(session, of)
        for gone in [number for number in of if number not in left]:
            of.remove(gone)
            done["merged"] += _merged(engine, OccasionId(gone), known.id, now=now)
    return done


def _is_news(occasion: Occasion, now: datetime) -> bool:
    is_outage = occasion.kind is not OccasionKind.ADVISORY and not occasion.drill
    is_dark = occasion.revision.state is not OccasionState.SCHEDULED
    return is_outage and is_dark and occasion.revision.recorded_at >= now - NEWS_FOR


# ── deciding ────────────────────────────────────────────────────────────────────────────────────


def _look(
    session: Session, engine: Engine, stands: Sequence[Occasion], *, since: datetime
) -> _Seen:
    found = suspected.places(session, [int(each.id) for each in stands], since=since)
    fed = reported.feeding(session, [place.order for place in found])
    known = {node.ref: node for node in fed}
    roots = [node for node in fed if node.parent not in known]
    devices, orders = suspected.inside(session, roots)
    known |= {node.ref: node for node in devices}
    network = Network(
        nodes=list(known.values()),
        transformers={
            node.ref: bisect_right(orders, node.last) - bisect_left(orders, node.order)
            for node in known.values()
        },
        reported=_counted(session, found, known.values()),
        rule=Rule(
            premises=engine.settings.reports.suspect_after, share=engine.settings.reports.share
        ),
    )
    wanted = suspicion.suspected(network)
    return _Seen(
        moves=suspicion.moves(
            wanted,
            [
                Standing(id=int(each.id), node=ref, above=tuple(_above(known, ref)))
                for each in stands
                for ref in each.revision.scope.nodes[:1]
            ],
            {one.node: tuple(_above(known, one.node)) for one in wanted},
        ),
        nodes=known,
        since={one.node: _first(found, known[one.node]) for one in wanted},
    )


def _counted(
    session: Session, found: Sequence[Place], nodes: Iterable[NetworkNode]
) -> dict[str, Counted]:
    at = {node.order: node.ref for node in nodes}
    standing = suspected.standing_at(session, [place.order for place in found])
    return {
        at[place.order]: Counted(
            reporting=place.reporting, standing=standing.get(place.order, place.reporting)
        )
        for place in found
        if place.order in at
    }


def _above(known: Mapping[str, NetworkNode], ref: str) -> Iterable[str]:
    above = known[ref].parent if ref in known else None
    while above is not None and above in known:
        yield above
        above = known[above].parent


def _first(found: Sequence[Place], node: NetworkNode) -> datetime:
    return min(place.since for place in found if node.order <= place.order <= node.last)


# ── acting ──────────────────────────────────────────────────────────────────────────────────────


def _opened(engine: Engine, one: Suspected, seen: _Seen, *, now: datetime) -> OccasionId:
    company = engine.settings.company
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=company.service, name=seen.nodes[one.node].name,
        zone=company.zone,
    )  # fmt: skip
    revision = revise_suspected.suspected(
        Scope(nodes=(one.node,)), start_at=seen.since[one.node], now=now
    )
    occasion = engine.open(new, revision, now=now).occasion
    with engine.database.write() as session:
        alarms.raise_(
            session, AlarmKind.SUSPECTED, f"occasion:{occasion.id}", now, now,
            name=occasion.name, zone=occasion.zone, premises=one.premises,
            transformers=one.transformers,
        )  # fmt: skip
    return occasion.id


def _joined(
    engine: Engine,
    at: Mapping[str, OccasionId],
    nodes: Mapping[str, NetworkNode],
    *,
    since: datetime,
    now: datetime,
) -> int:
    """Puts each report to the suspicion of the device above it; devices of one look never overlap."""
    if not at:
        return 0
    held = sorted((nodes[ref].order, nodes[ref].last, number) for ref, number in at.items())
    firsts = [first for first, _last, _number in held]
    mine: dict[OccasionId, list[int]] = defaultdict(list)
    with engine.database.read() as session:
        for order, report in suspected.pending(session, since=since):
            place = bisect_right(firsts, order) - 1
            if place >= 0 and order <= held[place][1]:
                mine[held[place][2]].append(report)
    done = 0
    for number, reports in mine.items():
        with engine.database.write() as session:
            done += suspected.join(session, number, reports, now=now)
    return done


def _merged(engine: Engine, gone: OccasionId, kept: OccasionId, *, now: datetime) -> int:
    with engine.database.read() as session:
        current = occasions.get(session, gone)
    if current.revision.state is not OccasionState.SUSPECTED:
        return 0
    revision = revise.merged(current.revision, now=now, origin=REPORTS)
    if revision is None:
        return 0
    try:
        engine.absorb(gone, revision, into=kept, now=now)
    except GuardRefused:
        return 0  # somebody decided on it a moment ago
    with engine.database.write() as session:
        suspected.hand_over(session, gone, kept, now=now)
    return 1


def _lapsed(engine: Engine, *, now: datetime) -> int:
    """Ends what nobody confirmed nor reports any longer; new reports open a suspicion anew."""
    hours = engine.settings.reports.lapse_hours
    backing = Backing(reason=f"nobody confirmed it, and nobody reported it for {hours} h")
    with engine.database.read() as session:
        over = [
            each for each in occasions.suspected(session) if _is_over(session, engine, each, now)
        ]
    done = 0
    for each in over:
        revision = revise_suspected.lapsed(each.revision, now=now)
        if revision is None:
            continue
        with suppress(GuardRefused):  # somebody decided on it a moment ago
            engine.revise(each.id, revision, now=now, backing=backing)
            done += 1
    return done


def _is_over(session: Session, engine: Engine, of: Occasion, now: datetime) -> bool:
    told = suspected.evidence(session, [int(of.id)]).get(int(of.id))
    after = timedelta(hours=engine.settings.reports.lapse_hours)
    last = told.last_at if told else None
    return revise_suspected.lapses_at(of.revision, last_report_at=last, after=after) <= now


def _alarms_settled(engine: Engine, *, now: datetime) -> Counter[str]:
    """Clears the alarms of suspicions that somebody, or a known outage, has decided on."""
    with engine.database.read() as session:
        standing = alarms.open_ones(session, kinds=[AlarmKind.SUSPECTED])
        over = [
            (one.id, occasion.revision.author)
            for one in standing
            if (occasion := _of_alarm(session, one.subject)).revision.state
            is not OccasionState.SUSPECTED
        ]
    if not over:
        return Counter()
    with engine.database.write() as session:
        return Counter(
            cleared=sum(alarms.clear_one(session, number, who, now) for number, who in over)
        )


def _of_alarm(session: Session, subject: str) -> Occasion:
    return occasions.get(session, OccasionId(int(subject.partition(":")[2])))
