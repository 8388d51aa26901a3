"""Cases in the hands of staff: shown and closed, each with a line in the audit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.addresses import Keyring
from outreach.campaigns.reply_acts import channel_of
from outreach.model.errors import GuardRefused, InputRefused
from outreach.store import audit, cases, consents, replies
from outreach.store.cases import Case
from outreach.store.consents import Word
from outreach.store.session import Database, Session

PREFIX = "cas"
_LONGEST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a person closes a case; `opt_out`: its writer is suppressed on the channel, by their word."""

    who: str
    outcome: str
    opt_out: bool = False


def shown(database: Database, keyring: Keyring, number: int, *, who: str, now: datetime) -> Case:
    """A case with words and address, still sealed; the audit keeps that somebody looked."""
    with database.write() as session:
        case = _known(session, number)
        audit.write(session, who, "case.show", keyring.public_id(PREFIX, number), now=now)
    return case


def close(
    database: Database, keyring: Keyring, number: int, closing: Closing, *, now: datetime
) -> Case:
    """Closes a case; GuardRefused where somebody has. An opt-out takes effect within a second."""
    outcome = " ".join(closing.outcome.split())[:_LONGEST]
    if not outcome:
        raise InputRefused("--outcome: say in a few words what came of it")
    with database.write() as session:
        case = _known(session, number)
        if not cases.close(session, number, closing.who, outcome=outcome, now=now):
            raise GuardRefused(f"closed already, by {case.closed_by}")
        if closing.opt_out:
            _stop(session, case, closing.who, now=now)
        audit.write(
            session, closing.who, "case.close", keyring.public_id(PREFIX, number), now=now,
            opt_out=closing.opt_out,
        )  # fmt: skip
        return _known(session, number)


def _stop(session: Session, case: Case, who: str, *, now: datetime) -> None:
    reply = replies.get(session, case.reply_id)
    if reply is None:
        return
    for channel in dict.fromkeys((reply.channel, channel_of(reply.channel))):
        word = Word(
            address_hash=reply.address_hash, channel=channel, via="staff", reply=reply.id,
            said_by=who,
        )  # fmt: skip
        consents.stop(session, word, reason="opted out, as read by staff", now=now)


def _known(session: Session, number: int) -> Case:
    case = cases.get(session, number)
    if case is None:
        raise InputRefused("no such case; `outreach case list` shows them")
    return case
