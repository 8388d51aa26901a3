"""`outreach demo`: an invented company and its worst night, in half a minute and without a network."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from outreach import settings as configuration
from outreach.entry import languages, logs
from outreach.entry.cli import demo_summary, demo_telling, demo_workspace
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.output import Format, Output
from outreach.entry.demo import figures, story, utility
from outreach.entry.languages import LANGUAGES, N_, _


@command(
    "demo",
    N_("Live through a storm night of an invented company; nothing leaves this machine."),
    example="outreach demo\noutreach demo --folder storm --language es",
)
@option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("demo"),
    show_default=True,
    help=N_("Where its workspace goes; an earlier demo there is replaced."),
)
@option(
    "--language",
    type=click.Choice(LANGUAGES),
    help=N_("Language of the program for its operators."),
)
@option(
    "--customers",
    type=click.IntRange(300, 20_000),
    default=utility.CUSTOMERS,
    show_default=True,
    help=N_("About how many customers the company has; fewer are faster."),
)
def demo(context: Context, folder: Path, *, language: str | None, customers: int) -> None:
    logs.configure(logging.ERROR)  # it tells its own story
    if language:
        languages.use(language)
    company = utility.drawn(customers)
    demo_workspace.lay_out(folder, company)
    name = configuration.load(folder).company.name
    context.say(
        _("{company}, invented: {customers} customers, two feeders and one storm.").format(
            company=name, customers=len(company.people)
        ),
        essential=True,
    )
    lived = story.lived(folder, company, demo_telling.teller(demo_telling.on_stderr))
    try:
        found = figures.collected(lived)
    finally:
        lived.installation.database.close()
    out = Output(format=context.format, zone=story.ZONE, country="CL")
    if context.format is not Format.TABLE:
        out.record(found | {"folder": str(folder)})
        return
    account = next(one.account for one in company.under(story.STILL_OUT) if one.is_life_support)
    demo_summary.shown(found, out, folder=folder, account=account)
