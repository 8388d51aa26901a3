"""One outage through the public doors: the vendors' SDKs against providers that throttle, break and forget."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests import plans
from tests.fakes.sendgrid import event
from tests.flow import company
from tests.flow.house import Hand
from tests.flow.providers import Connected

from outreach.model.words import MessageState
from outreach.store.session import Database

RESIDENT, CLASS_A, ELSEWHERE = "+56971230001", "+56971230002", "+56971230061"
SEED = 7
READ_WHOLE = {
    # The share of all customers, once a launch.
    "customer: SELECT count(*) AS count_1 FROM customer WHERE customer.closed_at IS NULL",
    # What is overdue: a pass a minute, and one an hour.
    "queue: SELECT message.id FROM message JOIN queue ON queue.message_id = message.id WHERE message.n",
    "message: SELECT message.id FROM message WHERE message.state IN (?, ?) AND message.accepted_at <= ?",
    # Whether there is one at all.
    "preference: SELECT EXISTS (SELECT preference.customer_id FROM preference) AS anon_1",
    # This test's own looks.
    "message: SELECT message.state, count(*) AS count_1 FROM message GROUP BY message.state",
    "message: SELECT step_run.step, contact_point.address_sealed FROM step_run JOIN message ON message.s",
}
"""Whatever else reads a table that grows with customers whole would stand still at five million."""


@pytest.fixture
def line(database: Database, tmp_path: Path) -> Iterator[Connected]:
    with Connected(tmp_path / "luz", database, Hand()) as connected:
        yield connected


def test_one_outage_from_the_record_to_the_saved_calls(line: Connected, tmp_path: Path):
    exports = tmp_path / "exports"
    line.house.run("record", "import", "--mapping", company.write(exports, company.town()))

    with plans.read_whole() as whole:
        _is_opened_and_launched(line)
        _reaches_class_a_though_the_provider_throttles(line)
        _reaches_the_others_though_replies_are_lost(line)
        _hears_back_in_any_order(line)
        _is_changed_while_the_change_before_is_unsent(line)
        _is_restored_while_a_change_leaves(line)
        _is_measured(line, exports)
    assert whole <= READ_WHOLE


def holds(line: Connected) -> None:
    """What must hold at every step."""
    assert line.house.adds_up()
    assert line.copies() <= 1
    assert line.people("") <= {one.address for one in company.town() if one.section != company.OTHER}  # fmt: skip


def _is_opened_and_launched(line: Connected) -> None:
    house = line.house
    assert house.ivr(RESIDENT)["status"] == "none"
    opened = house.typed("outage", "open", "ALM-F12")
    assert opened[1].startswith("60 premises · 60 customers · 4 priority · Providencia, Ñuñoa")
    assert house.ivr(RESIDENT)["status"] == "investigating"

    launched = house.asked("campaign", "launch", "unplanned-outage", "last", "--yes")
    again = house.asked("campaign", "launch", "unplanned-outage", "last", "--yes")

    assert {wave["step"]: wave["messages"] for wave in launched["waves"]} == {
        "opened_priority": 4, "opened": 53,
    }  # fmt: skip
    assert (launched["is_new"], again["is_new"], again["waves"]) == (True, False, [])
    assert house.states() == {"queued": 57}
    holds(line)


def _reaches_class_a_though_the_provider_throttles(line: Connected) -> None:
    line.twilio.next(429, retry_after=2)

    line.house.work()
    line.house.forward(seconds=5)
    line.house.work()

    assert line.people("¿Tiene respaldo?") == {
        one.address for one in company.town() if one.life_support
    }
    assert line.house.states() == {"queued": 53, "accepted": 4}
    assert not line.sendgrid.ledger
    holds(line)


def _reaches_the_others_though_replies_are_lost(line: Connected) -> None:
    """Two texts are accepted and their replies lost, one is not accepted; a mail's reply is lost."""
    house, twilio = line.house, line.twilio
    twilio.next(500, accepted=True, body={"message": "accepted all the same"})
    twilio.next(500, body={"message": "not accepted"})
    twilio.lose()
    line.sendgrid.lose()
    house.forward(minutes=5)

    house.work()

    lost_mails = 10 - sum("@" in address for address in house.told()["opened"])
    assert lost_mails > 0
    assert house.states()["in_doubt"] == 3 + lost_mails
    assert len(twilio.ledger) == 4 + 43 - 1
    assert house.asked("campaign", "status", "last", code=4)[0]["needs_a_person"]
    holds(line)

    for _look in range(4):
        house.forward(seconds=31)
        house.work(doubts=True)
    assert len(twilio.ledger) == 4 + 43
    assert line.people("") == _reachable()
    holds(line)


def _reachable() -> set[str]:
    return {one.address for one in company.town() if one.address and one.section != company.OTHER}


