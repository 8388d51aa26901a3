"""X: a signed post through Tweepy; a repeat of our own text counts as posted."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from tests.channels.bench import bench, outgoing
from tests.channels.corpora import corpus
from tests.channels.test_cases import RESET

from outreach.channels.x_post import DUPLICATE_REF, LONGEST_WAIT
from outreach.model.message import Accepted, Delayed


def test_a_post_is_signed_for_the_address_it_goes_to() -> None:
    with bench("x") as under:
        under.send(outgoing("x"))

        (request,) = under.fake.requests

    assert (request.method, request.path) == ("POST", "/2/tweets")
    assert json.loads(request.body) == {"text": "Corte en Maipú, ref 1"}
    assert request.headers["authorization"].startswith("OAuth ")
    assert 'oauth_token="at"' in request.headers["authorization"]


def test_a_second_try_of_a_text_that_stands_there_is_accepted() -> None:
    with bench("x") as under:
        under.fake.lose()
        under.send(outgoing("x"))

        (again,) = under.send(outgoing("x", token="1.2.mac"))

        assert again == Accepted(id=1, provider_ref=DUPLICATE_REF)
        assert len(under.fake.ledger) == 1


def test_the_recorded_answer_of_x_is_accepted() -> None:
    (exchange,) = json.loads(corpus("x-cassettes", "create_tweet_with_community.json").read_text())
    recorded = exchange["response"]
    with bench("x") as under:
        under.fake.next(recorded["status"], body=recorded["body"], headers=recorded["headers"])

        outcomes = under.send(outgoing("x"))

    assert outcomes == [Accepted(id=1, provider_ref="1234567890")]


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        ("1785825785", timedelta(seconds=5)),
        ("1785999999", LONGEST_WAIT),
        ("1", timedelta(seconds=1)),
    ],
)
def test_a_throttled_post_waits_until_the_window_turns(reset: str, wait: timedelta) -> None:
    with bench("x") as under:
        under.fake.next(429, headers={**RESET, "x-rate-limit-reset": reset})

        (outcome,) = under.send(outgoing("x"))

    assert isinstance(outcome, Delayed)
    assert outcome.retry_after == wait


def test_no_key_and_no_text_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with bench("x") as under:
        under.send(outgoing("x"))

    assert "oauth_token" not in caplog.text
    assert "Maip" not in caplog.text
