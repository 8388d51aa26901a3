"""The closed loop, lived through on both databases: trip, front message, forecast, digital shift, calm, off; the carrier and both platforms on loopback."""

from __future__ import annotations

import json
import random
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from sqlalchemy import select
from tests.flow.house import Hand
from tests.flow.loop import Loop
from tests.flow.loop_walk import BACK_AT, CALLER, CALM_FROM, LONG_FROM, Evening, lived

from outreach.campaigns import forecasting, routing
from outreach.contactcenter import directives
from outreach.deflection.forecast import forecast
from outreach.store import expected, tables as t
from outreach.store.runs import LINK_CAMPAIGN
from outreach.store.session import Database

TRIP = datetime(2026, 7, 16, 23, 2, tzinfo=UTC)
"""19:02 in Santiago: nobody's night."""
OF_A_PERSON = re.compile(r"97123\d{4}|\b1000\d{4}\b|Vecina|Aromos")
"""Any caller's number, account, name or street of this town."""
SHIFT = {"wait_announcement", "callback_offer", "digital_shift"}


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory, lasting: Database) -> Iterator[Evening]:
    """Lived once on each database."""
    folder = tmp_path_factory.mktemp("loop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        # A fifth of the draws: quantiles are rougher, and as much in order.
        patch.setattr(forecasting, "forecast", partial(forecast, draws=400))
        # The order of sending is drawn: here the same in every run.
        patch.setattr(secrets, "token_bytes", random.Random(6).randbytes)  # noqa: S311
        with Loop(folder / "luz", lasting, Hand(TRIP)) as loop:
            yield lived(loop, folder / "exports")


# ── the front message ───────────────────────────────────────────────────────────────────────────


def test_a_minute_after_the_trip_the_front_message_is_on_and_stands_in_the_platform_s_table(
    evening: Evening,
):
    look = evening.looks[1]

    assert look.at - TRIP == timedelta(minutes=1)
    assert look.on()["ivr_upfront"]["scope"]["zones"] == ["Providencia", "Ñuñoa"]
    assert sorted(look.rows) == ["*", "Providencia", "Ñuñoa"]
    assert look.is_emergency


def test_the_row_of_a_zone_says_what_our_own_ivr_says_to_its_callers(evening: Evening):
    row = evening.looks[1].rows["Providencia"]

    assert row["text"].startswith("Sabemos que hay un corte de luz en Providencia.")
    assert evening.heard["told up front"] == f"Si hay peligro, marque nueve. {row['text']}"
    assert evening.heard["elsewhere"] == ""


def test_no_row_ever_outlives_ten_minutes_or_lapses_while_we_live(evening: Evening):
    for look in evening.looks.values():
        for row in look.rows.values():
            left = datetime.fromisoformat(row["expires_at"]) - look.at
            assert timedelta(0) < left <= timedelta(minutes=10)


# ── calls in, forecast and staffing out ─────────────────────────────────────────────────────────


def test_the_forecast_and_the_agents_it_asks_for_rise_with_the_calls(evening: Evening):
    first, risen = evening.looks[1].forecast, evening.looks[LONG_FROM + 3].forecast
    before, after = first["quarters"][0], risen["quarters"][0]

    assert (first["out"], first["calls_seen"]) == (520, 0)
    assert risen["calls_seen"] > 40
    assert after["p50"] > 4 * before["p50"]
    assert before["agents"] <= before["staffed"] < after["agents"]
    assert after["staffed"] == evening.loop.genesys.agents


def test_every_forecast_is_in_order(evening: Evening):
    for look in evening.looks.values():
        for each in look.forecast["quarters"]:
            assert 0 <= each["p05"] <= each["p50"] <= each["p80"] <= each["p95"]


def test_what_the_messages_do_to_the_calls_is_measured_and_used_but_not_yet_claimed(
    evening: Evening,
):
    [measured] = evening.done["deflection"]

    assert measured["verdict"] == "not enough calls yet"
    assert measured["episodes"] > 10
    assert measured["theta_msg"] is None
    assert evening.looks[CALM_FROM].forecast["status"] == "estimated"


def test_the_queue_that_stands_at_the_other_platform_is_read_as_well(evening: Evening):
    with evening.loop.house.database.read() as session:
        reading = expected.reading(session, "backup")

    assert reading is not None
    assert (reading.waiting, reading.agents, reading.source) == (1, 5, "connect")


# ── the digital shift ───────────────────────────────────────────────────────────────────────────


def test_long_waits_shift_callers_after_two_confirmations_and_not_after_one(evening: Evening):
    assert {kind: evening.first(kind) for kind in SHIFT} == dict.fromkeys(SHIFT, LONG_FROM + 2)
    assert not SHIFT & set(evening.looks[LONG_FROM + 1].on())
    assert evening.looks[LONG_FROM + 2].rows["Providencia"]["wait_band"] == "5_10"


def test_each_directive_says_why_in_words(evening: Evening):
    shown = {each["kind"]: each["reason"]["words"] for each in evening.done["shown"]["directives"]}

    assert shown["ivr_upfront"] == "520 customers are out; told up front from 50"
    assert shown["digital_shift"].startswith("4 of 5 callers wait up to 322 s (read live)")


def test_the_link_is_offered_while_waits_are_long_and_never_to_class_a(evening: Evening):
    offered = {moment for moment, said in evening.heard.items() if "marque uno" in said}

    assert offered == {"long waits", "again"}
    assert {"long waits, class A", "told up front", "calm"} <= set(evening.heard)


def test_who_presses_1_twice_is_sent_exactly_one_text_through_the_ledger(evening: Evening):
    m = t.message.c
    found = evening.loop.house.rows(
        select(m.provider_ref, m.state)
        .join(t.step_run, t.step_run.c.id == m.step_run_id)
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .where(t.run.c.campaign == LINK_CAMPAIGN)
    )

    [(ref, state)] = found
    [taken] = [one for one in evening.loop.twilio.ledger if one.sid == ref]
    assert (taken.to, state) == (CALLER, "delivered")
    assert "https://avisos.luzdelvalle.example/s/" in taken.body
    assert evening.heard["long waits, 1"] == "Le enviamos un SMS con el enlace."


def test_a_lambda_of_amazon_connect_reads_the_same_in_flat_strings(evening: Evening):
    external = evening.external

    assert all(isinstance(value, str) for value in external.values())
    assert "orte de luz en Providencia." in external["text"]
    assert (external["offer_sms_link"], external["wait_band"]) == ("true", "5_10")


# ── calm, and off ───────────────────────────────────────────────────────────────────────────────


def test_short_waits_end_the_shift_after_four_confirmations_and_a_quarter_of_an_hour(
    evening: Evening,
):
    for kind in SHIFT:
        assert evening.last(kind) == CALM_FROM + 3
        assert evening.last(kind) + 1 - evening.first(kind) >= 15
    assert evening.looks[CALM_FROM + 4].rows["Providencia"]["wait_band"] == ""


def test_after_restoration_the_front_says_so_for_ten_minutes_and_then_falls_silent(
    evening: Evening,
):
    restored, over = evening.looks[BACK_AT + 1], evening.looks[BACK_AT + 10]

    assert restored.on()["ivr_upfront"]["params"]["text_class"] == "restored"
    assert restored.rows["Providencia"]["status"] == "restored"
    assert evening.last("ivr_upfront") == BACK_AT + 9
    assert {key: row["text"] for key, row in over.rows.items()} == {"*": ""}
    assert not over.is_emergency


def test_who_presses_2_after_restoration_is_believed_at_once(evening: Evening):
    assert "Si sigue sin servicio, marque dos." in evening.heard["restored"]
    assert evening.heard["restored, 2"] == "Gracias. Anotamos que sigue sin servicio."
    assert "Sabemos que hay un corte de luz en Providencia." in evening.heard["reported"]
    assert evening.looks[BACK_AT + 10].forecast["out"] == 1


# ── at every minute ─────────────────────────────────────────────────────────────────────────────


def test_the_generation_only_rises_and_every_directive_is_signed(evening: Evening):
    documents = [look.document for look in evening.looks.values()]
    house = evening.loop.house
    key = routing.key(house.settings, house.keyring)

    assert all(before["generation"] < after["generation"] for before, after in pairwise(documents))
    assert all(directives.is_genuine(each, key) for one in documents for each in one["directives"])
    assert {one["mode"] for one in documents} == {"live"}


def test_nobody_is_named_in_any_row_address_document_or_log(evening: Evening):
    loop = evening.loop
    seen = [
        *loop.told_the_platforms(),
        *evening.addresses,
        *evening.logged,
        *(json.dumps(look.document) for look in evening.looks.values()),
        json.dumps(evening.external),
        loop.house.browser.get("/metrics").text,
    ]

    assert [one for one in seen if OF_A_PERSON.search(one)] == []
    assert OF_A_PERSON.search(loop.twilio.ledger[0].to), "the pattern finds who is there"
    assert len(seen) > 100


def test_the_platform_is_asked_a_few_times_a_minute_and_nothing_met_trouble(evening: Evening):
    assert len(evening.loop.genesys.requests) < 6 * len(evening.looks)
    assert [one for one in evening.logged if "trouble" in one or "broke" in one] == []
