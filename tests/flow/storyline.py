"""A small town whose truth changes while its lanes send: the real engine, claims and sender, and a carrier that listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from tests import make, town
from tests.fakes.lane import Answer, Carrier, Clock, make_driver

from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.telling import Teller
from outreach.delivery import doubt, sender
from outreach.delivery.hands import Limits
from outreach.model.message import Attempt, Found, Outgoing
from outreach.model.occasion import NewOccasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change, Origin
from outreach.settings import Settings
from outreach.store import lanes, ledger, occasions, overdue, tables as t
from outreach.store.contradictions import Contradiction, contradictions
from outreach.store.session import Database

CAMPAIGN = "unplanned-outage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One text as its person reads it, and what was true as its call began."""

    at: datetime
    to: str
    occasion: int
    step: str
    version: int
    newest: int
    text: str


class Answering(Carrier):
    """A carrier with a listing: what it took, it can find again."""

    def __init__(self, answer: Answer = lambda _one: None, **more: Any) -> None:
        super().__init__(answer, **more)
        self.lost: set[int] = set()

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]:
        took = {one.token: one.id for _at, one in self.calls if one.id not in self.lost}
        return [
            Found(id=each.id, provider_ref=f"SM{each.id}" if each.token in took else None)
            for each in attempts
        ]


@dataclass(kw_only=True)
class Story:
    """One town. `answer` is what the carrier says to each text; nothing means that it takes it."""

    database: Database
    engine: Engine
    clock: Clock
    carrier: Answering
    teller: Teller
    heard: list[Heard] = field(default_factory=list)
    names: dict[str, OccasionId] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def passes(self, **by: float) -> None:
        self.clock.seconds += timedelta(**by).total_seconds()

    def opens(self, name: str, node: str, **change: Any) -> Applied:
        """An outage of this name, launched."""
        revision = revise.opened(
            Scope(nodes=(node,)), start_at=self.now, change=Change(**change), now=self.now
        )
        new = NewOccasion(
            kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=name, zone=make.ZONE
        )
        applied = self.engine.open(new, revision, now=self.now)
        self.names[name] = applied.occasion.id
        self.engine.launch(applied.occasion.id, CAMPAIGN, actor="ana", now=self.now)
        return applied

    def current(self, name: str) -> Revision:
        with self.database.read() as session:
            return occasions.get(session, self.names[name]).revision

    def revises(self, name: str, revision: Revision | None) -> Applied | None:
        """None: it would change nothing."""
        if revision is None:
            return None
        return self.engine.revise(self.names[name], revision, now=self.now)

    def updates(self, name: str, **change: Any) -> None:
        """By a system, which is not argued with: a person's second slip would be refused."""
        oms = Origin(source="oms")
        new = revise.updated(self.current(name), Change(**change), now=self.now, origin=oms)
        self.revises(name, new)

    def restores(self, name: str, *nodes: str) -> None:
        part = Scope(nodes=nodes) if nodes else None
        back = revise.restored(self.current(name), part=part, known_how="crew", now=self.now)
        self.revises(name, back)

    def reopens(self, name: str) -> None:
        self.revises(name, revise.reopened(self.current(name), now=self.now))

    def merges(self, name: str, into: str) -> None:
        """As `outreach outage merge`: the one ends, the other takes its scope."""
        survivor = revise.absorbing(self.current(into), self.current(name), now=self.now)
        with self.database.write() as session:
            row = t.occasion.c.id == self.names[name]
            session.execute(t.occasion.update().where(row).values(merged_into=self.names[into]))
        self.revises(name, revise.merged(self.current(name), now=self.now))
        self.revises(into, survivor)

    def sends(self, seconds: float = 30.0, *, lane: str = "sms", rate: float | None = None) -> int:
        """The lane is driven for so long; how many texts left."""
        before = len(self.carrier.calls)
        driver = make_driver(
            self.clock,
            owner=lane,
            render=self.teller.render,
            limits=Limits(chunk=50, in_flight=2),
        )
        if rate is not None:
            with self.database.write() as session:
                session.execute(t.lane.update().values(rate=rate))
        asyncio.run(sender.drive_lane(self.database, lane, self.carrier, driver, duration=seconds))
        overdue.expire(self.database, now=self.now)
        with self.database.write() as session:
            ledger.lapse(session, now=self.now)
        return len(self.carrier.calls) - before

    def doubts(self, lane: str = "sms") -> None:
        """What is in doubt is looked up once."""
        with self.database.read() as session:
            [known] = [each for each in lanes.every(session) if each.name == lane]
        driver = make_driver(self.clock, owner=lane, render=self.teller.render)
        asyncio.run(doubt.settle(self.database, known, self.carrier, driver))

    def contradictions(self) -> list[Contradiction]:
        with self.database.read() as session:
            return contradictions(session, moment=timedelta(0))

    def listen(self, batch: list[Outgoing]) -> None:
        """Asked by the carrier as each call begins."""
        m, w, run, o = t.message.c, t.step_run.c, t.run.c, t.occasion.c
        with self.database.read() as session:
            rows = session.execute(
                select(m.id, w.step, w.version, o.id.label("occasion"), o.version.label("newest"))
                .join(t.step_run, w.id == m.step_run_id)
                .join(t.run, run.id == w.run_id)
                .join(t.occasion, o.id == run.occasion_id)
                .where(m.id.in_([one.id for one in batch]))
            ).all()
        found = {row.id: row for row in rows}
        self.heard += [
            Heard(
                at=self.now, to=one.to, occasion=found[one.id].occasion, step=found[one.id].step,
                version=found[one.id].version, newest=found[one.id].newest, text=one.content.text,
            )
            for one in batch
        ]  # fmt: skip

    def steps_of(self, person: str) -> list[str]:
        """What one address has heard, in order."""
        return [one.step for one in self.heard if one.to == person]

    def out_of_order(self) -> Iterator[tuple[Heard, Heard]]:
        """(newer, older) read in this order by one person of one occasion."""
        last: dict[tuple[str, int], Heard] = {}
        for one in self.heard:
            before = last.setdefault((one.to, one.occasion), one)
            if one.version < before.version:
                yield before, one
            last[one.to, one.occasion] = max(before, one, key=lambda each: each.version)


def told(database: Database, folder: Path, *, answer: Answer = lambda _one: None) -> Story:
    """A story on an empty database: six households of class C and one of A, one lane, nothing sent yet."""
    with database.write() as session:
        town.build(session)
        make.make_lane(session, pool="sms:*")
    settings = town.workspace(folder)
    without_waiting(settings)
    clock = Clock()
    carrier = Answering(answer, clock=clock)
    story = Story(
        database=database,
        engine=town.engine(database, settings),
        clock=clock,
        carrier=carrier,
        teller=Teller(database, settings),
    )
    carrier.before = story.listen
    return story


def without_waiting(settings: Settings) -> None:
    """Nothing to undo, and no breaker to wait for: what is opened may leave at once."""
    path = settings.workspace / "campaigns" / f"{CAMPAIGN}.toml"
    text = path.read_text(encoding="utf-8")
    text = text.replace('minimum_age = "5m"', 'minimum_age = "0s"')
    path.write_text(text.replace('undo_for = "30s"', 'undo_for = "0s"'), encoding="utf-8")
