"""Class A is closed by a person's answer alone: who does not answer becomes somebody's task."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.tell import NOW, customer, launched, moved

from outreach.campaigns import tasks
from outreach.campaigns.engine import Engine
from outreach.campaigns.status import status
from outreach.campaigns.tasks import Closing, DutyPhone
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.message import Accepted, Delayed, InDoubt, Outcome as Sent, Outgoing, Refused
from outreach.model.occasion import OccasionId
from outreach.model.task import Meaning, Outcome, Task, TaskKind, Via
from outreach.model.words import Channel, MessageState, OccasionKind
from outreach.store import audit, tables as t, tasks as store
from outreach.store.tasks import Push

S = MessageState
MINUTE = timedelta(minutes=1)
IN_TEN = NOW + 10 * MINUTE


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    """Two households of class A in the north: K-0001 with a phone, K-0060 with nothing."""
    with database.write() as session:
        town.build(session)
        town.resident(
            session, number=60, order=3, locality="Providencia", priority="A", channel=None
        )
    return town.engine(database, town.workspace(tmp_path))


def open_tasks(engine: Engine) -> dict[str, Task]:
    with engine.database.read() as session:
        return {one.customer_ref: one for one in store.every(session)}


def kinds(engine: Engine) -> dict[str, TaskKind]:
    return {ref: one.kind for ref, one in open_tasks(engine).items()}


def priority_message(engine: Engine) -> int:
    with engine.database.read() as session:
        return int(
            session.execute(select(t.message.c.id).where(t.message.c.priority == "A")).scalar_one()
        )


def answers(engine: Engine, meaning: Meaning, *, at=NOW) -> None:
    with engine.database.write() as session:
        assert tasks.answered(session, priority_message(engine), meaning, via=Via.KEY, now=at)


def test_who_has_no_address_is_a_task_at_once_and_once(engine):
    launched(engine)

    opened = [tasks.raise_due(engine.database, now=NOW) for _again in range(2)]

    assert opened == [1, 0]
    task = open_tasks(engine)["K-0060"]
    assert (task.kind, task.why) == (TaskKind.UNREACHABLE, "no_contact")


@pytest.mark.parametrize("state", [S.ACCEPTED, S.DELIVERED, S.IN_DOUBT, S.UNKNOWN])
def test_who_does_not_answer_in_ten_minutes_is_a_task_whatever_the_receipt(engine, state):
    launched(engine)
    moved(engine, state)

    before = tasks.raise_due(engine.database, now=IN_TEN - timedelta(seconds=1))
    after = tasks.raise_due(engine.database, now=IN_TEN)

    assert (before, after) == (1, 1)
    assert kinds(engine)["K-0001"] is TaskKind.UNANSWERED


@pytest.mark.parametrize("state", [S.FAILED, S.UNDELIVERED, S.SUPPRESSED, S.EXPIRED])
def test_whom_nothing_can_reach_is_a_task_without_waiting(engine, state):
    launched(engine)
    moved(engine, state)

    tasks.raise_due(engine.database, now=NOW)

    task = open_tasks(engine)["K-0001"]
    assert (task.kind, task.why) == (TaskKind.UNREACHABLE, "refused")


def test_whose_message_never_left_is_a_task_as_well(engine):
    launched(engine)

    tasks.raise_due(engine.database, now=IN_TEN)

    task = open_tasks(engine)["K-0001"]
    assert (task.kind, task.why) == (TaskKind.UNREACHABLE, "not_sent")


def test_what_a_newer_notice_took_the_place_of_is_nobodys_task(engine):
    launched(engine)
    with engine.database.write() as session:
        session.execute(update(t.message).values(state=S.SUPERSEDED))

    tasks.raise_due(engine.database, now=IN_TEN)

    assert set(kinds(engine)) == {"K-0060"}


def test_who_answered_is_no_task(engine):
    launched(engine)
    moved(engine, S.DELIVERED)
    answers(engine, Meaning.HEARD)

    tasks.raise_due(engine.database, now=IN_TEN)

    assert set(kinds(engine)) == {"K-0060"}


def test_a_late_answer_closes_the_task(engine):
    launched(engine)
    moved(engine, S.DELIVERED)
    tasks.raise_due(engine.database, now=IN_TEN)

    answers(engine, Meaning.HEARD, at=IN_TEN)

    assert set(kinds(engine)) == {"K-0060"}
    assert tasks.raise_due(engine.database, now=IN_TEN + MINUTE) == 0


def test_who_needs_help_is_a_task_at_once_and_the_same_key_twice_is_one(engine):
    launched(engine)

    for _again in range(2):
        answers(engine, Meaning.NEEDS_HELP)

    assert kinds(engine) == {"K-0001": TaskKind.NEEDS_HELP}
    with engine.database.read() as session:
        assert len(session.execute(select(t.answer)).all()) == 1


def test_an_answer_to_a_message_that_does_not_exist_is_none(engine):
    with engine.database.write() as session:
        assert tasks.answered(session, 4711, Meaning.HEARD, via=Via.KEY, now=NOW) is None


def test_status_counts_who_has_not_answered_and_its_tasks(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.DELIVERED)
    tasks.raise_due(engine.database, now=IN_TEN)

    before = status(engine.database, engine.settings, occasion, now=IN_TEN)
    answers(engine, Meaning.HEARD, at=IN_TEN)
    after = status(engine.database, engine.settings, occasion, now=IN_TEN)

    assert (before.priority_unconfirmed, before.needs_a_person) == (2, True)
    assert before.tasks == {TaskKind.UNANSWERED: 1, TaskKind.UNREACHABLE: 1}
    assert (after.priority_unconfirmed, after.tasks) == (1, {TaskKind.UNREACHABLE: 1})


def test_the_campaign_says_how_long_an_answer_may_take(engine):
    file = engine.settings.workspace / "campaigns" / "unplanned-outage.toml"
    file.write_text(file.read_text().replace('answer_within = "10m"', 'answer_within = "25m"'))
    launched(engine)
    moved(engine, S.ACCEPTED)

    tasks.raise_due(engine.database, now=NOW + 24 * MINUTE)
    early = set(kinds(engine))
    tasks.raise_due(engine.database, now=NOW + 25 * MINUTE)

    assert (early, set(kinds(engine))) == ({"K-0060"}, {"K-0060", "K-0001"})


@pytest.mark.parametrize(
    ("serves", "within"), [(OccasionKind.OUTAGE, 10 * MINUTE), (OccasionKind.PLANNED, None)]
)
def test_a_work_announced_for_next_week_asks_nobody_unless_its_file_says_so(serves, within):
    campaign = Campaign(name="any", serves=serves)

    assert campaign.asks_within == within
    assert replace(campaign, answer_within=MINUTE).asks_within == MINUTE


# ── who takes them ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def task(engine) -> Task:
    launched(engine)
    moved(engine, S.DELIVERED)
    tasks.raise_due(engine.database, now=IN_TEN)
    return open_tasks(engine)["K-0001"]


def taken(engine: Engine, task: Task, who: str, **more: Any) -> tasks.Taken:
    return tasks.take(engine.database, make.KEYRING, task.id, who=who, now=IN_TEN, **more)


def closed(engine: Engine, task: Task, outcome: Outcome, note: str = "") -> Task:
    closing = Closing(who="ana", outcome=outcome, note=note)
    return tasks.close(engine.database, make.KEYRING, task.id, closing, now=IN_TEN + MINUTE)


def test_who_takes_a_task_is_shown_the_phone_and_that_is_kept(engine, task):
    given = taken(engine, task, "ana")

    assert (given.task.taken_by, given.task.taken_at) == ("ana", IN_TEN)
    assert [make.KEYRING.open(phone.address_sealed) for phone in given.phones] == ["+56970000001"]
    with engine.database.read() as session:
        [entry] = [one for one in audit.newest(session) if one.action == "task.take"]
    assert (entry.actor, entry.subject) == ("ana", make.KEYRING.public_id("tsk", task.id))


def test_a_taken_task_is_somebody_elses_until_it_is_taken_over(engine, task):
    taken(engine, task, "ana")

    with pytest.raises(GuardRefused, match="ana took it"):
        taken(engine, task, "bea")
    with pytest.raises(GuardRefused, match="ana took it"):
        taken(engine, task, "bea", over="carla")

    assert taken(engine, task, "ana").task.taken_by == "ana"
    assert taken(engine, task, "bea", over="ana").task.taken_by == "bea"


@pytest.mark.parametrize(
    ("outcome", "unconfirmed"),
    [(Outcome.HEARD, 1), (Outcome.NEEDS_HELP, 1), (Outcome.NOT_REACHED, 2)],
)
def test_a_closed_task_confirms_the_customer_only_if_they_said_something(
    engine, task, outcome, unconfirmed
):
    done = closed(engine, task, outcome, note="spoke to the daughter")

    found = status(engine.database, engine.settings, OccasionId(task.occasion), now=IN_TEN + MINUTE)
    assert (done.closed_by, done.outcome, done.is_open) == ("ana", outcome, False)
    assert found.priority_unconfirmed == unconfirmed
    assert tasks.raise_due(engine.database, now=IN_TEN + 60 * MINUTE) == 0
    with engine.database.read() as session:
        sealed = session.execute(
            select(t.task.c.note_sealed).where(t.task.c.id == task.id)
        ).scalar_one()
    assert make.KEYRING.open(sealed) == "spoke to the daughter"


def test_a_closed_task_stays_closed_and_an_unknown_one_is_refused(engine, task):
    closed(engine, task, Outcome.HEARD)

    with pytest.raises(GuardRefused, match="closed already, by ana"):
        closed(engine, task, Outcome.HEARD)
    with pytest.raises(GuardRefused, match="closed already"):
        taken(engine, task, "bea")
    with pytest.raises(InputRefused, match="no such task"):
        tasks.take(engine.database, make.KEYRING, 4711, who="ana", now=NOW)


def test_the_agents_word_is_an_answer_of_theirs(engine, task):
    closed(engine, task, Outcome.HEARD)

    with engine.database.read() as session:
        [row] = session.execute(select(t.answer)).all()
    assert (row.via, row.meaning, row.said_by, row.customer_id) == (
        "agent", "heard", "ana", customer(engine, "K-0001"),
    )  # fmt: skip


# ── the duty phone ──────────────────────────────────────────────────────────────────────────────


class Phone:
    """A channel that keeps what it is given and answers as told."""

    channel, has_receipts, batch_size = Channel.SMS, True, 10

    def __init__(self, *says: Any) -> None:
        self.sent: list[Outgoing] = []
        self._says = list(says)

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Sent]:
        self.sent += batch
        return [self._says.pop(0) if self._says else Accepted(id=0, provider_ref="SM1")]

    async def close(self) -> None:
        """Nothing is open."""


def words(push: Push) -> str:
    return f"{push.tasks} tasks, {push.needs_help} need help, {'/'.join(push.occasions)}"


def pushed(engine: Engine, phone: Phone, *, at: Any) -> Sent | None:
    duty = DutyPhone(
        number="+56911111111", sender="+56900000000", channel=phone, words=words, deadline_s=5
    )
    return asyncio.run(tasks.push(engine.database, make.KEYRING, duty, now=at))


def trouble(engine: Engine) -> str | None:
    with engine.database.read() as session:
        return tasks.push_trouble(session)


def test_the_duty_phone_hears_of_tasks_every_five_minutes_until_one_takes_them(engine, task):
    phone = Phone()

    for minute in (0, 1, 4, 5, 9):
        pushed(engine, phone, at=IN_TEN + minute * MINUTE)
    for one in open_tasks(engine).values():
        taken(engine, one, "ana")
    pushed(engine, phone, at=IN_TEN + 20 * MINUTE)

    assert [one.content.text for one in phone.sent] == ["2 tasks, 0 need help, ALM-F12"] * 2
    assert len({one.token for one in phone.sent}) == 2
    assert {one.to for one in phone.sent} == {"+56911111111"}


def test_a_cry_for_help_does_not_wait_for_the_five_minutes(engine, task):
    phone = Phone()
    pushed(engine, phone, at=IN_TEN)

    answers(engine, Meaning.NEEDS_HELP, at=IN_TEN + MINUTE)
    pushed(engine, phone, at=IN_TEN + MINUTE)
    pushed(engine, phone, at=IN_TEN + 2 * MINUTE)

    assert [one.content.text for one in phone.sent] == [
        "2 tasks, 0 need help, ALM-F12", "1 tasks, 1 need help, ALM-F12",
    ]  # fmt: skip


def test_without_tasks_nothing_is_pushed(engine):
    assert pushed(engine, Phone(), at=NOW) is None
    assert trouble(engine) is None


@pytest.mark.parametrize(
    "said",
    [
        Refused(id=0, code="21211", reason="no"),
        Delayed(id=0, code="429", reason="no", retry_after=MINUTE),
    ],
)
def test_a_push_that_did_not_leave_is_tried_again_in_a_minute_and_is_shown(engine, task, said):
    phone = Phone(said)

    pushed(engine, phone, at=IN_TEN)
    shown = trouble(engine)
    too_soon = pushed(engine, phone, at=IN_TEN + MINUTE / 2)
    again = pushed(engine, phone, at=IN_TEN + MINUTE)

    assert (shown, too_soon, trouble(engine)) == (said.code, None, None)
    assert isinstance(again, Accepted)


def test_a_push_in_doubt_may_have_been_read_and_is_not_repeated_at_once(engine, task):
    phone = Phone(InDoubt(id=0, reason="lost"))

    pushed(engine, phone, at=IN_TEN)

    assert pushed(engine, phone, at=IN_TEN + MINUTE) is None
    assert trouble(engine) is None
