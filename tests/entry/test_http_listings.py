"""Listings of `/v1`: page by page, filtered, by cursors that cannot be made up; and launches by a machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests import make
from tests.campaigns import controlled, opened
from tests.entry.test_http_gate import bearer, make_key
from tests.entry.web import World, make_app

from outreach.addresses import Keyring
from outreach.campaigns import approving
from outreach.campaigns.engine import Engine
from outreach.entry import launches, shown
from outreach.entry.http.live import Loader
from outreach.model.errors import GuardRefused
from outreach.store import occasions, tables as t

NOW = make.NOW
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return opened.make_engine(database, tmp_path)


@pytest.fixture
def client(engine: Engine, keyring: Keyring):
    world = World(now=NOW)
    app = make_app(
        engine.database,
        world,
        settings=engine.settings,
        load_live=Loader(
            engine.database, shown=lambda each: shown.shown_id(keyring, each), now=lambda: NOW
        ),
        launch=lambda occasion, campaign, actor, now: launches.launch(
            engine, occasion, campaign, actor=actor, now=now
        ),
    )
    yield TestClient(app, base_url="http://127.0.0.1:8020", client=("127.0.0.1", 50_000))
    world.close()


def several(engine: Engine, count: int) -> list[str]:
    """Names of outages, oldest first, in the order they were opened."""
    for _number in range(count):
        opened.open_outage(engine)
    with engine.database.read() as session:
        found = occasions.open_ones(session)
    return [shown.shown_id(make.KEYRING, each) for each in found]


def walked(client: TestClient, path: str, of: str, **asked: Any) -> list[list[str]]:
    """The ids of every page."""
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(path, params=asked | {"cursor": cursor}).json()
        pages.append([one["id"] for one in page[of]])
        cursor = page["next"]
    return pages


def test_outages_come_page_by_page_each_once(client, engine):
    ids = several(engine, 5)

    pages = walked(client, "/v1/outages", "outages", limit=2)
    everything = walked(client, "/v1/outages", "outages", limit=2, state="all")

    assert pages == everything == [ids[:2], ids[2:4], ids[4:]]


def test_outages_are_filtered_by_state_place_and_time(client, engine):
    applied = opened.open_outage(engine)
    several(engine, 1)
    opened.restore(engine, applied, after=timedelta(minutes=30))

    def count(**asked: Any) -> int:
        return len(client.get("/v1/outages", params=asked).json()["outages"])

    assert (count(), count(state="all"), count(state="restored")) == (1, 2, 1)
    assert (count(locality="PROVIDENCIA"), count(locality="Nowhere")) == (1, 0)
    later = (NOW + timedelta(minutes=30)).isoformat()
    assert (count(since=later), count(since=later, state="all")) == (0, 1)


def test_one_outage_is_shown_with_all_that_was_said(client, engine):
    applied = opened.open_outage(engine, etr_at=NOW + timedelta(hours=2))
    opened.restore(engine, applied, after=timedelta(minutes=30))
    named = shown.shown_id(make.KEYRING, applied.occasion)

    one = client.get(f"/v1/outages/{named}").json()

    assert (one["id"], one["state"], one["restored_at"]) == (named, "restored", "2026-07-12T07:10:00Z")  # fmt: skip
    assert [each["state"] for each in one["versions"]] == ["active", "restored"]
    assert one["versions"][0]["etr_at"] == "2026-07-12T08:45:00Z"


ODD = {
    "/v1/outages?cursor=AAAAAAAAAAAAAAAA": 400,  # made up
    "/v1/outages?cursor=%C3%B1": 400,  # no base64
    "/v1/outages?cursor=5": 400,  # too short for a signature
    "/v1/outages?limit=0": 422,
    "/v1/outages?limit=501": 422,
    "/v1/outages?state=broken": 422,
    "/v1/outages?since=2026-07-12T06:40:00": 400,  # without its offset
    "/v1/outages/out_aaaaaaaa": 404,
    "/v1/outages/pla_aaaaaaaa": 404,  # a work is no outage
    "/v1/campaigns/run_aaaaaaaa": 404,
    "/v1/campaigns/nonsense": 404,
    "/v1/messages/msg_aaaaaaaa": 404,
    "/v1/messages/+56987654321": 404,
}


@pytest.mark.says_personal  # the client of the test logs the address that it asks for
def test_what_is_asked_wrongly_is_a_problem_document_that_repeats_nothing(client):
    for path, status in ODD.items():
        refused = client.get(path)

        assert refused.status_code == status, path
        assert refused.headers["content-type"] == "application/problem+json"
        assert "56987654321" not in refused.text


def test_a_cursor_of_one_listing_opens_no_other(client, engine):
    several(engine, 2)
    cursor = client.get("/v1/outages?limit=1").json()["next"]

    assert client.get("/v1/outages", params={"cursor": cursor}).status_code == 200
    assert client.get("/v1/campaigns", params={"cursor": cursor}).status_code == 400


def test_a_run_is_shown_with_messages_that_add_up_and_each_message_without_its_person(
    client, engine
):
    opened.launched(engine)
    [listed] = client.get("/v1/campaigns").json()["campaigns"]

    run = client.get(f"/v1/campaigns/{listed['id']}").json()
    with engine.database.read() as session:
        number = session.scalar(select(t.message.c.id).limit(1))
    answer = client.get(f"/v1/messages/{make.KEYRING.public_id('msg', number)}")

    assert (listed["campaign"], listed["launched_by"]) == (opened.UNPLANNED, "ana")
    assert sum(run["messages"].values()) == sum(
        sum(wave["messages"].values()) for wave in run["waves"]
    )
    assert run["messages"]["queued"] > 0
    assert answer.json()["run"] == listed["id"]
    assert answer.json()["state"] == "queued"
    assert not {"to", "address", "customer", "text", "body"} & answer.json().keys()


def test_runs_come_newest_first_page_by_page(client, engine):
    for _number in range(3):
        opened.launched(engine)

    pages = walked(client, "/v1/campaigns", "campaigns", limit=2)

    assert [len(page) for page in pages] == [2, 1]
    assert len({each for page in pages for each in page}) == 3


# ── launched by a machine ───────────────────────────────────────────────────────────────────────


def wanted(engine: Engine) -> dict[str, str]:
    applied = opened.open_outage(engine)
    named = shown.shown_id(make.KEYRING, applied.occasion)
    return {"campaign": opened.UNPLANNED, "occasion": named}


def test_a_key_launches_once_and_in_its_own_name(client, engine):
    asked, secret = wanted(engine), make_key(engine.database, "campaigns:write", name="oms")

    first = client.post("/v1/campaigns", json=asked, headers=bearer(secret))
    again = client.post("/v1/campaigns", json=asked, headers=bearer(secret))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["run"] == again.json()["run"]
    [run] = client.get("/v1/campaigns").json()["campaigns"]
    assert (run["launched_by"], run["approved_by"]) == ("key:oms", "")


def test_above_the_threshold_a_key_asks_a_person_and_can_be_none(database, tmp_path):
    engine = controlled.on(database, tmp_path, approve_above=3)
    occasion = opened.open_outage(engine).occasion.id

    done = launches.launch(engine, occasion, opened.UNPLANNED, actor="key:oms", now=NOW)

    assert (done.run, done.approval is not None) == (None, True)
    for machine in ("key:oms", "key:other", "api:local"):
        with pytest.raises(GuardRefused, match=r"somebody else|is a machine"):
            approving.approve(engine, done.approval or 0, approver=machine, now=NOW)
    applied = approving.approve(engine, done.approval or 0, approver="beto", now=NOW)
    assert applied.launched == (opened.UNPLANNED,)


UNPLANNED = {"campaign": "unplanned-outage"}
NOT_LAUNCHED = [
    (UNPLANNED, 422),
    ({"campaign": "../x", "occasion": "out_aaaaaaaa"}, 422),
    ({"campaign": "none", "occasion": "nonsense"}, 404),
    ({"campaign": "none", "occasion": "out_aaaaaaaa"}, 400),  # no such campaign
    (UNPLANNED | {"occasion": "out_aaaaaaaa"}, 400),  # no such outage
    (UNPLANNED | {"occasion": "out_aaaaaaaa", "force": True}, 422),  # no such field
]


def test_a_launch_that_cannot_be_is_refused(client):
    for body, status in NOT_LAUNCHED:
        refused = client.post("/v1/campaigns", json=body)

        assert refused.status_code == status, body
        assert refused.headers["content-type"] == "application/problem+json"
