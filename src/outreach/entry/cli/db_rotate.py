"""`outreach db rotate`: replaces the key that seals, or the one that addresses are found by, under load."""

from __future__ import annotations

import time

import click

from outreach import clock
from outreach.campaigns import rotating
from outreach.campaigns.rotating import Terms
from outreach.entry.cli import told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _


@command(
    "rotate",
    N_("Replace a key while sending goes on; broken off, run it again without --new-key."),
    example="outreach db rotate encryption --new-key\noutreach db rotate lookup --new-key",
)
@argument("kind", type=click.Choice(["encryption", "lookup"]))
@option(
    "--new-key", is_flag=True, help=N_("Make a fresh key first; the old ones stay in the file.")
)
def rotate(context: Context, kind: rotating.Kind, *, new_key: bool) -> None:
    terms = Terms(
        database=context.database,
        path=context.settings.keys,
        by=operator(),
        now=clock.now,
        pause=time.sleep,
        progress=context.progress,
    )
    done = rotating.rotate(terms, kind, new_key=new_key)
    record = {
        "kind": kind,
        "key": done.to_key,
        "rows": done.rows,
        "started_at": done.started_at,
        "finished_at": done.finished_at,
    }
    lines = [
        _("{count} rows are under the new key").format(count=context.out.count(done.rows)),
        _("keep the old keys in {path}: backups and addresses nobody holds need them").format(
            path=context.settings.keys
        ),
        _("next: outreach db backup, and put the key file where you keep it"),
    ]
    told.answer(context, record, lines)
