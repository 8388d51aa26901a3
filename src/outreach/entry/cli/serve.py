"""`outreach serve` and `outreach worker`: the processes that keep an installation at work."""

from __future__ import annotations

import asyncio
import signal

from outreach.entry import logs, serving
from outreach.entry.cli.command import Context, command, option
from outreach.entry.languages import N_, _
from outreach.entry.wiring import Installation
from outreach.entry.worker import Worker


@command(
    "serve",
    N_("Run web, worker and scheduler in one process, until Ctrl-C."),
    example="outreach serve",
    answers=False,
)
def serve(context: Context) -> None:
    installation = _installation(context)
    http = context.settings.http
    context.say(
        _("Serving on {url}; messages without a carrier are at {url}/outbox. Ctrl-C stops.").format(
            url=f"http://{http.host}:{http.port}"
        ),
        essential=True,
    )
    serving.serve(installation)


@command(
    "worker",
    N_("Send what waits, without the web side."),
    example="outreach worker --once",
    answers=False,
)
@option("--once", is_flag=True, help=N_("Send what can leave now, and end."))
def worker(context: Context, *, once: bool) -> None:
    installation = _installation(context)
    if not once:
        asyncio.run(_until_stopped(installation))
        return
    sent = asyncio.run(_once(installation))
    told = ", ".join(f"{state} {count}" for state, count in sorted(sent.items())) or _("nothing")
    context.say(_("Sent: {states}.").format(states=told), essential=True)


def _installation(context: Context) -> Installation:
    logs.configure()
    return Installation(
        settings=context.settings, database=context.database, keyring=context.keyring
    )


async def _once(installation: Installation) -> dict[str, int]:
    try:
        return {state.value: count for state, count in (await Worker(installation).once()).items()}
    finally:
        await installation.close()


async def _until_stopped(installation: Installation) -> None:
    working = Worker(installation)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, working.stop)
    try:
        await working.run()
    finally:
        await installation.close()
