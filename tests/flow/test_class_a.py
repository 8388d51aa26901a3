"""Class A, from `open` to a person's word: a real worker, Twilio on loopback, keys, machines and the duty phone."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.fakes.twilio import Taken
from tests.flow import company
from tests.flow.house import Hand
from tests.flow.providers import Connected

from outreach.entry.wiring import Clocks
from outreach.entry.worker import Worker
from outreach.store.session import Database

FIRST_CALL_WITHIN_S = 5.0
DUTY = "+56987654321"
CRY = (
    "LuzValle: 1 priority task in ALM-F12 since 02:43. 1 asks for help. "
    "Take them: outreach task take"
)
VOICE = """
[[lanes]]
name = "voice"
channel = "voice"
provider = "twilio_voice"
sender = "+56900000000"
rate = 10
"""


@pytest.fixture
def line(database: Database, tmp_path: Path) -> Iterator[Connected]:
    with Connected(tmp_path / "luz", database, Hand(), duty_phone=DUTY, more=VOICE) as connected:
        exports = tmp_path / "exports"
        mapping = company.write(exports, company.town(), calls=True)
        connected.house.run("record", "import", "--mapping", mapping)
        connected.house.typed("campaign", "arm", "unplanned-outage", "--author", "ana",
                              "--approver", "beatriz")  # fmt: skip
        yield connected


def priority() -> set[str]:
    return {one.phone for one in company.town() if one.life_support}


def presses(line: Connected, call: Taken, digits: str, url: str = "") -> str:
    """The TwiML that the house answers a key with."""
    address, form, signature = line.twilio.press(call, digits, url)
    split = urlsplit(address)
    path = f"{split.path}?{split.query}" if split.query else split.path
    answered = line.house.browser.post(path, data=form, headers={"X-Twilio-Signature": signature})
    assert answered.status_code == 200, answered.text
    assert answered.headers["content-type"].startswith("application/xml")
    return answered.text


def ends(line: Connected, call: Taken, status: str, answered_by: str = "") -> None:
    assert line.posts_form(*line.twilio.call_back(call, status, answered_by)) == 204


def test_class_a_is_texted_and_called_until_a_person_answers(line: Connected) -> None:
    house, twilio = line.house, line.twilio

    opened = house.typed("outage", "open", "ALM-F12")
    house.work()

    assert "opened_priority: 8 priority now" in opened
    assert {one.to for one in twilio.calls} == {one.to for one in twilio.ledger} == priority()
    heard, helps, machine, silent = twilio.calls
    assert house.asked("campaign", "watch", "last")["priority_unconfirmed"] == 4

    # One presses 1, one nothing and then 2, at one a machine answers, and one does not pick up.
    assert "Registramos su respuesta" in presses(line, heard, "1")
    ends(line, heard, "completed", "human")
    again = presses(line, helps, "")
    assert "¿Tiene respaldo?" not in again
    assert "marque uno" in again
    second = re.findall(r'action="([^"]+)"', again)[0]
    assert "Lo llamaremos" in presses(line, helps, "2", second)
    ends(line, helps, "completed", "human")
    ends(line, machine, "completed", "machine_start")
    ends(line, silent, "no-answer")
    line.posts_sms([(one, "delivered") for one in twilio.ledger], seed=1)
    house.work()

    # A receipt closes nobody; a cry for help is on the duty phone at once.
    status = house.asked("campaign", "status", "last", code=4)[0]
    assert (status["priority_unconfirmed"], status["tasks"]) == (2, {"needs_help": 1})
    pushed = [one for one in twilio.ledger if one.to == DUTY]
    assert [one.body for one in pushed] == [CRY]
    assert house.asked("message", "list", "--channel", "voice", "--state", "undelivered")

    _ten_minutes_later(line)
    _people_close_them(line)


def _ten_minutes_later(line: Connected) -> None:
    house = line.house
    house.forward(minutes=10)
    house.work()
    house.work()

    tasks = house.asked("task", "list")
    assert [one["kind"] for one in tasks] == ["needs_help", "unanswered", "unanswered"]
    assert all("****" in phone for one in tasks for phone in one["phones"])
    pushed = [one.body for one in line.twilio.ledger if one.to == DUTY]
    assert len(pushed) == 2
    assert "3 priority tasks in ALM-F12 since 02:43" in pushed[-1]


def _people_close_them(line: Connected) -> None:
    house = line.house
    taken = [house.asked("task", "take", "last") for _task in range(3)]
    assert {phone for one in taken for phone in one["phones"]} < priority()
    for one in taken:
        house.run("task", "close", one["id"], "--outcome", "heard", "--note", "spoke")
    house.forward(minutes=6)
    house.work()

    status = house.asked("campaign", "status", "last")[0]
    assert (status["priority_unconfirmed"], status["tasks"]) == (0, {})
    assert len([one for one in line.twilio.ledger if one.to == DUTY]) == 2
    assert house.adds_up()


def test_a_forged_key_changes_nothing(line: Connected) -> None:
    line.house.typed("outage", "open", "ALM-F12")
    line.house.work()
    url, form, _signature = line.twilio.press(line.twilio.calls[0], "1")

    forged = line.posts_form(url, form, "bm90IHNpZ25lZA==")

    assert forged == 403
    assert line.house.asked("campaign", "status", "last")[0]["priority_unconfirmed"] == 4


def test_the_first_call_of_class_a_is_placed_within_five_seconds_of_open(line: Connected) -> None:
    """By a worker that runs already, on the real clock; the IVR says it from the first look on."""
    house, hand = line.house, line.house.hand
    hand.at = datetime.now(UTC)  # noqa: TID251  the one test by the real clock
    installation = house._installation()
    installation.clocks = Clocks()
    placed: list[float] = []
    started: list[float] = []
    said: list[tuple[float, str]] = []

    async def opens() -> None:
        worker = Worker(installation)
        running = asyncio.create_task(worker.run())
        started.append(time.monotonic())
        await asyncio.to_thread(house.typed, "outage", "open", "ALM-F12")
        status = await asyncio.to_thread(lambda: house.ivr(line_phone())["status"])
        said.append((time.monotonic(), status))
        await asyncio.to_thread(line.twilio.called.wait, 60)
        placed.append(time.monotonic())
        worker.stop()
        await running
        await installation.close()

    asyncio.run(opens())

    assert line.twilio.calls
    assert placed[0] - started[0] <= FIRST_CALL_WITHIN_S
    assert said[0][1] == "investigating"
    assert timedelta(seconds=said[0][0] - started[0]) <= timedelta(seconds=FIRST_CALL_WITHIN_S)


def line_phone() -> str:
    return next(iter(sorted(priority())))
