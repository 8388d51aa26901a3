"""`outreach audit`: who did what, and whether the chain of it still holds."""

from __future__ import annotations

import click

from outreach.entry.cli import told
from outreach.entry.cli.command import Context, Group, command, option
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import GuardRefused
from outreach.store import audit
from outreach.store.audit import Broken, Entry, Verified

group = Group("audit")


@command(
    "list",
    N_("List who did what, newest first."),
    within=group,
    example="outreach audit list --action campaign. --limit 20",
)
@option("--actor", default="", help=N_("Only of this person, or of `clock`."))
@option("--action", default="", help=N_("Only this action, or what begins so: campaign."))
@option("--subject", default="", help=N_("Only about this: occasion:12, run:3."))
@option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    show_default=True,
    help=N_("How many at most, newest first."),
)
def listed(context: Context, *, actor: str, action: str, subject: str, limit: int) -> None:
    with context.database.read() as session:
        found = audit.newest(session, limit, actor=actor, action=action, subject=subject)
    context.out.rows(
        (_row(context, each) for each in found),
        headings={
            "id": N_("link"),
            "at": N_("when"),
            "actor": N_("who"),
            "action": N_("did"),
            "subject": N_("to"),
            "detail": N_("with"),
        },
    )


def _row(context: Context, entry: Entry) -> dict[str, object]:
    detail = entry.detail
    if context.format is Format.TABLE:  # ids of waves and hashes say nothing to people
        detail = {key: value for key, value in detail.items() if value and key not in _FOR_MACHINES}
    return {
        "id": entry.id,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": detail,
    }


_FOR_MACHINES = {"waves", "pinned"}


@command(
    "verify",
    N_("Read the whole chain; exit 3 if a row was changed, put in, taken out or cut off."),
    within=group,
    example="outreach audit verify\noutreach audit verify --head 5f1c…",
)
@option(
    "--head",
    default="",
    help=N_("A head printed before and kept off this host: proves what led to it."),
)
def verified(context: Context, *, head: str) -> None:
    with context.database.read() as session:
        found = audit.verify(session, head=head.strip().casefold())
    if found.broken is not None:
        raise GuardRefused(_trouble(found))
    record = {"links": found.links, "head": found.head, "holds": True}
    lines = [
        _("{count} links, and all hold").format(count=context.out.count(found.links)),
        _("head {digest}").format(digest=found.head or "-"),
        _("keep the head off this host; later: outreach audit verify --head {digest}").format(
            digest=found.head[:12] + "…" if found.head else "-"
        ),
    ]
    told.answer(context, record, lines)


def _trouble(found: Verified) -> str:
    match found.broken:
        case Broken.LINK:
            form = _(
                "link {number} of the audit chain was changed, or one before it taken out; keep the file and ask who could write it"
            )
            return form.format(number=found.at_id)
        case Broken.TAIL:
            return _(
                "the newest links of the audit chain are gone; keep the file and ask who could write it"
            )
        case Broken.HEAD:
            return _("that head is not in the audit chain: it was cut, or written anew")
        case Broken.UNKEPT | None:
            return _(
                "no head is kept beside the audit chain, so its end cannot be proved; it is from the next entry on"
            )
