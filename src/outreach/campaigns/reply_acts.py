"""What each meaning of a reply does, inside the transaction that keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from outreach.addresses import Keyring
from outreach.campaigns import tasks as closing
from outreach.campaigns.replying_rules import (
    NOT_BY_THEM,
    REPORTS,
    THREADED_FOR,
    Text,
    frees_carrier,
    human_word,
    is_disowned,
)
from outreach.desk import automatic
from outreach.model.reply import Asks, Bounce, InboundReply, Meaning, Origin, Reading
from outreach.model.task import Meaning as Human, TaskKind, Via
from outreach.model.words import Channel, LeftOut
from outreach.store import answers, cases, consents, repliers, rotations, tasks
from outreach.store.consents import PROVIDER, Word
from outreach.store.repliers import Replier, Sent
from outreach.store.session import Session

OPT_OUT_TYPE = "x-opt-out-type"
"""Header under which a channel brings what its provider did by itself: STOP, START or HELP."""
WHATSAPP = "whatsapp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One reply as it is acted upon."""

    number: int
    reply: InboundReply
    hashed: bytes = field(repr=False)
    who: Replier
    sent: Sent | None
    reading: Reading
    asked: str = ""
    """What was open: a question of ours, or that of a priority customer's notice."""
    origin: Origin

    @property
    def is_disowned(self) -> bool:
        return is_disowned(self.origin, self.reading.meaning)

    @property
    def is_report(self) -> bool:
        """Whether the trouble desk takes it; a yes or no of a priority customer is no report."""
        is_answer = self.reading.meaning is Meaning.CHOICE and self.asked == Asks.BACKUP
        return not self.is_disowned and self.reading.meaning in REPORTS and not is_answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What was done, in words for staff, and the text that answers."""

    outcome: str
    says: Text | None = None


def channel_of(via: str) -> str:
    """The channel on which we write to whoever wrote by `via`: WhatsApp goes by the number that we text."""
    return Channel.SMS if via == WHATSAPP else via


def act(session: Session, keyring: Keyring, case: Case, *, now: datetime) -> Act:
    """Does what a reply asks, but for reports."""
    meaning = case.reading.meaning
    if case.is_disowned:
        return _disowned(session, case, now=now)
    if meaning is Meaning.BOUNCE:
        return _bounced(session, keyring, case, now=now)
    if meaning is Meaning.CHOICE and case.asked == Asks.BACKUP:
        return _agreed(session, case, now=now)
    does = _ACTS.get(meaning)
    return does(session, case, now=now) if does else Act(outcome="kept")


def human(session: Session, case: Case, *, now: datetime) -> Human | None:
    """Counts the word of a priority customer as their answer; what it said of them, None: it was none."""
    if case.sent is None or not case.who.is_priority or not case.sent.is_open:
        return None
    said = human_word(case.reading, case.asked)
    if said is None:
        return None
    closing.answered(session, case.sent.message, said, via=Via.REPLY, now=now)
    return said


def _is_ours(
    session: Session, keyring: Keyring, bounce: Bounce, hashed: bytes, *, now: datetime
) -> bool:
    """Whether we wrote what bounced: anybody can send a report, and must not silence others by it."""
    ref = bounce.in_reply_to or ""
    token = ref.strip().lstrip("<").partition("@")[0]
    if token.count(".") == 2 and keyring.read_token(token) is not None:  # noqa: PLR2004
        return True
    sent = repliers.refs(session, hashed, Channel.EMAIL, since=now - THREADED_FOR)
    return any(each in ref for each in sent)


def _spoken(session: Session, case: Case, *, now: datetime) -> Act:
    said = human(session, case, now=now)
    if said is Human.NEEDS_HELP:
        return Act(outcome="needs help: a task is open", says=Text.NEEDS_HELP)
    says = {Meaning.HELP: Text.HELP, Meaning.STATUS: Text.STATUS}.get(case.reading.meaning)
    return Act(outcome="answered" if says else "kept", says=says)


def _agreed(session: Session, case: Case, *, now: datetime) -> Act:
    """Yes or no to the question of a priority customer's notice."""
    said = human(session, case, now=now)
    if said is Human.HEARD:
        return Act(outcome="heard", says=Text.HEARD)
    return Act(outcome="needs help: a task is open", says=Text.NEEDS_HELP)


