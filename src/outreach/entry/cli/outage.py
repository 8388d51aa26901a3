"""`outreach outage`: one verb is one new version of the truth."""

from __future__ import annotations

from outreach.entry.cli import (
    evidence,
    outage_cap,
    outage_import,
    outage_list,
    outage_merge,
    outage_open,
    outage_promises,
    outage_reopen,
    outage_restore,
    outage_suspected,
    outage_update,
)
from outreach.entry.cli.command import Group

group = Group("outage")

for verb in (
    outage_open.opened,
    outage_update.updated,
    outage_restore.restored,
    outage_reopen.reopened,
    outage_merge.merged,
    outage_merge.cancelled,
    outage_import.imported,
    outage_promises.promised,
    outage_suspected.unexplained,
    outage_suspected.listed,
    outage_suspected.confirmed,
    outage_list.listed,
    outage_list.shown,
    evidence.of_outage,
    outage_cap.cap,
):
    group.add_command(verb)
