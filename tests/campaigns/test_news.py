"""Events: written with their facts, delivered at least once under one id, with nothing personal in them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns.listening import (
    declare,
    got,
    happened,
    listening,
    post,
    tell,
)
from tests.campaigns.opened import (
    NOW,
    UNPLANNED,
    arm,
    launched,
    make_engine,
    open_outage,
    restore,
    told,
    update,
)
from tests.campaigns.replied import C, make_desk, town_engine, write
from tests.campaigns.test_webhooks import Receiver

from outreach.campaigns import news, stopping, tasks
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.tasks import Closing
from outreach.campaigns.webhooks import Answer
from outreach.model.errors import InputRefused
from outreach.model.news import NewsKind, askable, wants
from outreach.model.task import Outcome
from outreach.model.words import OccasionState
from outreach.settings import Settings
from outreach.store import outgoing, tables as t, tasks as store_tasks
from outreach.store.session import Database

MINUTE = timedelta(minutes=1)
GONE, DOWN = Answer(status=410), Answer(status=503)


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Engine:
    return make_engine(database, tmp_path)


# ── what is written ─────────────────────────────────────────────────────────────────────────────


def test_where_nobody_wants_a_kind_nothing_is_written(database: Database):
    declare(database, listening("outage.*"))

    with database.read() as session:
        before = session.execute(select(t.known)).all()
    assert tell(database) == 0

    with database.read() as session:
        assert outgoing.counts(session) == {}
        assert session.execute(select(t.known)).all() == before


def test_an_event_is_a_cloudevents_document_with_public_ids(database: Database):
    settings = listening("case.opened")
    declare(database, settings)
    receiver = Receiver()
    with database.write() as session:
        news.tell(
            session, NewsKind.CASE_OPENED, "cas:7", {"kind": "unsure", "at": NOW}, now=NOW,
            about={"reply": "rep:9"},
        )  # fmt: skip

    post(database, settings, receiver)

    [event] = got(receiver)
    public = make.KEYRING.public_id
    assert event.pop("id").startswith("evt_")
    assert event == {
        "specversion": "1.0",
        "source": "https://avisos.example",
        "type": "outreach.case.opened",
        "subject": public("cas", 7),
        "time": "2026-07-12T06:40:00Z",
        "datacontenttype": "application/json",
        "data": {"reply": public("rep", 9), "kind": "unsure", "at": "2026-07-12T06:40:00Z"},
    }
    assert receiver.got[0][2]["content-type"].startswith("application/cloudevents+json")


def test_a_fact_that_is_undone_tells_nothing(database: Database):
    declare(database, listening())

    with pytest.raises(InputRefused, match="did not happen"):
        _undone(database)

    with database.read() as session:
        assert outgoing.counts(session) == {}


def _undone(database: Database) -> None:
    with database.write() as session:
        assert news.tell(session, NewsKind.CASE_OPENED, "cas:7", {}, now=NOW) == 1
        raise InputRefused("the fact did not happen")


def test_two_endpoints_get_one_event_under_one_id(database: Database):
    one, two = listening(name="crm").endpoints + listening(name="bi").endpoints
    settings = Settings(endpoints=(one, two))
    declare(database, settings)
    tell(database)
    receiver = Receiver()

    post(database, settings, receiver)

    assert {name for name, _, _ in receiver.got} == {"crm", "bi"}
    assert len({event["id"] for event in got(receiver)}) == 1
    assert len({headers["webhook-id"] for _, _, headers in receiver.got}) == 2


@pytest.mark.parametrize(
    ("asked", "kind", "is_wanted"),
    [
        ("*", "outage.opened", True), ("*", "directives", False), ("outage.*", "outage.opened", True),
        ("outage.*", "outages.opened", False), ("outage.opened", "outage.revised", False),
        ("directives", "directives", True), ("task.opened", "task.opened", True),
    ],
)  # fmt: skip
def test_an_endpoint_wants_kinds_families_or_all_events(asked, kind, is_wanted):
    assert wants([asked], kind) is is_wanted
    assert asked in askable()


# ── the facts ───────────────────────────────────────────────────────────────────────────────────


def test_an_outage_tells_its_opening_each_change_and_its_end_with_versions(engine):
    settings = listening("outage.*")
    declare(engine.database, settings)

    applied = open_outage(engine)
    update(engine, applied, after=MINUTE, etr_at=NOW + timedelta(hours=3))
    restore(engine, applied, after=2 * MINUTE)

    events = happened(engine.database, settings, now=NOW + 2 * MINUTE)
    assert [(one["type"], one["data"]["version"], one["data"]["state"]) for one in events] == [
        ("outreach.outage.opened", 1, "active"),
        ("outreach.outage.revised", 2, "active"),
        ("outreach.outage.restored", 3, "restored"),
    ]
    assert len({one["subject"] for one in events}) == 1
    assert events[1]["data"]["etr_at"].endswith("Z")


def test_what_is_only_suspected_is_no_outage_until_somebody_confirms_it(engine):
    declare(engine.database, listening("outage.*"))
    before = open_outage(engine).occasion
    suspected = changed(before, OccasionState.SUSPECTED, version=1)
    confirmed = changed(before, OccasionState.ACTIVE, version=2)
    dropped = changed(before, OccasionState.DISCARDED, version=2)

    with engine.database.write() as session:
        told_of = [
            news.of_outage(session, None, suspected, now=NOW),
            news.of_outage(session, suspected.revision, dropped, now=NOW),
            news.of_outage(session, suspected.revision, confirmed, now=NOW),
        ]

    with engine.database.read() as session:
        kinds = [one.kind for one in outgoing.newest(session)]
    assert told_of == [0, 0, 1]
    assert kinds == ["outage.opened", "outage.opened"]


def changed(occasion, state: OccasionState, *, version: int):
    return replace(occasion, revision=replace(occasion.revision, state=state, version=version))


def test_a_drill_is_no_outage(engine):
    declare(engine.database, listening("outage.*"))
    occasion = replace(open_outage(engine).occasion, drill=True)

    with engine.database.write() as session:
        assert news.of_outage(session, None, occasion, now=NOW) == 0


def test_a_campaign_tells_its_launch_pause_resumption_and_end(engine):
    settings = listening("campaign.*")
    declare(engine.database, settings)
    applied = launched(engine)
    chosen = stopping.chosen(engine.database, applied.occasion.id, UNPLANNED)

    stopping.pause(engine.database, chosen, actor="ana", reason="Juan Perez asked", now=NOW)
    stopping.resume(engine.database, chosen, actor="ana", now=NOW + MINUTE)
    stopping.cancel(engine.database, chosen, actor="ana", now=NOW + 2 * MINUTE)

    events = happened(engine.database, settings, now=NOW + 2 * MINUTE)
    assert [(one["type"], one["data"]["state"]) for one in events] == [
        ("outreach.campaign.launched", "active"),
        ("outreach.campaign.paused", "paused"),
        ("outreach.campaign.resumed", "active"),
        ("outreach.campaign.finished", "cancelled"),
    ]
    assert {one["data"]["campaign"] for one in events} == {UNPLANNED}
    assert "Juan" not in json.dumps(events)


def test_an_armed_campaign_tells_its_launch(engine):
    settings = listening("campaign.launched")
    declare(engine.database, settings)
    arm(engine)

    open_outage(engine)

    assert [one["type"] for one in happened(engine.database, settings)] == [
        "outreach.campaign.launched"
    ]


def test_a_task_tells_when_it_opens_and_when_somebody_closes_it(database, tmp_path):
    with database.write() as session:
        town.build(session)
        town.resident(
            session, number=60, order=3, locality="Providencia", priority="A", channel=None
        )
    engine = town.engine(database, town.workspace(tmp_path))
    settings = listening("task.*")
    declare(database, settings)
    launched(engine)

    tasks.raise_due(database, now=NOW)
    with database.read() as session:
        [task] = store_tasks.every(session)
    closing = Closing(who="ana", outcome=Outcome.NOT_REACHED, note="llamar a Juana")
    tasks.close(database, make.KEYRING, task.id, closing, now=NOW + MINUTE)

    opened, closed = happened(database, settings, now=NOW + MINUTE)
    assert (opened["type"], closed["type"]) == ("outreach.task.opened", "outreach.task.closed")
    assert opened["subject"] == closed["subject"] == make.KEYRING.public_id("tsk", task.id)
    assert (opened["data"]["outcome"], closed["data"]["outcome"]) == (None, "not_reached")
    assert "Juana" not in json.dumps(closed)
    assert "K-0060" not in json.dumps(opened)


# ── on the way ──────────────────────────────────────────────────────────────────────────────────


def test_nothing_personal_is_in_any_body(engine):
    settings = listening()
    declare(engine.database, settings)
    applied: Applied = launched(engine, cause="tree on the line")
    told(engine)
    update(engine, applied, after=MINUTE, etr_at=NOW + timedelta(hours=3))
    chosen = stopping.chosen(engine.database, applied.occasion.id, UNPLANNED)
    stopping.pause(engine.database, chosen, actor="ana.perez", reason="+56911112222", now=NOW)
    with engine.database.read() as session:
        people = session.execute(select(t.customer.c.ref, t.customer.c.name_sealed)).all()
        points = session.scalars(select(t.contact_point.c.address_sealed)).all()
        places = session.scalars(select(t.premise.c.ref)).all()
        households = session.scalars(select(t.household.c.ref)).all()
    opened = make.KEYRING.open
    canaries = {*places, *households, *(one.ref for one in people), "ana.perez", "+56911112222"}
    canaries |= {opened(one.name_sealed) for one in people} | {opened(one) for one in points}

    written = json.dumps(happened(engine.database, settings, now=NOW + MINUTE))

    assert len(canaries) > 20
    assert "outreach.campaign.paused" in written
    assert [each for each in canaries if each in written] == []


def test_a_reply_tells_what_was_read_and_the_case_it_opened_and_never_the_words(database, tmp_path):
    engine = town_engine(database, tmp_path)
    desk, settings = make_desk(engine), listening("reply.*", "case.*")
    declare(database, settings)

    write(desk, "BAJA")
    write(desk, "mi perro Firulais ladra, RUT 12.345.678-5", at=NOW + MINUTE)

    events = happened(database, settings, now=NOW + MINUTE)
    assert [(one["type"], one["data"]["meaning"]) for one in events] == [
        ("outreach.reply.received", "opt_out"),
        ("outreach.reply.received", "unsure"),
        ("outreach.case.opened", "unsure"),
    ]
    assert events[2]["data"]["reply"] == events[1]["subject"]
    for canary in ("BAJA", "Firulais", "12.345.678", C, C.removeprefix("+")):
        assert canary not in json.dumps(events)
