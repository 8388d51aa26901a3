"""Acts on what people write back: kept first, then done, then answered, each at most once.

One transaction writes the reply with what follows from it; reports of trouble are made truth after it,
by transactions of their own, and settle it in a last one. A crash between leaves it waiting: the provider
brings it again, or `take_waiting` goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.campaigns import jobs, news, page_links, reply_acts, reply_status, trouble
from outreach.campaigns.engine import Engine
from outreach.campaigns.reply_acts import OPT_OUT_TYPE, Act, Case
from outreach.campaigns.reply_status import Phrasing
from outreach.campaigns.replying_rules import (
    ASKED_FOR,
    THREADED_FOR,
    TO_STRANGERS,
    Answer,
    Text,
    may_answer,
    provider_said,
)
from outreach.campaigns.trouble import Kind, Said, Told
from outreach.desk import automatic, lexicon, quoting, words
from outreach.model.answer_mail import AnswerMail
from outreach.model.reply import Asks, InboundReply, Origin, Reading
from outreach.model.words import Channel, Service
from outreach.store import answer_mails, cases, dialogues, repliers, replies, rotations
from outreach.store.covering import Known
from outreach.store.dialogues import Dialogue
from outreach.store.repliers import Replier, Sent
from outreach.store.replies import NewReply, Settled
from outreach.store.session import Session

LONGEST_BODY = 10_000
"""Characters of a body that are kept; words are looked for in no more."""
BUSY = timedelta(seconds=60)
"""A reply so young is being acted upon at this moment."""
_A_DAY = timedelta(days=1)
_REPORT_TEXTS = {
    Kind.UNKNOWN_SENDER: Text.UNKNOWN_SENDER,
    Kind.WHICH_PREMISE: Text.WHICH_PREMISE,
    Kind.KNOWN_OUTAGE: Text.KNOWN_OUTAGE,
    Kind.KEPT: Text.KEPT,
    Kind.SUSPECTED: Text.SUSPECTED,
    Kind.RETRACTED: Text.RETRACTED,
    Kind.FINE: Text.FINE,
    Kind.NOT_ASKED: Text.NOT_ASKED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What replies are acted upon with; one an installation, safe to call from several threads."""

    engine: Engine
    phrasing: Phrasing
    known: Known = field(default_factory=Known)
    """Places of the open outages, not read again for every report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """A reply with all that it is read in the light of."""

    reply: InboundReply
    hashed: bytes = field(repr=False)
    who: Replier
    sent: Sent | None
    dialogue: Dialogue | None
    reading: Reading
    asked: str
    locale: str
    done_by_provider: bool
    origin: Origin
    before: tuple[tuple[str, datetime], ...]


def take(desk: Desk, reply: InboundReply, *, now: datetime, is_late: bool = False) -> Answer:
    """Keeps a reply and acts on it; returns after the commit. The same again does nothing more and answers nothing.

    `is_late`: no e-mail answers it any more.
    Raises what the store raised: then nothing was kept, or not all of it done, and the provider must come again.
    """
    # Before the transaction: the first time it takes 0.2 s of CPU, and no writer waits for that.
    lexicon.lexicon(desk.engine.settings.company.service)
    with desk.engine.database.write() as session:
        came = _came(session, desk, reply, now=now)
        number, settled = _kept(session, desk, came)
        if number is None:
            return Answer(text=None, outcome=settled or "repeated")
        act = _acted(session, desk, came, number, now=now)
    if act is None:
        answer = _reported(desk, came, number, now=now)
    else:
        answer = _said(desk, came, act, now=now)
    if answer.text and reply.channel == Channel.EMAIL and not is_late:
        _mailed(desk, reply, number, answer.text, now=now)
    return answer


def _mailed(desk: Desk, reply: InboundReply, number: int, text: str, *, now: datetime) -> None:
    """No provider carries the answer back for us: it leaves by the mail lane, in a moment.

    After a crash before this commit all is done and nothing is said, as with a text.
    """
    engine = desk.engine
    mail = AnswerMail.to(reply, text, company=engine.settings.company.name)
    with engine.database.write() as session:
        answer_mails.add(session, number, engine.keyring.seal(mail.written()), now=now)
        engine.queue.defer(session, jobs.of(jobs.Kind.ANSWER))


def take_waiting(desk: Desk, *, now: datetime) -> int:
    """Reports that a crash left kept but not acted upon; how many. They are not answered any more."""
    with desk.engine.database.read() as session:
        left = replies.waiting(session, before=now - BUSY)
    for one in left:
        open_ = desk.engine.keyring.open
        subject, _line, body = open_(one.body_sealed).partition("\n")
        reply = InboundReply(
            channel=one.channel, provider=one.provider, provider_ref=one.provider_ref,
            address=open_(one.address_sealed), to="", subject=subject, body=body, at=one.at,
        )  # fmt: skip
        take(desk, reply, now=now, is_late=True)
    return len(left)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def _came(session: Session, desk: Desk, reply: InboundReply, *, now: datetime) -> _Came:
    rotations.adopt(session, desk.engine.keyring, [reply.address])
    hashed = desk.engine.keyring.hash(reply.address)
    replies.lock_address(session, hashed)
    who = repliers.replier(session, hashed)
    named = _named(desk, reply)
    sent = _threaded(session, reply, hashed, named, now=now)
    dialogue = dialogues.current(session, hashed, reply.channel, now=now)
    locale = (sent.locale if sent else "") or who.locale or desk.engine.settings.company.locale
    handled = reply.headers.get(OPT_OUT_TYPE, "")
    asked = _asked(session, dialogue, who, sent)
    service = desk.engine.settings.company.service
    reading = read(reply, locale=locale, asked=asked, service=service)
    return _Came(
        reply=reply,
        hashed=hashed,
        who=who,
        sent=sent,
        dialogue=dialogue,
        reading=reading,
        asked=asked,
        locale=locale if who.is_known or sent else reading.locale or locale,
        done_by_provider=provider_said(handled) is not None,
        origin=_origin(session, reply, hashed, named),
        before=tuple(replies.answers_since(session, hashed, reply.channel, since=now - _A_DAY)),
    )


def read(reply: InboundReply, *, locale: str, asked: str, service: Service) -> Reading:
    """What one reply says: the provider's own word first, then machines, then the words themselves."""
    said = provider_said(reply.headers.get(OPT_OUT_TYPE, ""))
    if said is not None:
        return Reading(meaning=said, matched="provider")
    machine = automatic.is_automatic(reply)
    if machine is not None:
        return Reading(meaning=machine)
    return words.read(quoting.said(reply), locale=locale, asked=asked, service=service)


