"""Cancelling at Twilio: only its own word counts as taken back."""

from __future__ import annotations

import json

import pytest
from tests.channels.bench import bench

SID = "SM" + "a" * 32


def recall(under: object, *refs: str) -> dict[str, str]:
    return under.run(lambda channel: channel.recall(list(refs), 3))  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"sid": SID, "status": "canceled"}, "recalled"),
        (200, {"sid": SID, "status": "sent"}, "refused"),
        (400, {"code": 30409, "message": "not cancelable", "status": 400}, "refused"),
        (404, {"code": 20404, "message": "not found", "status": 404}, "refused"),
        (401, {"code": 20003, "message": "key", "status": 401}, "untold"),
        (503, {"code": 20503, "message": "later", "status": 503}, "untold"),
        (429, {"code": 20429, "message": "slower", "status": 429}, "untold"),
        (200, b"<html>", "untold"),
    ],
)
def test_its_answer_is_read(status, body, said):
    with bench("twilio") as under:
        under.fake.next(status, body=body if isinstance(body, bytes) else json.dumps(body).encode())

        assert recall(under, SID) == {SID: said}
        [request] = under.fake.requests

    assert request.path.endswith(f"/Messages/{SID}.json")
    assert request.form == {"Status": "canceled"}


def test_a_connection_that_breaks_tells_nothing():
    with bench("twilio") as under:
        under.fake.next(200, then="drop", times=2)

        assert recall(under, SID) == {SID: "untold"}
