"""What a reply leads to: pure rules over what it was read as, who wrote it and what we answered before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.model import task
from outreach.model.reply import Asks, Meaning, Origin, Reading

THREADED_FOR = timedelta(days=14)
"""The newest message of so long is what a text without a reference answers."""
ASKED_FOR = timedelta(hours=12)
"""A question of ours is open for so long: the day after, a bare number means nothing."""
AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
MOST_AN_HOUR = 5
"""Answers to one address and channel: two robots talk no more than this."""


class Text(StrEnum):
    """The texts that answer, each a file `templates/replies/<locale>/<name>.sms.txt`."""

    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    CARRIER_BLOCK = "carrier_block"
    HELP = "help"
    STATUS = "status"
    """Rendered from the truth itself, by the text of its campaign."""
    STATUS_NONE = "status_none"
    STATUS_UNKNOWN = "status_unknown"
    """Nobody can say now whether it still holds what we knew."""
    UNSURE = "unsure"
    URGENT = "urgent"
    """Danger: whom to call now, and that a person reads it."""
    HEARD = "heard"
    NEEDS_HELP = "needs_help"
    UNKNOWN_SENDER = "unknown_sender"
    WHICH_PREMISE = "which_premise"
    KNOWN_OUTAGE = "known_outage"
    KEPT = "kept"
    SUSPECTED = "suspected"
    RETRACTED = "retracted"
    FINE = "fine"
    NOT_ASKED = "not_asked"


ONCE_IN = {
    Text.OPTED_OUT: A_DAY,
    Text.OPTED_IN: A_DAY,
    Text.HELP: AN_HOUR,
    Text.UNSURE: A_DAY,
    Text.UNKNOWN_SENDER: AN_HOUR,
}
"""How often an address hears the same of these; the rest is bounded by the hour alone."""

TO_STRANGERS = frozenset({Text.HELP, Text.STATUS, Text.OPTED_OUT, Text.OPTED_IN, Text.URGENT})
"""What an e-mail of an address that we do not know is answered; the rest waits for a person."""

REPORTS = frozenset({Meaning.OUT, Meaning.STILL_OUT, Meaning.FINE, Meaning.CHOICE})
"""What the trouble desk takes."""
NOT_BY_THEM = "case: the e-mail is not proven to be from this address"
"""What became of a reply that is disowned."""
_IN_NOBODYS_NAME = frozenset({Meaning.AUTOMATIC, Meaning.BOUNCE, Meaning.EMPTY})
_SILENT = frozenset({Meaning.AUTOMATIC, Meaning.BOUNCE, Meaning.EMPTY, Meaning.OPT_OUT})
_NO_CALM = frozenset({Meaning.UNSURE, Meaning.HELP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the writer hears, if anything, and what was done."""

    text: str | None
    outcome: str
    name: str = ""
    """Of the text."""


def may_answer(name: Text, before: Sequence[tuple[str, datetime]], *, now: datetime) -> bool:
    """Whether this address may hear this text now; `before`: (text, when) of a day's answers."""
    in_hour = [at for _name, at in before if at > now - AN_HOUR]
    if len(in_hour) >= MOST_AN_HOUR and name is not Text.OPTED_OUT:
        return False
    since = now - ONCE_IN[name] if name in ONCE_IN else now
    return not any(each == name and at > since for each, at in before)


def is_disowned(origin: Origin, meaning: Meaning) -> bool:
    """Whether nothing is done in the name of whom an e-mail says it is from: a person reads it.

    Machines and empty texts do nothing anyway; a bounce is proven by what it returns.
    """
    return origin is Origin.FORGED and meaning not in _IN_NOBODYS_NAME


def provider_said(opt_out_type: str) -> Meaning | None:
    """What Twilio did by itself, in its OptOutType; None: nothing."""
    return {"STOP": Meaning.OPT_OUT, "START": Meaning.OPT_IN, "HELP": Meaning.HELP}.get(
        opt_out_type.strip().upper()
    )


def frees_carrier(body: str, opt_out_type: str) -> bool:
    """Whether the carrier lets go of its own block by this text: START and UNSTOP, alone, are its words.

    Twilio, "Twilio support for opt-out keywords". Should it hold on all the same, its refusal (21610)
    suppresses again.
    """
    return opt_out_type.upper() == "START" or body.strip().upper() in {"START", "UNSTOP"}


def human_word(reading: Reading, asked: str) -> task.Meaning | None:
    """What a reply of a priority customer says of them; None: nothing, a person still has to ask.

    Any word of theirs shows that they read us; one that nobody understands is read as a cry for help.
    `asked` backup: "have you a backup? yes or no", which are 1 and 2.
    """
    if reading.meaning in _SILENT:
        return None
    if asked == Asks.BACKUP and reading.meaning is Meaning.CHOICE:
        return task.Meaning.HEARD if reading.choice == 1 else task.Meaning.NEEDS_HELP
    return task.Meaning.NEEDS_HELP if reading.meaning in _NO_CALM else task.Meaning.HEARD
