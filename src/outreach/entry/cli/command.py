"""What a command is given, and how one is written.

    group = Group()

    @command("open", N_("Open an outage."), within=group, example="outreach outage open ALM-F12")
    @click.argument("node")
    @option("--etr", help=N_("Estimated restoration: 05:30, +2h, 2026-07-16 05:30."))
    def opened(context: Context, node: str, *, etr: str | None) -> None:
        with context.database.write() as session:
            ...
        context.out.record({"outage": node}, headings={"outage": N_("outage")})

The noun then gets one row in `main.SECTIONS`. `sends=True` adds --dry-run (`context.dry_run`), `asks=True` adds --yes
(`context.confirm` heeds it), `answers=False` leaves --format out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from outreach import clock, settings as configuration
from outreach.addresses import Keyring, read_keyring
from outreach.audience import zone_rules
from outreach.entry import workspace
from outreach.entry.cli import times
from outreach.entry.cli.frame import Command, Group, Option
from outreach.entry.cli.output import Format, Output
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.settings import Settings
from outreach.store import migrations
from outreach.store.session import Database

__all__ = ["Command", "Context", "Given", "Group", "argument", "command", "option"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a test or a demo puts in the place of the real thing: `cli.main(args, obj=Given(…))`."""

    now: datetime | None = None
    database: Database | None = None
    interactive: bool | None = None
    workspace: Path | None = None


@dataclass(kw_only=True)
class Context:
    """What a command works with; the expensive parts are opened when first used."""

    given: Given = field(default_factory=Given)
    format: Format = Format.TABLE
    yes: bool = False
    dry_run: bool = False

    @cached_property
    def now(self) -> datetime:
        """The one now of this command, aware UTC."""
        return self.given.now or clock.now()

    @cached_property
    def workspace(self) -> Path:
        return workspace.found(self.given.workspace, Path.cwd())

    @cached_property
    def settings(self) -> Settings:
        zone_rules.use_newest()  # before the first time is read: the clock reads times by them too
        return configuration.load(self.workspace)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The company's zone; an occasion's own zone comes before it."""
        return times.zone_named(self.settings.company.zone)

    @cached_property
    def keyring(self) -> Keyring:
        return read_keyring(self.settings.keys)

    @cached_property
    def database(self) -> Database:
        """Open and at this code's schema; StoreUnusable otherwise. Closed when the command ends."""
        database = self.given.database or self.unchecked_database()
        migrations.refuse_other_schema(database, configuration.carried("alembic"))
        return database

    def unchecked_database(self) -> Database:
        """Open whatever its schema, closed when the command ends."""
        database = Database(self.settings.database)
        click.get_current_context().call_on_close(database.close)
        return database

    @cached_property
    def out(self) -> Output:
        """Where the answer goes."""
        has_settings = "settings" in self.__dict__ or self.given.workspace
        has_settings = has_settings or workspace.nearest(Path.cwd())
        zone = self.zone if has_settings else ZoneInfo("UTC")
        country = self.settings.company.country if has_settings else ""
        return Output(format=self.format, zone=zone, country=country)

    @cached_property
    def interactive(self) -> bool:
        """Whether a person can answer: both stdin and stderr are terminals."""
        if self.given.interactive is not None:
            return self.given.interactive
        return sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, text: str, *, essential: bool = False) -> None:
        """Talk, on stderr: shown on a terminal only, unless it is essential."""
        if essential or self.interactive:
            click.echo(text, err=True)

    def progress(self, done: int, total: int | None = None) -> None:
        """How far it is, on one line of the terminal that the next call overwrites."""
        if self.interactive:
            shown = f"{done:,} / {total:,}" if total else f"{done:,}"
            click.echo(f"\r{shown}", nl=done == total, err=True)

    def at(self, text: str, *, zone: ZoneInfo | None = None, past: bool = False) -> datetime:
        """A time as typed, in UTC, echoed on stderr in the area's wall time."""
        area = zone or self.zone
        moment = times.at(text, now=self.now, zone=area, past=past)
        self.say(times.echo(moment, now=self.now, zone=area), essential=True)
        return moment

    def etr(self, text: str, *, zone: ZoneInfo | None = None) -> datetime:
        """An estimate as typed, in UTC, echoed; asks where it is odd, GuardRefused in the past."""
        area = zone or self.zone
        estimate = times.etr(text, now=self.now, zone=area)
        self.say(times.echo(estimate.at, now=self.now, zone=area), essential=True)
        if estimate.doubt:
            self.confirm(estimate.doubt)
        return estimate.at

    def confirm(self, question: str) -> None:
        """Goes on after a yes or `--yes`; click.Abort (exit 1, "nothing was done") after a no."""
        if self.yes:
            return
        if not self.interactive:
            raise InputRefused(_("{question} Say so with --yes").format(question=question))
        hint = _("y/N")
        answer = click.prompt(f"{question} [{hint}]", default="", show_default=False, err=True)
        if answer.strip().casefold() not in {"y", "yes", *_("y yes").split()}:
            raise click.Abort

    def choose(self, question: str, choices: dict[str, str], *, option: str) -> str:
        """A key of `choices` (key -> shown text), asked for; without a terminal `option` must say it."""
        if not self.interactive:
            raise InputRefused(
                _("{question} Give {option}: {choices}").format(
                    question=question, option=option, choices=", ".join(choices)
                )
            )
        for number, shown in enumerate(choices.values(), 1):
            click.echo(f"  {number}  {shown}", err=True)
        picked = click.prompt(question, type=click.IntRange(1, len(choices)), err=True)
        return list(choices)[picked - 1]

    def ask(self, question: str, default: str) -> str:
        """A line typed by a person; the default with `--yes` or without a terminal."""
        if self.yes or not self.interactive:
            return default
        return str(click.prompt(question, default=default, err=True))


