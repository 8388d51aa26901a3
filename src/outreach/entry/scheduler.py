"""The clock: one process of all leads it, fires what is due, and asks for the jobs that the rows want."""

from __future__ import annotations

from datetime import UTC, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from outreach import clock
from outreach.audience import zone_rules
from outreach.campaigns import due, rezoning
from outreach.entry import minute
from outreach.entry.jobs import Ticker
from outreach.entry.lead import BEAT, Beat, Lead, Steady
from outreach.entry.minute import Minute
from outreach.entry.presence import Presence
from outreach.entry.wiring import Installation
from outreach.model.errors import OutreachError
from outreach.store import leases
from outreach.store.leases import LEADER, Fence

log = structlog.get_logger()

FIRST_S = 2
"""After a start until the first minute's work: what the platforms show may be about to run out."""
DELIVER_S = 5
"""How often waiting webhooks are looked for: their first further try comes after five seconds."""


class Clock:
    """Ticks of one process. They count only while it leads."""

    def __init__(
        self, installation: Installation, *, alone: bool = False, beat: Beat = BEAT
    ) -> None:
        """`alone`: no worker of this process shows that it lives, so the clock does."""
        self._of = installation
        self._alone = alone
        self._presence = Presence(installation, kind="scheduler")
        self._ticker = Ticker(installation)
        self._lead = Lead(installation, seat=self._presence.seat, beat=beat)
        self._steady = Steady(installation.clocks)
        self._minute = Minute(
            of=installation, leads=lambda: leads(installation, self._lead) is not None
        )
        self.ticks = self._ticks(beat)

    def start(self) -> None:
        self.ticks.start()

    def stop(self) -> None:
        """Gives the lead back, so that another takes over at once."""
        if self.ticks.running:
            self.ticks.shutdown(wait=True)
        self._minute.close()
        try:
            with self._of.database.write() as session:
                leases.release(session, LEADER, self._of.owner, now=self._of.clocks.now())
            if self._alone:
                self._presence.end()
        except OutreachError as error:
            log.warning("the clock met trouble", why=str(error))
        finally:
            self._presence.seat.close()

    def lead(self) -> None:
        """Keeps or takes the lead; the leader asks for jobs where a queue is shared."""
        try:
            if self._alone:
                self._presence.sign()
            if leads(self._of, self._lead) and self._of.jobs.is_shared:
                self._ticker.tick()
        except OutreachError as error:
            log.warning("the clock met trouble", why=str(error))

    def fire(self) -> None:
        """Fires what is due, unless the wall clock has just leapt by a day."""
        if self._steady.leaps():
            log.error("the wall clock leapt, nothing is fired for 5 min; set it right")
            return
        fire(self._of, self._lead)

    def _ticks(self, beat: Beat) -> BackgroundScheduler:
        """APScheduler's defaults drop a job that is a second late and use the host's zone."""
        scheduler = BackgroundScheduler(
            timezone=UTC,
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        given = [self._of, self._lead]
        scheduler.add_job(self.lead, "interval", seconds=beat.tick_s)
        scheduler.add_job(self.fire, "interval", seconds=beat.tick_s)
        soon = clock.now() + timedelta(seconds=FIRST_S)
        scheduler.add_job(attend, "interval", minutes=1, args=[self._minute], next_run_time=soon)
        scheduler.add_job(deliver, "interval", seconds=DELIVER_S, args=given)
        scheduler.add_job(rezone, "interval", minutes=1, args=given)
        return scheduler


def leads(installation: Installation, lead: Lead | None = None) -> Fence | None:
    """What the writes of this process stand on if it leads the clock now; None while another does."""
    return (lead or Lead(installation)).fence()


def fire(installation: Installation, lead: Lead | None = None) -> None:
    """Fires what is due, if we lead; trouble is logged, and the next tick tries again."""
    try:
        fence = leads(installation, lead)
        if fence is None:
            return
        fired = due.tick(installation.engine, now=installation.clocks.now(), fence=fence, say=_say)
        for outcome, count in fired.items():
            log.info("due instants", outcome=outcome, count=count)
    except OutreachError as error:
        log.warning("the clock met trouble", why=str(error))


def attend(each: Minute) -> None:
    """Does the minute's work for the contact center, if we lead."""
    try:
        each.turn()
    except OutreachError as error:
        log.warning("the minute met trouble", why=str(error))


def deliver(installation: Installation, lead: Lead | None = None) -> None:
    """Posts the webhooks that wait, if we lead."""
    try:
        if leads(installation, lead):
            minute.deliver(installation)
    except OutreachError as error:
        log.warning("webhooks not delivered", why=str(error))


def rezone(installation: Installation, lead: Lead | None = None) -> None:
    """Reads the newest zone rules there are, and moves what newer ones than last time move, if we lead."""
    release = zone_rules.use_newest()
    try:
        fence = leads(installation, lead)
        if fence is None:
            return
        now = installation.clocks.now()
        done = rezoning.renew(installation.engine, release, now=now, fence=fence)
        if done is not None:
            log.warning(
                "zone rules", release=release.name, read_from=release.where, before=done.before,
                older=done.is_older, works_moved=len(done.moved),
            )  # fmt: skip
    except leases.Fenced:
        log.warning("another process leads the clock now")
    except OutreachError as error:
        log.warning("zone rules not applied", why=str(error))


def _say(why: str) -> None:
    log.warning("an instant waits", why=why)
