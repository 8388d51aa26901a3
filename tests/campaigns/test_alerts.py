"""CAP alerts become advisories, outages or questions to a person; whatever comes twice or out of order changes nothing."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.opened import arm, make_engine
from tests.outages.make_cap import SENDER, area, cap, info, instant

from outreach.campaigns import alert_answers, pins, telling
from outreach.campaigns.alert_answers import accept, refuse
from outreach.campaigns.alert_truth import Decision
from outreach.campaigns.alerts import Became, take_alert
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Occasion, Scope
from outreach.model.words import OccasionKind, OccasionState
from outreach.outages.cap_policy import CAREFUL, CapPolicy
from outreach.outages.intake_cap import read
from outreach.store import alarms, alerts, occasions, runs, tables as t

NOW = make.NOW
AUTO = CapPolicy(auto=True, outages=("Power outage",), geocodes={"CUT=13123": ("Ñuñoa",)})
FAR = "10,10 10,11 11,11 10,10"


def _at(minutes: float) -> dict[str, Any]:
    return {"sent": NOW + timedelta(minutes=minutes)}


def _info(*areas: str, **changes: Any) -> str:
    return info(*areas, **({"expires": NOW + timedelta(hours=12)} | changes))


def _ref(identifier: str, minutes: float = 0) -> str:
    return f"{SENDER},{identifier},{instant(NOW + timedelta(minutes=minutes))}"


A1 = cap(_info(), identifier="A1", **_at(0))
A2 = cap(
    _info(headline="Viento más fuerte"), identifier="A2", **_at(5), msgType="Update",
    references=_ref("A1"),
)  # fmt: skip
A3 = cap(
    _info(), identifier="A3", **_at(10), msgType="Cancel",
    references=f"{_ref('A1')} {_ref('A2', 5)}",
)  # fmt: skip


@pytest.fixture
def engine(database, tmp_path):
    made = make_engine(database, tmp_path)
    with database.write() as session:
        for locality, latitude in (("Providencia", -33.43), ("Ñuñoa", -33.46)):
            session.execute(
                update(t.premise)
                .where(t.premise.c.locality == locality)
                .values(latitude=latitude, longitude=-70.61)
            )
    return made


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What no database does differently is tried on one."""


def _take(engine, raw, *, policy=AUTO, minutes=10.0) -> Any:
    now = NOW + timedelta(minutes=minutes)
    return next(
        take_alert(engine, each, feed="meteo", policy=policy, now=now)
        for each in read(raw, name="meteo.cap")
    )


def _every(engine) -> list[Occasion]:
    with engine.database.read() as session:
        return occasions.every(session)


def _waiting(engine) -> list[str]:
    with engine.database.read() as session:
        return [each.identifier for each in alert_answers.waiting(session)]


def _alarms(engine) -> list[str]:
    with engine.database.read() as session:
        return [each.subject for each in alarms.open_ones(session)]


# ── A chain ──────────────────────────────────────────────────────────────────────────────────


def test_a_chain_opens_an_advisory_changes_and_ends_it(engine):
    opened = _take(engine, A1)
    (advisory,) = _every(engine)
    changed = _take(engine, A2)
    (later,) = _every(engine)
    ended = _take(engine, A3)
    (over,) = _every(engine)

    assert [each.became for each in (opened, changed, ended)] == [Became.TAKEN] * 3
    assert advisory.kind is OccasionKind.ADVISORY
    assert advisory.revision.text == "Viento fuerte en la costa"
    assert advisory.revision.end_at == NOW + timedelta(hours=12)
    assert len(advisory.revision.scope.areas) == 1
    assert opened.applied.counts.premises == 4
    assert (later.revision.version, later.revision.text) == (2, "Viento más fuerte")
    assert (over.revision.version, over.revision.state) == (3, OccasionState.ENDED)
    assert _alarms(engine) == []


def test_the_same_alert_again_is_a_repeat_and_other_words_under_its_name_are_refused(engine):
    _take(engine, A1)

    again = _take(engine, A1)
    other = _take(engine, A1.replace(b"Viento fuerte", b"Viento atroz"))

    assert (again.became, other.became) == (Became.REPEATED, Became.REFUSED)
    assert "belongs to another alert" in other.reason
    assert [each.revision.version for each in _every(engine)] == [1]


@only_sqlite
def test_any_order_of_a_chain_ends_without_an_advisory(engine):
    """One chain after the other, each under names of its own."""
    for number, order in enumerate(itertools.permutations((A1, A2, A3))):
        for raw in order:
            named = raw
            for old in (b"A1", b"A2", b"A3"):
                named = named.replace(old, old + b"-%d" % number)
            _take(engine, named)

    assert [each for each in _every(engine) if each.revision.state.is_open] == []


