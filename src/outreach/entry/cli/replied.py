"""Replies as commands show them: read as what, what became of them, and their words where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.entry.cli import times
from outreach.entry.cli.command import Context
from outreach.entry.cli.occasions_named import shown_address
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.reply import Meaning
from outreach.model.words import Channel
from outreach.store.answer_mails import State
from outreach.store.replies import Reply

PREFIX, CASE, MESSAGE = "rep", "cas", "msg"

MEANINGS = {
    Meaning.OPT_OUT: N_("stop writing"),
    Meaning.OPT_IN: N_("write again"),
    Meaning.HELP: N_("help"),
    Meaning.STATUS: N_("asks for news"),
    Meaning.OUT: N_("without service"),
    Meaning.STILL_OUT: N_("still without service"),
    Meaning.FINE: N_("service is back"),
    Meaning.CHOICE: N_("a number we asked for"),
    Meaning.THANKS: N_("thanks"),
    Meaning.AUTOMATIC: N_("a machine"),
    Meaning.BOUNCE: N_("bounced"),
    Meaning.EMPTY: N_("no words"),
    Meaning.UNSURE: N_("for a person to read"),
}


MAILS = {
    State.WAITING: N_("waits for its lane"),
    State.SENDING: N_("being sent"),
    State.SENT: N_("sent"),
    State.REFUSED: N_("refused by the mail server"),
    State.UNKNOWN: N_("it may have left; it is not sent again"),
    State.LATE: N_("never left: no mail lane could carry it in time"),
}

COLUMNS = {
    "id": N_("id"),
    "at": N_("when"),
    "from": N_("from"),
    "meaning": N_("read as"),
    "outcome": N_("what became of it"),
}


def row(context: Context, one: Reply) -> dict[str, object]:
    """One reply without its words."""
    facts: dict[str, object] = {
        "id": context.keyring.public_id(PREFIX, one.id),
        "at": one.at,
        "channel": one.channel,
        "from": masked(context, one.channel, one.address_sealed),
        "meaning": one.meaning,
        "outcome": one.outcome,
        "answered": one.answered,
        "mail": one.mail or "",
        "message": context.keyring.public_id(MESSAGE, one.message_id) if one.message_id else "",
        "case": context.keyring.public_id(CASE, one.case_id) if one.case_id else "",
    }
    if context.format is not Format.TABLE:
        return facts
    return facts | {
        "at": times.wall(one.at, now=context.now, zone=context.zone),
        "meaning": _(MEANINGS[Meaning(one.meaning)]),
    }


def masked(context: Context, channel: str, sealed: bytes) -> str:
    """The address as lists show it; WhatsApp's is a telephone number."""
    return shown_address(context, Channel.EMAIL if channel == "email" else Channel.SMS, sealed)


def lines(context: Context, one: Reply) -> Iterator[str]:
    """A reply in words, with its text."""
    facts = row(context, one)
    yield " · ".join(str(facts[name]) for name in ("at", "channel", "from", "meaning", "id"))
    yield from (f"    > {line}" for line in text_of(context, one.body_sealed).splitlines() if line)
    yield "  " + done(one.outcome, one.answered, mail=one.mail)
    if one.message_id:
        yield "  " + _("it answers {message}").format(message=facts["message"])


def done(outcome: str, answered: str, *, mail: str | None = None) -> str:
    """What became of a reply, and the text that answered it."""
    said = answered or _("not answered")
    if mail:
        said += f" ({_(MAILS[State(mail)])})"
    return _("done: {outcome} · answer: {answered}").format(outcome=outcome, answered=said)


def text_of(context: Context, sealed: bytes) -> str:
    """Subject, where there is one, and body."""
    return context.keyring.open(sealed).lstrip("\n")
