"""What the demo says while it runs: a line for each thing that happens, with its simulated time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import click

from outreach.entry.cli import times
from outreach.entry.demo.story import ZONE
from outreach.entry.languages import N_, _

LINES = {
    "imported": N_("{customers} customers imported, {reach} ways to reach them, {rejected} rows rejected"),
    "armed": N_("campaigns armed in daylight: written by {author}, approved by {approver}"),
    "planned": N_("planned work {name} announced for Friday 09:00 to 12:00: {customers} customers"),
    "notice": N_("the clock sends the notice of the planned work: {messages} messages"),
    "opened": N_("{name} trips: {premises} premises, {priority} priority · {places}"),
    "etr": N_("{name}: light expected {etr} · superseded unsent: {superseded}"),
    "etr_later": N_("{name}: it takes longer, {etr} · superseded unsent: {superseded}"),
    "etr_window": N_("{name}: longer still, a window now: {since} to {etr} · superseded unsent: {superseded}"),
    "partial": N_("{name} is back, {remain} premises remain · superseded unsent: {superseded}"),
    "restored": N_("{name}: all is back · superseded unsent: {superseded}"),
}  # fmt: skip


def line(at: datetime, key: str, facts: dict[str, object]) -> str:
    """`Thu 16 Jul 02:43  ALB-F12 trips: …`, in the operator's language."""
    shown = {
        name: f"{value.astimezone(ZONE):%H:%M}" if isinstance(value, datetime) else value
        for name, value in facts.items()
    }
    return f"{times.wall(at, now=at, zone=ZONE)}  {_(LINES[key]).format(**shown)}"


def teller(say: Callable[[str], None]) -> Callable[[datetime, str, dict[str, object]], None]:
    """The progress of a story, said line by line."""

    def tell(at: datetime, key: str, facts: dict[str, object]) -> None:
        say(line(at, key, facts))

    return tell


def on_stderr(text: str) -> None:
    """Plain lines, so that a log reads as well as a terminal."""
    click.echo(text, err=True)