def _disowned(session: Session, case: Case, *, now: datetime) -> Act:
    """Says nothing either: an answer would reach somebody who never wrote."""
    cases.open_one(session, case.number, cases.NOT_PROVEN, now=now)
    return Act(outcome=NOT_BY_THEM)


def _unsure(session: Session, case: Case, *, now: datetime) -> Act:
    said = human(session, case, now=now)
    cases.open_one(session, case.number, "unsure", now=now)
    if said is Human.NEEDS_HELP:
        return Act(outcome="needs help: a task is open", says=Text.NEEDS_HELP)
    return Act(outcome="case", says=Text.UNSURE)


def _stopped(session: Session, case: Case, *, now: datetime) -> Act:
    for channel in _channels(case):
        consents.stop(session, _word(case, channel), reason=_reason(case), now=now)
    if not case.who.is_priority:
        return Act(outcome="opted out", says=Text.OPTED_OUT)
    if case.sent is None or not case.sent.is_open:
        cases.open_one(session, case.number, cases.PRIORITY, now=now)
        return Act(outcome="opted out; priority customer: a case is open", says=Text.OPTED_OUT)
    asked = answers.asked(session, case.sent.message)
    if asked is not None:
        tasks.open_one(session, asked, TaskKind.UNREACHABLE, now=now, why=LeftOut.OPTED_OUT)
    return Act(outcome="opted out; priority customer: a task is open", says=Text.OPTED_OUT)


def _reason(case: Case) -> str:
    """Twilio's own STOP blocks there too: the carrier must let go before anything arrives again."""
    is_theirs = case.reply.headers.get(OPT_OUT_TYPE, "").upper() == "STOP"
    return PROVIDER if is_theirs else f"{consents.SAID_SO} ({case.reply.channel})"


def _started(session: Session, case: Case, *, now: datetime) -> Act:
    frees = frees_carrier(case.reply.body, case.reply.headers.get(OPT_OUT_TYPE, ""))
    left: list[str] = []
    for channel in _channels(case):
        left += consents.start(session, _word(case, channel), provider_too=frees, now=now)
    if PROVIDER in left:
        return Act(outcome="opted in, but the carrier still blocks", says=Text.CARRIER_BLOCK)
    if left:
        cases.open_one(session, case.number, "opt_in", now=now)
        return Act(outcome="opted in, but another block stands: case", says=Text.UNSURE)
    return Act(outcome="opted in", says=Text.OPTED_IN)


def _channels(case: Case) -> list[str]:
    """A word by WhatsApp is about our texts too: they go to the same number."""
    return list(dict.fromkeys((case.reply.channel, channel_of(case.reply.channel))))


def _word(case: Case, channel: str) -> Word:
    return Word(address_hash=case.hashed, channel=channel, via="reply", reply=case.number)


def _bounced(session: Session, keyring: Keyring, case: Case, *, now: datetime) -> Act:
    """Only an address that does not exist is marked; a full mailbox is not its fault. A complaint stops."""
    marked = stopped = 0
    bounces = automatic.bounces(case.reply)
    if case.origin is Origin.FORGED and any(each.is_complaint for each in bounces):
        return _disowned(session, case, now=now)
    rotations.adopt(session, keyring, [each.address for each in bounces])
    for bounce in bounces:
        hashed = keyring.hash(bounce.address)
        if bounce.is_complaint:
            word = Word(address_hash=hashed, channel=Channel.EMAIL, via="reply", reply=case.number)
            stopped += consents.stop(session, word, reason="complained of spam", now=now)
        elif bounce.is_permanent and _is_ours(session, keyring, bounce, hashed, now=now):
            marked += consents.mark_bad(session, hashed, Channel.EMAIL, now=now)
    if marked or stopped:
        return Act(outcome="complaint: opted out" if stopped else "bounced: address marked bad")
    return Act(outcome="bounced: kept")


_ACTS = {
    Meaning.OPT_OUT: _stopped,
    Meaning.OPT_IN: _started,
    Meaning.UNSURE: _unsure,
    Meaning.HELP: _spoken,
    Meaning.STATUS: _spoken,
    Meaning.THANKS: _spoken,
}
"""Machines and empty texts are kept and no more; the trouble desk takes reports."""
