"""How often a key may ask, what guessing costs, and what a refusal leaves behind."""

from __future__ import annotations

import json

import pytest
from tests.entry.test_http_gate import bearer, elsewhere, make_key, required
from tests.entry.web import browser, make_app

from outreach.entry.http.gate import FAILED_PER_MINUTE

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_a_key_is_held_to_its_minute_and_told_when_to_come_again(database, world):
    secret = make_key(database, "ivr", per_minute=3)
    client = elsewhere(make_app(database, world))

    answers = [client.get("/v1/ivr/answer", headers=bearer(secret)) for _turn in range(4)]
    world.passes(seconds=20)
    later = client.get("/v1/ivr/answer", headers=bearer(secret))

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"] for answer in answers] == [
        '"minute";r=2;t=20', '"minute";r=1;t=40', '"minute";r=0;t=60', '"minute";r=0;t=60',
    ]  # fmt: skip
    assert answers[3].headers["retry-after"] == "20"
    assert answers[0].headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert later.status_code == 200


def test_a_key_without_a_number_has_that_of_the_settings(database, world):
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(database, world, settings=required(per_minute=1)))

    answers = [client.get("/v1/ivr/answer", headers=bearer(secret)) for _turn in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]


def test_who_guesses_keys_is_slowed_and_a_good_key_beside_them_is_not(database, world):
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(database, world))
    client.get("/v1/ivr/answer", headers=bearer(secret))
    guesses = [
        client.get("/v1/ivr/answer", headers=bearer("or_guess"))
        for _turn in range(FAILED_PER_MINUTE + 1)
    ]

    good = client.get("/v1/ivr/answer", headers=bearer(secret))

    assert [guess.status_code for guess in guesses] == [401] * FAILED_PER_MINUTE + [429]
    assert guesses[-1].headers["retry-after"] == "3"
    assert good.status_code == 200


def test_no_refusal_shows_the_key(database, world):
    client = elsewhere(make_app(database, world))
    secret = make_key(database, "ivr")

    answers = [
        client.get("/v1/outages", headers=bearer(secret)),
        client.get("/v1/outages", headers=bearer(secret[:-1] + "!")),
        client.get(f"/v1/outages?key={secret}"),
    ]

    assert all(secret[3:40] not in json.dumps(dict(a.headers)) + a.text for a in answers)


def test_what_the_gate_refuses_is_counted_by_status(database, world):
    app = make_app(database, world)
    client = elsewhere(app)
    client.get("/v1/outages")
    client.get("/v1/outages", headers={"authorization": "Bearer or_unknown"})
    client.get("/v1/outages", params={"key": "or_unknown"})

    text = browser(app).get("/metrics").text

    assert 'outreach_api_refused_total{status="401"} 3.0' in text
    assert "or_unknown" not in text
