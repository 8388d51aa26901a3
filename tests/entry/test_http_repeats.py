"""`Idempotency-Key`: the first request is answered, the same again is told the same, another is refused."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import databases
from tests.entry.test_http_gate import bearer, elsewhere, make_key
from tests.entry.web import AwayDatabase, World, browser, make_app

from outreach.model.errors import InputRefused
from outreach.model.intake import Outcome, Taken
from outreach.store import idempotents, tables as t
from outreach.store.idempotents import Found, Named

PATH = "/v1/outages/events"
ONE = {"externalSystem": "NMS", "outageMessages": []}
TWO = ONE | {"externalSystem": "OTHER"}
NAME = {"idempotency-key": "5f1c-77"}


class Intake:
    """Takes outages in, and counts how often it was asked."""

    def __init__(self) -> None:
        self.taken = 0
        self.fails: Exception | None = None

    def __call__(self, _raw: bytes, _now: Any) -> Taken:
        self.taken += 1
        if self.fails:
            raise self.fails
        return Taken(counts=Counter({Outcome.APPLIED: self.taken}))


@pytest.fixture
def intake() -> Intake:
    return Intake()


@pytest.fixture
def client(kept_sqlite, sqlite_template, world, intake):
    databases.refilled(kept_sqlite, sqlite_template)
    return browser(make_app(kept_sqlite, world, take_outages=intake))


def test_a_repeat_gets_the_first_answer_and_does_nothing(client, intake):
    first = client.post(PATH, json=ONE, headers=NAME)
    again = client.post(PATH, json=ONE, headers=NAME)

    assert intake.taken == 1
    assert (again.status_code, again.json()) == (200, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_without_the_header_every_request_is_its_own(client, intake):
    for _turn in range(2):
        client.post(PATH, json=ONE)

    assert intake.taken == 2


def test_the_same_name_on_another_body_is_refused(client, intake):
    client.post(PATH, json=ONE, headers=NAME)

    refused = client.post(PATH, json=TWO, headers=NAME)

    assert (refused.status_code, intake.taken) == (422, 1)
    assert refused.headers["content-type"] == "application/problem+json"


def test_while_the_first_is_answered_the_second_waits(client, intake, kept_sqlite):
    client.post(PATH, json=ONE, headers=NAME)
    with kept_sqlite.write() as session:
        session.execute(update(t.idempotent).values(status=None))

    refused = client.post(PATH, json=ONE, headers=NAME)

    assert (refused.status_code, refused.headers["retry-after"]) == (409, "1")


def test_who_died_while_answering_leaves_the_request_to_the_next(
    client, intake, kept_sqlite, world
):
    client.post(PATH, json=ONE, headers=NAME)
    with kept_sqlite.write() as session:
        session.execute(update(t.idempotent).values(status=None))
    world.passes(seconds=60)

    answer = client.post(PATH, json=ONE, headers=NAME)

    assert (answer.status_code, intake.taken) == (200, 2)


def test_a_failure_of_ours_may_be_tried_again_and_one_of_theirs_is_kept(client, intake):
    intake.fails = RuntimeError("a defect")
    broken = client.post(PATH, json=ONE, headers=NAME)
    intake.fails = InputRefused("not a document")
    refused = client.post(PATH, json=ONE, headers=NAME)
    again = client.post(PATH, json=ONE, headers=NAME)

    assert (broken.status_code, refused.status_code, again.status_code) == (500, 400, 400)
    assert again.text == refused.text
    assert intake.taken == 2


def test_what_is_kept_is_sealed(client, intake, kept_sqlite):
    intake.fails = InputRefused("about Ñandú")
    client.post(PATH, json=ONE, headers=NAME)

    with kept_sqlite.read() as session:
        row = session.execute(select(t.idempotent)).one()

    assert b"about" not in row.body_sealed
    assert json.dumps(ONE).encode() not in row.request


def test_two_keys_may_use_the_same_name(kept_sqlite, sqlite_template, world, intake):
    databases.refilled(kept_sqlite, sqlite_template)
    app = make_app(kept_sqlite, world, take_outages=intake)
    one, other = (make_key(kept_sqlite, name=name) for name in ("nms", "crm"))

    for secret in (one, other, one):
        elsewhere(app).post(PATH, json=ONE, headers=bearer(secret, **NAME))

    assert intake.taken == 2


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param('"8e03978e-40d5"', 200, id="quoted, as structured fields"),
        pytest.param("8e03978e-40d5", 200, id="bare"),
        pytest.param("a" * 256, 400, id="too long"),
        pytest.param("", 400, id="empty"),
        pytest.param("two words", 400, id="a space"),
    ],
)
def test_what_a_name_may_look_like(client, name, status):
    assert client.post(PATH, json=ONE, headers={"idempotency-key": name}).status_code == status


def test_with_the_database_away_nothing_is_done_twice(kept_sqlite, world, intake):
    away = AwayDatabase(kept_sqlite)
    client = browser(make_app(away, world, take_outages=intake))
    away.is_away = True

    answer = client.post(PATH, json=ONE, headers=NAME)

    assert (answer.status_code, intake.taken) == (503, 0)


def test_reads_by_post_are_answered_anew(client, kept_sqlite):
    client.post("/v1/ivr/answer", json={}, headers=NAME)

    with kept_sqlite.read() as session:
        assert session.execute(select(t.idempotent)).first() is None


def test_of_two_at_once_one_begins_on_both_databases(database):
    named = Named(key_id=1, key="k", request=b"r" * 32)
    now = World().now

    with database.write() as session:
        found = [idempotents.begin(session, named, now=now).found for _turn in range(2)]

    assert found == [Found.NEW, Found.UNDER_WAY]


def test_a_name_is_free_again_after_a_day(database):
    named = Named(key_id=1, key="k", request=b"r" * 32)
    now = World().now
    with database.write() as session:
        idempotents.begin(session, named, now=now)
        early = idempotents.sweep(session, now=now + timedelta(hours=23))
        late = idempotents.begin(
            session, Named(key_id=1, key="k", request=b"x" * 32), now=now + timedelta(hours=24)
        )
        swept = idempotents.sweep(session, now=now + timedelta(hours=48))

    assert (early, late.found, swept) == (0, Found.NEW, 1)
