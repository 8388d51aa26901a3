"""Which occasion a command on any kind of them means, and the names of what happens to messages."""

from __future__ import annotations

from outreach.channels.outbox import masked
from outreach.entry.cli.command import Context
from outreach.entry.cli.naming import LAST, found
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion
from outreach.model.words import Channel, LeftOut, MessageState, OccasionKind, RunState
from outreach.store import occasions

KINDS = (OccasionKind.OUTAGE, OccasionKind.ADVISORY, OccasionKind.PLANNED)
"""In the order of a night: `last` is an open outage before anything else."""
CHANNELS = {
    Channel.SMS: N_("SMS"),
    Channel.EMAIL: N_("e-mail"),
    Channel.VOICE: N_("voice"),
    Channel.SOCIAL: N_("social"),
}
STATES = {
    MessageState.QUEUED: N_("waiting"),
    MessageState.SENDING: N_("sending"),
    MessageState.ACCEPTED: N_("accepted"),
    MessageState.SENT: N_("sent"),
    MessageState.DELIVERED: N_("delivered"),
    MessageState.UNDELIVERED: N_("undelivered"),
    MessageState.FAILED: N_("refused"),
    MessageState.IN_DOUBT: N_("in doubt"),
    MessageState.UNKNOWN: N_("unknown"),
    MessageState.SUPPRESSED: N_("suppressed"),
    MessageState.SUPERSEDED: N_("superseded"),
    MessageState.EXPIRED: N_("expired"),
    MessageState.CANCELLED: N_("cancelled"),
}
RUN_STATES = {
    RunState.ACTIVE: N_("active"),
    RunState.PAUSED: N_("paused"),
    RunState.CANCELLED: N_("cancelled"),
    RunState.FINISHED: N_("finished"),
}
LEFT_OUT = {
    LeftOut.NO_CONTACT: N_("no address"),
    LeftOut.NO_CONSENT: N_("no consent"),
    LeftOut.OPTED_OUT: N_("opted out"),
    LeftOut.SHARED_ADDRESS: N_("shared address"),
    LeftOut.OTHER_CHANNELS_ONLY: N_("on other channels only"),
    LeftOut.TOLD_ALREADY: N_("told of another outage"),
    LeftOut.STILL_OUT: N_("still out by another outage"),
    LeftOut.DAILY_CAP: N_("heard enough today"),
    LeftOut.MUTED: N_("in the dark: no commerce"),
    LeftOut.HOLDOUT: N_("held out for the measurement"),
}


def any_kind(context: Context, which: str) -> Occasion:
    """An outage, advisory or planned work by `last`, name or id."""
    if which.strip().casefold() != LAST:
        return found(context, which, *KINDS)
    with context.database.read() as session:
        newest = [occasions.last(session, kind) for kind in KINDS]
    known = [each for each in newest if each is not None]
    if not known:
        raise InputRefused(_("there is no outage, advisory or planned work yet"))
    still_open = [each for each in known if each.revision.state.is_open]
    return (still_open or sorted(known, key=lambda each: each.opened_at, reverse=True))[0]


def in_words(context: Context, counts: dict[MessageState, int]) -> str:
    """`waiting 212 · delivered 15,600`, in the order of a message's life."""
    return " · ".join(
        f"{_(STATES[state])} {context.out.count(counts[state])}"
        for state in MessageState
        if counts.get(state)
    )


def left_out_in_words(context: Context, counts: dict[LeftOut, int]) -> str:
    """`no address 310 · opted out 12`."""
    return " · ".join(
        f"{_(LEFT_OUT[reason])} {context.out.count(count)}" for reason, count in counts.items()
    )


def shown_address(context: Context, channel: Channel, sealed: bytes) -> str:
    """Enough to tell two addresses apart; our own accounts are public."""
    address = context.keyring.open(sealed)
    return address if channel is Channel.SOCIAL else masked(address)