@only_sqlite
def test_an_alert_opened_before_a_crash_is_not_opened_twice(engine):
    _take(engine, A1)
    with engine.database.write() as session:
        session.execute(t.metadata.tables["alert"].delete())

    again = _take(engine, A1)

    assert again.became is Became.TAKEN
    assert len(_every(engine)) == 1


@only_sqlite
def test_an_armed_campaign_tells_of_an_automatic_alert_and_in_each_language(engine):
    pinned = pins.read(engine.settings, "advisory")
    with engine.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=NOW)
        runs.arm(
            session,
            runs.Armed(campaign="advisory", pinned=pinned.digest, author="ana", approver="beto",
                       at=NOW, until=None),
        )  # fmt: skip
    both = cap(_info(), _info(language="en", headline="Strong wind"), identifier="A1", **_at(0))

    taken = _take(engine, both)

    assert taken.applied.launched == ("advisory",)
    from_alert = _spoken(engine, taken.applied.occasion)
    assert from_alert == {"es": "Viento fuerte en la costa", "en-US": "Strong wind"}


def _spoken(engine, occasion) -> dict[str, str]:
    with engine.database.read() as session:
        told = telling.told_by(session, occasion.id, occasion.revision.version)
    return {locale: telling.facts(told, area="x", locale=locale).fact for locale in ("es", "en-US")}


# ── What never becomes public ────────────────────────────────────────────────────────────────


@only_sqlite
@pytest.mark.parametrize("status", ["Test", "Exercise", "System", "Draft"])
def test_what_is_not_actual_is_kept_and_nothing_else(engine, status):
    arm(engine)

    taken = _take(engine, cap(_info(), identifier="T1", **_at(0), status=status))

    assert taken.became is Became.REFUSED
    assert _every(engine) == []
    with engine.database.read() as session:
        rows = session.execute(select(t.metadata.tables["alert"])).all()
    assert [(row.identifier, row.status, row.outcome) for row in rows] == [
        ("T1", status, "refused")
    ]


@only_sqlite
def test_an_alert_that_touches_nobody_of_ours_is_refused(engine):
    taken = _take(engine, cap(_info(area(polygon=FAR)), identifier="F1", **_at(0)), policy=CAREFUL)

    assert (taken.became, taken.reason) == (Became.REFUSED, "touches none of our premises")


@only_sqlite
def test_an_update_that_moves_away_ends_the_advisory(engine):
    _take(engine, A1)
    away = cap(_info(area(polygon=FAR)), identifier="A2", **_at(5), msgType="Update",
               references=_ref("A1"))  # fmt: skip

    _take(engine, away)

    assert _every(engine)[0].revision.state is OccasionState.ENDED


@only_sqlite
def test_an_alert_that_breaks_a_rule_is_kept_as_refused_without_an_alarm(engine):
    taken = _take(engine, cap(_info(severity="Bad"), identifier="B1", **_at(0)))
    again = _take(engine, cap(_info(severity="Bad"), identifier="B1", **_at(0)))

    assert (taken.became, again.became) == (Became.REFUSED, Became.REPEATED)
    assert taken.reason.startswith("alert.info[1].severity: 'Bad'")
    assert _alarms(engine) == []


# ── Before a person ──────────────────────────────────────────────────────────────────────────


def test_without_auto_an_alert_waits_with_an_alarm_until_somebody_takes_it(engine):
    asked = _take(engine, A1, policy=CAREFUL)
    before = (_every(engine), _waiting(engine), _alarms(engine))

    taken: Any = accept(engine, asked.kept, by="ana", now=NOW)

    assert asked.became is Became.ASKED
    assert before == ([], ["A1"], ["alert:A1"])
    assert taken.applied.occasion.revision.author == "ana"
    assert (_waiting(engine), _alarms(engine)) == ([], [])


def test_a_cancel_that_breaks_a_rule_goes_before_a_person_who_ends_the_advisory(engine):
    _take(engine, A1)
    broken = A3.replace(b"<scope>Public</scope>", b"")

    asked = _take(engine, broken)
    state = _every(engine)[0].revision.state
    waiting = _alarms(engine)
    accept(engine, asked.kept, by="ana", now=NOW + timedelta(minutes=11))

    assert asked.became is Became.ASKED
    assert asked.reason == "alert.scope: missing"
    assert state is OccasionState.ACTIVE
    assert len(waiting) == 1
    assert _every(engine)[0].revision.state is OccasionState.ENDED


@only_sqlite
def test_a_cancel_of_an_alert_that_never_came_waits_until_somebody_says_of_what(engine):
    opened = _take(engine, A1)
    lost = cap(identifier="C9", **_at(9), msgType="Cancel", references=_ref("Z9"))

    asked = _take(engine, lost)
    with pytest.raises(InputRefused, match="--of"):
        accept(engine, asked.kept, by="ana", now=NOW)
    decision = Decision(occasion=opened.applied.occasion.id)
    accept(engine, asked.kept, by="ana", decision=decision, now=NOW + timedelta(minutes=10))

    assert asked.became is Became.ASKED
    assert _every(engine)[0].revision.state is OccasionState.ENDED