def _asked(session: Session, dialogue: Dialogue | None, who: Replier, sent: Sent | None) -> str:
    """What a bare number or a "yes" answers: an open question, else the one that the notice itself put.

    To say that supply is back is to ask whether it is; a priority customer is asked for a backup.
    """
    if dialogue is not None:
        return dialogue.asks
    if sent is None:
        return ""
    if question := trouble.question_of(session, sent.message):
        return question
    return Asks.BACKUP if who.is_priority and sent.is_open else ""


def _named(desk: Desk, reply: InboundReply) -> int | None:
    """The message that a genuine token of ours names, in a Message-ID or a plus-address."""
    for named in (_token_of(reply.in_reply_to or ""), _plus_of(reply.to)):
        found = desk.engine.keyring.read_token(named) if named.count(".") == 2 else None  # noqa: PLR2004
        if found is not None:
            return found[0]
    return None


def _origin(session: Session, reply: InboundReply, hashed: bytes, named: int | None) -> Origin:
    """A token of ours proves more than any server does, of the one address that it was sent to."""
    if named is not None and repliers.went_to(session, named, hashed):
        return Origin.PROVEN
    return reply.origin


def _threaded(
    session: Session, reply: InboundReply, hashed: bytes, named: int | None, *, now: datetime
) -> Sent | None:
    """By the message that a token names; else by the address, for WhatsApp that of its texts."""
    if named is not None:
        return repliers.sent(session, named)
    channel = reply_acts.channel_of(reply.channel)
    since = now - THREADED_FOR
    return repliers.answered(session, hashed, channel, reply.in_reply_to or "", since=since)


