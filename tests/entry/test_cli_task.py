"""Tasks at the terminal: masked for all, shown to who takes one, closed with a word."""

from __future__ import annotations

import getpass
from datetime import timedelta
from typing import Any

import pytest
from tests import town
from tests.entry.cli_runs import NOW
from tests.entry.telling import lines, night, send, tripped

from outreach.campaigns import tasks
from outreach.entry import class_a
from outreach.entry.cli import doctor_duty, task
from outreach.entry.cli.command import Context, Given
from outreach.model.words import MessageState
from outreach.settings import Lane, Settings
from outreach.settings_contactcenter import ContactCenter
from outreach.store import audit
from outreach.store.tasks import Push

S = MessageState
PHONE = "+56970000001"
IN_TEN = NOW + timedelta(minutes=12)


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    """One of class A did not answer, another has no address."""
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    with made.database.write() as session:
        town.resident(
            session, number=60, order=3, locality="Providencia", priority="A", channel=None
        )
    tripped(made)
    send(made, at=NOW, priority="A", state=S.DELIVERED)
    tasks.raise_due(made.database, now=IN_TEN)
    return made


def listed(terminal, *more: str) -> dict[str, dict[str, Any]]:
    return {one["customer"]: one for one in terminal.answer("task", "list", *more, at=IN_TEN)}


def test_the_list_says_what_to_do_and_masks_the_telephone(terminal):
    shown = "\n".join(lines(terminal.run("task", "list", at=IN_TEN)))
    found = listed(terminal, "--which", "last")

    assert "no answer" in shown
    assert "not reached: no address" in shown
    assert "02:55" in shown
    assert "+569****01" in shown
    assert PHONE not in shown
    assert {ref: one["kind"] for ref, one in found.items()} == {
        "K-0001": "unanswered", "K-0060": "unreachable",
    }  # fmt: skip


def test_who_takes_a_task_is_shown_the_telephone_and_the_next_step(terminal):
    number = listed(terminal)["K-0001"]["id"]

    shown = lines(terminal.run("task", "take", number, at=IN_TEN))
    again = terminal.answer("task", "take", number, at=IN_TEN)

    assert shown[1:] == [
        f"call {PHONE}",
        f"then: outreach task close {number} --outcome heard|needs_help|not_reached",
    ]
    assert (again["phones"], again["taken_by"]) == ([PHONE], "ana")
    with terminal.database.read() as session:
        assert [one.action for one in audit.newest(session, 2)] == ["task.take"] * 2


def test_a_task_of_somebody_else_is_taken_over_only_on_purpose(terminal, monkeypatch):
    number = listed(terminal)["K-0001"]["id"]
    terminal.run("task", "take", number, at=IN_TEN)
    monkeypatch.setattr(getpass, "getuser", lambda: "bea")

    refused = terminal.run("task", "take", number, at=IN_TEN)
    taken = terminal.answer("task", "take", number, "--over", at=IN_TEN)

    assert (refused.exit_code, "ana took it" in refused.output) == (3, True)
    assert taken["taken_by"] == "bea"


def test_the_last_is_the_first_that_nobody_has_taken(terminal):
    taken = [terminal.answer("task", "take", at=IN_TEN)["customer"] for _task in range(2)]
    none = terminal.run("task", "take", at=IN_TEN)

    assert sorted(taken) == ["K-0001", "K-0060"]
    assert (none.exit_code, "no task waits" in none.output) == (1, True)


def test_a_closed_task_is_gone_from_the_list_and_counts_as_an_answer(terminal):
    number = listed(terminal)["K-0001"]["id"]

    shown = lines(
        terminal.run("task", "close", number, "--outcome", "heard", "--note", "fine", at=IN_TEN)
    )
    closed = listed(terminal, "--all")["K-0001"]

    assert shown == [f"{number} · no answer → heard"]
    assert set(listed(terminal)) == {"K-0060"}
    assert (closed["outcome"], closed["closed_by"]) == ("heard", "ana")
    status = terminal.answer("campaign", "status", "last", at=IN_TEN, code=4)[0]
    assert (status["priority_unconfirmed"], status["tasks"]) == (1, {"unreachable": 1})


def test_a_close_for_machines_and_a_task_that_is_none(terminal):
    number = listed(terminal)["K-0060"]["id"]

    closed = terminal.answer("task", "close", number, "--outcome", "not_reached", at=IN_TEN)
    unknown = terminal.run("task", "take", "nonsense", at=IN_TEN)

    assert closed["outcome"] == "not_reached"
    assert (unknown.exit_code, "not a task" in unknown.output) == (1, True)


def test_status_says_that_tasks_are_open_and_exits_4(terminal):
    shown = terminal.run("campaign", "status", "last", at=IN_TEN)

    assert shown.exit_code == 4
    assert "priority not confirmed: 2 · tasks: 2" in shown.stdout
    assert "open tasks: no answer 1 · not reached 1" in shown.stderr


def test_without_tasks_the_list_says_so(terminal):
    for one in listed(terminal).values():
        terminal.run("task", "close", one["id"], "--outcome", "heard", at=IN_TEN)

    assert "no task is open" in terminal.run("task", "list", at=IN_TEN, interactive=True).output
    assert task.group.name == "task"


# ── the duty phone ──────────────────────────────────────────────────────────────────────────────


def said(terminal, **center: Any) -> list[str]:
    context = Context(given=Given(now=IN_TEN, database=terminal.database))
    lanes = center.pop("lanes", Settings().lanes)
    context.settings = Settings(  # what the property would read
        workspace=terminal.folder, contactcenter=ContactCenter(**center), lanes=lanes
    )
    return list(doctor_duty.duty_phone(context))


def test_doctor_says_where_nobody_on_duty_would_hear(terminal):
    email = (Lane(name="email", channel="email", sender="a@town.example"),)  # type: ignore[arg-type]

    assert ["nobody on duty" in one for one in said(terminal)] == [True]
    assert ["not a telephone" in one for one in said(terminal, duty_phone="12")] == [True]
    assert ["no lane for SMS" in one for one in said(terminal, duty_phone="+56987654321", lanes=email)] == [True]  # fmt: skip
    assert said(terminal, duty_phone="+56987654321") == []


def test_doctor_says_that_the_last_push_did_not_leave(terminal):
    with terminal.database.write() as session:
        audit.write(session, "outreach", tasks.NOT_PUSHED, "duty_phone", now=NOW, code="21211")

    [line] = said(terminal, duty_phone="+56987654321")

    assert "(21211)" in line


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", ("Outreach: 3 priority tasks in ALM-F12, MAI-F1 … since 02:43. 1 asks for help. "
               "Take them: outreach task take")),
        ("es", ("Outreach: 3 tareas prioritarias en ALM-F12, MAI-F1 … desde 02:43. 1 pide ayuda. "
               "Tomelas: outreach task take")),
        ("pt", ("Outreach: 3 tarefas prioritarias em ALM-F12, MAI-F1 … desde 02:43. 1 pede ajuda. "
               "Assuma: outreach task take")),
    ],
)  # fmt: skip
def test_a_push_speaks_the_operators_language_and_names_nobody(language, text):
    push = Push(
        tasks=3, needs_help=1, oldest_at=NOW, occasions=("ALM-F12", "MAI-F1", "X"),
        zone="America/Santiago", ids=(1, 2, 3), number=1,
    )  # fmt: skip

    assert class_a.words(push, Settings(company={"operator_language": language})) == text  # type: ignore[arg-type]