@only_sqlite
def test_an_update_after_the_cancel_waits_and_cannot_revive_it(engine):
    for raw in (A1, A3):
        _take(engine, raw)
    late = cap(_info(), identifier="A4", **_at(15), msgType="Update", references=_ref("A3", 10))

    asked = _take(engine, late, minutes=16)

    assert asked.became is Became.ASKED
    assert "after A3 cancelled it" in asked.reason
    with pytest.raises(GuardRefused, match="has ended"):
        accept(engine, asked.kept, by="ana", now=NOW + timedelta(minutes=17))


@only_sqlite
def test_an_update_takes_the_place_of_what_waits_and_a_cancel_drops_it(engine):
    _take(engine, A1, policy=CAREFUL)

    _take(engine, A2, policy=CAREFUL)
    after_update = (_waiting(engine), _alarms(engine))
    dropped = _take(engine, A3, policy=CAREFUL)

    assert after_update == (["A2"], ["alert:A2"])
    assert dropped.became is Became.TAKEN
    assert (_waiting(engine), _alarms(engine), _every(engine)) == ([], [], [])


@only_sqlite
def test_a_person_may_choose_other_words_another_place_and_another_end(engine):
    unplaced = cap(_info(area(polygon=""), expires=None), identifier="U1", **_at(0))
    asked = _take(engine, unplaced)
    decision = Decision(
        text="Viento en Ñuñoa", scope=Scope(localities=("Ñuñoa",)), end_at=NOW + timedelta(hours=3)
    )

    with pytest.raises(InputRefused, match="say where"):
        accept(engine, asked.kept, by="ana", now=NOW)
    with pytest.raises(InputRefused, match="--until"):
        accept(engine, asked.kept, by="ana", decision=Decision(scope=decision.scope), now=NOW)
    taken: Any = accept(engine, asked.kept, by="ana", decision=decision, now=NOW)

    revision = taken.applied.occasion.revision
    assert (revision.text, revision.end_at) == ("Viento en Ñuñoa", NOW + timedelta(hours=3))
    assert taken.applied.counts.premises == 3
    assert _spoken(engine, taken.applied.occasion)["en-US"] == "Viento en Ñuñoa"


@only_sqlite
def test_a_person_refuses_with_a_reason_that_stays(engine):
    asked = _take(engine, A1, policy=CAREFUL)

    with pytest.raises(InputRefused, match="reason"):
        refuse(engine, asked.kept, by="ana", reason=" ", now=NOW)
    refuse(engine, asked.kept, by="ana", reason="no es aquí", now=NOW)

    with engine.database.read() as session:
        kept: Any = alerts.get(session, asked.kept.identity)
        with pytest.raises(InputRefused, match="no alert of this identifier waits"):
            alert_answers.find(session, "A1")
    assert (kept.outcome, kept.reason) == ("refused", "by ana: no es aquí")
    assert _alarms(engine) == []


# ── Where and what ───────────────────────────────────────────────────────────────────────────


@only_sqlite
def test_circles_and_known_geocodes_place_an_alert_and_a_point_does_not(engine):
    code = "<geocode><valueName>CUT</valueName><value>{}</value></geocode>"
    by_code = _take(
        engine, cap(_info(area(code.format("13123"), polygon="")), identifier="G1", **_at(0))
    )
    elsewhere = _take(
        engine, cap(_info(area(code.format("99"), polygon="")), identifier="G2", **_at(0))
    )
    by_circle = _take(
        engine,
        cap(_info(area("<circle>-33.43,-70.61 1</circle>", polygon="")), identifier="G3", **_at(0)),
    )
    point = _take(engine, cap(_info(area("<circle>-33.43,-70.61 0.0</circle>", polygon="")), identifier="G4", **_at(0)))  # fmt: skip

    assert by_code.applied.occasion.revision.scope == Scope(localities=("Ñuñoa",))
    assert elsewhere.reason == "touches none of our premises"
    assert by_circle.applied.counts.premises == 4
    assert (point.became, "no shape" in point.reason) == (Became.ASKED, True)


@only_sqlite
def test_by_mapping_an_alert_is_an_outage_whose_cancel_needs_a_person(engine):
    power = cap(_info(event="Power outage"), identifier="P1", **_at(0))
    cancel = cap(identifier="P2", **_at(5), msgType="Cancel", references=_ref("P1"))

    opened = _take(engine, power)
    asked = _take(engine, cancel)

    assert opened.applied.occasion.kind is OccasionKind.OUTAGE
    assert asked.became is Became.ASKED
    assert "does not bring supply back" in asked.reason
    assert _every(engine)[0].revision.state is OccasionState.ACTIVE
    assert opened.applied.occasion.name == "Power outage"
    assert town.FEEDER not in opened.applied.occasion.revision.scope.nodes