def _token_of(message_id: str) -> str:
    return message_id.strip().lstrip("<").partition("@")[0]


def _plus_of(to: str) -> str:
    return to.partition("@")[0].partition("+")[2]


def _kept(session: Session, desk: Desk, came: _Came) -> tuple[int | None, str]:
    """(number, "") of a reply that is still to be acted upon; (None, outcome) of one that was."""
    reply, seal = came.reply, desk.engine.keyring.seal
    new = NewReply(
        at=reply.at,
        channel=reply.channel,
        provider=reply.provider,
        provider_ref=reply.provider_ref,
        address_hash=came.hashed,
        address_sealed=seal(reply.address),
        body_sealed=seal(f"{_line(reply.subject)}\n{reply.body[:LONGEST_BODY]}"),
        customer_id=came.who.customer,
        message_id=came.sent.message if came.sent else None,
        occasion_id=came.sent.occasion if came.sent else None,
        locale=came.locale,
        meaning=came.reading.meaning,
    )
    number = replies.add(session, new)
    if number is not None:
        return number, ""
    known = replies.by_ref(session, reply.provider, reply.provider_ref)
    if known is None or known.settled_at is not None:
        return None, known.outcome if known else ""
    return known.id, ""


def _line(subject: str) -> str:
    return " ".join(subject.split())[:500]


# ── acting ──────────────────────────────────────────────────────────────────────────────────────


def _acted(session: Session, desk: Desk, came: _Came, number: int, *, now: datetime) -> Act | None:
    """What was done in this transaction; None: it is a report, which is made truth after it."""
    case = Case(
        number=number, reply=came.reply, hashed=came.hashed, who=came.who, sent=came.sent,
        reading=came.reading, asked=came.asked, origin=came.origin,
    )  # fmt: skip
    if came.reading.urgent:
        cases.open_one(session, number, cases.URGENT, now=now)
    if case.is_report:
        reply_acts.human(session, case, now=now)
        return None
    act = reply_acts.act(session, desk.engine.keyring, case, now=now)
    said = _allowed(came, _in_danger(came, act.says), now=now)
    replies.settle(session, number, Settled(outcome=act.outcome, answered=said), now=now)
    news.of_reply(session, number, now=now)
    return Act(outcome=act.outcome, says=Text(said) if said else None)


def _in_danger(came: _Came, says: Text | None) -> Text | None:
    """Whoever writes of a fallen wire hears first whom to call."""
    keeps = {Text.OPTED_OUT, Text.NEEDS_HELP}
    return Text.URGENT if came.reading.urgent and says not in keeps else says


def _allowed(came: _Came, says: Text | None, *, now: datetime) -> str:
    """The text's name where it may be said; a second confirmation beside the provider's own is none."""
    if says is None or (
        came.done_by_provider and says in {Text.OPTED_OUT, Text.OPTED_IN, Text.HELP}
    ):
        return ""
    return says if _may_hear(came, says, now=now) else ""


def _may_hear(came: _Came, name: Text, *, now: datetime) -> bool:
    """A From line is written by anybody: a stranger's e-mail hears only what it asked for in clear words."""
    if came.origin is Origin.FORGED:
        return False  # whoever has that address did not write
    is_stranger = came.reply.channel == Channel.EMAIL and not (came.who.is_known or came.sent)
    if is_stranger and name not in TO_STRANGERS:
        return False
    return may_answer(name, came.before, now=now)


def _said(desk: Desk, came: _Came, act: Act, *, now: datetime) -> Answer:
    if act.says is None:
        return Answer(text=None, outcome=act.outcome)
    text = _text(desk, came, act.says, now=now)
    return Answer(text=text, outcome=act.outcome, name=act.says)


