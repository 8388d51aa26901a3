"""`outreach routing watch`: the watchdog of the emergency group, meant to run on another host."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click

from outreach import clock
from outreach.contactcenter import genesys_watch
from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.genesys_groups import Group
from outreach.contactcenter.genesys_watch import PULL_S, Step, Watch
from outreach.contactcenter.platform_http import PlatformAway, PlatformHttp
from outreach.entry.cli.command import Context, command, option
from outreach.entry.languages import N_, _
from outreach.model.errors import DoneInPart, InputRefused

PLATFORM_S = 6.0
TOKEN = "OUTREACH_WATCH_TOKEN"  # noqa: S105  the name of a variable
_STEPS = {
    Step.ALIVE: N_("outreach speaks"),
    Step.SILENT: N_("outreach is silent since {time}; the group stays as it is for now"),
    Step.OFF: N_("emergency group switched off: outreach is silent since {time}"),
    Step.ALREADY_OFF: N_("outreach is silent since {time}; the emergency group is off"),
    Step.THEIRS: N_("outreach is silent since {time}; a person switched the group on, it stays on"),
    Step.OUT_OF_REACH: N_("Genesys Cloud does not answer; it is asked again"),
}
Look = Callable[[Watch, datetime], Watch]


@command(
    "watch",
    N_("Switch the emergency group off when outreach falls silent."),
    example="outreach routing watch --url https://avisos.luz.example/v1/directives"
    " --state-file watch.json",
)
@option("--url", required=True, help=N_("Where this installation publishes its directives."))
@option(
    "--state-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help=N_("Where the watchdog remembers when it last heard outreach."),
)
@option(
    "--every",
    type=click.IntRange(5, 60),
    default=15,
    show_default=True,
    help=N_("Seconds between two looks."),
)
@option(
    "--token",
    envvar=TOKEN,
    default="",
    help=N_(
        "Bearer for the address; better in OUTREACH_WATCH_TOKEN, where no list of processes shows it."
    ),
)
@option("--once", is_flag=True, help=N_("Look once and stop."))
def watch(
    context: Context, *, url: str, state_file: Path, every: int, token: str, once: bool
) -> None:
    settings = context.settings.contactcenter.genesys
    if not (settings.is_on and settings.emergency_group):
        raise InputRefused(
            _("contactcenter.genesys: set region, client and emergency_group for the watchdog")
        )
    only_loopback = context.settings.delivery.only_loopback
    with PlatformHttp(monotonic=clock.monotonic, only_loopback=only_loopback) as http:
        group = Group(Genesys(settings, http, sleep=time.sleep), settings.emergency_group)
        state = genesys_watch.read_state(state_file, now=context.now)
        with suppress(PlatformAway):  # wrong settings show now, and not when it counts
            group.state(until=clock.monotonic() + PLATFORM_S)

        def look(state: Watch, now: datetime) -> Watch:
            until = clock.monotonic() + PULL_S
            document = genesys_watch.pull(http, url, token=token, until=until)
            until = clock.monotonic() + PLATFORM_S
            seen = genesys_watch.look(state, document, group, now=now, until=until)
            genesys_watch.write_state(state_file, seen)
            return seen

        seen = look(state, context.now)
        _tell(context, seen)
        if once:
            _answer(context, seen)
            return
        keep_on(look, seen, tell=lambda found: _tell(context, found), every=every)


def keep_on(
    look: Look,
    seen: Watch,
    *,
    tell: Callable[[Watch], None],
    every: float,
    now: Callable[[], datetime] = clock.now,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Looks for ever; tells only when what it sees becomes something else."""
    while True:
        sleep(every)
        before, seen = seen, look(seen, now())
        if seen.step is not before.step:
            tell(seen)


def _tell(context: Context, seen: Watch) -> None:
    line = _(_STEPS[seen.step]).format(time=context.out.person(seen.heard_at))
    context.say(line, essential=True)


def _answer(context: Context, seen: Watch) -> None:
    """DoneInPart where it should be off and could not be switched."""
    context.out.record({"step": seen.step.value, "heard_at": seen.heard_at})
    if seen.step is Step.OUT_OF_REACH and seen.is_dead(seen.looked_at):
        raise DoneInPart(
            _("the emergency group could not be switched off; switch it off in Genesys Cloud")
        )
