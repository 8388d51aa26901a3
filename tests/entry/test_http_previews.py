"""`POST /v1/campaigns/preview`: a machine sees what it would launch, and what for it would be refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient
from tests import make, town
from tests.campaigns import controlled, opened
from tests.entry.test_http_gate import bearer, elsewhere, make_key
from tests.entry.web import World, make_app

from outreach.campaigns import stopping
from outreach.campaigns.engine import Engine
from outreach.entry import launches, shown
from outreach.entry.http.app import Front
from outreach.model.occasion import NewOccasion, Occasion, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise, revise_suspected
from outreach.store import runs, tables as t

NOW = make.NOW
PREVIEW, LAUNCH = "/v1/campaigns/preview", "/v1/campaigns"


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return opened.make_engine(database, tmp_path)


def front(engine: Engine) -> Front:
    return make_app(
        engine.database,
        World(now=NOW),
        settings=engine.settings,
        launch=lambda occasion, campaign, actor, now: launches.launch(
            engine, occasion, campaign, actor=actor, now=now
        ),
        preview=lambda occasion, campaign, now: launches.look(engine, occasion, campaign, now=now),
    )


def here(made: Front) -> TestClient:
    return TestClient(made, base_url="http://127.0.0.1:8020", client=("127.0.0.1", 50_000))


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    made = front(engine)
    yield here(made)
    made.close()


def of(occasion: Occasion, campaign: str = opened.UNPLANNED) -> dict[str, str]:
    return {"campaign": campaign, "occasion": shown.shown_id(make.KEYRING, occasion)}


def rows(engine: Engine) -> dict[str, int]:
    with engine.database.read() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in t.metadata.sorted_tables
        }


def advisory(engine: Engine) -> Occasion:
    new = NewOccasion(
        kind=OccasionKind.ADVISORY, service=Service.ELECTRICITY, name="Viento", zone=make.ZONE
    )
    revision = revise.advised(
        Scope(nodes=(town.FEEDER,)), "viento fuerte", start_at=NOW,
        end_at=NOW + timedelta(hours=12), now=NOW,
    )  # fmt: skip
    return engine.open(new, revision, now=NOW).occasion


def test_what_is_shown_is_what_the_launch_then_sends_and_nothing_was_written(client, engine):
    wanted = of(opened.open_outage(engine).occasion)
    before = rows(engine)

    looked = client.post(PREVIEW, json=wanted)
    after = rows(engine)
    client.post(LAUNCH, json=wanted)

    found = looked.json()
    assert (looked.status_code, after) == (200, before)
    assert looked.headers["cache-control"] == "no-store"
    by_channel: Counter[str] = Counter()
    for step in found["steps"]:
        by_channel.update(step["by_channel"])
    with engine.database.read() as session:
        sent = Counter(session.scalars(select(t.message.c.channel)))
    assert by_channel == sent
    assert found["messages"] == sum(sent.values()) == 7
    assert (found["customers"], found["reachable"]["sms"]) == (7, 7)
    assert (found["refused"], found["needs_approval"], found["was_launched"]) == ([], False, False)
    assert client.post(PREVIEW, json=wanted).json()["was_launched"] is True


def test_texts_segments_and_cost_are_those_of_the_terminal(client, engine):
    found = client.post(PREVIEW, json=of(opened.open_outage(engine).occasion)).json()

    step = next(one for one in found["steps"] if one["step"] == "opened")
    [sms] = [one for one in step["samples"] if one["channel"] == "sms"]
    assert "Providencia" in sms["text"] or "Ñuñoa" in sms["text"]
    assert (sms["segments"], sms["unfolded"] is None, len(sms["text_hash"])) == (1, False, 64)
    assert step["segments"] == step["messages"]
    assert found["cost"] == pytest.approx(sum(one["cost"] for one in found["steps"]))
    assert found["currency"] == engine.settings.company.currency
    assert step["first_at"] is not None


def test_it_needs_the_scope_that_reads_and_no_more(engine):
    made = front(engine)
    wanted = of(opened.open_outage(engine).occasion)
    client, database = elsewhere(made), engine.database
    reads = make_key(database, "campaigns:read", name="plan")
    writes = make_key(database, "campaigns:write", name="oms")

    answers = [
        client.post(path, json=wanted, headers=bearer(secret)).status_code
        for path in (PREVIEW, LAUNCH)
        for secret in (reads, writes)
    ]
    made.close()

    assert answers == [200, 403, 403, 201]
    assert client.post(PREVIEW, json=wanted).status_code == 401


def test_a_name_given_to_a_look_is_still_free_for_the_launch(client, engine):
    wanted = of(opened.open_outage(engine).occasion)
    named = {"idempotency-key": "8e03978e-40d5"}

    looked = [client.post(PREVIEW, json=wanted, headers=named) for _each in range(2)]
    launched = client.post(LAUNCH, json=wanted, headers=named)

    assert [one.status_code for one in looked] == [200, 200]
    assert "idempotent-replayed" not in looked[1].headers
    assert (launched.status_code, "idempotent-replayed" in launched.headers) == (201, False)


def test_a_large_one_says_that_a_second_person_is_asked(database, tmp_path):
    engine = controlled.on(database, tmp_path, approve_above=3)
    made = front(engine)

    found = here(made).post(PREVIEW, json=of(opened.open_outage(engine).occasion)).json()
    made.close()

    assert (found["needs_approval"], found["refused"]) == (True, [])


def _suspected(engine: Engine) -> Occasion:
    revision = revise_suspected.suspected(Scope(nodes=(town.NORTH,)), start_at=NOW, now=NOW)
    return engine.open(opened.OUTAGE, revision, now=NOW).occasion


def _cancelled(engine: Engine) -> Occasion:
    applied = opened.launched(engine)
    with engine.database.read() as session:
        launched = runs.of(session, applied.occasion.id)
    stopping.cancel(engine.database, launched, actor="ana", now=NOW)
    return applied.occasion


@pytest.mark.parametrize(
    ("made", "why"),
    [(_suspected, "only suspected"), (_cancelled, "was cancelled")],
    ids=["suspected", "cancelled"],
)
def test_what_a_launch_would_be_refused_for_is_said_and_it_is(client, engine, made, why):
    wanted = of(made(engine))

    found = client.post(PREVIEW, json=wanted)
    launched = client.post(LAUNCH, json=wanted)

    assert found.status_code == 200
    [refused] = found.json()["refused"]
    assert why in refused
    assert (launched.status_code, launched.json()["detail"]) == (409, refused)


def test_what_cannot_leave_before_it_is_untrue_is_refused_at_the_look_and_at_the_launch(
    database, tmp_path
):
    with database.write() as session:
        town.build(session)
    slow = town.LANES[0].model_copy(update={"rate": 0.0001})
    engine = town.engine(database, town.workspace(tmp_path, lanes=(slow,)))
    controlled.limited(tmp_path, "advisory", approve_above=3)
    made = front(engine)
    client = here(made)
    wanted = of(advisory(engine), "advisory")
    outage = of(opened.open_outage(engine).occasion)

    found = client.post(PREVIEW, json=wanted).json()
    launched = client.post(LAUNCH, json=wanted)
    late = client.post(PREVIEW, json=outage).json()
    made.close()

    assert any("sms:*" in each and "too late" in each for each in found["refused"])
    assert (launched.status_code, found["needs_approval"]) == (409, True)
    assert (rows(engine)["run"], rows(engine)["approval"]) == (0, 0), "nobody is asked in vain"
    assert late["refused"] == [], "of an outage, late news is better than none"
    assert any("too late" in each for each in late["warnings"])


WRONG: list[tuple[dict[str, Any], int]] = [
    ({"campaign": "unplanned-outage"}, 422),
    ({"campaign": "../x", "occasion": "out_aaaaaaaa"}, 422),
    ({"campaign": "none", "occasion": "nonsense"}, 404),
    ({"campaign": "none", "occasion": "out_aaaaaaaa"}, 400),
    ({"campaign": "unplanned-outage", "occasion": "out_aaaaaaaa"}, 400),
    ({"campaign": "unplanned-outage", "occasion": "out_aaaaaaaa", "force": True}, 422),
]


def test_a_look_that_cannot_be_is_a_problem_document(client, engine):
    for body, status in WRONG:
        refused = client.post(PREVIEW, json=body)

        assert refused.status_code == status, body
        assert refused.headers["content-type"] == "application/problem+json"
    other = client.post(PREVIEW, json=of(opened.open_outage(engine).occasion, "advisory"))
    assert (other.status_code, "serves advisory" in other.json()["detail"]) == (409, True)
