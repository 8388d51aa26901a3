"""A danger to people is told up front at once and before all else, however few it touches, and no longer than it lasts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from sqlalchemy import update as change_rows
from tests import make
from tests.campaigns.opened import NOW, UNPLANNED, launched, make_engine, restore, update
from tests.contactcenter.make_truths import make_truth
from tests.contactcenter.minutes import SCHEMA
from tests.outages.make_cap import SENDER, cap, info, instant, make_alert

from outreach.campaigns import dangers, routing
from outreach.campaigns.alerts import AlertTaken, Became, take_alert
from outreach.campaigns.engine import Engine
from outreach.contactcenter.answer import offered
from outreach.model.contactcenter import Directive, DirectiveKind
from outreach.model.words import OccasionKind
from outreach.outages.cap_policy import CapPolicy
from outreach.settings import Settings
from outreach.settings_contactcenter import ContactCenter
from outreach.store import directives as stored, tables as t

CAUSES = Settings().contactcenter.danger_causes
GRAVE: dict[str, Any] = {"urgency": "Immediate", "severity": "Extreme", "certainty": "Observed"}


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    made = make_engine(database, tmp_path)
    with database.write() as session:
        session.execute(change_rows(t.premise).values(latitude=-33.43, longitude=-70.61))
    return made


def at(minute: float) -> timedelta:
    return timedelta(minutes=minute)


def fronts(engine: Engine, minute: float, settings: Settings | None = None) -> list[Directive]:
    """The front messages after one minute of routing, as its signed document has them too."""
    settings = settings or engine.settings
    held = routing.minute(
        engine.database, settings, make.KEYRING, shown=lambda each: f"out_{each.id}",
        now=NOW + at(minute),
    )  # fmt: skip
    document = routing.document(engine.database, settings, now=NOW + at(minute))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert len(document["directives"]) == len(held)
    return [each for each in held if each.kind is DirectiveKind.IVR_UPFRONT]


def declared(engine: Engine) -> None:
    """The company's own campaign is one for emergencies."""
    file = engine.settings.workspace / "campaigns" / f"{UNPLANNED}.toml"
    file.write_text(file.read_text().replace('purpose = "service"', 'purpose = "emergency"'))


def warned(engine: Engine, *, minute: int = 0, **said: Any) -> AlertTaken:
    told = info(expires=NOW + timedelta(hours=1), **said)
    again = {"msgType": "Update", "references": f"{SENDER},A1,{instant(NOW)}"} if minute else {}
    now = NOW + at(minute)
    alert = make_alert(cap(told, identifier=f"A{1 + minute}", sent=now, **again))
    taken = take_alert(engine, alert, feed="meteo", policy=CapPolicy(auto=True), now=now)
    assert taken.became is Became.TAKEN, taken.reason
    return taken


def advised(engine: Engine, **said: Any) -> None:
    taken = warned(engine, **said)
    assert taken.applied is not None
    engine.launch(taken.applied.occasion.id, "advisory", actor="ana", now=NOW)


def test_a_fallen_wire_that_touches_seven_is_told_up_front_in_the_next_minute(engine):
    launched(engine, cause="Cable caído en calle Lastarria")

    (front,) = fronts(engine, 1)

    assert (front.priority, front.params["text_class"]) == (90, "safety")
    assert front.reason["words"] == "people are in danger; 7 customers are touched"
    assert sorted(front.scope["zones"]) == ["Providencia", "Ñuñoa"]
    with engine.database.read() as session:
        held = stored.load(session)
    dangerous = offered(each.directive for each in held if each.directive).dangers
    assert dangerous == {front.id.partition(":")[2]}


def test_the_same_outage_of_another_cause_is_not(engine):
    launched(engine, cause="Rama sobre un transformador")

    assert fronts(engine, 1) == []


def test_an_outage_in_which_a_wire_is_found_is_dangerous_from_that_revision_on(engine):
    applied = launched(engine)
    before = fronts(engine, 1)

    update(engine, applied, after=at(1.5), cause="cables  CAIDOS, en la calzada")

    assert (before, [each.priority for each in fronts(engine, 2)]) == ([], [90])


