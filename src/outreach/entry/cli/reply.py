"""`outreach reply`: what people wrote back, what it was read as and what became of it; and e-mails from a mailbox file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from outreach.addresses import normalise_email
from outreach.campaigns import replying
from outreach.campaigns.reply_status import Phrasing
from outreach.campaigns.replying import Desk
from outreach.channels import mailbox
from outreach.entry import wiring
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.occasions_named import any_kind
from outreach.entry.cli.output import Format
from outreach.entry.cli.replied import COLUMNS, PREFIX, lines, row, text_of
from outreach.entry.http.live import Loader
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import DoneInPart, InputRefused
from outreach.model.reply import Meaning
from outreach.store import replies as store
from outreach.store.replies import Reply, Wanted

group = Group("reply")

CHANNELS = ("sms", "whatsapp", "email")


@command(
    "list",
    N_("List the newest replies with what they were read as; numbers are masked, texts left out."),
    within=group,
    example="outreach reply list\noutreach reply list --meaning unsure --limit 20",
)
@option("--which", help=N_("Only of this occasion: last, a name or an id."))
@option(
    "--meaning",
    type=click.Choice([str(each) for each in Meaning]),
    help=N_("Only those read as this."),
)
@option("--channel", type=click.Choice(CHANNELS), help=N_("Only on this channel."))
@option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help=N_("How many at most, newest first."),
)
def listed(
    context: Context, *, which: str | None, meaning: str | None, channel: str | None, limit: int
) -> None:
    occasion = any_kind(context, which).id if which else None
    wanted = Wanted(meaning=meaning, channel=channel, occasion=occasion, limit=limit)
    with context.database.read() as session:
        found = store.newest(session, wanted)
    context.out.rows(
        (row(context, one) for one in found), headings=COLUMNS, empty=_("nobody has written yet")
    )


@command(
    "show",
    N_("Show one reply with its words, the message it answers and what became of it."),
    within=group,
    example="outreach reply show rep_7kq2m4xa",
)
@argument("which")
def show(context: Context, which: str) -> None:
    one = _named(context, which)
    facts = row(context, one) | {"text": text_of(context, one.body_sealed)}
    if context.format is not Format.TABLE:
        context.out.record(facts, headings=COLUMNS)
        return
    for line in lines(context, one):
        context.out.text(line)
    if one.case_id and one.case_closed_at is None:
        context.out.text(_("then: outreach case close {id} --outcome …").format(id=facts["case"]))


def _named(context: Context, which: str) -> Reply:
    number = context.keyring.read_public_id(PREFIX, which.strip().casefold())
    with context.database.read() as session:
        found = store.get(session, number) if number is not None else None
    if found is None:
        raise InputRefused(
            _("{which}: not a reply; `outreach reply list` shows their ids").format(which=which)
        )
    return found


@command(
    "import",
    N_(
        "Read replies and bounces from an mbox file, a Maildir folder or an .eml; again: nothing more."
    ),
    within=group,
    example="outreach reply import /var/mail/avisos\noutreach reply import bounce.eml",
)
@argument("path", type=click.Path(path_type=Path))
def imported(context: Context, path: Path) -> None:
    at = desk(context)
    counts: Counter[str] = Counter()
    for number, raw in enumerate(mailbox.mails(path), 1):
        counts[_taken(context, at, raw)] += 1
        context.progress(number)
    rows = [
        {"outcome": _(name) if name == _UNREAD else name, "count": counts[name]}
        for name in sorted(counts)
    ]
    context.out.rows(
        rows, headings={"outcome": N_("what became of it"), "count": N_("how many")},
        empty=_("no e-mail in it"),
    )  # fmt: skip
    if counts[_UNREAD]:
        said = _("{count} e-mails could not be read and were left; look at them by hand")
        raise DoneInPart(said.format(count=counts[_UNREAD]))


_UNREAD = N_("not readable")


def _taken(context: Context, at: Desk, raw: bytes) -> str:
    own = context.settings.imap.authserv_id
    try:
        reply = mailbox.reply(
            raw, provider="mailbox", normalise=normalise_email, authserv_id=own, now=context.now
        )
    except InputRefused:
        return _UNREAD
    return replying.take(at, reply, now=context.now).outcome


def desk(context: Context) -> Desk:
    """What acts upon replies."""
    engine = wiring.engine(context.database, context.settings, context.keyring)
    load = Loader(
        context.database,
        shown=lambda occasion: shown_id(context.keyring, occasion),
        now=lambda: context.now,
    )
    return Desk(engine=engine, phrasing=Phrasing(settings=context.settings, load_live=load))
