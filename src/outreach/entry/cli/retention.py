"""`outreach retention`: how long personal data is kept, and letting go of what is older."""

from __future__ import annotations

import time

from outreach.campaigns import retention
from outreach.campaigns.retention import Terms
from outreach.entry.cli.command import Context, Group, command
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _

group = Group("retention")

_NAMES = {
    "messages": N_("messages: who was told what"),
    "receipts": N_("what carriers posted, word for word"),
    "attempts": N_("tries that were delayed or in doubt"),
    "replies": N_("what people wrote to us"),
    "calls": N_("which number called"),
    "reports": N_("reports of people who are out"),
    "exports": N_("files in exports/ and rejected/"),
}
_COLUMNS = {"what": N_("what"), "kept": N_("kept"), "waiting": N_("older than that")}


@command(
    "show",
    N_("Show how long each class is kept, and how much is older and will go."),
    within=group,
    example="outreach retention show",
)
def show(context: Context) -> None:
    found = retention.show(context.database, context.settings, now=context.now)
    rows = [
        {
            "class": one.name,
            "what": _(_NAMES[one.name]),
            "days": one.days,
            "kept": _("{days} days").format(days=one.days) if one.days else _("for ever"),
            "waiting": one.waiting,
        }
        for one in found
    ]
    context.out.rows(rows, headings=_COLUMNS)
    context.say(_("audit, evidence, consent and opt-outs are kept; set the rest in [retention]"))


@command(
    "run",
    N_("Let go of what is older than it may be kept; the clock does it each night."),
    within=group,
    example="outreach retention run --dry-run\noutreach retention run",
    sends=True,
)
def run(context: Context) -> None:
    if context.dry_run:
        found = retention.show(context.database, context.settings, now=context.now)
        _told(context, {one.name: one.waiting for one in found})
        return
    terms = Terms(
        database=context.database,
        settings=context.settings,
        keyring=context.keyring,
        now=context.now,
        pause=time.sleep,
    )
    _told(context, retention.run(terms, by=operator()))


def _told(context: Context, done: dict[str, int]) -> None:
    rows = [{"class": name, "what": _(_NAMES[name]), "rows": rows} for name, rows in done.items()]
    gone = N_("would go") if context.dry_run else N_("gone")
    context.out.rows(rows, headings={"what": N_("what"), "rows": gone})
