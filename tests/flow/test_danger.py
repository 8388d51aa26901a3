"""A wire comes down on a street of three: told at the terminal, heard by the next callers and on the platform, and over with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flow import company
from tests.flow.company import Person
from tests.flow.house import NIGHT, Hand
from tests.flow.loop import Loop

from outreach.store.session import Database

CLASS_A, NEIGHBOUR = "+56971230001", "+56971230002"
WARNING = "Peligro: cable caído en la calzada."
PLACE = company.LOCALITIES[company.OTHER]
STREET = [
    Person(account="10000001", section=company.OTHER, phone=CLASS_A, life_support=True),
    Person(account="10000002", section=company.OTHER, phone=NEIGHBOUR),
    Person(account="10000003", section=company.OTHER),
]


@pytest.fixture
def loop(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with Loop(tmp_path / "luz", database, Hand(NIGHT)) as loop:
        loop.house.run("record", "import", "--mapping", company.write(tmp_path / "out", STREET))
        loop.house.typed("outage", "open", company.OTHER)
        loop.house.typed("campaign", "launch", "unplanned-outage", "last", "--yes-to", "3")
        yield loop


def after_a_minute(loop: Loop) -> dict[str, dict[str, Any]]:
    """Kind -> directive, once the clock had its turn."""
    loop.house.hand.turn(timedelta(minutes=1))
    loop.minute.turn()
    return {each["kind"]: each for each in loop.document()["directives"]}


def test_a_wire_found_down_reaches_every_caller_of_its_street_and_goes_with_the_repair(loop):
    house = loop.house
    quiet = after_a_minute(loop)
    skipped = house.ivr(CLASS_A)["skip_upfront"]

    house.typed("outage", "update", "last", "--cause", "cable caído en la calzada")
    told = after_a_minute(loop)
    row, is_emergency = loop.genesys.rows[PLACE], loop.genesys.group["enabled"]
    heard = {number: house.ivr(number) for number in (CLASS_A, NEIGHBOUR)}

    house.typed("outage", "restore", "last", "--how", "crew")
    over = after_a_minute(loop)

    assert "ivr_upfront" not in quiet
    assert skipped
    front = told["ivr_upfront"]
    assert (front["priority"], front["params"]["text_class"]) == (90, "safety")
    assert front["reason"]["words"] == "people are in danger; 3 customers are touched"
    assert row["text"].startswith(f"{WARNING} Corte de luz en {PLACE}.")
    assert is_emergency
    assert [each["skip_upfront"] for each in heard.values()] == [False, False]
    assert heard[CLASS_A]["priority"] == "high"
    assert all(each["text"].startswith(WARNING) for each in heard.values())
    assert WARNING not in house.ivr(NEIGHBOUR)["text"]
    assert over["ivr_upfront"]["params"]["text_class"] == "restored"
    assert not loop.genesys.group["enabled"]
    assert house.ivr(CLASS_A)["skip_upfront"]
