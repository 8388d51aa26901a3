"""Takes the keys that callers of the IVR press: 1 texts them the status link, 2 says that it is still dark."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from outreach.campaigns import jobs, reopening
from outreach.campaigns.engine import Engine
from outreach.campaigns.reopening import Report
from outreach.messages.texts import pinned, read_texts
from outreach.model import order
from outreach.model.campaign import Step
from outreach.model.errors import GuardRefused
from outreach.model.notice import Texts
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import Audience, Channel, Event, PriorityClass, Purpose, RunState, Tier
from outreach.outages.revise import Change, Origin
from outreach.settings import carried
from outreach.store import occasions, reported, reports, runs, status_links
from outreach.store.reports import NewReport
from outreach.store.runs import LINK_CAMPAIGN, Run, Wave
from outreach.store.session import Session
from outreach.store.status_links import TEMPLATE, Text, Wish

ONCE_IN = timedelta(hours=2)
"""A household gets one link in so long (deflection.md, 11: digital_shift)."""
TRUE_FOR = timedelta(minutes=30)
"""Whoever asked for a link does not want it any later."""
BUSY = timedelta(seconds=5)
"""Another report of the same premise, so young, is being made truth at this moment."""
IVR, IVR_LINK = "ivr", "ivr-link"
_AUTHOR = "customer report"
_STEP = Step(
    name=TEMPLATE,
    on=Event.CORRECTION,
    audience=Audience.TOLD,
    channels=(Channel.SMS,),
    template=TEMPLATE,
    tier=Tier.RESTORATION,
)


class Taking(StrEnum):
    """What became of a key."""

    SENT = "sent"
    SENT_BEFORE = "sent_before"
    """The household has had it within two hours."""
    NO_LINK = "no_link"
    """Class A, a landline, an unknown number, one that asked us to stop, or no lane for texts."""
    REPORTED = "reported"
    """It is truth now: the next caller of that premise hears it."""
    KNOWN = "known"
    """The truth says already that it is dark there, or this call said so before."""
    NOTED = "noted"
    """Kept for staff: nobody can tell which of several supplies is meant, or of which outage."""
    NOBODY = "nobody"
    """No supply is known by this number or account."""
    OTHER = "other"
    """A key that is not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A key of one call; the caller by the hashes that the number may stand under now, or by account."""

    digit: str
    call_id: str
    occasion: OccasionId | None
    addresses: tuple[bytes, ...] = field(default=(), repr=False)
    account: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """The keys of one installation; safe to call from several threads."""

    engine: Engine
    _one_by_one: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, key: Pressed, now: datetime) -> Taking:
        """What became of the key, after its commit. Raises what the store raised: nothing was kept."""
        match key.digit:
            case "1":
                return self._linked(key, now)
            case "2":
                with self._one_by_one:
                    return reported_out(self.engine, key, now=now)
            case _:
                return Taking.OTHER

    def _linked(self, key: Pressed, now: datetime) -> Taking:
        if key.occasion is None or not key.addresses:
            return Taking.NO_LINK
        with self.engine.database.write() as session:
            return linked(session, self.engine, key, now=now)


# ── press 1 ─────────────────────────────────────────────────────────────────────────────────────


def linked(session: Session, engine: Engine, key: Pressed, *, now: datetime) -> Taking:
    """Writes one text into the ledger, at most one a household in two hours."""
    wish = status_links.wish(session, key.addresses)
    pool = _pool(engine, wish.country) if wish else ""
    if wish is None or not pool or not wish.is_open or wish.priority is PriorityClass.A:
        return Taking.NO_LINK
    status_links.lock_household(session, wish.household)
    if not _is_first(session, key, now) or status_links.was_sent(
        session, wish.household, since=now - ONCE_IN
    ):
        return Taking.SENT_BEFORE
    occasion = occasions.get(session, OccasionId(key.occasion or 0))
    run = _run(session, engine, occasion, now=now)
    text = Text(pool=pool, rank=order.rank(run.seed, wish.household_ref), not_after=now + TRUE_FOR)
    status_links.queue(session, _wave(session, run, occasion, wish, now=now), wish, text, now=now)
    lanes = [lane.name for lane in engine.settings.lanes if lane.channel is Channel.SMS]
    engine.queue.defer(session, *[jobs.of(jobs.Kind.DRIVE, name) for name in lanes])
    return Taking.SENT


def _pool(engine: Engine, country: str) -> str:
    """Where the lanes that text this country take their messages from; empty without one."""
    offered = [f"{each.channel}:{each.country}" for each in engine.settings.lanes]
    wanted = (f"{Channel.SMS}:{country}", f"{Channel.SMS}:*")
    return next((pool for pool in wanted if pool in offered), "")


def _is_first(session: Session, key: Pressed, now: datetime) -> bool:
    """A call's replayed key writes no second text, however much later it comes."""
    mine = reports.premises_of(session, hashes=key.addresses)
    premise = min(mine, default=None)
    if premise is None or not key.call_id:
        return True
    said = NewReport(
        at=now, via=IVR_LINK, source_ref=key.call_id, premise_id=premise,
        occasion_id=key.occasion, meaning=reports.LINK, taken_at=now,
    )  # fmt: skip
    return reports.add(session, said) is not None


