"""Keeps staff ahead of broken promises: looks for alarms, and tells the duty phone of them."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import structlog

from outreach.addresses import Keyring
from outreach.campaigns import alarms
from outreach.entry import class_a
from outreach.entry.languages import N_, translations
from outreach.entry.shown import PREFIXES
from outreach.entry.wiring import Installation
from outreach.model.alarm import Alarm, AlarmKind
from outreach.model.message import Accepted
from outreach.model.words import OccasionKind
from outreach.settings import Settings
from outreach.store.alarms import Push

log = structlog.get_logger()

KINDS = {
    AlarmKind.NEWS_DUE: N_("next news due"),
    AlarmKind.ETR_EXPIRING: N_("estimate expires"),
    AlarmKind.CAUSE_CLOCK: N_("cause known, nobody told"),
    AlarmKind.EVENT_CLOCK: N_("outage known, nobody told"),
    AlarmKind.FEED_SILENT: N_("feed silent"),
    AlarmKind.FEED_HALVED: N_("feed lost half its outages"),
    AlarmKind.REGISTER: N_("register"),
    AlarmKind.PLANNED_BREACH: N_("planned work breaks a rule"),
    AlarmKind.ZONE_RULES: N_("zone rules changed"),
    AlarmKind.ALERT_ASKED: N_("alert waits for a person"),
    AlarmKind.CALLS_ADDED: N_("messages bring calls"),
    AlarmKind.ENDPOINT_GONE: N_("endpoint of webhooks gone"),
    AlarmKind.SUSPECTED: N_("outage suspected"),
    AlarmKind.PRIORITY_OPT_OUT: N_("priority customer stopped a channel"),
}
_NAMED = 2
"""Alarms that a push names; one text is one segment."""


async def mind(of: Installation) -> None:
    """Raises and clears what is due, and pushes what is open; does nothing, and writes nothing, else."""
    now = of.clocks.now()
    done = await asyncio.to_thread(alarms.tick, of.database, now=now)
    if done["raised"]:
        log.warning("alarms raised", alarms=done["raised"])
    phone = class_a.duty_phone(of)
    if phone is None:
        return
    sent = await alarms.push(
        of.database, of.keyring, phone, lambda push: words(push, of.settings), now=now
    )
    if sent is not None and not isinstance(sent, Accepted):
        log.error("the duty phone was not told of alarms", said=type(sent).__name__)


def words(push: Push, settings: Settings) -> str:
    """A text for staff in the operator's language: `Luz: 3 alarms: next news due ALM-F12 05:30; …`."""
    catalogue = translations(settings.company.operator_language)
    _, ngettext = catalogue.gettext, catalogue.ngettext
    count = len(push.alarms)
    named = [
        " ".join(filter(None, (_(KINDS[one.kind]), _name(one), _hour(one, settings))))
        for one in push.alarms[:_NAMED]
    ]
    more = " …" if count > _NAMED else ""
    said = ngettext(
        "{sender}: {count} alarm: {named}.", "{sender}: {count} alarms: {named}.", count
    ).format(sender=settings.company.sender, count=count, named="; ".join(named) + more)
    return f"{said} " + _("See: outreach alarm list")


def _name(alarm: Alarm) -> str:
    """Of a customer nothing: a text to a telephone names no person."""
    return (
        "" if alarm.subject.startswith("customer:") else alarm.detail.get("name") or alarm.subject
    )


def _hour(alarm: Alarm, settings: Settings) -> str:
    zone = ZoneInfo(alarm.detail.get("zone") or settings.company.zone)
    return f"{alarm.due_at.astimezone(zone):%H:%M}"


def subject(keyring: Keyring, alarm: Alarm) -> str:
    """`out_7kq2m4xa` of an occasion; what a feed or an event is called, else."""
    noun, _colon, rest = alarm.subject.partition(":")
    if noun == "occasion" and rest.isdigit():
        return keyring.public_id(PREFIXES[OccasionKind.OUTAGE], int(rest))
    return str(alarm.detail.get("name") or rest or alarm.subject)
