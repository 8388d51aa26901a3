"""Genesys Cloud: tokens, pace, rows, the emergency group, queues and forecasts, against its rules on loopback."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.contactcenter.platforms_made import NOW, Leaping, make_genesys, make_row
from tests.fakes.genesys import COLUMNS, GROUP, QUEUE, SECRET, TABLE, GenesysFake

from outreach.contactcenter import genesys_forecast, genesys_queues
from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.genesys_groups import Group
from outreach.contactcenter.genesys_pace import Pace
from outreach.contactcenter.genesys_tables import COLUMNS as OURS, Table, body
from outreach.contactcenter.platform_http import PlatformAway, PlatformHttp
from outreach.model.errors import InputRefused

SOON = 1_006.0
"""Six seconds after the clock of these tests begins."""


@pytest.fixture
def clock() -> Leaping:
    return Leaping()


@pytest.fixture
def fake(clock: Leaping) -> Iterator[GenesysFake]:
    with GenesysFake(clock) as running:
        yield running


@pytest.fixture
def made(fake: GenesysFake, clock: Leaping) -> Iterator[Callable[..., Genesys]]:
    clients: list[Genesys] = []

    def make(**changes: Any) -> Genesys:
        clients.append(make_genesys(fake, clock, **changes))
        return clients[-1]

    yield make
    for client in clients:
        client.http.close()


@pytest.fixture
def genesys(made: Callable[..., Genesys]) -> Genesys:
    return made()


def test_a_token_is_asked_for_once_and_again_before_it_ends(genesys, fake, clock):
    table = Table(genesys, TABLE)

    table.write(make_row(), is_new=True, until=SOON)
    table.write(make_row(), is_new=False, until=SOON)
    assert fake.tokens == 1
    clock.seconds += fake.lasts_s - 200

    table.write(make_row(), is_new=False, until=clock.seconds + 5)

    assert fake.tokens == 2


def test_a_token_revoked_before_its_time_is_replaced_in_the_same_call(genesys, fake):
    table = Table(genesys, TABLE)
    table.write(make_row(), is_new=True, until=SOON)
    fake.tokens += 1

    table.write(make_row(text="nuevo"), is_new=False, until=SOON)

    assert fake.rows["Ñuñoa"]["text"] == "nuevo"


def test_a_client_that_is_not_accepted_is_named_and_its_secret_is_not(fake, made):
    genesys = made(client_secret="wrong-and-secret")

    with pytest.raises(InputRefused, match="client_id: not accepted") as refused:
        Table(genesys, TABLE).end("a", until=SOON)

    assert "wrong-and-secret" not in str(refused.value)
    assert SECRET not in repr(genesys.settings)


def test_a_row_is_made_then_changed_then_taken_away_and_twice_is_as_good_as_once(genesys, fake):
    table, row = Table(genesys, TABLE), make_row("Llay-Llay / alto?")

    table.write(row, is_new=True, until=SOON)
    table.write(row, is_new=True, until=SOON)
    table.write(replace(row, status="investigating"), is_new=False, until=SOON)
    assert fake.rows[row.key]["status"] == "investigating"
    table.end(row.key, until=SOON)
    table.end(row.key, until=SOON)

    assert fake.rows == {}


def test_a_row_that_somebody_took_away_is_made_again(genesys, fake):
    table = Table(genesys, TABLE)
    table.write(make_row(), is_new=True, until=SOON)
    fake.rows.clear()

    table.write(make_row(), is_new=False, until=SOON)

    assert table.read("Ñuñoa", until=SOON) == body(make_row())


def test_a_row_has_exactly_the_columns_that_the_flow_reads():
    assert list(body(make_row())) == ["key", *OURS] == list(COLUMNS)
    assert body(make_row())["expires_at"] == "2026-07-12T06:50:00.000Z"


def test_an_unknown_table_is_refused_with_the_setting_that_names_it(fake, made):
    genesys = made()

    with pytest.raises(InputRefused, match=r"genesys\.table: no such data table"):
        Table(genesys, "gone").write(make_row(), is_new=False, until=SOON)


def test_keys_are_read_page_by_page(genesys, fake):
    fake.rows = {f"z{number:04}": {} for number in range(1_100)}

    keys = Table(genesys, TABLE).keys(until=SOON)

    assert sorted(keys) == sorted(fake.rows)


def test_the_platform_asking_to_wait_is_heeded_by_all_later_calls(genesys, fake, clock):
    fake.next(200, body={"access_token": "token-0", "expires_in": 3600})
    fake.next(429, retry_after=42)
    table = Table(genesys, TABLE)

    with pytest.raises(PlatformAway, match="429"):
        table.end("a", until=SOON)
    came = len(fake.requests)
    with pytest.raises(PlatformAway, match="42 s to wait"):
        table.end("a", until=SOON)
    clock.seconds += 42
    table.end("a", until=clock.seconds + 5)

    assert len(fake.requests) > came
    assert clock.waits == []


def test_trouble_of_the_platform_is_tried_once_more_and_then_left(genesys, fake):
    Table(genesys, TABLE).end("a", until=SOON)
    fake.next(503)
    Table(genesys, TABLE).end("a", until=SOON)
    fake.next(503, times=2)

    with pytest.raises(PlatformAway, match="503"):
        Table(genesys, TABLE).end("a", until=SOON)


def test_a_minute_never_holds_more_calls_than_the_settings_allow(fake, made):
    genesys = made(requests_a_minute=20)
    table = Table(genesys, TABLE)

    for number in range(20):
        table.end(f"z{number}", until=SOON)
    with pytest.raises(PlatformAway, match="wait for its limit"):
        table.end("one more", until=SOON)

    assert len(fake.rate.times) == 20


def test_another_host_than_loopback_is_refused_where_the_settings_say_so(clock):
    http = PlatformHttp(monotonic=clock, only_loopback=True)

    with pytest.raises(InputRefused, match="only_loopback"):
        http.send("GET", "https://api.sae1.pure.cloud/x", headers={}, until=SOON)


def test_a_server_that_answers_nothing_costs_no_more_than_the_deadline(genesys, fake, clock):
    fake.always(then="drop")

    with pytest.raises(PlatformAway, match="no answer"):
        Table(genesys, TABLE).end("a", until=SOON)


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "permission"), (404, "check the id"), (422, "docs/platforms.md")],
)
def test_what_a_person_must_mend_is_said_without_the_platforms_own_words(
    genesys, fake, status, words
):
    Table(genesys, TABLE).end("a", until=SOON)
    fake.next(status, body={"message": "secret of theirs"})

    with pytest.raises(InputRefused, match=words) as refused:
        genesys_queues.read(genesys, {"outages": QUEUE}, now=NOW, until=SOON)

    assert "secret" not in str(refused.value)


def test_an_answer_that_is_no_json_is_trouble_and_no_crash(genesys, fake):
    Table(genesys, TABLE).end("a", until=SOON)
    fake.next(200, body=b"<html>")

    with pytest.raises(PlatformAway, match="no JSON"):
        Table(genesys, TABLE).read("a", until=SOON)


@pytest.mark.parametrize("body", [b"<html>", b"{}"])
def test_a_token_that_is_none_is_trouble(genesys, fake, body):
    fake.next(200, body=body)

    with pytest.raises(PlatformAway, match="no token"):
        Table(genesys, TABLE).end("a", until=SOON)


def test_a_head_that_drips_is_cut_at_the_deadline(genesys, fake):
    fake.next(200, times=9, then="drip", body=b"x" * 4_000)
    began = time.perf_counter()

    with pytest.raises(PlatformAway):
        Table(genesys, TABLE).end("a", until=1_000.3)

    assert time.perf_counter() - began < 3  # 200 s without the cut
    fake._scripts.clear()
    Table(genesys, TABLE).end("a", until=SOON)


@given(st.lists(st.floats(min_value=0, max_value=30), max_size=60))
@settings(max_examples=40, deadline=None)
def test_no_sixty_seconds_hold_more_than_the_pace(gaps):
    pace, made, now = Pace(7), [], 0.0

    for gap in gaps:
        now += gap
        now += pace.wait(now)
        pace.spend(now)
        made.append(now)

    assert all(later - made[number] >= 59.999 for number, later in enumerate(made[7:]))


def test_the_pace_rests_when_others_have_all_but_used_up_the_window():
    pace = Pace(240)
    headers = {"inin-ratelimit-allowed": "300", "inin-ratelimit-count": "295"}

    pace.heed(200, {**headers, "inin-ratelimit-reset": "17"}, now=5.0)

    assert pace.wait(5.0) == pytest.approx(17.0)
    assert pace.wait(30.0) == 0.0


def test_the_emergency_group_is_marked_while_it_is_ours_and_whole_afterwards(genesys, fake):
    group, before = Group(genesys, GROUP), dict(fake.group)

    on = group.switch_on(NOW + timedelta(minutes=10), until=SOON)
    assert on.enabled
    assert on.ours_until == NOW + timedelta(minutes=10)
    assert fake.group["description"] == "Temporal [outreach: on until 2026-07-12T06:50:00Z]"
    assert group.state(until=SOON) == on
    off = group.switch_off(until=SOON)

    assert not off.enabled
    assert {**fake.group, "version": 7} == before


def test_a_group_that_a_person_switched_on_is_left_alone(genesys, fake):
    fake.group["enabled"] = True
    group = Group(genesys, GROUP)

    assert group.switch_on(NOW, until=SOON).is_theirs
    assert group.switch_off(until=SOON).is_theirs

    assert fake.group["enabled"]
    assert fake.group["version"] == 7


def test_a_conflict_of_versions_is_read_again(genesys, fake):
    Table(genesys, TABLE).end("a", until=SOON)
    fake.next(200, body=dict(fake.group))
    fake.group["version"] = 8

    state = Group(genesys, GROUP).switch_on(NOW, until=SOON)

    assert state.enabled
    assert fake.group["version"] == 9


def test_queues_are_read_for_voice_with_agents_of_every_status(genesys):
    (reading,) = genesys_queues.read(genesys, {"outages": QUEUE}, now=NOW, until=SOON)

    assert (reading.queue, reading.waiting, reading.agents) == ("outages", 12, 8)
    assert reading.wait_p80_s == 161
    assert reading.source == "genesys"


def test_a_queue_that_is_unknown_there_has_no_reading(genesys):
    assert genesys_queues.read(genesys, {"outages": "gone"}, now=NOW, until=SOON) == []


def test_a_forecast_is_put_at_the_signed_address_without_our_token(fake, made):
    genesys = made(business_unit="unit-1")
    document = {"description": "outreach", "weekCount": 1, "planningGroups": []}

    operation = genesys_forecast.upload(genesys, document, week=date(2026, 7, 6), until=SOON)

    assert operation == "op-1"
    assert fake.imported == [document]


def test_a_forecast_without_a_business_unit_is_refused(genesys):
    with pytest.raises(InputRefused, match="business_unit"):
        genesys_forecast.upload(genesys, {}, week=date(2026, 7, 6), until=SOON)
