"""Ticks in one process only: due instants every second, directives every minute."""

from __future__ import annotations

from datetime import UTC, timedelta

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from outreach.campaigns import due, routing
from outreach.entry.wiring import Installation
from outreach.model.errors import OutreachError
from outreach.store import leases
from outreach.store.leases import LEADER

log = structlog.get_logger()

LEASE = timedelta(seconds=10)


def started(installation: Installation) -> BackgroundScheduler:
    """A running scheduler. Its defaults drop a job that is a second late and use the host's zone."""
    scheduler = BackgroundScheduler(
        timezone=UTC,
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    scheduler.add_job(fire, "interval", seconds=1, args=[installation])
    scheduler.add_job(direct, "interval", minutes=1, args=[installation])
    scheduler.start()
    return scheduler


def leads(installation: Installation) -> bool:
    """Whether this process leads the clock now."""
    now = installation.clocks.now()
    with installation.database.write() as session:
        return leases.take(session, LEADER, installation.owner, now=now, lease=LEASE) is not None


def fire(installation: Installation) -> None:
    """Fires what is due, if we lead; trouble is logged, and the next second tries again."""
    try:
        if leads(installation):
            fired = due.tick(installation.engine, now=installation.clocks.now())
            for outcome, count in fired.items():
                log.info("due instants", outcome=outcome, count=count)
    except OutreachError as error:
        log.warning("the clock met trouble", why=str(error))


def direct(installation: Installation) -> None:
    """Evaluates the directives for the contact center, if we lead."""
    try:
        if leads(installation):
            routing.minute(
                installation.database,
                installation.settings,
                installation.keyring,
                shown=installation.shown_id,
                now=installation.clocks.now(),
            )
    except OutreachError as error:
        log.warning("directives not evaluated", why=str(error))
