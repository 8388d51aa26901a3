"""Who signs: the account of the host, not what the environment says of it."""

from __future__ import annotations

import os
import pwd

from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _
from outreach.model.errors import GuardRefused

AS = N_("Who you are, where several people share an account (roles.shared_account).")


def account() -> str:
    """The name of the account that runs this process; its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def person(context: Context, given: str | None) -> str:
    """Who asks or approves; GuardRefused for another name than the account's own, unless it is shared.

    Of a shared account the name is the person's own word: the audit keeps the account beside it.
    """
    own = account()
    if given is None or given.strip() == own:
        return own
    if not context.settings.roles.shared_account:
        raise GuardRefused(
            _("--as {name}: you are {own}; log in as {name}, or set roles.shared_account").format(
                name=given, own=own
            )
        )
    return given.strip()
