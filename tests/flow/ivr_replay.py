"""Replays a storm that was taken in against the composition of answers, at every second that something changes or expires."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from tests.fleet.ivr_storm import judged, telling

from outreach.contactcenter import answer as answers
from outreach.contactcenter.answer import Caller, Rules
from outreach.contactcenter.lookup import Lookup
from outreach.model.contactcenter import LiveTruth, Match
from outreach.model.occasion import Occasion
from outreach.store import ivr, occasions
from outreach.store.session import Session

RULES = Rules()
SECOND = timedelta(seconds=1)
KEPT_FOR = timedelta(hours=2)
ALL_OF = 50
"""At every so manieth instant all outages are asked for, at the others those that it is about."""


def truths(session: Session, outages: dict[str, Occasion]) -> list[LiveTruth]:
    """Every revision of every outage as the web process held it, oldest first; its area is its own name."""
    found = []
    for ref, outage in outages.items():
        for revision in occasions.history(session, outage.id):
            parts = [ivr._part(session, outage, revision, restored=each) for each in (False, True)]
            found.append(
                LiveTruth(
                    shown_id=ref,
                    occasion=replace(outage, revision=revision),
                    scope=parts[0],
                    back=parts[1],
                    areas=(ref,),
                    customers=1000,
                    is_feed=True,
                    heartbeat_at=revision.recorded_at,
                )
            )
    return sorted(found, key=lambda each: each.occasion.revision.recorded_at)


def instants(every: list[LiveTruth]) -> dict[datetime, set[str]]:
    """When something changes or expires, with the second before and after: of which outages; sorted."""
    found: dict[datetime, set[str]] = {}
    for each in every:
        for mark in _marks(each):
            for beside in (-SECOND, 0 * SECOND, SECOND):
                found.setdefault(mark + beside, set()).add(each.shown_id)
    return dict(sorted(found.items()))


def _marks(each: LiveTruth) -> Iterator[datetime]:
    revision = each.occasion.revision
    known = (revision.recorded_at, revision.public_etr, revision.next_update_at)
    yield from (at for at in known if at)
    yield revision.recorded_at + RULES.limits.feed_lapse
    if revision.restored_at:
        yield revision.restored_at + RULES.limits.restored_for


def replay(every: list[LiveTruth]) -> tuple[int, list[str]]:
    """(answers asked for, stale sentences with why)."""
    asked, stale, position, live = 0, list[str](), 0, dict[str, LiveTruth]()
    for turn, (now, concerned) in enumerate(instants(every).items()):
        while position < len(every) and every[position].occasion.revision.recorded_at <= now:
            newest = every[position]
            live[newest.shown_id] = newest
            position += 1
        if not position:
            continue
        beat = every[position - 1].occasion.revision.recorded_at
        chosen = live.keys() if turn % ALL_OF == 0 else concerned & live.keys()
        current = [
            replace(live[ref], heartbeat_at=beat) for ref in chosen if _lives(live[ref], now)
        ]
        lookup = Lookup(current, large_from=10**9)
        for each in current:
            asked += 1
            if why := _heard(lookup, each, now):
                stale.append(f"{each.shown_id} at {now:%H:%M:%S}: {why}")
    return asked, stale


def _lives(each: LiveTruth, now: datetime) -> bool:
    """As the loader holds it: open, or over for less than two hours."""
    revision = each.occasion.revision
    return revision.state.is_open or now - revision.recorded_at < KEPT_FOR


def _heard(lookup: Lookup, each: LiveTruth, now: datetime) -> str:
    caller = Caller(match=Match.ZONE, locale="es", locality=each.shown_id)
    decision = answers.decide(caller, lookup.candidates(caller), now=now, rules=RULES)
    heard: dict[str, Any] = asdict(answers.compose(decision, telling, max_age=RULES.max_age))
    flat = heard | {"expires_at": heard["expires_at"].isoformat()}
    return judged(each, flat, is_back=False, now=now)
