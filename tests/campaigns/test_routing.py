"""One minute of routing: what is gathered, decided, published, dropped and put on its way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests import make
from tests.contactcenter.minutes import SCHEMA
from tests.make import KEYRING, NOW

from outreach.campaigns import routing
from outreach.campaigns.routing import fitting
from outreach.campaigns.routing_evidence import PACED
from outreach.contactcenter.answer import Offers, offered
from outreach.contactcenter.directives import as_bytes, is_genuine
from outreach.model.contactcenter import Directive, DirectiveKind
from outreach.model.errors import InputRefused
from outreach.model.forecast import Forecast, ForecastStatus, Quarter, QueueReading
from outreach.model.words import RunState
from outreach.settings import Settings
from outreach.store import calls, directives as stored, expected, outgoing, runs
from outreach.store.calls import CallRow
from outreach.store.session import Database

ENDPOINT = {
    "name": "wfm",
    "url": "https://wfm.example/hook",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
}


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def made(**center: Any) -> Settings:
    return Settings.model_validate({"contactcenter": center, "endpoints": [ENDPOINT]})


def lived(database: Database, settings: Settings, minutes: range) -> list[Directive]:
    held: list[Directive] = []
    for minute in minutes:
        with database.write() as session:
            expected.put_reading(session, reading(minute))
            expected.put(session, forecast(minute))
        held = routing.minute(
            database, settings, KEYRING, shown=lambda each: f"out_{each.id}", now=at(minute)
        )
    return held


def reading(minute: int, **changes: Any) -> QueueReading:
    given: dict[str, Any] = {
        "queue": "outages", "at": at(minute), "waiting": 40, "agents": 20, "wait_p80_s": 320,
        "source": "genesys",
    }  # fmt: skip
    return QueueReading(**given | changes)


def forecast(minute: int) -> Forecast:
    quarters = tuple(
        Quarter(start_at=at(minute), mean=p50, p05=9, p50=p50, p80=p50, p95=p50, agents=40)
        for p50 in (300, 250, 220, 200)
    )
    return Forecast(
        queue="outages", made_at=at(minute), quarters=quarters, status=ForecastStatus.PRIOR
    )


def kinds(held: list[Directive]) -> set[str]:
    return {str(each.kind) for each in held}


def test_a_full_queue_is_announced_deflected_and_called_back(database: Database):
    held = lived(database, made(), range(2))

    found = routing.document(database, made(), now=at(1))

    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert kinds(held) == {
        "priority_queue", "callback_offer", "wait_announcement", "digital_shift",
    }  # fmt: skip
    assert found["mode"] == "live"
    assert all(is_genuine(each, KEYRING.tokens) for each in found["directives"])
    assert offered(routing.held(database, made(), now=at(1))) == Offers(
        callback=True, sms_link=True, wait_band="5_10"
    )


def test_in_shadow_mode_all_is_said_and_nobody_acts(database: Database):
    shadow = made(mode="shadow")
    lived(database, shadow, range(2))

    found = routing.document(database, shadow, now=at(1))

    assert found["mode"] == "shadow"
    assert len(found["directives"]) == 4
    assert routing.held(database, shadow, now=at(1)) == ()


def test_overflow_goes_as_far_as_the_other_queue_has_agents(database: Database):
    settings = made(overflow_queue="partner", overflow_agents=8)

    held = lived(database, settings, range(15))

    (overflow,) = [each for each in held if each.kind is DirectiveKind.OVERFLOW_QUEUE]
    assert overflow.params == {"target": "partner", "share": 0.2}


def test_the_document_is_put_on_its_way_once_a_minute_and_only_the_newest_waits(database: Database):
    lived(database, made(), range(3))

    with database.read() as session:
        counts = outgoing.counts(session)
        (parcel,) = outgoing.claim(session, ["wfm"], now=at(3), lease=timedelta(minutes=1), most=9)
    assert counts == {("wfm", "superseded"): 2, ("wfm", "waiting"): 1}
    assert parcel.expires_at == at(12)
    assert json.loads(parcel.body)["data"]["generation"] == 3


def test_an_exchange_without_a_network_gets_a_whole_file(database: Database, tmp_path: Path):
    settings = made(drop_dir=tmp_path)

    lived(database, settings, range(1))

    written = json.loads((tmp_path / "directives.json").read_text())
    assert written["generation"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["directives.json"]


def test_a_folder_that_cannot_be_written_is_said_after_all_else_is_done(
    database: Database, tmp_path: Path
):
    settings = made(drop_dir=tmp_path / "missing")

    with pytest.raises(InputRefused, match=r"contactcenter\.drop_dir"):
        lived(database, settings, range(1))
    with database.read() as session:
        assert stored.generation(session) == 1


def test_who_called_again_is_counted_from_the_calls(database: Database):
    rows = [
        CallRow(call_id=f"{n}", at=at(-n), address_hash=b"x" * 32, dnis="600") for n in range(1, 3)
    ]
    with database.write() as session:
        calls.add(session, rows)

    held = lived(database, made(), range(2))

    (calm,) = [each for each in held if each.kind is DirectiveKind.SKILL_CALM]
    assert calm.reason["value"] == 1


def test_a_run_that_we_paused_goes_on_once_no_directive_holds_it(database: Database):
    with database.write() as session:
        number = make.make_run(session, state=RunState.PAUSED, reason=f"{PACED}: it brings calls")

    lived(database, made(), range(1))

    with database.read() as session:
        assert runs.get(session, number).state is RunState.ACTIVE


def test_a_document_too_large_for_a_webhook_leaves_out_the_least_urgent():
    many = [{"id": f"{number:03}", "text": "ñ" * 500} for number in range(400)]

    small = fitting({"directives": many}, most=100_000)

    assert len(as_bytes(small)) <= 100_000
    assert 90 < len(small["directives"]) < 100
    assert small["directives"] == many[: len(small["directives"])]
    assert fitting({"directives": many[:2]}, most=100_000)["directives"] == many[:2]


def test_without_a_live_look_and_without_measured_waits_nothing_but_class_a_is_on(
    database: Database,
):
    settings = made(overflow_queue="partner", overflow_agents=8)
    held: list[Directive] = []
    for minute in range(17):
        with database.write() as session:
            expected.put(session, forecast(minute))
            expected.put_reading(session, replace(reading(minute), at=at(minute - 4)))
        held = routing.minute(
            database, settings, KEYRING, shown=lambda each: f"out_{each.id}", now=at(minute)
        )

    assert kinds(held) == {"priority_queue"}
