"""What happens in the demo, and when: a planned work, two trips of a storm, estimates, restorations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from outreach import settings as configuration
from outreach.addresses import read_keyring
from outreach.campaigns import pins
from outreach.campaigns.engine import Applied
from outreach.entry.demo import utility
from outreach.entry.demo.asking import Asked, ask
from outreach.entry.demo.callers import Callers, Dark
from outreach.entry.demo.clock import LeapingLoop
from outreach.entry.demo.living import Living
from outreach.entry.demo.utility import Utility
from outreach.entry.wiring import Clocks, Installation
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind
from outreach.outages import revise, revise_planned
from outreach.outages.revise import Change, Origin
from outreach.record.mapping import read_mapping
from outreach.record.report import ImportReport
from outreach.record.sync import sync_record
from outreach.store import occasions, runs
from outreach.store.session import Database

ZONE = ZoneInfo("America/Santiago")
FEEDER, BACK_FIRST, STILL_OUT = "ALB-F12", "ALB-F12-S2", "ALB-F12-S3"
SECOND, WORKS = "DUN-F21", "DUN-F22-S2"
UNKNOWN_NUMBER = "+56 32 255 0142"
AUTHOR, APPROVER = "marta", "ignacio"
Progress = Callable[[datetime, str, dict[str, object]], None]
"""Hears what happens: when, a key of the lines that are told, and what fills it."""


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of July 2026 by the company's wall clock."""
    return datetime(2026, 7, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@dataclass(slots=True, kw_only=True)
class Lived:
    """What is left of the days: the installation, and what was seen on the way."""

    installation: Installation
    living: Living
    report: ImportReport
    ended_at: datetime
    outages: list[OccasionId] = field(default_factory=list)
    work: OccasionId
    asked: tuple[Asked, ...] = ()


def lived(folder: Path, company: Utility, progress: Progress) -> Lived:
    """Lives through the days in the workspace `folder`; ends with every lane idle and everything closed."""
    loop = LeapingLoop(at(13, 9))
    try:
        return loop.run_until_complete(_story(loop, folder, company, progress))
    finally:
        loop.close()


def installed(folder: Path, loop: LeapingLoop) -> Installation:
    """The workspace at work, its clocks simulated and its randomness seeded."""
    settings = configuration.load(folder)
    made = Installation(
        settings=settings,
        database=Database(settings.database, durable=False),
        keyring=read_keyring(settings.keys),
        clocks=Clocks(now=loop.now, monotonic=loop.time, sleep=asyncio.sleep),
        owner="demo",
    )
    drawn = Random(utility.SEED)  # noqa: S311  the same night in every demo
    made.engine = replace(made.engine, random_bytes=drawn.randbytes)
    return made


async def _story(loop: LeapingLoop, folder: Path, company: Utility, progress: Progress) -> Lived:
    installation = installed(folder, loop)
    callers = Callers(company=company, random=Random(company.seed))  # noqa: S311  invented callers
    living = Living(loop, installation, callers)
    teller = _Teller(living, progress)
    try:
        report = teller.import_record(folder)
        teller.arm()
        lived = Lived(
            installation=installation,
            living=living,
            report=report,
            work=teller.announce(),
            ended_at=loop.now(),
        )
        await teller.notice(at(14, 9))
        await teller.night(lived)
        await teller.notice(at(16, 9))
        await teller.works(lived.work)
        lived.ended_at = loop.now()
        return lived
    finally:
        await installation.close()


class _Teller:
    """Gives the commands of the story, as people at their terminals would."""

    def __init__(self, living: Living, progress: Progress) -> None:
        self._living = living
        self._of = living.installation
        self._tell = progress

    def import_record(self, folder: Path) -> ImportReport:
        report = sync_record(
            self._of.database,
            self._of.keyring,
            read_mapping(folder / "record.toml"),
            now=self._now,
        )
        self._say(
            "imported",
            customers=report.people.customers,
            reach=report.reach,
            rejected=report.refused_count,
        )
        return report

    def arm(self) -> None:
        """Author and approver are two people."""
        for name in ("planned-outage", "unplanned-outage"):
            pinned = pins.read(self._of.settings, name)
            with self._of.database.write() as session:
                runs.pin(session, pinned.digest, pinned.body, now=self._now)
                armed = runs.Armed(
                    campaign=name, pinned=pinned.digest, author=AUTHOR, approver=APPROVER,
                    at=self._now, until=None,
                )  # fmt: skip
                runs.arm(session, armed)
        self._say("armed", author=AUTHOR, approver=APPROVER)

    def announce(self) -> OccasionId:
        revision = revise_planned.planned(
            Scope(nodes=(WORKS,)),
            start_at=at(17, 9),
            end_at=at(17, 12),
            change=Change(cause="cambio de postes"),
            now=self._now,
            origin=_BY,
        )
        applied = self._open(OccasionKind.PLANNED, "PT-2026-031", revision)
        self._say("planned", name="PT-2026-031", customers=applied.counts.customers)
        return applied.occasion.id

    async def notice(self, due_at: datetime) -> None:
        """The clock fires what is due then, and the lanes send it."""
        self._living.loop.leap(due_at - timedelta(minutes=1))
        before = self._messages()
        await self._living.through(due_at + timedelta(minutes=8))
        self._say("notice", messages=self._messages() - before)

    async def night(self, lived: Lived) -> None:
        """Two feeders trip; a late estimate, a partial restoration, and the morning's notices."""
        living = self._living
        living.loop.leap(at(16, 2, 40))
        await living.through(at(16, 2, 43))
        first = self._trip(FEEDER, lived)
        living.dark += [
            Dark(node=BACK_FIRST, since=at(16, 2, 42), until=at(16, 5, 20)),
            Dark(node="ALB-F12-S1", since=at(16, 2, 42), until=at(16, 5, 50)),
            Dark(node=STILL_OUT, since=at(16, 2, 42), until=at(16, 5, 50)),
            Dark(node=SECOND, since=at(16, 2, 58), until=at(16, 4, 10)),
        ]
        await living.through(at(16, 2, 58))
        second = self._trip(SECOND, lived)
        await living.through(at(16, 3, 10))
        self._estimate(first, at(16, 5, 30))
        await living.through(at(16, 4, 10))
        self._restore(second, how="switching")
        await living.through(at(16, 4, 55))
        self._estimate(first, at(16, 6, 15))
        await living.through(at(16, 4, 57))
        # While people still hear of 06:15: a third exact time would promise too much.
        self._estimate(first, at(16, 6, 45), since=at(16, 6, 15))
        await living.through(at(16, 5, 20))
        self._restore(first, part=Scope(nodes=(BACK_FIRST,)), how="switching")
        await living.through(at(16, 5, 30))
        lived.asked = await ask(self._of, _callers_of(living.callers.company), now=self._now)
        await living.through(at(16, 5, 50))
        self._restore(first, how="meters")
        await living.through(at(16, 6, 2))
        living.dark.clear()
        living.loop.leap(at(16, 6, 59))
        await living.through(at(16, 7, 9))

    async def works(self, work: OccasionId) -> None:
        """The planned work begins at its time and ends early."""
        self._living.loop.leap(at(17, 8, 59))
        await self._living.through(at(17, 9, 2))
        self._living.loop.leap(at(17, 11, 40))
        self._restore(work, how="crew")
        await self._living.through(at(17, 11, 50))

    @property
    def _now(self) -> datetime:
        return self._living.now

    def _trip(self, node: str, lived: Lived) -> OccasionId:
        revision = revise.opened(
            Scope(nodes=(node,)), start_at=self._now, change=Change(), now=self._now, origin=_BY
        )
        applied = self._open(OccasionKind.OUTAGE, node, revision)
        lived.outages.append(applied.occasion.id)
        self._say(
            "opened",
            name=node,
            premises=applied.counts.premises,
            priority=applied.counts.priority_customers,
            places=", ".join(applied.counts.localities),
        )
        return applied.occasion.id

    def _estimate(
        self, occasion: OccasionId, etr: datetime, *, since: datetime | None = None
    ) -> None:
        current = self._current(occasion)
        change = Change(etr_at=etr, etr_from=since)
        applied = self._revise(
            current, revise.updated(current.revision, change, now=self._now, origin=_BY)
        )
        key = "etr" if current.revision.public_etr is None else "etr_later"
        key = "etr_window" if since else key
        self._say(key, name=current.name, etr=etr, since=since, superseded=applied.superseded)

    def _restore(self, occasion: OccasionId, *, how: str, part: Scope | None = None) -> None:
        current = self._current(occasion)
        restored = revise.restored(
            current.revision, part=part, known_how=how, now=self._now, origin=_BY
        )
        applied = self._revise(current, restored)
        self._say(
            "partial" if part else "restored",
            name=part.nodes[0] if part else current.name,
            remain=applied.counts.premises,
            superseded=applied.superseded,
        )

    def _open(self, kind: OccasionKind, name: str, revision: Revision) -> Applied:
        new = NewOccasion(
            kind=kind,
            service=self._of.settings.company.service,
            name=name,
            zone=ZONE.key,
            source_ref=name if kind is OccasionKind.PLANNED else None,
        )
        return self._living.changed(self._of.engine.open(new, revision, now=self._now))

    def _revise(self, current: Occasion, revision: Revision | None) -> Applied:
        if revision is None:
            raise AssertionError(f"{current.name}: the story repeats itself")
        return self._living.changed(self._of.engine.revise(current.id, revision, now=self._now))

    def _current(self, occasion: OccasionId) -> Occasion:
        with self._of.database.read() as session:
            return occasions.get(session, occasion)

    def _messages(self) -> int:
        with self._of.database.read() as session:
            return sum(
                wave.frozen for run in runs.every(session) for wave in runs.waves(session, run.id)
            )

    def _say(self, key: str, **facts: object) -> None:
        self._tell(self._now, key, facts)


_BY = Origin(author=AUTHOR)


def _callers_of(company: Utility) -> dict[str, str]:
    """Who asks at the IVR: one who still waits, one who has light again, and a stranger."""
    return {
        "out": utility.some_mobile(company, STILL_OUT),
        "restored": utility.some_mobile(company, BACK_FIRST, language="PT"),
        "unknown": UNKNOWN_NUMBER,
    }
