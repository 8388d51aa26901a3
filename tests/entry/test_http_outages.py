"""`/v1/outages`: an outage system tells, others ask."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests import make
from tests.campaigns import opened

from outreach.addresses import Keyring
from outreach.campaigns.engine import Engine
from outreach.entry import notified, wiring
from outreach.entry.http import outages
from outreach.entry.http.app import create_app
from outreach.entry.http.live import Loader
from outreach.entry.wiring import Clocks, Installation
from outreach.settings import Feed
from outreach.store import feeds, occasions

NOW = make.NOW
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return opened.make_engine(database, tmp_path)


@pytest.fixture
def browser(engine, keyring: Keyring):
    of = Installation(
        settings=engine.settings, database=engine.database, keyring=keyring,
        clocks=Clocks(now=lambda: NOW), owner="test",
    )  # fmt: skip
    front = create_app(wiring.web_context(of))
    yield TestClient(front, base_url="http://127.0.0.1:8020", client=("127.0.0.1", 50_000))
    front.close()


def notice(**details: Any) -> dict[str, Any]:
    return {
        "externalSystem": "CCB NMS",
        "outageMessages": [
            {
                "eventDetails": {"externalOutageId": "RC-1", "messageReference": "1"} | details,
                "customerInformation": {"customers": [{"accountId": "C-0001"}]},
            }
        ],
    }


def heard_at(engine: Engine, name: str) -> datetime | None:
    with engine.database.read() as session:
        found = feeds.one(session, name)
    return found.heard_at if found else None


def test_a_notification_opens_an_outage_once(browser, engine):
    first = browser.post("/v1/outages/events", json=notice())
    again = browser.post("/v1/outages/events", json=notice())

    assert (first.status_code, first.json()["outcomes"]) == (200, {"applied": 1})
    assert again.json() == {
        "messages": 1,
        "outcomes": {"duplicate_sequence_same_content": 1},
        "not_applied": [
            {
                "place": "outageMessages[1]",
                "outcome": "duplicate_sequence_same_content",
                "outage": "RC-1",
                "detail": "",
            }
        ],
    }
    with engine.database.read() as session:
        [outage] = occasions.every(session)
    assert heard_at(engine, "ccb-nms") == NOW
    assert outage.revision.scope.premises == ("S-0001",)
    assert outage.revision.source == "import:ccb-nms"


def test_an_empty_notification_is_a_sign_of_life(browser, engine):
    sent = browser.post("/v1/outages/events", json={"externalSystem": "NMS"})

    assert sent.json() == {"messages": 0, "outcomes": {}, "not_applied": []}
    assert heard_at(engine, "nms") == NOW


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"{", {"content-type": "application/json"}, 400),
        (b"{}", {"content-type": "application/json"}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"{}", {"content-type": "application/json", "content-encoding": "gzip"}, 415),
        (b" " * 200, {"content-type": "application/json"}, 413),
    ],
)
def test_a_body_that_is_none_is_refused(browser, monkeypatch, body, headers, status):
    monkeypatch.setattr(outages, "BODY_LIMIT", 100)

    refused = browser.post("/v1/outages/events", content=body, headers=headers)

    assert refused.status_code == status
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_open_outages_are_listed_with_their_public_estimates(browser):
    browser.post(
        "/v1/outages/events",
        json=notice(estimatedRestorationTime="2026-07-12T08:01:00Z", startDateTime=NOW.isoformat()),
    )

    listed = browser.get("/v1/outages").json()

    [outage] = listed["outages"]
    assert listed["generated_at"] == "2026-07-12T06:40:00Z"
    assert {name: outage[name] for name in ("source_ref", "state", "etr_at", "customers", "areas")} == {
        "source_ref": "RC-1",
        "state": "active",
        "etr_at": "2026-07-12T08:15:00Z",
        "customers": 1,
        "areas": ["Providencia"],
    }  # fmt: skip


def test_the_document_of_the_routes_is_there(browser):
    paths = browser.get("/openapi.json").json()["paths"]

    body = paths["/v1/outages/events"]["post"]["requestBody"]["content"]["application/json"]
    assert "externalSystem" in body["schema"]["properties"]
    assert json.dumps(paths["/v1/outages"]["get"])


def test_a_feeds_truth_lives_by_its_newest_word(engine, keyring):
    own = engine.settings.model_copy(update={"feeds": (Feed(name="ccb-nms", kind="oracle", silent_after_s=900),)})  # fmt: skip
    fed = replace(engine, settings=own)
    notified.take_notifications(fed, json.dumps(notice()).encode(), NOW)
    loader = Loader(engine.database, shown=lambda one: str(one.id), now=lambda: NOW)
    [before] = loader()

    later = NOW + timedelta(minutes=9)
    notified.take_notifications(fed, b'{"externalSystem": "CCB NMS"}', later)
    [after] = loader()

    assert (before.is_feed, before.heartbeat_at, after.heartbeat_at) == (True, NOW, later)
    assert notified.freshness(own).feed_lapse == timedelta(seconds=900)
