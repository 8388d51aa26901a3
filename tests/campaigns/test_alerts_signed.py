"""In a feed whose alerts are signed, what nobody has proved tells nobody, and takes the place of nothing genuine."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests import make
from tests.campaigns.opened import make_engine
from tests.outages.make_cap import SENDER, cap, info, instant
from tests.outages.make_signed import DAY, Office

from outreach.campaigns import alert_answers
from outreach.campaigns.alerts import Became, take_alert
from outreach.outages.cap_policy import CapPolicy
from outreach.outages.intake_cap import read
from outreach.store import alarms, occasions

NOW = make.NOW


@pytest.fixture
def engine(database, tmp_path):
    return make_engine(database, tmp_path)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return Office(tmp_path_factory.mktemp("office"), since=NOW - DAY, until=NOW + DAY)


def _policy(office: Office) -> CapPolicy:
    # By locality: where the alert holds is not what this is about.
    return CapPolicy(
        auto=True,
        require_signature=True,
        certificates=office.trusted,
        geocodes={"CUT=13123": ("Providencia",)},
    )


def _alert(identifier: str, *, minutes: float = 0, headline: str = "Viento", **more: Any) -> bytes:
    place = (
        "<area><areaDesc>Providencia</areaDesc><geocode><valueName>CUT</valueName>"
        "<value>13123</value></geocode></area>"
    )
    told = info(place, headline=headline, expires=NOW + timedelta(hours=12))
    return cap(told, identifier=identifier, sent=NOW + timedelta(minutes=minutes), **more)


def _take(engine, office: Office, raw: bytes) -> Any:
    [one] = read(raw, name="meteo.cap", trusted=office.trusted)
    return take_alert(
        engine, one, feed="meteo", policy=_policy(office), now=NOW + timedelta(minutes=10)
    )


def _told(engine) -> list[str]:
    with engine.database.read() as session:
        return [
            each.revision.text for each in occasions.every(session) if each.revision.state.is_open
        ]


def test_a_proved_alert_is_taken_and_comes_twice_without_effect(engine, office):
    signed = office.sign(_alert("A1"))

    became = [_take(engine, office, signed).became for _each in range(2)]

    assert became == [Became.TAKEN, Became.REPEATED]
    assert _told(engine) == ["Viento"]


def test_a_forged_copy_that_comes_first_keeps_no_genuine_alert_out(engine, office):
    genuine = office.sign(_alert("A1"))
    forged = genuine.replace(b"Viento", b"Salgan", 1)

    first, unsigned, last = (
        _take(engine, office, each) for each in (forged, _alert("A1"), genuine)
    )

    assert (first.became, unsigned.became) == (Became.REFUSED, Became.REFUSED)
    assert "does not hold" in first.reason
    assert unsigned.reason == "alert.Signature: missing: this feed requires it"
    assert last.became is Became.TAKEN
    assert _told(engine) == ["Viento"]


def test_a_forged_update_makes_no_genuine_alert_old(engine, office):
    update = _alert(
        "A2", minutes=5, msgType="Update", references=f"{SENDER},A1,{instant(NOW)}", headline="Nada"
    )

    refused = _take(engine, office, update)
    taken = _take(engine, office, office.sign(_alert("A1")))

    assert refused.became is Became.REFUSED
    assert taken.became is Became.TAKEN


def test_an_unsigned_cancel_of_an_exercise_wakes_nobody(engine, office):
    cancel = _alert(
        "A3", msgType="Cancel", status="Exercise", references=f"{SENDER},A1,{instant(NOW)}"
    )

    refused = _take(engine, office, cancel)

    assert refused.became is Became.REFUSED
    with engine.database.read() as session:
        assert alarms.open_ones(session) == []


def test_a_cancel_that_nobody_has_proved_goes_before_a_person_and_ends_nothing(engine, office):
    _take(engine, office, office.sign(_alert("A1")))
    cancel = _alert("A3", minutes=5, msgType="Cancel", references=f"{SENDER},A1,{instant(NOW)}")

    asked = _take(engine, office, cancel)

    assert asked.became is Became.ASKED
    assert _told(engine) == ["Viento"]
    with engine.database.read() as session:
        assert [each.identifier for each in alert_answers.waiting(session)] == [
            asked.kept.identifier
        ]
        assert len(alarms.open_ones(session)) == 1

    ended = _take(engine, office, office.sign(cancel))
    assert ended.became is Became.TAKEN
    assert _told(engine) == []
