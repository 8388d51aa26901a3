"""The IVR over HTTP: always an answer, never a stale one, nothing of the caller anywhere."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes, speak
from tests.entry.web import AwayDatabase, browser, make_app
from tests.make import (  # fmt: skip
    make_account,
    make_node,
    make_occasion,
    make_premise,
    make_revision,
)

from outreach.entry.http.app import Front
from outreach.entry.http.live import Loader
from outreach.model.errors import StoreUnusable
from outreach.store import changes, tables as t
from outreach.store.ivr import Callers

CANARY = "+56987654321"
VXML = Path(__file__).parents[2].parent / "shared" / "corpora" / "voicexml" / "vxml.xsd"


@pytest.fixture
def world(called):
    """Whoever asks here has an outage."""
    return called


def asked(app: Front, **question: str) -> Any:
    return browser(app).post("/v1/ivr/answer", json=question)


def test_a_caller_hears_of_their_outage(database, world):
    heard = asked(make_app(database, world), ani=CANARY)

    body = heard.json()
    assert (heard.status_code, body["status"], body["match"]) == (200, "etr", "ani")
    assert body["text"] == "outage_etr es-CL Ñuñoa etr 07:20 news 07:40"
    assert heard.headers["cache-control"] == "private, max-age=30"
    assert heard.headers["x-content-type-options"] == "nosniff"
    assert heard.headers["etag"]


@pytest.mark.parametrize(
    ("question", "match"),
    [
        ({"account": "C-1", "ani": "+15550001111"}, "account"),
        ({"account": "nope", "ani": CANARY}, "ani"),
        ({"ani": "9 8765 4321".replace(" ", "")}, "ani"),
        ({"ani": "anonymous", "postal": "providencia"}, "postal"),
        ({"locality": "Ñuñoa"}, "zone"),
        ({"zone": "Ñuñoa"}, "zone"),
        ({"ani": "+15550001111", "postal": "Arica"}, "none"),
        ({}, "none"),
    ],
)
def test_callers_are_matched_in_order(database, world, question, match):
    body = asked(make_app(database, world), **question).json()

    assert (body["match"], body["status"]) == (match, "etr")


def test_the_language_asked_for_is_spoken(database, world):
    assert " pt " in asked(make_app(database, world), ani=CANARY, lang="pt").json()["text"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"ani": 5}', b'{"ani": "' + b"9" * 100 + b'"}', b"\xff", b"x" * 20_000],
    ids=["empty", "torn", "a list", "a number", "too long", "not UTF-8", "absurd"],
)
def test_whatever_is_asked_the_answer_is_well_formed(database, world, body):
    world.live = []

    heard = browser(make_app(database, world)).post("/v1/ivr/answer", content=body)

    assert (heard.status_code, heard.json()["text"]) == (200, "")


def test_a_number_never_goes_in_an_address(database, world):
    app = make_app(database, world)

    refused = browser(app).get("/v1/ivr/answer", params={"ANI": CANARY})
    allowed = browser(app).get("/v1/ivr/answer", params={"locality": "Ñuñoa", "odd": "x"})

    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")  # fmt: skip
    assert CANARY not in refused.text
    assert allowed.json()["match"] == "zone"


def test_an_unchanged_answer_is_not_sent_again(database, world):
    client = browser(make_app(database, world))
    first = client.get("/v1/ivr/answer?locality=Ñuñoa")

    again = client.get("/v1/ivr/answer?locality=Ñuñoa", headers={"If-None-Match": first.headers["etag"]})  # fmt: skip

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_other_methods_are_refused_with_what_is_allowed(database, world):
    refused = browser(make_app(database, world)).delete("/v1/ivr/answer")

    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")


def test_a_revision_is_spoken_after_the_next_look(database, world):
    app = make_app(database, world)
    with database.write() as session:
        changes.bump(session, "truth", now=world.now)
    world.live = [make_truth(version=2, public_etr=NIGHT + minutes(90))]

    app.board.refresh()

    assert " etr 08:10" in asked(app, ani=CANARY).json()["text"]


def test_nothing_is_loaded_while_nothing_changed(database, world):
    app = make_app(database, world)

    changed = [app.board.refresh() for _ in range(3)]

    assert (changed, world.loads) == ([False] * 3, 1)


def test_the_estimate_passes_and_is_no_longer_spoken(database, world):
    app = make_app(database, world)
    world.passes(minutes=40)
    app.board.refresh()

    body = asked(app, ani=CANARY).json()

    assert (body["status"], body["etr_iso"]) == ("investigating", "")


def test_a_clock_set_back_does_not_make_a_past_estimate_future(database, world):
    app = make_app(database, world)
    world.passes(minutes=30)
    app.board.refresh()
    world.now -= timedelta(hours=3)
    world.steady += 800
    app.board.refresh()

    assert asked(app, ani=CANARY).json()["status"] == "investigating"


def test_a_clock_set_forward_silences_rather_than_lies_and_is_believed(database, world):
    app = make_app(database, world)
    world.now += timedelta(hours=3)
    app.board.refresh()

    assert asked(app, ani=CANARY).json()["status"] == "stale"


def test_a_corrected_clock_is_believed_after_a_quarter_of_an_hour(database, world):
    world.now += timedelta(hours=3)
    app = make_app(database, world)
    world.now -= timedelta(hours=3)
    world.steady += 899
    app.board.refresh()

    before = asked(app, ani=CANARY).json()["status"]
    world.steady += 1

    assert (before, asked(app, ani=CANARY).json()["status"]) == ("stale", "etr")


def test_with_the_database_away_memory_answers_until_max_age_then_neutrally(database, world):
    away = AwayDatabase(database)
    app = make_app(away, world)
    away.is_away = True
    world.passes(seconds=100)
    app.board.refresh()

    by_number, by_place = asked(app, ani=CANARY), asked(app, locality="Ñuñoa")
    world.passes(seconds=180)
    near_the_end = asked(app, locality="Ñuñoa").json()
    world.passes(seconds=20)
    app.board.refresh()
    late = asked(app, locality="Ñuñoa")

    assert by_number.json()["match"] == "none"
    assert by_place.json()["status"] == "etr"
    assert near_the_end["expires_at"] == (world.now - timedelta(seconds=0)).isoformat()
    assert (late.status_code, late.json()["status"], late.json()["text"]) == (200, "stale", "")


def test_before_the_first_look_the_answer_is_neutral(database, world):
    world.fails = StoreUnusable("not yet")
    app = make_app(database, world)

    assert asked(app, ani=CANARY).json()["status"] == "stale"


def test_a_record_that_cannot_be_read_gives_the_neutral_answer(database, world, monkeypatch):
    def fails(self, address_hash):
        raise StoreUnusable("gone")

    monkeypatch.setattr(Callers, "by_address", fails)

    heard = asked(make_app(database, world), ani=CANARY)

    assert (heard.status_code, heard.json()["text"]) == (200, "")


def test_a_slow_record_is_not_waited_for(database, world, monkeypatch):
    stuck = threading.Event()
    monkeypatch.setattr(Callers, "by_address", lambda *_asked: stuck.wait(5))
    app = make_app(database, world)
    app.recognition._callers.is_local = False

    heard = asked(app, ani=CANARY)

    stuck.set()
    assert (heard.status_code, heard.json()["status"]) == (200, "stale")


def test_garbage_in_a_template_gives_the_neutral_answer(database, world):
    def broken(template, locale, facts):
        raise ValueError(f"broken for {CANARY}")

    heard = asked(make_app(database, world, speak=broken), ani=CANARY)

    assert (heard.status_code, heard.json()["text"]) == (200, "")


def test_no_log_line_holds_the_caller(database, world):
    with structlog.testing.capture_logs() as lines:
        app = make_app(database, world)
        asked(app, ani=CANARY)
        browser(app).post("/v1/ivr/answer", content=b'{"ani": ["' + CANARY.encode() + b'"]}')
        browser(app).post("/v1/ivr/vxml", data={"ani": CANARY, "lang": CANARY})

    assert lines
    assert CANARY[1:] not in str(lines)


def test_the_loader_reads_a_revision_once(database):
    with database.write() as session:
        make_node(session, ref="F12", tree_order=10, tree_last=19)
        make_premise(session, account=make_account(session), tree_order=11, locality="Ñuñoa")
        number = make_occasion(session, version=0)
        make_revision(session, occasion=number, version=1,
                      scope={"nodes": ["F12"], "localities": [], "premises": []})  # fmt: skip
        session.execute(t.occasion.update().values(version=1))
    load = Loader(database, shown=lambda each: f"out_{each.id}", now=lambda: NIGHT)

    (first,), (second,) = load(), load()

    assert first is second
    assert (first.shown_id, first.areas, first.customers) == (f"out_{number}", ("Ñuñoa",), 1)


def test_the_board_refreshes_in_its_own_thread_and_outlives_defects(database, world):
    app = make_app(database, world)
    world.fails = ZeroDivisionError()
    app.board._look = None

    app.board.start()
    while world.loads < 3:  # two more than the first look
        pass
    app.board.stop()

    assert app.board.lookup() is None


def test_the_answer_of_one_revision_is_composed_once(database, world):
    spoken = []

    def count(template, locale, facts):
        spoken.append(template)
        return speak(template, locale, facts)

    app = make_app(database, world, speak=count)
    for _ in range(5):
        asked(app, ani=CANARY)

    assert spoken == ["outage_etr"]


def test_callers_alike_share_an_answer_until_its_estimate_passes(database, world):
    world.live = [make_truth(public_etr=NIGHT + minutes(0.2))]
    app = make_app(database, world)

    statuses = []
    for _ in range(3):
        statuses.append(asked(app, ani=CANARY).json()["status"])
        world.passes(seconds=6)
        app.board.refresh()

    assert statuses == ["etr", "etr", "investigating"]


def test_the_snapshot_is_not_prolonged_by_asking(database, world):
    truth = world.live[0]
    world.live = [replace(truth, areas=("Ñuñoa",))]
    app = make_app(database, world)
    world.passes(seconds=299.9)

    assert app.board.left_for() < timedelta(seconds=1)
    assert app.board.lookup() is not None
    world.passes(seconds=0.1)
    assert app.board.lookup() is None
