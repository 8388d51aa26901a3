"""What is wrong with the clock: instants that nobody fires, and rules of time zones that are out of date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from outreach.audience import zone_rules
from outreach.entry.cli.command import Context
from outreach.entry.cli.durations import spelled
from outreach.entry.languages import _
from outreach.store import due, known

BEHIND = timedelta(minutes=1)
"""A leader fires within a second; a takeover takes ten at most."""


def clock(context: Context) -> Iterator[str]:
    """Nothing where all that is due was fired, and the newest rules are read."""
    with context.database.read() as session:
        overdue = due.oldest(session, now=context.now)
        noted = known.of(session, known.ZONE_RULES)
    if overdue is not None and context.now - overdue > BEHIND:
        yield _("due for {length} and not fired; run `outreach serve` or `outreach scheduler`").format(
            length=spelled(context.now - overdue)
        )  # fmt: skip
    release = zone_rules.use_newest()
    if noted is not None and release.is_older(noted.value):
        yield _(
            "this host reads the zone rules {release} ({where}), another has {known}; update tzdata here"
        ).format(release=release.name, where=release.where, known=noted.value)
