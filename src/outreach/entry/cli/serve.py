"""`outreach serve`, `web`, `worker` and `scheduler`: the processes that keep an installation at work."""

from __future__ import annotations

import asyncio

from outreach.entry import jobs, logs, secrets_kept, serving
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
    _say_where(context)
    serving.serve(installation)


@command(
    "web",
    N_("Run the web side alone: pages, the IVR's answers, receipts; until Ctrl-C."),
    example="outreach web",
    answers=False,
)
def web(context: Context) -> None:
    installation = _installation(context)
    _say_where(context)
    serving.web(installation)


@command(
    "worker",
    N_("Send what waits, without the web side; any number of workers share the lanes."),
    example="outreach worker --lanes sms,email",
    answers=False,
)
@option("--lanes", default="", help=N_("Names of lanes, with commas between; all by default."))
@option("--once", is_flag=True, help=N_("Send what can leave now, and end."))
def worker(context: Context, *, lanes: str, once: bool) -> None:
    installation = _installation(context)
    named = [name.strip() for name in lanes.split(",") if name.strip()]
    for name in named:
        jobs.lane_named(installation, name)
    if not once:
        serving.work(installation, named)
        return
    sent = asyncio.run(_once(installation, named))
    told = ", ".join(f"{state} {count}" for state, count in sorted(sent.items())) or _("nothing")
    context.say(_("Sent: {states}.").format(states=told), essential=True)


@command(
    "scheduler",
    N_("Keep the clock alone: fire what is due, ask workers for work; one of several leads."),
    example="outreach scheduler",
    answers=False,
)
def scheduler(context: Context) -> None:
    serving.schedule(_installation(context))


def _say_where(context: Context) -> None:
    http = context.settings.http
    context.say(
        _("Serving on {url}; messages without a carrier are at {url}/outbox. Ctrl-C stops.").format(
            url=f"http://{http.host}:{http.port}"
        ),
        essential=True,
    )


def _installation(context: Context) -> Installation:
    secrets_kept.refuse(context.settings)
    logs.configure()
    return Installation(
        settings=context.settings, database=context.database, keyring=context.keyring
    )


async def _once(installation: Installation, lanes: list[str]) -> dict[str, int]:
    try:
        sent = await Worker(installation, lanes=lanes).once()
        return {state.value: count for state, count in sent.items()}
    finally:
        await installation.close()
