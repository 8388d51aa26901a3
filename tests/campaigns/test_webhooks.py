"""Webhooks: signed as the standard says, tried again with growing gaps, given up in the end."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from tests.make import KEYRING, NOW

from outreach.campaigns import webhooks
from outreach.campaigns.webhooks import GAPS, Answer, News, deliver, enqueue, next_try
from outreach.model.errors import InputRefused
from outreach.settings import Settings
from outreach.settings_contactcenter import Endpoint
from outreach.store import outgoing
from outreach.store.outgoing import Parcel
from outreach.store.session import Database

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # of the standard's own example
TAKEN, DOWN = Answer(status=204), Answer(status=503)


def endpoint(name: str, **changes: Any) -> Endpoint:
    given = {"name": name, "url": f"https://{name}.example/hook", "secret": SECRET}
    return Endpoint(**given | changes)


SETTINGS = Settings(
    endpoints=(endpoint("wfm"), endpoint("pbx"), endpoint("bi", kinds=("outage.*",)))
)


class Receiver:
    """Answers as told and remembers what came."""

    def __init__(self, **answers: Answer) -> None:
        self.answers = answers
        self.got: list[tuple[str, bytes, dict[str, str]]] = []

    def __call__(self, to: Endpoint, body: bytes, headers: dict[str, str]) -> Answer:
        self.got.append((to.name, body, headers))
        return self.answers.get(to.name, TAKEN)


def put(
    database: Database, *, subject: str = "directives", expires: timedelta | None = None
) -> None:
    news = News(
        kind="directives",
        subject=subject,
        body={"generation": 7},
        expires_at=NOW + expires if expires else None,
    )
    with database.write() as session:
        enqueue(session, SETTINGS, news, now=NOW)


def test_the_signature_is_that_of_the_standard():
    body = b'{"test": 2432232314}'
    signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330." + body

    found = webhooks.signature(endpoint("x").keys[0], signed)

    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_travels_is_signed_over_id_time_and_body(database: Database):
    put(database)
    receiver = Receiver()

    done = deliver(database, SETTINGS, KEYRING, now=NOW, http=receiver)

    assert done["sent"] == 2
    assert {name for name, _, _ in receiver.got} == {"wfm", "pbx"}
    _, body, headers = receiver.got[0]
    assert json.loads(body)["type"] == "outreach.directives"
    assert json.loads(body)["data"] == {"generation": 7}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == webhooks.signature(endpoint("x").keys[0], signed)
    assert int(headers["webhook-timestamp"]) == int(NOW.timestamp())


def test_a_receiver_that_is_down_is_tried_again_under_the_same_id_and_holds_up_nobody(
    database: Database,
):
    put(database)
    receiver = Receiver(pbx=DOWN)

    first = deliver(database, SETTINGS, KEYRING, now=NOW, http=receiver)
    early = deliver(database, SETTINGS, KEYRING, now=NOW + timedelta(seconds=4), http=receiver)
    receiver.answers = {}
    again = deliver(database, SETTINGS, KEYRING, now=NOW + timedelta(seconds=5), http=receiver)

    ids = [headers["webhook-id"] for name, _, headers in receiver.got if name == "pbx"]
    assert (first["sent"], first["again"]) == (1, 1)
    assert not early.total()
    assert again["sent"] == 1
    assert len(set(ids)) == 1
    assert len(ids) == 2


def test_after_a_failure_the_others_of_that_endpoint_are_only_put_off(database: Database):
    put(database)
    put(database, subject="more")
    receiver = Receiver(pbx=DOWN)

    done = deliver(database, SETTINGS, KEYRING, now=NOW, http=receiver)

    with database.read() as session:
        (letter,) = outgoing.undelivered(session)
    assert (done["sent"], done["again"], done["put_off"]) == (2, 1, 1)
    assert (letter.failures, letter.last_status) == (1, "503")


def test_what_is_over_is_not_delivered(database: Database):
    put(database, expires=timedelta(minutes=10))
    receiver = Receiver()

    done = deliver(database, SETTINGS, KEYRING, now=NOW + timedelta(minutes=10), http=receiver)

    assert done["expired"] == 2
    assert receiver.got == []


def test_gaps_grow_and_the_last_failure_is_the_end():
    gaps = [next_try(failures, DOWN, now=NOW) for failures in range(1, len(GAPS) + 2)]

    seconds = [(at - NOW).total_seconds() if at else None for at in gaps]
    assert seconds == [5, 30, 120, 600, 1800, 7200, 18_000, 36_000, None]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(Answer(status=410), None, id="gone for good"),
        pytest.param(Answer(status=429, retry_after_s=90), 90, id="asked to wait"),
        pytest.param(Answer(status=429, retry_after_s=86_400), 600, id="asked to wait too long"),
        pytest.param(Answer(status=0, said="no answer"), 5, id="no answer"),
        pytest.param(Answer(status=302), 5, id="moved: not followed"),
    ],
)
def test_the_next_try_heeds_what_was_answered(answer, seconds):
    at = next_try(1, answer, now=NOW)

    assert at == (None if seconds is None else NOW + timedelta(seconds=seconds))


def test_more_than_the_limit_is_refused_before_anything_is_written(database: Database):
    news = News(kind="directives", subject="x", body={"text": "x" * webhooks.MOST_BYTES})

    with database.write() as session, pytest.raises(InputRefused, match="send less"):
        enqueue(session, SETTINGS, news, now=NOW)
    with database.read() as session:
        assert outgoing.counts(session) == {}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"url": "http://luz.example/hook"}, id="plain http"),
        pytest.param({"url": "https://ana:secret@luz.example/"}, id="a password in it"),
        pytest.param({"url": "https:///hook"}, id="no host"),
        pytest.param({"secret": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, id="no prefix"),
        pytest.param({"secret": "whsec_" + base64.b64encode(b"short").decode()}, id="too short"),
        pytest.param({"secret": "whsec_***"}, id="no base64"),
    ],
)
def test_an_endpoint_that_is_not_safe_is_refused_without_naming_its_secret(changes):
    with pytest.raises(ValidationError) as refused:
        endpoint("x", **changes)

    assert "MfKQ9r8" not in str(refused.value.errors(include_input=False))


def test_the_id_is_of_the_parcel_and_the_stamp_of_the_try():
    parcel = Parcel(
        id=12, endpoint="x", kind="k", subject="s", body="{}",
        created_at=datetime(2026, 1, 1, tzinfo=UTC), expires_at=None, state="waiting",
        failures=0, next_at=None, last_status="",
    )  # fmt: skip

    first = webhooks.headers(parcel, endpoint("x"), now=NOW)
    later = webhooks.headers(parcel, endpoint("x"), now=NOW + timedelta(minutes=1))

    assert first["webhook-id"] == later["webhook-id"] == "msg_12_6955b900"
    assert first["webhook-signature"] != later["webhook-signature"]


def test_a_slow_endpoint_has_its_time_and_what_is_left_is_due_at_once(database: Database):
    put(database)
    put(database, subject="more")
    receiver = Receiver()
    one = Settings(endpoints=(endpoint("wfm"),))
    begins, first, second = 0.0, 1.0, webhooks.ROUND_S
    times = iter([begins, first, second])

    done = deliver(database, one, KEYRING, now=NOW, http=receiver, monotonic=times.__next__)
    later = deliver(database, one, KEYRING, now=NOW, http=receiver)

    assert (done["sent"], done["put_off"], later["sent"]) == (1, 1, 1)
