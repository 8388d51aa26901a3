"""`outreach outage cap`: an occasion as a CAP 1.2 alert, for authorities and aggregators."""

from __future__ import annotations

import click

from outreach.campaigns.cap_publishing import Publisher
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, found
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.messages.languages import LANGUAGES
from outreach.model.errors import GuardRefused
from outreach.model.words import OccasionKind


@command(
    "cap",
    N_("Write an outage, a planned work or an advisory as a CAP 1.2 alert."),
    example="outreach outage cap last > corte.cap\noutreach outage cap last --language es",
    answers=False,
)
@argument("which", default=LAST)
@option(
    "--language",
    type=click.Choice(LANGUAGES),
    help=N_("Look at it in one language; that alert does not count as published."),
)
def cap(context: Context, which: str, *, language: str | None) -> None:
    occasion = found(context, which, OccasionKind.OUTAGE, *OccasionKind)
    publisher = Publisher(
        settings=context.settings, public_id=lambda each: shown_id(context.keyring, each)
    )
    if language:
        with context.database.read() as session:
            body = publisher.composed(session, occasion, language=language)
        context.say(_("to look at: it was not published"))
        click.echo(body, nl=False)
        return
    kept = publisher.newest(context.database, occasion, now=context.now)
    if kept is None:
        raise GuardRefused(
            _("{name} is over, and no alert of it ever left; there is nothing to say").format(
                name=occasion.name
            )
        )
    click.echo(kept.body.encode(), nl=False)
