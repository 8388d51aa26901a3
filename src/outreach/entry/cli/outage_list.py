"""`outreach outage list` and `show`: what is open, most overdue first, and all that is known of one."""

from __future__ import annotations

from outreach.entry.cli import looked_at
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, found
from outreach.entry.cli.outage_suspected import MEANINGS, REPORTS_HEADINGS
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.words import OccasionKind
from outreach.store import reports


@command(
    "list",
    N_("List the open outages, the one whose news is most overdue first."),
    example="outreach outage list --format csv",
)
@option("--all", "every", is_flag=True, help=N_("The closed ones too, newest first."))
def listed(context: Context, *, every: bool) -> None:
    looked_at.listed(context, OccasionKind.OUTAGE, every=every, empty=_("no outage is open"))


@command(
    "show",
    N_("Show an outage: its versions, promises, what the clock owes, who was told."),
    example="outreach outage show last",
)
@argument("which", default=LAST)
def shown(context: Context, which: str) -> None:
    occasion = found(context, which, OccasionKind.OUTAGE, *OccasionKind)
    with context.database.read() as session:
        tallies = reports.tallies(session, int(occasion.id))
    said = [
        {
            "meaning": _(MEANINGS[one.meaning]) if _is_table(context) else one.meaning,
            "premises": one.premises, "reports": one.reports, "last_at": one.last_at,
        }
        for one in tallies
    ]  # fmt: skip
    more = {"reports": (said, REPORTS_HEADINGS)} if said else {}
    looked_at.shown(context, occasion, more=more)


def _is_table(context: Context) -> bool:
    return context.format is Format.TABLE
