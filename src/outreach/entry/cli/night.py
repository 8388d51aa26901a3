"""`--now-at-night`: a person wakes people for one notice, by class, with a reason that the audit keeps."""

from __future__ import annotations

from outreach.campaigns import any_hour, pins
from outreach.entry.cli import told
from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import InputRefused
from outreach.model.words import PriorityClass
from outreach.store import runs
from outreach.store.session import Database

REASON = N_(
    "Send now what would wait for the morning, and why; also of a campaign that runs already."
)
CLASSES = N_("With --now-at-night: only these classes; can be repeated.")
EVERYBODY = tuple(str(each) for each in PriorityClass)


def refuse(context: Context, campaign: str, reason: str | None, classes: tuple[str, ...]) -> None:
    """Before anything is launched: classes without a reason, a blank one, advertising."""
    if reason is not None:
        any_hour.refuse(pins.read(context.settings, campaign).campaign, reason)
    elif classes:
        raise InputRefused(
            _("--class goes with --now-at-night; a campaign's steps name its classes")
        )


def released(
    context: Context,
    database: Database,
    done: told.Outcome,
    *,
    campaign: str,
    classes: tuple[str, ...],
    reason: str,
    actor: str,
) -> int:
    """Messages of the campaign that leave now instead of in the morning."""
    with database.read() as session:
        [run] = runs.of(session, done.occasion.id, campaign=campaign)
    woken = any_hour.now_at_night(
        database,
        run,
        [PriorityClass(each) for each in classes or EVERYBODY],
        reason=reason,
        actor=actor,
        now=context.now,
    )
    return woken.messages


def line(context: Context, messages: int) -> str:
    """`woken: 43 messages leave now instead of in the morning`."""
    form = ngettext(
        "woken: {count} message leaves now instead of in the morning",
        "woken: {count} messages leave now instead of in the morning",
        messages,
    )
    return form.format(count=context.out.count(messages))
