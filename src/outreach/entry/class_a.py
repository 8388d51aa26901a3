"""Keeps class A in people's hands: opens tasks that are due, and tells the duty phone of them."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import structlog

from outreach.campaigns import ladder, tasks
from outreach.campaigns.tasks import DutyPhone
from outreach.entry.languages import translations
from outreach.entry.wiring import Installation, number_reader
from outreach.model.message import Accepted
from outreach.model.words import Channel
from outreach.settings import Lane, Settings
from outreach.store.tasks import Push

log = structlog.get_logger()

_NAMED = 2
"""Occasions that a push names; one text is one segment."""


async def mind(of: Installation) -> None:
    """Opens what is due and pushes what nobody has taken; does nothing, and writes nothing, else."""
    now = of.clocks.now()
    opened = await asyncio.to_thread(tasks.raise_due, of.database, now=now)
    if opened:
        log.warning("priority customers wait for a person", tasks=opened)
    phone = duty_phone(of)
    if phone is None:
        return
    sent = await tasks.push(of.database, of.keyring, phone, now=now)
    if sent is not None and not isinstance(sent, Accepted):
        log.error("the duty phone was not told", said=type(sent).__name__)


async def climb(of: Installation) -> None:
    """Tries the next channel of whom nothing reached in time."""
    added = await asyncio.to_thread(ladder.climb, of.database, of.settings, now=of.clocks.now())
    if added:
        log.info("ladder climbed", messages=added)


def duty_phone(of: Installation) -> DutyPhone | None:
    """The phone of the settings by the first lane for SMS; None: no phone, no such lane, or no number."""
    lane, number = sms_lane(of.settings), duty_number(of.settings)
    if lane is None or number is None:
        return None
    return DutyPhone(
        number=number,
        sender=lane.sender,
        channel=of.channel(lane),
        words=lambda push: words(push, of.settings),
        deadline_s=of.settings.delivery.provider_deadline_s,
    )


def sms_lane(settings: Settings) -> Lane | None:
    return next((lane for lane in settings.lanes if lane.channel is Channel.SMS), None)


def duty_number(settings: Settings) -> str | None:
    """E.164, or None if none was given or it is none."""
    given = settings.contactcenter.duty_phone
    return number_reader(settings)(given) if given else None


def words(push: Push, settings: Settings) -> str:
    """A text for staff in the operator's language; it names places, never a person or a condition."""
    catalogue = translations(settings.company.operator_language)
    _, ngettext = catalogue.gettext, catalogue.ngettext
    since = push.oldest_at.astimezone(ZoneInfo(push.zone))
    places = ", ".join(push.occasions[:_NAMED]) + (" …" if len(push.occasions) > _NAMED else "")
    said = ngettext(
        "{sender}: {count} priority task in {places} since {time}.",
        "{sender}: {count} priority tasks in {places} since {time}.",
        push.tasks,
    ).format(sender=settings.company.sender, count=push.tasks, places=places, time=f"{since:%H:%M}")
    helps = ngettext("{count} asks for help.", "{count} ask for help.", push.needs_help).format(
        count=push.needs_help
    )
    parts = [said, helps] if push.needs_help else [said]
    return " ".join([*parts, _("Take them: outreach task take")])