def _run(session: Session, engine: Engine, occasion: Occasion, *, now: datetime) -> Run:
    """The occasion's run of asked-for texts: finished from the start, so that no event opens a wave of it."""
    known = runs.of(session, occasion.id, campaign=LINK_CAMPAIGN)
    if known:
        return known[0]
    body = _body(engine, occasion)
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    runs.pin(session, digest, body, now=now)
    seed = engine.random_bytes(order.SEED_BYTES)
    run, _is_new = runs.open_run(
        session,
        runs.NewRun(
            occasion_id=occasion.id, campaign=LINK_CAMPAIGN, purpose=Purpose.SERVICE,
            pinned=digest, seed=seed, seed_hash=order.commitment(seed), launched_by=_AUTHOR,
            launched_at=now, drill=occasion.drill,
        ),
    )  # fmt: skip
    runs.set_state(session, run.id, RunState.FINISHED, "", now=now)
    return run


def _body(engine: Engine, occasion: Occasion) -> dict[str, Any]:
    """As a launch pins it: a campaign of one step, with its texts."""
    text = (
        f'name = "{LINK_CAMPAIGN}"\nserves = "{occasion.kind}"\n\n[[step]]\nname = "{TEMPLATE}"\n'
        f'on = "{_STEP.on}"\naudience = "{_STEP.audience}"\ntemplate = "{TEMPLATE}"\n'
        'channels = ["sms"]\ntier = "restoration"\n'
    )
    settings = engine.settings
    return {
        "campaign": text,
        "name": LINK_CAMPAIGN,
        "country": settings.company.country,
        "texts": _texts(engine),
    }


def _texts(engine: Engine) -> Texts:
    """The workspace's own text of the link, else the one that comes with the product."""
    folder = engine.settings.workspace / "templates"
    every = read_texts(folder) if folder.is_dir() else {}
    if TEMPLATE not in every:
        every = read_texts(carried("templates"))
    return pinned(every, {TEMPLATE})


def _wave(session: Session, run: Run, occasion: Occasion, wish: Wish, *, now: datetime) -> Wave:
    """The revision's wave; another one for a number that asks again after two hours."""
    version = occasion.revision.version
    newest = status_links.newest_wave(session, run.id, version)
    if newest is not None and not status_links.is_in(session, newest, wish.contact_point):
        return runs.wave(session, newest)
    wave = runs.add_wave(session, run.id, version, _STEP, now=now, again=True)
    if wave is None:
        raise KeyError(run.id)  # never: `again` opens one whatever there is
    return wave


# ── press 2 ─────────────────────────────────────────────────────────────────────────────────────


def reported_out(engine: Engine, key: Pressed, *, now: datetime) -> Taking:
    """Keeps the report, and makes it truth where one restored supply is meant."""
    with engine.database.write() as session:
        mine = reports.premises_of(session, hashes=key.addresses, account=key.account)
        inside = _inside(session, key.occasion, mine)
        new = {one: _kept(session, key, one, now) for one in inside or mine}
        busy = [
            one
            for one, number in new.items()
            if number and reports.is_waiting(session, one, but=number, since=now - BUSY)
        ]
    if not mine:
        return Taking.NOBODY
    if not any(new.values()) or busy:
        return Taking.KNOWN
    if len(inside) != 1 or key.occasion is None:
        return Taking.NOTED
    [(premise, ref)] = inside.items()
    return made_true(engine, key.occasion, [ref], [new[premise] or 0], now=now)


def _inside(session: Session, occasion: OccasionId | None, mine: dict[int, str]) -> dict[int, str]:
    """Those of the caller's premises that the outage named, restored or not."""
    if occasion is None or not mine:
        return {}
    named = reported.out_of(session, occasions.get(session, occasion), sorted(mine.values()))
    return {number: ref for number, ref in mine.items() if ref in named}


def _kept(session: Session, key: Pressed, premise: int, now: datetime) -> int | None:
    said = NewReport(
        at=now, via=IVR, source_ref=key.call_id or f"{now.isoformat()}", premise_id=premise,
        occasion_id=key.occasion, meaning=reports.OUT,
    )  # fmt: skip
    return reports.add(session, said)


def made_true(
    engine: Engine, occasion: OccasionId, refs: list[str], numbers: list[int], *, now: datetime
) -> Taking:
    """Makes truth of kept reports (`numbers`) of these premises, whatever way they came by.

    A nested outage since the first start; who was told of the restoration hears that it is not so.
    """
    try:
        result = reopening.by_reports(
            engine, occasion, [Report(who=ref) for ref in refs],
            change=Change(), origin=Origin(author=_AUTHOR), now=now,
        )  # fmt: skip
    except GuardRefused:
        taking = Taking.KNOWN  # nothing of it was said to be back
    else:
        taking = Taking.REPORTED if result.premises else Taking.KNOWN
    with engine.database.write() as session:
        reports.take(session, numbers, now=now)
    return taking


def take_waiting(engine: Engine, *, now: datetime) -> int:
    """Makes truth of reports that a crash left waiting; how many. Again: nothing is left."""
    with engine.database.read() as session:
        left = reports.waiting(session, before=now - BUSY)
    for occasion in sorted({each.occasion_id for each in left}):
        some = [each for each in left if each.occasion_id == occasion]
        refs = sorted({each.premise for each in some})
        made_true(engine, OccasionId(occasion), refs, [each.id for each in some], now=now)
    return len(left)
