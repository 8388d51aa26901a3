"""Pages, health, figures, directives, errors and the document that describes them."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate
from tests.contactcenter.make_truths import NIGHT, make_truth
from tests.entry.web import AwayDatabase, World, browser, make_app
from tests.make import (
    NOW,
    make_lane,
    make_load,
    make_message,
    make_occasion,
    make_run,
    make_step_run,
)

from outreach.channels.outbox import OutboxMessage
from outreach.model.errors import GuardRefused, InputRefused, StoreUnusable
from outreach.model.words import Channel

PHONE = "+56987654321"


@pytest.fixture
def world():
    world = World(live=[make_truth(areas=tuple("ABCDEFG"))])
    yield world
    world.close()


def make_shown(**changes: Any) -> OutboxMessage:
    values: dict[str, Any] = {"id": 1, "token": "1.1.x", "at": NIGHT, "channel": Channel.SMS, "sender": "Luz",
              "to": PHONE, "subject": "", "body": "Luz: <b>corte</b>", "html": "", "segments": 1,
              "fate": "delivered"}  # fmt: skip
    return OutboxMessage(**(values | changes))


def test_the_status_page_shows_outages_and_runs(database, world):
    with database.write() as session:
        run = make_run(session, occasion=make_occasion(session, name="ALM-F12"), reason="errores")
        make_message(session, step_run=make_step_run(session, run=run), state="delivered")
        make_run(session)

    page = browser(make_app(database, world)).get("/")

    assert page.status_code == 200
    for said in ("ALM-F12", "A, B, C, D, E and 2 more", "1,200", "errores", "delivered</span> 1"):
        assert said in page.text
    assert "no messages yet" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


def test_the_status_page_works_without_the_database_and_says_so(database, world):
    away = AwayDatabase(database)
    app = make_app(away, world)
    away.is_away = True
    world.passes(seconds=301)

    page = browser(app).get("/")

    assert page.status_code == 200
    assert "The database cannot be read" in page.text
    assert "Nothing is out" in page.text


def test_the_outbox_masks_addresses_and_escapes_texts(database, world):
    shown = [make_shown(), make_shown(channel=Channel.EMAIL, to="ana@example.com", subject="Corte")]

    page = browser(make_app(database, world, outbox=lambda *_asked: shown)).get("/outbox")

    assert PHONE not in page.text
    assert "ana@" not in page.text
    assert "&lt;b&gt;corte&lt;/b&gt;" in page.text
    assert "<script" not in page.text
    assert 'http-equiv="refresh"' in page.text


def test_the_outbox_is_filtered_by_channel(database, world):
    asked: list[Any] = []

    def outbox(channel: Channel | None, _limit: int) -> list[OutboxMessage]:
        asked.append(channel)
        return []

    app = make_app(database, world, outbox=outbox)

    statuses = [browser(app).get(f"/outbox{query}").status_code
                for query in ("", "?channel=email", "?channel=fax")]  # fmt: skip

    assert statuses == [200, 200, 404]
    assert asked == [None, Channel.EMAIL]


def test_an_empty_outbox_says_so(database, world):
    assert "Nothing yet" in browser(make_app(database, world)).get("/outbox").text


@pytest.mark.parametrize(
    ("where", "headers"),
    [
        ({"peer": "10.0.0.9"}, {}),
        ({}, {"X-Forwarded-For": "10.0.0.9"}),
        ({"at": "http://evil.example.com"}, {}),
    ],
    ids=["another machine", "a proxy", "a borrowed name"],
)
@pytest.mark.parametrize("path", ["/", "/outbox"])
def test_pages_are_shown_on_the_machine_itself_only(database, world, path, where, headers):
    refused = browser(make_app(database, world), **where).get(path, headers=headers)

    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_style_is_served(database, world):
    style = browser(make_app(database, world), at="http://localhost").get("/style.css")

    assert style.headers["content-type"].startswith("text/css")


def test_health_and_readiness(database, world):
    away = AwayDatabase(database)
    client = browser(make_app(away, world))

    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").json() == {"database": True, "live_truth": True}

    away.is_away = True
    world.passes(seconds=5)

    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_metrics_come_from_the_ledger_without_personal_labels(database, world):
    with database.write() as session:
        wave = make_step_run(session)
        make_message(session, step_run=wave)
        make_message(session, step_run=wave, state="delivered", rank=3)
        make_lane(session)
        make_load(session, source="crm", loaded_at=NOW)

    text = browser(make_app(database, world)).get("/metrics").text

    assert 'outreach_messages_total{channel="sms",state="delivered"} 1.0' in text
    assert 'outreach_lane_rate{lane="sms"} 100.0' in text
    assert "outreach_record_age_seconds" in text
    assert "outreach_database_up 1.0" in text
    assert "+56" not in text


def test_metrics_survive_the_database_and_are_not_counted_at_every_scrape(database, world):
    away = AwayDatabase(database)
    client = browser(make_app(away, world))
    first = client.get("/metrics").text
    away.is_away = True
    within = client.get("/metrics").text
    world.passes(seconds=11)

    after = client.get("/metrics").text

    assert "outreach_database_up 1.0" in first
    assert "outreach_database_up 1.0" in within
    assert "outreach_database_up 0.0" in after


def test_directives_carry_an_etag(database, world):
    client = browser(make_app(database, world, directives=lambda _now: {"generation": 3}))
    first = client.get("/v1/directives")

    again = client.get("/v1/directives", headers={"If-None-Match": first.headers["etag"]})

    assert first.json() == {"generation": 3}
    assert (again.status_code, again.content) == (304, b"")
    assert browser(make_app(database, world)).get("/v1/directives").json() == {"directives": []}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputRefused("x"), 400),
        (GuardRefused("x"), 409),
        (StoreUnusable(PHONE), 503),
        (ZeroDivisionError(PHONE), 500),
    ],
)
def test_errors_are_problems_that_give_nothing_away(database, world, error, status):
    def fails(now):
        raise error

    answer = browser(make_app(database, world, directives=fails)).get("/v1/directives")

    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert PHONE not in answer.text


def test_a_query_that_is_wrong_is_named_without_its_value(database, world):
    app = make_app(database, world)

    @app.rest.get("/counted")
    def counted(number: int) -> int:
        return number

    refused = browser(app).get("/counted", params={"number": PHONE + "x"})

    assert (refused.status_code, refused.json()["detail"].startswith("query.number")) == (422, True)
    assert PHONE not in refused.text


def test_an_unknown_path_is_a_problem(database, world):
    assert browser(make_app(database, world)).get("/nowhere").json()["status"] == 404


def test_the_openapi_document_is_valid_and_names_every_route(database, world):
    document = browser(make_app(database, world)).get("/openapi.json").json()

    validate(document)
    assert document["paths"].keys() >= {
        "/v1/ivr/answer", "/v1/ivr/twiml", "/v1/ivr/vxml", "/v1/ivr/vxml/data", "/v1/directives",
        "/webhooks/twilio/status/{token}", "/webhooks/sendgrid", "/healthz", "/readyz", "/metrics",
    }  # fmt: skip


def test_starting_the_application_starts_the_board_and_stopping_ends_it(database, world):
    app = make_app(database, world)

    with browser(app) as client:
        assert client.get("/healthz").status_code == 200
        thread = app.board._thread
        assert thread is not None
        assert thread.is_alive()

    assert not thread.is_alive()
