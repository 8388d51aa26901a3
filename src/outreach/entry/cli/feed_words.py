"""The words for what became of a feed's messages."""

from __future__ import annotations

from collections.abc import Mapping

from outreach.entry.cli.command import Context
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.intake import Outcome, Taken

OUTCOMES = {
    Outcome.APPLIED.value: N_("applied"),
    Outcome.CREW_ONLY.value: N_("crew only"),
    Outcome.NO_CHANGE.value: N_("nothing new"),
    Outcome.SNAPSHOT.value: N_("lists"),
    Outcome.DUPLICATE_EVENT.value: N_("here already"),
    Outcome.DUPLICATE_SEQUENCE.value: N_("same sequence again"),
    Outcome.STALE.value: N_("older than what is in"),
    Outcome.UNKNOWN_OUTAGE.value: N_("of an unknown outage"),
    Outcome.CLOSED.value: N_("of a closed outage"),
    Outcome.REFUSED.value: N_("refused"),
    Outcome.MALFORMED.value: N_("not readable"),
    Outcome.UNKNOWN_TYPE.value: N_("of an unknown kind"),
    Outcome.UNREADABLE.value: N_("not as it must be"),
    Outcome.ASKED.value: N_("wait for a person"),
}


def headings(counts: Mapping[str, int]) -> dict[str, str]:
    """The words for those outcomes that there are."""
    return {outcome: OUTCOMES[outcome] for outcome in counts}


def outcome(context: Context, of: Outcome) -> str:
    """For people in words, for machines as it is kept."""
    return _(OUTCOMES[of.value]) if context.format is Format.TABLE else of.value


def not_applied(context: Context, taken: Taken, *, limit: int | None) -> list[dict[str, object]]:
    """The messages that changed nothing, as rows."""
    return [
        {
            "place": one.place,
            "outcome": outcome(context, one.outcome),
            "outage": one.outage_ref,
            "seq": one.seq,
            "detail": one.detail,
        }
        for one in taken.not_applied[:limit]
    ]
