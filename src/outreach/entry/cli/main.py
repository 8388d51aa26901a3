"""`outreach`: the table of its commands; what they need is loaded when one is called."""

from __future__ import annotations

from pathlib import Path

import click

from outreach.entry.cli.frame import Option, Root, Row
from outreach.entry.languages import N_

_ROOM = "outreach.entry.cli"

SECTIONS = {
    N_("Tonight"): {
        "outage": Row(where=f"{_ROOM}.outage:group", help=N_("Open, update and restore outages.")),
        "event": Row(
            where=f"{_ROOM}.event:group", help=N_("Lead a storm: one statement for many outages.")
        ),
        "campaign": Row(
            where=f"{_ROOM}.campaign:group", help=N_("Preview, arm, launch and watch campaigns.")
        ),
        "undo": Row(
            where=f"{_ROOM}.undo:undo", help=N_("Take back what was just started and not yet sent.")
        ),
        "task": Row(
            where=f"{_ROOM}.task:group", help=N_("Call the priority customers who need a person.")
        ),
        "case": Row(
            where=f"{_ROOM}.case:group", help=N_("Read the replies that no rule could read.")
        ),
        "alarm": Row(
            where=f"{_ROOM}.alarm:group", help=N_("See what is about to be too late, and clear it.")
        ),
        "message": Row(
            where=f"{_ROOM}.message:group", help=N_("See what a person was sent, or why not.")
        ),
        "reply": Row(
            where=f"{_ROOM}.reply:group", help=N_("See what people wrote back, and what it did.")
        ),
        "ivr": Row(where=f"{_ROOM}.ivr:group", help=N_("Hear what the IVR says to a caller.")),
    },
    N_("Ahead"): {
        "planned": Row(
            where=f"{_ROOM}.planned:group", help=N_("Announce, move and cancel planned works.")
        ),
        "advisory": Row(
            where=f"{_ROOM}.advisory:group", help=N_("Warn of weather, due dates and rushes.")
        ),
        "audience": Row(
            where=f"{_ROOM}.audience:group",
            help=N_("Count who is affected, and list who is not reached."),
        ),
        "simulate": Row(
            where=f"{_ROOM}.simulate:simulate", help=N_("Play a storm against a campaign.")
        ),
        "stakeholder": Row(
            where=f"{_ROOM}.stakeholder:group",
            help=N_("Keep the contact lists: municipalities, press, hospitals, duty."),
        ),
        "feed": Row(
            where=f"{_ROOM}.feed:group",
            help=N_("See the feeds of outages and what became of them."),
        ),
        "template": Row(
            where=f"{_ROOM}.template:group", help=N_("List, check and try the message texts.")
        ),
    },
    N_("After"): {
        "contacts": Row(
            where=f"{_ROOM}.contacts:group", help=N_("Import the contacts of the contact center.")
        ),
        "deflection": Row(
            where=f"{_ROOM}.deflection:group", help=N_("Show how many calls the messages saved.")
        ),
        "forecast": Row(
            where=f"{_ROOM}.forecast:group",
            help=N_("See how many calls to expect, and the agents."),
        ),
        "queue": Row(
            where=f"{_ROOM}.queue:group", help=N_("See all that will be sent, when and by whom.")
        ),
        "audit": Row(
            where=f"{_ROOM}.audit:group", help=N_("Read who did what, and verify the chain.")
        ),
        "evidence": Row(
            where=f"{_ROOM}.evidence:group", help=N_("Check that signed evidence is unchanged.")
        ),
        "routing": Row(
            where=f"{_ROOM}.routing:group",
            help=N_("Show and send the directives for the contact center."),
        ),
        "webhook": Row(
            where=f"{_ROOM}.webhook:group",
            help=N_("See what other systems are told, and send it again."),
        ),
    },
    N_("The house"): {
        "init": Row(where=f"{_ROOM}.init:init", help=N_("Lay out a new workspace.")),
        "demo": Row(where=f"{_ROOM}.demo:demo", help=N_("Live through a storm on the outbox.")),
        "doctor": Row(
            where=f"{_ROOM}.doctor:doctor", help=N_("Say what is wrong with this installation.")
        ),
        "record": Row(
            where=f"{_ROOM}.record:group", help=N_("Import customers, premises and the network.")
        ),
        "person": Row(
            where=f"{_ROOM}.person:group",
            help=N_("Hand people their data, erase it, or leave them alone."),
        ),
        "retention": Row(
            where=f"{_ROOM}.retention:group", help=N_("See how long data is kept, and let it go.")
        ),
        "db": Row(
            where=f"{_ROOM}.db:group", help=N_("Upgrade, check, back up and restore the database.")
        ),
        "key": Row(
            where=f"{_ROOM}.key:group", help=N_("Make, rotate and revoke the keys of the API.")
        ),
        "lane": Row(
            where=f"{_ROOM}.lane:group", help=N_("See how the senders fare, stop and weigh them.")
        ),
        "serve": Row(
            where=f"{_ROOM}.serve:serve", help=N_("Run web, worker and scheduler in one process.")
        ),
        "web": Row(where=f"{_ROOM}.serve:web", help=N_("Run the web side alone.")),
        "worker": Row(where=f"{_ROOM}.serve:worker", help=N_("Run a worker alone.")),
        "scheduler": Row(where=f"{_ROOM}.serve:scheduler", help=N_("Run the clock alone.")),
    },
}
"""Section -> noun -> where it lives; nothing of it is imported for `outreach --help`."""


def _started(**_given: object) -> None:
    """The root does nothing itself: its options are read from the context."""


cli = Root(
    SECTIONS,
    help=N_("Tell the customers an outage touches, and measure the calls it saves."),
    callback=_started,
    params=[
        Option(
            ["--workspace"],
            type=click.Path(file_okay=False, path_type=Path),
            envvar="OUTREACH_WORKSPACE",
            show_envvar=True,
            help=N_("Folder with outreach.toml; by default the nearest one upwards."),
        ),
        Option(["--debug"], is_flag=True, help=N_("Show the traceback of an error.")),
    ],
)
click.version_option(package_name="outreach", cls=Option, help=N_("Show the version and exit."))(
    cli
)


def main() -> None:
    """The console script."""
    cli.main()
