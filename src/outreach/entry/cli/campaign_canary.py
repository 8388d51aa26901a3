"""`outreach campaign go`: the canary was looked at, and everybody else leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from outreach.campaigns import canary
from outreach.campaigns.canary import Held
from outreach.entry import wiring
from outreach.entry.cli import identity, told
from outreach.entry.cli.command import Context, argument, command
from outreach.entry.cli.naming import LAST
from outreach.entry.cli.occasions_named import any_kind
from outreach.entry.languages import N_, _
from outreach.store import runs


@command(
    "go",
    N_("Let everybody else follow the canary, the share that left first."),
    example="outreach campaign go\noutreach campaign go ALM-F12",
)
@argument("which", default=LAST)
def go(context: Context, which: str) -> None:
    occasion = any_kind(context, which)
    engine = wiring.engine(context.database, context.settings, context.keyring)
    with context.database.read() as session:
        chosen = runs.of(session, occasion.id)
    gone = canary.go(engine, chosen, actor=identity.account(), now=context.now)
    record = {
        "name": occasion.name,
        "went": [
            {"campaign": each.run.campaign, "left": each.left, "waiting": each.waiting}
            for each in gone
        ],
    }
    told.answer(context, record, list(_went(context, gone)))


def _went(context: Context, gone: Sequence[Held]) -> Iterator[str]:
    count = context.out.count
    for each in gone:
        yield _("{campaign}: {waiting} leave now; {left} left as a canary").format(
            campaign=each.run.campaign, waiting=count(each.waiting), left=count(each.left)
        )
    if not gone:
        yield _("no canary waits for a word; nothing changed")


def waits(context: Context, held: Held) -> str:
    """`canary: 180 of 18,000 left; look, then outreach campaign go`."""
    count = context.out.count
    return _("canary: {left} of {all} left; look, then `outreach campaign go`").format(
        left=count(held.left), all=count(held.left + held.waiting)
    )
