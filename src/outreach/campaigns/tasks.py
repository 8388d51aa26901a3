"""Class A until a person has answered: tasks when nobody does, and a duty phone that hears of them until one is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.addresses import Keyring
from outreach.campaigns import news, pins
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.message import Accepted, Content, InDoubt, Outcome as Sent, Outgoing, Sends
from outreach.model.task import MEANINGS, Meaning, Outcome, Task, TaskKind, Via
from outreach.model.words import Channel, Purpose
from outreach.store import answers, audit, tasks
from outreach.store.answers import Answer, Asked
from outreach.store.session import Database, Session
from outreach.store.tasks import Asking, Push, Reached

EVERY = timedelta(minutes=5)
"""Between two pushes, until somebody takes the tasks."""
AGAIN_AFTER = timedelta(minutes=1)
"""When a push that did not leave is tried again."""
PUSHED, NOT_PUSHED = "task.push", "task.push_failed"
PREFIX = "tsk"
_SYSTEM = "outreach"


def raise_due(database: Database, *, now: datetime) -> int:
    """Opens the tasks that are due by now, in every run that asks class A for an answer; how many.

    unanswered: told, and no answer within the campaign's `answer_within`. unreachable: nothing to
    write to, all of it refused, or nothing left at all in that time. Writes only where there is one.
    """
    with database.read() as session:
        asking = tasks.in_question(session, _asking(session))
        due = [each for each in asking if tasks.is_due(session, each, now=now)]
    if not due:
        return 0
    with database.write() as session:
        opened = sum(tasks.raise_due(session, asking, now=now) for asking in due)
        for occasion in {asking.occasion for asking in due}:
            news.of_tasks_opened(session, occasion=occasion, now=now)
        return opened


def _asking(session: Session) -> list[Asking]:
    """Runs of open occasions whose campaign asks class A for an answer; a paused one leaves people untold."""
    found = []
    for run, occasion, digest in tasks.telling(session):
        within = pins.campaign(session, digest).asks_within
        if within is not None:
            found.append(Asking(run=run, occasion=occasion, within=within))
    return found


# ── answers ─────────────────────────────────────────────────────────────────────────────────────


def answered(
    session: Session, message: int, meaning: Meaning, *, via: Via, now: datetime
) -> Asked | None:
    """Keeps what the customer of a message said, in the caller's transaction; None: no such message.

    Who needs help gets a task at once.
    """
    asked = answers.asked(session, message)
    if asked is None or not asked.customer:
        return None
    said = Answer(
        occasion=asked.occasion,
        customer=asked.customer,
        via=via,
        meaning=meaning,
        message=message,
    )
    if answers.add(session, said, now=now) and meaning is Meaning.NEEDS_HELP:
        tasks.open_one(session, asked, TaskKind.NEEDS_HELP, now=now)
        news.of_tasks_opened(session, occasion=asked.occasion, now=now)
    return asked


# ── what people do with them ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A task in somebody's hands, with what they need to act: the telephones, still sealed."""

    task: Task
    phones: tuple[Reached, ...]


def take(
    database: Database, keyring: Keyring, number: int, *, who: str, over: str = "", now: datetime
) -> Taken:
    """Gives a task to `who` and shows them the telephones; the audit keeps that they were shown.

    over: whose task it is now, where it is taken over. GuardRefused: closed, or somebody else's.
    """
    with database.write() as session:
        task = _open(session, number)
        if not tasks.take(session, number, who, of=over or _mine(task, who), now=now):
            raise GuardRefused(f"{task.taken_by} took it; take it over with --over")
        audit.write(
            session, who, "task.take", keyring.public_id(PREFIX, number), now=now, over=over
        )
        return Taken(task=_open(session, number), phones=tuple(tasks.reach(session, task.customer)))


def _mine(task: Task, who: str) -> str:
    """Taking one's own task again is no error: the telephone is shown once more."""
    return who if task.taken_by == who else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """How a person closes a task."""

    who: str
    outcome: Outcome
    note: str = ""


def close(
    database: Database, keyring: Keyring, number: int, closing: Closing, *, now: datetime
) -> Task:
    """Closes a task. What the customer said counts as their answer, by the agent's word.

    `not_reached` says nothing in the customer's place: they stay unconfirmed.
    """
    note = keyring.seal(closing.note) if closing.note else None
    with database.write() as session:
        task = _open(session, number)
        tasks.close(session, number, closing.who, outcome=closing.outcome, note=note, now=now)
        meaning = MEANINGS.get(closing.outcome)
        if meaning is not None:
            said = Answer(
                occasion=task.occasion,
                customer=task.customer,
                via=Via.AGENT,
                meaning=meaning,
                said_by=closing.who,
            )
            answers.add(session, said, now=now)
        audit.write(
            session, closing.who, "task.close", keyring.public_id(PREFIX, number),
            now=now, outcome=closing.outcome.value,
        )  # fmt: skip
        closed = tasks.get(session, number) or task
        news.of_task_closed(session, closed, now=now)
    return closed


def _open(session: Session, number: int) -> Task:
    task = tasks.get(session, number)
    if task is None:
        raise InputRefused("no such task; `outreach task list` shows them")
    if not task.is_open:
        raise GuardRefused(f"closed already, by {task.closed_by or 'the customer'}")
    return task


# ── the duty phone ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyPhone:
    """Where and how the duty phone is told; `words` says it in the operator's language, naming nobody."""

    number: str
    """E.164."""
    sender: str
    channel: Sends
    words: Callable[[Push], str]
    deadline_s: float


async def push(
    database: Database, keyring: Keyring, phone: DutyPhone, *, now: datetime
) -> Sent | None:
    """Tells the duty phone of the tasks that nobody has taken, if a push is due; None: none was.

    By the lane's channel directly: no campaign may hold it back. What did not leave is tried again
    in a minute, and `doctor` says so until one does.
    """
    with database.write() as session:
        due = tasks.claim_push(session, now=now, every=EVERY)
    if due is None:
        return None
    sent = await told(phone, keyring, phone.words(due), number=due.number)
    _keep(database, due, sent, now=now)
    return sent


async def told(phone: DutyPhone, keyring: Keyring, words: str, *, number: int) -> Sent:
    """Sends one text to the duty phone; `number` names the push in the provider's callbacks."""
    outgoing = Outgoing(
        id=0,
        token=keyring.token(0, number),
        channel=Channel.SMS,
        to=phone.number,
        sender=phone.sender,
        content=Content(text=words),
        purpose=Purpose.EMERGENCY,
        valid_for=EVERY,
    )
    [sent] = await phone.channel.send([outgoing], phone.deadline_s)
    return sent


def _keep(database: Database, due: Push, sent: Sent, *, now: datetime) -> None:
    """A push in doubt may have been read: it counts, and the next one comes in its time."""
    has_left = isinstance(sent, Accepted | InDoubt)
    with database.write() as session:
        if not has_left:
            tasks.push_again_at(session, due.ids, now - EVERY + AGAIN_AFTER)
        audit.write(
            session, _SYSTEM, PUSHED if has_left else NOT_PUSHED, "duty_phone", now=now,
            tasks=due.tasks, said=type(sent).__name__, code=getattr(sent, "code", ""),
        )  # fmt: skip


def push_trouble(session: Session) -> str | None:
    """Why the last push did not leave, as a provider's code; None: it left, or nothing was pushed."""
    last = audit.last(session, (PUSHED, NOT_PUSHED))
    if last is None or last.action == PUSHED:
        return None
    return str(last.detail.get("code") or "?")
