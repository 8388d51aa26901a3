"""Looks into the mailbox of the settings, and acts upon what came: each e-mail once, whatever happens between."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from outreach.addresses import normalise_email
from outreach.campaigns import replying
from outreach.campaigns.replying import Desk
from outreach.channels import imap_mailbox, mailbox
from outreach.entry import wiring
from outreach.entry.wiring import Installation
from outreach.model.errors import InputRefused
from outreach.settings_replies import Imap
from outreach.store import known
from outreach.store.session import Database

log = structlog.get_logger()

PROVIDER = "imap"


def look(of: Installation) -> int:
    """Reads what is new, if it is time and a mailbox is set; how many were acted upon."""
    imap, now = of.settings.imap, of.clocks.now()
    if not imap.host or not _is_time(of.database, imap, now):
        return 0
    return take_new(wiring.desk(of), imap, now=now)


def take_new(desk: Desk, imap: Imap, *, now: datetime) -> int:
    """How many e-mails were acted upon; trouble of the mailbox is logged, and waits for the next look."""
    engine, taken = desk.engine, 0
    _keep(engine.database, _looked(imap), "", now)
    with engine.database.read() as session:
        before = known.of(session, _name(imap))
    since = imap_mailbox.mark(before.value if before else "")
    only = engine.settings.delivery.only_loopback
    try:
        for mark, raw in imap_mailbox.new_mails(imap, since, only_loopback=only):
            taken += _take(desk, imap, raw, now)
            _keep(engine.database, _name(imap), str(mark), now)
    except InputRefused as error:
        log.warning("mailbox not read", why=str(error))
    return taken


def _take(desk: Desk, imap: Imap, raw: bytes, now: datetime) -> int:
    own = imap.authserv_id
    try:
        reply = mailbox.reply(
            raw, provider=PROVIDER, normalise=normalise_email, authserv_id=own, now=now
        )
    except InputRefused as error:
        log.warning("e-mail not read", why=str(error))
        return 0
    replying.take(desk, reply, now=now)
    return 1


def _is_time(database: Database, imap: Imap, now: datetime) -> bool:
    with database.read() as session:
        last = known.of(session, _looked(imap))
    return last is None or now - last.at >= timedelta(seconds=imap.every_s)


def _keep(database: Database, name: str, value: str, now: datetime) -> None:
    with database.write() as session:
        known.keep(session, name, value, now=now)


def _name(imap: Imap) -> str:
    return f"imap:{imap.host}:{imap.folder}"


def _looked(imap: Imap) -> str:
    return f"imap_looked:{imap.host}:{imap.folder}"
