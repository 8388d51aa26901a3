"""Texts of the dark: one suspected outage on the right device, which texts nobody until it is confirmed."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from tests import make, town
from tests.campaigns.opened import NOW, OUTAGE

from outreach.campaigns import suspecting, trouble
from outreach.campaigns.engine import Engine
from outreach.campaigns.trouble import Kind, Said, Told
from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, Scope
from outreach.model.words import OccasionState
from outreach.outages import revise, revise_suspected
from outreach.outages.revise import Change
from outreach.settings import Settings
from outreach.store import alarms, audit, occasions, reports, tables as t
from outreach.store.session import Session

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
_TRANSFORMERS, _HOMES = 20, 4


@pytest.fixture
def engine(database) -> Engine:
    """A feeder of two sections, twenty transformers each, four homes under every one."""
    with database.write() as session:
        _build(session)
    return town.engine(database, Settings(lanes=town.LANES))


def _build(session: Session) -> None:
    make.make_node(session, ref="F1", name="F1", kind="feeder", tree_order=1, tree_last=100)
    for section, first in (("S1", 2), ("S2", 30)):
        make.make_node(
            session, ref=section, name=section, kind="section", parent_ref="F1",
            tree_order=first, tree_last=first + _TRANSFORMERS,
        )  # fmt: skip
        for number in range(1, _TRANSFORMERS + 1):
            make.make_node(
                session, ref=f"{section}-T{number:02}", name=f"{section}-T{number:02}",
                kind="transformer", parent_ref=section, tree_order=first + number,
                tree_last=first + number,
            )  # fmt: skip
    for first in range(_HOMES):  # those under the first transformer can be written to
        town.resident(
            session, number=first, order=3, locality="Providencia", channel=town.LANES[0].channel
        )  # fmt: skip
    _add_homes(session, range(_HOMES, _TRANSFORMERS * _HOMES))


def _add_homes(session: Session, homes: range) -> None:
    """People who write to us, row by row in bulk: 80 of them one by one take a second."""
    household = make.make_household(session)
    at = 1000
    for table, rows in {
        t.customer: [
            {"id": at + home, "ref": f"K-{home:04}", "household_id": household, "name_sealed": b"",
             "locale": "es", "zone": make.ZONE, "loaded_at": NOW}
            for home in homes
        ],
        t.account: [
            {"id": at + home, "ref": f"C-{home:04}", "customer_id": at + home,
             "customer_type": "residential", "priority": "C", "priority_expired": False}
            for home in homes
        ],
        t.premise: [
            {"id": at + home, "ref": f"S-{home:04}", "transformer": "", "locality": "Providencia",
             "tree_order": 3 + home // _HOMES, "street_sealed": b"", "zone": make.ZONE}
            for home in homes
        ],
        t.supply: [
            {"premise_id": at + home, "account_id": at + home, "role": "holder"} for home in homes
        ],
        t.contact_point: [
            {"id": at + home, "channel": "sms", "address_hash": make.KEYRING.hash(number_of(home)),
             "address_sealed": b"", "country": "CL", "prefix": "+5697", "customers": 1}
            for home in homes
        ],
        t.customer_contact: [
            {"customer_id": at + home, "contact_point_id": at + home, "purpose": "service",
             "consent": True, "usable": True, "basis": "contract", "loaded_at": NOW}
            for home in homes
        ],
    }.items():  # fmt: skip
        session.execute(insert(table), rows)


def number_of(home: int) -> str:
    return f"+5697{home:07}"


def said(home: int, *, ref: str = "", meaning: str = "out", **more: Any) -> Said:
    return Said(
        reply_id=1, via="sms", address_hash=make.KEYRING.hash(number_of(home)), meaning=meaning,
        source_ref=ref or f"SM{home}", **more,
    )  # fmt: skip


def says_out(engine: Engine, *homes: int, at=NOW) -> list[Told]:
    return [trouble.report(engine, said(home), now=at) for home in homes]


def suspicions(engine: Engine) -> list[Occasion]:
    with engine.database.read() as session:
        return occasions.suspected(session)


def test_texts_of_twenty_dark_transformers_are_one_suspicion_on_their_section(engine):
    homes = list(range(0, _TRANSFORMERS * _HOMES, 2))
    random.Random(7).shuffle(homes)  # noqa: S311  a test's order

    for start in range(0, len(homes), 10):
        at = NOW + start // 10 * MINUTE
        says_out(engine, *homes[start : start + 10], at=at)
        suspecting.minute(engine, now=at)

    [only] = suspicions(engine)
    assert only.revision.scope == Scope(nodes=("S1",))
    assert (only.name, only.revision.start_at) == ("S1", NOW)
    with engine.database.read() as session:
        [tally] = reports.tallies(session, only.id)
        [alarm] = alarms.open_ones(session, kinds=[AlarmKind.SUSPECTED])
        messages = session.execute(select(t.message.c.id)).all()
    assert tally.premises == len(homes)
    assert alarm.subject == f"occasion:{only.id}"
    assert not messages, "a suspicion texts nobody"


def test_a_suspicion_moves_up_as_more_transformers_speak(engine):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [low] = suspicions(engine)

    says_out(engine, *range(4, 32, 4), at=NOW + 40 * MINUTE)
    done = suspecting.minute(engine, now=NOW + 40 * MINUTE)
    again = suspecting.minute(engine, now=NOW + 41 * MINUTE)

    [high] = suspicions(engine)
    assert (low.name, high.name) == ("S1-T01", "S1")
    assert high.revision.start_at == NOW
    assert (done["opened"], done["merged"], done["cleared"]) == (1, 1, 1)
    assert not again
    with engine.database.read() as session:
        assert occasions.get(session, low.id).merged_into == high.id


def test_a_known_outage_takes_reports_and_suspicions_that_it_explains(engine):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [suspicion] = suspicions(engine)
    revision = revise.opened(
        Scope(nodes=("S1",)), start_at=NOW, change=Change(), now=NOW + MINUTE,
        origin=revise.Origin(source="feed:oms"),
    )  # fmt: skip

    known = engine.open(OUTAGE, revision, now=NOW + MINUTE).occasion
    done = suspecting.minute(engine, now=NOW + 2 * MINUTE)
    [later] = says_out(engine, 9, at=NOW + 3 * MINUTE)

    assert suspicions(engine) == []
    assert (done["absorbed"], done["merged"], done["cleared"]) == (3, 1, 1)
    assert (later.kind, later.occasion_id) == (Kind.KNOWN_OUTAGE, known.id)
    with engine.database.read() as session:
        assert occasions.get(session, suspicion.id).merged_into == known.id
        [tally] = reports.tallies(session, known.id)
    assert tally.premises == 4
    assert not suspecting.minute(engine, now=NOW + 4 * MINUTE)


def test_confirmed_it_is_an_outage_that_people_are_told_of(engine, tmp_path):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [suspicion] = suspicions(engine)
    engine = town.engine(engine.database, town.workspace(tmp_path))

    with pytest.raises(GuardRefused, match="only suspected"):
        engine.launch(suspicion.id, "unplanned-outage", actor="ana", now=NOW)
    revision = revise_suspected.confirmed(suspicion.revision, now=NOW + MINUTE)
    engine.revise(suspicion.id, revision, now=NOW + MINUTE)
    launched = engine.launch(suspicion.id, "unplanned-outage", actor="ana", now=NOW + MINUTE)
    done = suspecting.minute(engine, now=NOW + 2 * MINUTE)

    assert launched.occasion.revision.state is OccasionState.ACTIVE
    assert sum(wave.frozen for wave in launched.waves) == _HOMES
    assert suspicions(engine) == []
    assert done["cleared"] == 1


def test_dismissed_it_is_gone_and_its_reports_raise_it_no_more(engine):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [suspicion] = suspicions(engine)

    revision = revise.discarded(suspicion.revision, now=NOW + MINUTE)
    engine.revise(suspicion.id, revision, now=NOW + MINUTE)
    done = suspecting.minute(engine, now=NOW + 2 * MINUTE)

    assert suspicions(engine) == []
    assert done == {"cleared": 1}


def test_one_home_three_times_is_one_home(engine):
    for number in range(3):
        trouble.report(engine, said(0, ref=f"SM-{number}"), now=NOW)

    suspecting.minute(engine, now=NOW)

    assert suspicions(engine) == []


def test_who_is_back_or_misses_a_phase_suspects_nothing(engine):
    says_out(engine, 0, 1)
    trouble.report(engine, said(2, partly=True), now=NOW)
    fine = trouble.report(engine, said(1, ref="SM-fine", meaning="fine"), now=NOW + MINUTE)
    says_out(engine, 3)

    suspecting.minute(engine, now=NOW + MINUTE)

    assert fine.kind is Kind.FINE
    assert suspicions(engine) == []


def test_reports_age_out_when_they_point_at_nothing(engine):
    says_out(engine, 0, 1)
    says_out(engine, 2, at=NOW + 31 * MINUTE)

    suspecting.minute(engine, now=NOW + 31 * MINUTE)

    assert suspicions(engine) == []


def test_what_nobody_confirms_or_reports_any_longer_lapses_and_is_told_to_nobody(engine):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [suspicion] = suspicions(engine)
    says_out(engine, 3, at=NOW + HOUR)
    suspecting.minute(engine, now=NOW + HOUR)

    early = suspecting.minute(engine, now=NOW + 7 * HOUR - MINUTE)
    standing = suspicions(engine)
    done = suspecting.minute(engine, now=NOW + 7 * HOUR)
    again = suspecting.minute(engine, now=NOW + 7 * HOUR + MINUTE)

    assert (early, done, again) == ({}, {"lapsed": 1, "cleared": 1}, {})
    assert [each.id for each in standing] == [suspicion.id]
    assert suspicions(engine) == []
    with engine.database.read() as session:
        ended = occasions.get(session, suspicion.id).revision
        noted = [each for each in audit.newest(session, limit=9) if "reason" in each.detail]
        told = (
            session.execute(select(t.message.c.id)).all(),
            session.execute(select(t.step_run)).all(),
        )
    assert (ended.state, ended.author, ended.recorded_at) == (
        OccasionState.DISCARDED, "clock", NOW + 7 * HOUR,
    )  # fmt: skip
    assert [(one.actor, one.subject) for one in noted if one.detail["reason"]] == [
        ("clock", f"occasion:{suspicion.id}")
    ]
    assert "nobody reported it for 6 h" in str(noted[0].detail["reason"])
    assert told == ([], [])


def test_new_reports_open_a_new_suspicion_after_one_lapsed(engine):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [lapsed] = suspicions(engine)
    suspecting.minute(engine, now=NOW + 6 * HOUR)
    later = NOW + 7 * HOUR

    for home in (0, 1, 2):
        trouble.report(engine, said(home, ref=f"SM-later-{home}"), now=later)
    suspecting.minute(engine, now=later)

    [anew] = suspicions(engine)
    assert (anew.id != lapsed.id, anew.revision.start_at) == (True, later)


def test_one_that_was_confirmed_never_lapses(engine):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [suspicion] = suspicions(engine)
    revision = revise_suspected.confirmed(suspicion.revision, now=NOW + MINUTE)
    engine.revise(suspicion.id, revision, now=NOW + MINUTE)

    done = suspecting.minute(engine, now=NOW + 9 * HOUR)

    assert "lapsed" not in done
    with engine.database.read() as session:
        assert occasions.get(session, suspicion.id).revision.state is OccasionState.ACTIVE


def test_whoever_confirms_it_while_it_lapses_wins(engine, monkeypatch):
    says_out(engine, 0, 1, 2)
    suspecting.minute(engine, now=NOW)
    [suspicion] = suspicions(engine)
    lapsed = revise_suspected.lapsed

    def confirmed_meanwhile(*asked: Any, **more: Any) -> Any:
        revision = revise_suspected.confirmed(suspicion.revision, now=NOW + 6 * HOUR)
        engine.revise(suspicion.id, revision, now=NOW + 6 * HOUR)
        return lapsed(*asked, **more)

    monkeypatch.setattr(revise_suspected, "lapsed", confirmed_meanwhile)
    done = suspecting.minute(engine, now=NOW + 6 * HOUR)

    assert "lapsed" not in done
    with engine.database.read() as session:
        assert occasions.get(session, suspicion.id).revision.state is OccasionState.ACTIVE
