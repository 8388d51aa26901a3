"""`outreach alarm`: what is about to be too late, and who took it off the list."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from outreach.campaigns import alarms
from outreach.campaigns.alarms import PREFIX
from outreach.entry.alarming import KINDS, subject
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.event_status import hour
from outreach.entry.cli.naming import LAST, operator
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.alarm import Alarm
from outreach.model.errors import InputRefused
from outreach.store import alarms as store, people

group = Group("alarm")


@command(
    "list",
    N_("List the open alarms, the most urgent first."),
    within=group,
    example="outreach alarm list\noutreach alarm list --all",
)
@option("--all", "cleared", is_flag=True, help=N_("The cleared ones too."))
def listed(context: Context, *, cleared: bool) -> None:
    with context.database.read() as session:
        found = store.every(session) if cleared else store.open_ones(session)
    context.out.rows(
        [_row(context, alarm) for alarm in found],
        headings=_COLUMNS | (_CLEARED if cleared else {}),
        empty=_("no alarm is open"),
    )
    if any(alarm.cleared_at is None for alarm in found):
        context.say(_("act on them, and they clear themselves; or `outreach alarm clear ID`"))


_COLUMNS = {
    "id": N_("id"),
    "kind": N_("alarm"),
    "subject": N_("about"),
    "due_at": N_("due"),
    "overdue": N_("overdue"),
    "told_at": N_("duty phone"),
}
_CLEARED = {"cleared_by": N_("cleared by")}


def _about(context: Context, alarm: Alarm) -> str:
    noun, _colon, number = alarm.subject.partition(":")
    if noun != "customer":
        return subject(context.keyring, alarm)
    with context.database.read() as session:
        return people.ref_of(session, int(number))


def _row(context: Context, alarm: Alarm) -> dict[str, object]:
    facts: dict[str, object] = {
        "id": context.keyring.public_id(PREFIX, alarm.id),
        "kind": alarm.kind.value,
        "subject": _about(context, alarm),
        "due_at": alarm.due_at,
        "raised_at": alarm.raised_at,
        "told_at": alarm.told_at,
        "cleared_at": alarm.cleared_at,
        "cleared_by": alarm.cleared_by,
        "overdue": context.now - alarm.due_at if context.now > alarm.due_at else None,
        "detail": alarm.detail,
    }
    if context.format is not Format.TABLE:
        return facts
    zone = ZoneInfo(alarm.detail.get("zone") or context.zone.key)
    return facts | {
        "kind": _(KINDS[alarm.kind]),
        "subject": alarm.detail.get("name") or facts["subject"],
        "due_at": hour(alarm.due_at, now=context.now, zone=zone),
        "told_at": hour(alarm.told_at, now=context.now, zone=zone),
    }


@command(
    "clear",
    N_("Take an alarm off the list; the audit keeps that you did."),
    within=group,
    example="outreach alarm clear alm_7kq2m4xa",
)
@argument("which")
def clear(context: Context, which: str) -> None:
    number = _numbered(context, which)
    alarm = alarms.clear(context.database, context.keyring, number, who=operator(), now=context.now)
    row = _row(context, alarm)
    if context.format is not Format.TABLE:
        context.out.record(row | {"cleared_at": context.now, "cleared_by": operator()})
        return
    context.out.text(_("{alarm}: cleared").format(alarm=f"{row['kind']} · {row['subject']}"))


def _numbered(context: Context, which: str) -> int:
    """An alarm by its id, or `last`: the most urgent open one."""
    text = which.strip().casefold()
    if text == LAST:
        with context.database.read() as session:
            known = store.open_ones(session)
        if not known:
            raise InputRefused(_("no alarm is open"))
        return known[0].id
    number = context.keyring.read_public_id(PREFIX, text)
    if number is None:
        raise InputRefused(
            _("{which!r}: no id of an alarm; `outreach alarm list` shows them").format(which=which)
        )
    return number