def _hears_back_in_any_order(line: Connected) -> None:
    house = line.house
    texts = list(line.twilio.ledger)
    forged = line.twilio.callback(texts[0], "failed")
    assert line.posts_form(forged[0], forged[1], "bm90IHNpZ25lZA==") == 403

    steps = ("delivered", "sent", "queued")
    line.posts_sms([(one, status) for one in texts[:-1] for status in steps], seed=SEED)
    line.posts_sms([(texts[-1], "undelivered"), (texts[-1], "sent")], seed=SEED)
    at = int(house.hand.at.timestamp())
    mails = [
        event(one, "delivered", number, timestamp=at)
        for number, one in enumerate(line.sendgrid.ledger)
    ]
    raw, signature = line.sendgrid.events(*mails, *mails)
    assert [line.posts_mail(raw, signature) for _time in range(2)] == [204, 204]
    assert line.posts_mail(raw + b" ", signature) == 403
    house.work(doubts=True)

    assert house.states() == {"delivered": 56, "undelivered": 1}
    assert line.taken() == 57
    holds(line)


def _is_changed_while_the_change_before_is_unsent(line: Connected) -> None:
    """The estimate is corrected ten seconds later: class A heard the first one, the others never do."""
    house = line.house
    house.typed("outage", "update", "last", "--etr", "05:30")
    house.work()
    assert "cinco y media" in house.ivr(RESIDENT)["text"]
    assert line.people("Vuelta estimada: 05:30") <= line.people("¿Tiene respaldo?")
    house.forward(seconds=10)

    changed = house.asked("outage", "update", "last", "--etr", "06:45")
    house.work()
    house.forward(seconds=40)
    house.work()

    assert changed["superseded"] == 57 - len(line.people("Vuelta estimada: 05:30"))
    assert line.people("06:45") == _reachable()
    assert house.ivr(RESIDENT)["etr_iso"] == "2026-07-16T10:45:00+00:00"
    assert house.ivr(ELSEWHERE)["status"] == "none"
    holds(line)


def _is_restored_while_a_change_leaves(line: Connected) -> None:
    """A person types it while the lanes send; who was not called a second later is not called at all."""
    house, twilio = line.house, line.twilio
    restored_at: list[datetime] = []

    def restore() -> None:
        house.run("outage", "restore", "last", "--how", "meters")
        restored_at.append(house.hand.at)

    house.typed("outage", "update", "last", "--etr", "unknown", "--next", "05:00")
    house.work()
    house.forward(seconds=40)
    twilio.after = (len(twilio.ledger) + 5, restore)
    house.work()

    withdrawn = [one for one in twilio.ledger if "ya no vale" in one.body]
    assert len(restored_at) == 1
    assert max(one.created_at for one in withdrawn) <= restored_at[0] + timedelta(seconds=1)
    assert house.states()["superseded"] > 0
    assert house.ivr(RESIDENT)["status"] == "restored"
    assert house.ivr(CLASS_A)["status"] == "restored"
    holds(line)

    before = len(twilio.ledger)
    house.forward(minutes=2)
    house.work()
    in_the_night = twilio.ledger[before:]
    assert all("ya hay luz" in one.body for one in in_the_night)
    assert {one.to for one in in_the_night} <= line.people("¿Tiene respaldo?")
    house.until("07:05", step=timedelta(minutes=30))
    assert line.people("ya hay luz") | line.people("a luz voltou") | line.people("power is back") == _reachable()  # fmt: skip
    assert house.asked("campaign", "launch", "unplanned-outage", "last", "--yes")["is_new"] is False
    holds(line)


def _is_measured(line: Connected, exports: Path) -> None:
    house = line.house
    calls = [(f"2026-07-16 02:{minute}:30", RESIDENT) for minute in (44, 46, 58)]
    calls += [("2026-07-16 02:47:00", "971230003"), ("2026-07-16 02:49:00", "anonymous")]
    log = company.write_calls(exports / "calls.csv", calls)

    imported = house.asked("contacts", "import", log, "--mapping", exports / "calls.toml")
    again = house.asked("contacts", "import", log, "--mapping", exports / "calls.toml")
    shown = house.typed("deflection", "show", "last")

    assert (imported["imported"], imported["known"], imported["hidden"]) == (5, 4, 1)
    assert (again["imported"], again["repeated"]) == (0, 5)
    assert shown[0] == "unplanned-outage · ALM-F12: refused"  # rightly: all were told in seconds
    assert any("sent faster than the grace" in line for line in shown)
    assert house.browser.get("/v1/directives").json()["directives"] == []
    unsettled = {MessageState.SENDING, MessageState.IN_DOUBT, MessageState.QUEUED}
    assert not unsettled & set(house.states())
    holds(line)