def _text(desk: Desk, came: _Came, name: Text, *, now: datetime) -> str:
    if name is Text.STATUS:
        return _truth(desk, came, now=now)[1]
    own = _own_page(desk, came, now=now) if name is Text.HELP else ""
    return desk.phrasing.say(name, came.locale, preferences=own)


def _own_page(desk: Desk, came: _Came, *, now: datetime) -> str:
    """Where the one person who holds the address chooses what is sent to them."""
    if came.who.customer is None:
        return ""
    engine = desk.engine
    shown = page_links.preferences_link(engine.settings, engine.keyring, came.who.customer, now=now)
    return shown.removeprefix("https://")


def _truth(desk: Desk, came: _Came, *, now: datetime) -> tuple[Text, str]:
    return reply_status.status(
        desk.engine.database, desk.phrasing, came.hashed, came.locale, now=now
    )


def _reported(desk: Desk, came: _Came, number: int, *, now: datetime) -> Answer:
    """Hands a report to the trouble desk, keeps what it asks back, and says what it found."""
    told = trouble.report(desk.engine, _what(came, number), now=now, known=desk.known)
    name = _in_danger(came, _REPORT_TEXTS[told.kind]) or Text.KEPT
    is_said = _may_hear(came, name, now=now)
    outcome = f"report: {told.kind.value}"
    with desk.engine.database.write() as session:
        _ask(session, came, told, now=now)
        if told.kind is Kind.UNKNOWN_SENDER and not is_said:
            cases.open_one(session, number, "unknown_sender", now=now)
        settled = Settled(
            outcome=outcome, answered=name if is_said else "", occasion=told.occasion_id
        )
        replies.settle(session, number, settled, now=now)
        news.of_reply(session, number, now=now)
    if not is_said:
        return Answer(text=None, outcome=outcome)
    return Answer(text=_of_report(desk, came, told, name, now=now), outcome=outcome, name=name)


def _ask(session: Session, came: _Came, told: Told, *, now: datetime) -> None:
    if not told.asks:
        dialogues.close(session, came.hashed, came.reply.channel)
        return
    asked = Dialogue(asks=told.asks, options=told.options, expires_at=now + ASKED_FOR)
    dialogues.ask(session, came.hashed, came.reply.channel, asked, now=now)


def _of_report(desk: Desk, came: _Came, told: Told, name: Text, *, now: datetime) -> str:
    if name is Text.WHICH_PREMISE:
        shown = ", ".join(f"{number} {label}" for number, label in told.labels.items())
        return desk.phrasing.say(name, came.locale, choices=shown)
    if name is not Text.KNOWN_OUTAGE:
        return _text(desk, came, name, now=now)
    found, text = _truth(desk, came, now=now)
    if found is Text.STATUS:
        return text
    return desk.phrasing.say(name, came.locale, zone=str(told.facts.get("place", "")))


def _what(came: _Came, number: int) -> Said:
    reply, reading = came.reply, came.reading
    return Said(
        reply_id=number,
        via=reply.channel,
        address_hash=came.hashed,
        customer_id=came.who.customer,
        meaning=reading.meaning,
        choice=reading.choice,
        locale=came.locale,
        source_ref=f"{reply.provider}:{reply.provider_ref}",
        asked=came.asked,
        options=came.dialogue.options if came.dialogue else {},
        occasion_id=came.sent.occasion if came.sent else None,
        account=_account_in(reply.body) if not came.who.is_known or came.dialogue else "",
        partly=reading.partly,
    )


def _account_in(body: str) -> str:
    """The longest run of letters and digits with a digit in it: what a stranger names as account."""
    found = [
        word.strip(".,;:#()")
        for word in body.split()
        if sum(letter.isdigit() for letter in word) >= 3  # noqa: PLR2004  "1" and "24h" are none
    ]
    return max(found, key=len, default="")[:64]
