"""Whether the people on duty hear of the customers who need one, for `outreach doctor`."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.campaigns import tasks
from outreach.entry import class_a
from outreach.entry.cli.command import Context
from outreach.entry.languages import _


def duty_phone(context: Context) -> Iterator[str]:
    """Says so where tasks would reach nobody, and where the last push did not leave."""
    settings = context.settings
    given = settings.contactcenter.duty_phone
    if not given:
        yield _("contactcenter.duty_phone: nobody on duty is told of priority tasks; give a mobile")
    elif class_a.duty_number(settings) is None:
        yield _("contactcenter.duty_phone: not a telephone number; write it as +56987654321")
    elif class_a.sms_lane(settings) is None:
        yield _("contactcenter.duty_phone: no lane for SMS carries it; add one in outreach.toml")
    with context.database.read() as session:
        code = tasks.push_trouble(session)
    if code is not None:
        yield _(
            "the duty phone was not told of the newest tasks ({code}); call it, and mend the SMS lane"
        ).format(code=code)