def test_a_new_revision_of_a_danger_renews_its_directive_and_switches_nothing(engine):
    applied = launched(engine, cause="cable caído")
    (before,) = fronts(engine, 1)

    update(engine, applied, after=at(1.5), cause="cable caído y poste inclinado")
    (after,) = fronts(engine, 2)

    assert (after.id, after.state_since) == (before.id, before.state_since)
    assert (before.params["text_ref"], after.params["text_ref"]) == ("outage.ivr@1", "outage.ivr@2")


def test_a_danger_that_was_none_is_silent_in_the_next_minute(engine):
    applied = launched(engine, cause="cable caído")
    told = fronts(engine, 1)

    update(engine, applied, after=at(1.5), cause="falla de un transformador")

    assert len(told) == 1
    assert fronts(engine, 2) == []
    assert fronts(engine, 3) == []


def test_restored_it_is_danger_no_more_and_is_told_as_restored(engine):
    applied = launched(engine, cause="cable caído")
    fronts(engine, 1)

    restore(engine, applied, after=at(2))
    (front,) = fronts(engine, 3)

    assert (front.priority, front.params["text_class"]) == (60, "restored")
    assert fronts(engine, 13) == []


def test_nothing_dangerous_is_told_before_somebody_has_let_a_text_out(engine):
    with engine.database.write() as session:
        occasion = make.make_occasion(session)
        make.make_revision(session, occasion=occasion, version=2, cause="cable caído")

    assert fronts(engine, 1) == []


def test_a_campaign_for_emergencies_makes_its_outage_a_danger(engine):
    declared(engine)
    launched(engine)
    (front,) = fronts(engine, 1)

    with engine.database.write() as session:
        session.execute(change_rows(t.run).values(state="cancelled"))

    assert front.params["text_class"] == "safety"
    assert fronts(engine, 3) == []


def test_a_grave_alert_is_a_danger_until_it_is_brought_down(engine):
    advised(engine, **GRAVE)
    (front,) = fronts(engine, 1)

    warned(engine, minute=2, **GRAVE | {"severity": "Moderate"})

    assert front.params["text_class"] == "safety"
    assert fronts(engine, 3) == []


@pytest.mark.parametrize(
    "said",
    [
        pytest.param({"urgency": "Expected"}, id="there is time"),
        pytest.param({"severity": "Moderate"}, id="not grave"),
        pytest.param({"certainty": "Possible"}, id="not likely"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_an_alert_that_is_less_than_grave_is_no_danger(engine, said):
    advised(engine, **GRAVE | said)

    assert fronts(engine, 1) == []


def test_an_alert_is_no_danger_once_it_has_expired(engine):
    taken = warned(engine, **GRAVE).applied
    about = [taken.occasion.id] if taken else []

    with engine.database.read() as session:
        assert dangers.warned(session, about, now=NOW + at(59)) == set(about) != set()
        assert dangers.warned(session, about, now=NOW + at(60)) == set()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_which_causes_are_dangers_is_the_company_s_to_say(engine):
    launched(engine, cause="Poste chocado")
    own = engine.settings.model_copy(
        update={"contactcenter": ContactCenter(danger_causes=("poste chocado",))}
    )

    assert fronts(engine, 1) == []
    assert len(fronts(engine, 2, own)) == 1


@pytest.mark.parametrize(
    ("cause", "is_danger"),
    [
        ("Línea caída por un árbol", True),
        ("LINEA CAIDA", True),
        ("olor a gas", True),
        ("fio no chão", True),
        ("Downed line near the school", True),
        ("Cambio de conductores", False),
        ("Recableado caídos los plazos", False),
        ("", False),
    ],
)
def test_a_cause_is_dangerous_by_whole_words_in_any_spelling(cause, is_danger):
    assert dangers.is_named(make_truth(cause=cause).occasion, CAUSES) is is_danger


def test_a_work_that_takes_a_fallen_wire_away_is_no_danger():
    planned = make_truth(cause="retiro de cable caído", kind=OccasionKind.PLANNED)

    assert not dangers.is_named(planned.occasion, CAUSES)
