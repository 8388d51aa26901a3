"""The watchdog: it switches off what a dead outreach left on, and nothing that a person set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from tests.contactcenter.platforms_made import NOW, Leaping, make_genesys
from tests.fakes.genesys import GROUP, GenesysFake

from outreach.contactcenter.genesys_groups import Group
from outreach.contactcenter.genesys_watch import (
    LEASE,
    OVERDUE,
    Step,
    Watch,
    is_alive,
    look,
    pull,
    read_state,
    write_state,
)
from outreach.contactcenter.platform_http import PlatformHttp
from outreach.model.errors import InputRefused


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def document(at: datetime = NOW, **changes: str) -> dict[str, str]:
    return {"mode": "live", "issued_at": at.isoformat().replace("+00:00", "Z")} | changes


@pytest.fixture(scope="module")
def clock() -> Leaping:
    return Leaping()


@pytest.fixture(scope="module")
def running(clock: Leaping) -> Iterator[tuple[GenesysFake, Group]]:
    with GenesysFake(clock) as fake:
        genesys = make_genesys(fake, clock)
        yield fake, Group(genesys, GROUP)
        genesys.http.close()


@pytest.fixture
def fake(running: tuple[GenesysFake, Group]) -> GenesysFake:
    running[0].group |= {"enabled": False, "description": "Temporal"}
    running[0]._always = None
    return running[0]


@pytest.fixture
def group(running: tuple[GenesysFake, Group], fake: GenesysFake) -> Group:
    return running[1]


def seen_at(at: datetime, group: Group, found: object) -> Watch:
    watch = Watch(heard_at=NOW, looked_at=NOW)
    return look(watch, found, group, now=at, until=1_005.0)


def test_while_outreach_speaks_the_group_stays_on(group, fake):
    group.switch_on(NOW + minutes(30), until=1_005.0)

    seen = seen_at(NOW + minutes(9), group, document(NOW + minutes(9)))

    assert (seen.step, seen.heard_at) == (Step.ALIVE, NOW + minutes(9))
    assert fake.group["enabled"]


def test_silence_longer_than_the_lease_switches_it_off(group, fake):
    group.switch_on(NOW + minutes(30), until=1_005.0)

    short = seen_at(NOW + LEASE, group, None)
    assert (short.step, fake.group["enabled"]) == (Step.SILENT, True)
    long = seen_at(NOW + LEASE + minutes(0.25), group, None)

    assert (long.step, fake.group["enabled"]) == (Step.OFF, False)
    assert fake.group["description"] == "Temporal"


def test_a_group_whose_own_time_ran_out_goes_off_though_outreach_speaks(group, fake):
    group.switch_on(NOW + minutes(5), until=1_005.0)
    late = NOW + minutes(5) + OVERDUE + minutes(0.1)

    seen = seen_at(late, group, document(late))

    assert (seen.step, fake.group["enabled"]) == (Step.OFF, False)


def test_what_a_person_switched_on_is_left_on(group, fake):
    fake.group["enabled"] = True

    seen = seen_at(NOW + minutes(60), group, None)

    assert (seen.step, fake.group["enabled"]) == (Step.THEIRS, True)


def test_a_platform_that_is_away_is_asked_again_and_what_was_heard_is_kept(group, fake):
    fake.always(503)

    seen = seen_at(NOW + minutes(1), group, document(NOW + minutes(1)))

    assert (seen.step, seen.heard_at) == (Step.OUT_OF_REACH, NOW + minutes(1))


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {"mode": "live"},
        document(mode="stale"),
        document(mode="shadow"),
        document(issued_at="yesterday"),
        document(issued_at="2026-07-12T06:40:00"),
        document(NOW - minutes(11)),
        document(NOW + minutes(11)),
    ],
    ids=str,
)
def test_only_a_fresh_live_document_is_a_sign_of_life(found):
    assert is_alive(document(), now=NOW)
    assert not is_alive(found, now=NOW)


def test_a_pull_that_brings_no_document_brings_nothing(clock):
    with GenesysFake(clock) as web, PlatformHttp(monotonic=clock, only_loopback=True) as http:
        web.next(200, body=document())
        web.next(200, body=b"<html>")
        web.next(503)
        url = f"{web.url}/v1/directives"
        found = [pull(http, url, token="t", until=1_005.0) for _try in range(3)]

        assert found == [document(), None, None]
        assert web.requests[0].headers["authorization"] == "Bearer t"


def test_its_memory_survives_a_restart_and_never_lies_ahead(tmp_path):
    path = tmp_path / "watch.json"
    assert read_state(path, now=NOW).heard_at == NOW
    write_state(path, Watch(heard_at=NOW, looked_at=NOW + minutes(1)))

    assert read_state(path, now=NOW + minutes(2)).heard_at == NOW
    assert read_state(path, now=NOW - minutes(5)).heard_at == NOW - minutes(5)
    assert json.loads(path.read_text())["step"] == "alive"


def test_a_memory_that_cannot_be_read_or_written_is_named(tmp_path):
    path = tmp_path / "watch.json"
    path.write_text("{")

    with pytest.raises(InputRefused, match=r"watch\.json: not a state"):
        read_state(path, now=NOW)
    with pytest.raises(InputRefused, match="cannot be written"):
        write_state(tmp_path / "no" / "watch.json", Watch(heard_at=NOW, looked_at=NOW))
