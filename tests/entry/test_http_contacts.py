"""`/v1/contacts` and the platforms' webhooks keep what is good, say what is not, and let no number out."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import select
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from tests.deflection.contact_records import ANSWERED, CAME, NOW, PHONE, contact_event, record
from tests.entry.web import SETTINGS, World, make_context
from tests.make import KEYRING, make_contact_point

from outreach.entry.http import contacts, problems
from outreach.settings_contactcenter import ContactCenter, Contacts
from outreach.store import tables as t

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SECRET = "s3cret-ñ"
CENTER = ContactCenter(
    outage_numbers=("6002001111",),
    contacts=Contacts(genesys_secret=SecretStr(SECRET), connect_secret=SecretStr(SECRET)),
)


@pytest.fixture
def browser(database) -> TestClient:
    settings = SETTINGS.model_copy(update={"contactcenter": CENTER})
    return client(database, settings=settings)


def client(database, **changes: Any) -> TestClient:
    app = FastAPI()
    problems.install(app)
    app.include_router(contacts.router(make_context(database, World(now=NOW), **changes)))
    return TestClient(app, raise_server_exceptions=False)


def contact(**changes: Any) -> dict[str, Any]:
    return {"call_id": "1", "time": "2026-07-12T02:40:00-04:00", "ani": PHONE, "dnis": "600 200 1111"} | changes  # fmt: skip


def send(browser: TestClient, *told: Any) -> Any:
    return browser.post("/v1/contacts", json={"contacts": told})


def push(browser: TestClient, path: str, told: Any, **headers: Any) -> Any:
    given: dict[str, Any] = {
        "x-api-key": SECRET.encode(),
        "content-type": "application/json",
    } | headers
    return browser.post(path, content=json.dumps(told), headers=given)


def stored(database) -> list[Any]:
    with database.read() as session:
        return list(session.execute(select(t.call).order_by(t.call.c.call_id)))


def test_contacts_are_kept_once_and_fill_up(browser, database):
    with database.write() as session:
        make_contact_point(session, address=PHONE)

    first = send(browser, contact(), contact(call_id="2", ani="", kind="chat"))
    again = send(browser, contact(), contact(wait_s=70, abandoned=True, wrap_up="told"))

    assert first.json() == {
        "received": 2, "stored": 2, "repeated": 0, "completed": 0, "passed_over": 0, "refused": [],
    }  # fmt: skip
    assert (again.json()["stored"], again.json()["repeated"], again.json()["completed"]) == (
        0,
        2,
        1,
    )
    [call, chat] = stored(database)
    assert (call.address_hash, call.known, call.at) == (KEYRING.hash(PHONE), True, CAME)
    assert (call.wait_s, call.abandoned, call.wrap_up, call.dnis) == (
        70,
        True,
        "told",
        "6002001111",
    )
    assert (chat.kind, chat.address_hash, chat.source) == ("chat", None, "api")


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"call_id": ""}, "call_id: string should have at least 1 character"),
        ({"time": "yesterday"}, "time: write ISO 8601, as 2026-07-12T02:40:00-04:00"),
        ({"time": "2026-07-12T02:40:00"}, "time: give its offset, as 2026-07-12T02:40:00-04:00"),
        ({"time": "2027-07-12T02:40:00Z"}, "time_in_the_future"),
        ({"wait_s": "70"}, "wait_s: input should be a valid integer"),
        ({"wait_s": -1}, "wait_s: input should be greater than or equal to 0"),
        ({"kind": "fax"}, "kind: input should be 'call', 'chat', 'message' or 'click'"),
        ({"name": "Ana"}, "name: extra inputs are not permitted"),
        ({"ani_hash": "0" * 32}, "ani: name one of ani and ani_hash"),
        ({"ani_hash": "zz"}, "ani_hash: string should match pattern '^(?:[0-9a-f]{32})?$'"),
    ],
)
def test_a_contact_that_is_wrong_is_named_by_index_and_the_good_ones_stay(
    browser, database, changes, detail
):
    answered = send(browser, contact(call_id="good"), contact(**changes))

    [refused] = answered.json()["refused"]
    assert answered.status_code == 200
    assert refused == {"index": 1, "type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": detail}  # fmt: skip
    assert [row.call_id for row in stored(database)] == ["good"]


def test_where_nothing_could_be_kept_the_answer_is_a_problem(browser):
    answered = send(browser, contact(time="no"))

    assert answered.status_code == 422
    assert answered.headers["content-type"] == "application/problem+json"
    assert (answered.json()["status"], answered.json()["refused"][0]["index"]) == (422, 0)
    assert send(browser).status_code == 200


def test_the_hash_of_a_caller_can_come_instead_of_the_number(browser, database):
    send(browser, contact(ani="", ani_hash=KEYRING.hash(PHONE).hex()))

    assert stored(database)[0].address_hash == KEYRING.hash(PHONE)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"contacts": {}}', {}, 400),
        (b'{"contacts": [], "more": 1}', {}, 400),
        (b'{"contacts": [%s]}' % b",".join([b"{}"] * 1_001), {}, 400),
        (b" " * (1024 * 1024 + 1), {}, 413),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-encoding": "gzip"}, 415),
    ],
)
def test_a_body_that_is_none_is_refused(browser, body, headers, status):
    answered = browser.post(
        "/v1/contacts", content=body, headers={"content-type": "application/json"} | headers
    )

    assert answered.status_code == status
    assert answered.headers["content-type"] == "application/problem+json"


def test_no_number_comes_back_in_an_answer_or_a_log(browser):
    with capture_logs() as logged:
        answers = [
            send(browser, contact(time=PHONE), contact(queue=[PHONE]), {PHONE[:3]: PHONE}),
            push(browser, contacts.GENESYS, [{"ani": PHONE}, PHONE]),
            push(browser, contacts.CONNECT, {"CustomerEndpoint": {"Address": PHONE}}),
        ]

    assert "61234567" not in "".join(answer.text for answer in answers) + str(logged)
    assert [each["event"] for each in logged] == ["contacts refused"] * 2


def test_events_of_genesys_become_one_call(browser, database):
    taken = push(browser, contacts.GENESYS, [*ANSWERED, {"topicName": "v2.users.x.presence"}])

    assert taken.status_code == 200
    assert (taken.json()["stored"], taken.json()["repeated"]) == (1, 6)
    assert [each["detail"] for each in taken.json()["refused"]] == ["not_a_detail_event"]
    assert [(row.call_id, row.wait_s, row.known_to) for row in stored(database)] == [("conv-1", 70, 511)]  # fmt: skip


def firehose(*records: str) -> dict[str, Any]:
    told = [{"data": base64.b64encode(each.encode()).decode()} for each in records]
    return {"requestId": "r-1", "timestamp": 1, "records": told}


@pytest.mark.parametrize("is_packed", [False, True], ids=["plain", "gzip"])
def test_firehose_is_answered_in_its_own_words(browser, database, is_packed):
    body = firehose(json.dumps(record()) + json.dumps(record(ContactId="c-2")), "{broken")
    body["records"].append({"data": "%%"})
    raw = json.dumps(body).encode()
    packing = {"content-encoding": "gzip"} if is_packed else {}

    answered = browser.post(
        contacts.CONNECT,
        content=gzip.compress(raw) if is_packed else raw,
        headers={
            "content-type": "application/json",
            "x-amz-firehose-access-key": SECRET.encode(),
            **packing,
        },
    )

    assert (answered.status_code, answered.json()) == (200, {"requestId": "r-1", "timestamp": int(NOW.timestamp() * 1000)})  # fmt: skip
    assert [row.call_id for row in stored(database)] == ["c-1", "c-2"]


def test_an_event_of_connect_comes_through_the_event_bus(browser, database):
    taken = push(browser, contacts.CONNECT, contact_event("INITIATED"), authorization=f"Bearer {SECRET}".encode())  # fmt: skip

    assert (taken.status_code, taken.json()["stored"]) == (200, 1)
    assert len(stored(database)) == 1


@pytest.mark.parametrize("path", [contacts.GENESYS, contacts.CONNECT])
def test_without_the_secret_a_webhook_is_shut(browser, database, path):
    wrong = push(browser, path, [], **{"x-api-key": "wrong"})
    empty = push(client(database), path, [], **{"x-api-key": ""})

    assert (wrong.status_code, empty.status_code) == (403, 403)


def test_what_unpacks_to_too_much_or_to_nothing_is_refused(browser, monkeypatch):
    monkeypatch.setattr(contacts, "PUSHED_LIMIT", 1_000)
    headers = {"content-encoding": "gzip"}

    bomb = push_raw(browser, gzip.compress(b" " * 100_000), headers)
    none = push_raw(browser, b"no gzip", headers)

    assert (bomb.status_code, none.status_code) == (413, 400)


def push_raw(browser: TestClient, raw: bytes, headers: dict[str, str]) -> Any:
    given: dict[str, Any] = {"content-type": "application/json", "x-api-key": SECRET.encode()}
    return browser.post(contacts.CONNECT, content=raw, headers=given | headers)


def test_queues_go_by_the_names_of_the_mapping_and_a_wrong_one_is_logged(database, tmp_path):
    (tmp_path / "queues.toml").write_text('[queues]\nq-9 = "OUTAGE"\n')
    (tmp_path / "wrong.toml").write_text("[queue]\n")

    answers = [push(mapped(database, tmp_path, name), contacts.GENESYS, ANSWERED[2]) for name in ("queues.toml", "wrong.toml")]  # fmt: skip

    assert [answer.status_code for answer in answers] == [200, 503]
    assert str(tmp_path) not in answers[1].text
    assert stored(database)[0].queue == "OUTAGE"


def mapped(database, folder: Path, name: str) -> TestClient:
    given = CENTER.contacts.model_copy(update={"mapping": Path(name)})
    center = CENTER.model_copy(update={"contacts": given})
    return client(database, settings=SETTINGS.model_copy(update={"workspace": folder, "contactcenter": center}))  # fmt: skip


def test_the_document_of_the_routes_names_the_fields(browser):
    paths = browser.get("/openapi.json").json()["paths"]

    schema = paths["/v1/contacts"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "ani_hash" in schema["properties"]["contacts"]["items"]["properties"]
    assert contacts.GENESYS in paths