def command(
    name: str,
    help: str,  # noqa: A002  Click's word
    *,
    example: str,
    within: Group | None = None,
    asks: bool = False,
    sends: bool = False,
    answers: bool = True,
) -> Callable[[Callable[..., None]], Command]:
    """Makes a function `(context, arguments…, *, options…)` a command, of a group or of its own."""

    def made(function: Callable[..., None]) -> Command:
        params = list(reversed(getattr(function, "__click_params__", [])))
        params += [_FORMAT] * answers + [_DRY_RUN] * sends + [_YES] * asks
        made = Command(name, help=help, params=params, callback=_with_context(function))
        made.example = example
        if within is not None:
            within.add_command(made)
        return made

    return made


def option(*declarations: str, **given: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """click.option whose help, marked with N_, is translated when it is shown."""
    return click.option(*declarations, cls=Option, **given)


argument = click.argument

_FORMAT = Option(
    ["--format", "answer_format"],
    type=click.Choice([str(each) for each in Format]),
    default=str(Format.TABLE),
    envvar="OUTREACH_FORMAT",
    show_default=True,
    help=N_("Form of the answer on stdout."),
)
_YES = Option(["--yes", "-y"], is_flag=True, help=N_("Answer every question with yes."))
_DRY_RUN = Option(
    ["--dry-run"], is_flag=True, help=N_("Show what would happen; write and send nothing.")
)


def _with_context(function: Callable[..., None]) -> Callable[..., None]:
    @click.pass_context
    def called(
        ctx: click.Context,
        /,
        *,
        answer_format: str = Format.TABLE,
        yes: bool = False,
        dry_run: bool = False,
        **given: Any,
    ) -> None:
        named = ctx.find_root().params.get("workspace")
        start = ctx.obj or Given()
        function(
            Context(
                given=replace(start, workspace=named or start.workspace),
                format=Format(answer_format),
                yes=yes,
                dry_run=dry_run,
            ),
            **given,
        )

    return called
