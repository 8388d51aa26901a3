"""Open alarms, and whether the duty phone hears of them, for `outreach doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.campaigns.alarms import push_trouble
from outreach.entry.cli.command import Context
from outreach.entry.languages import _, ngettext
from outreach.store import alarms


def open_alarms(context: Context) -> Iterator[str]:
    """Says how many wait, and where the last push did not leave."""
    with context.database.read() as session:
        count = len(alarms.open_ones(session))
        code = push_trouble(session)
    if count:
        yield ngettext(
            "{count} alarm is open; `outreach alarm list`",
            "{count} alarms are open; `outreach alarm list`",
            count,
        ).format(count=count)
    if code is not None:
        yield _(
            "the duty phone was not told of the newest alarms ({code}); call it, and mend the SMS lane"
        ).format(code=code)
