"""The public feed of CAP alerts: what is open, what just ended, nothing of an exercise or of a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests import make, town
from tests.campaigns.opened import make_engine, open_outage, restore, update
from tests.entry.web import World, browser, make_app
from tests.make import KEYRING

from outreach.audience import areas
from outreach.campaigns.cap_publishing import Publisher
from outreach.entry.shown import shown_id
from outreach.model.cap import CapAlert
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise, revise_planned
from outreach.outages.intake_cap import read
from outreach.settings import Company, Http
from outreach.store import alerts, areas as stored, occasions, tables as t

NOW = make.NOW
SENDER = "cortes@luz.example"
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What no database does differently is tried on one."""


@pytest.fixture
def world():
    world = World(now=NOW + timedelta(minutes=1))
    yield world
    world.close()


@pytest.fixture
def engine(database, tmp_path):
    made = make_engine(database, tmp_path)
    settings = made.settings.model_copy(
        update={
            "company": Company(name="Luz & Cía", cap_sender=SENDER, link="https://luz.example"),
            "http": Http(public_url="https://avisos.example"),
        }
    )
    return replace(made, settings=settings)


def _publisher(engine) -> Publisher:
    return Publisher(settings=engine.settings, public_id=lambda each: shown_id(KEYRING, each))


def _newest(engine, occasion, *, minutes=0.0) -> Any:
    with engine.database.read() as session:
        current = occasions.get(session, occasion.id)
    now = NOW + timedelta(minutes=minutes)
    return _publisher(engine).newest(engine.database, current, now=now)


def _alert(kept) -> CapAlert:
    found = next(read(kept.body.encode(), name="ours"))
    assert isinstance(found, CapAlert), found
    return found


def _site(engine, world) -> TestClient:
    return browser(make_app(engine.database, world, settings=engine.settings))


def _kind(kind, revision, name="X-1") -> tuple[NewOccasion, Any]:
    new = NewOccasion(kind=kind, service=Service.ELECTRICITY, name=name, zone=make.ZONE)
    return new, revision


# ── What leaves ──────────────────────────────────────────────────────────────────────────────


def test_a_chain_leaves_with_references_that_hold(engine):
    opened = open_outage(engine)
    first = _newest(engine, opened.occasion)
    update(engine, opened, after=timedelta(minutes=5), etr_at=NOW + timedelta(hours=2))
    second = _newest(engine, opened.occasion, minutes=5)
    restore(engine, opened, after=timedelta(minutes=30))
    third = _newest(engine, opened.occasion, minutes=30)

    told = [_alert(each) for each in (first, second, third)]

    assert [each.msg_type for each in told] == ["Alert", "Update", "Update"]
    assert [each.references for each in told] == [
        (),
        (told[0].identity,),
        (told[0].identity, told[1].identity),
    ]
    assert [info.language for info in told[0].infos] == ["es", "en", "pt"]
    assert told[0].infos[0].event == "Corte de luz"
    assert "Providencia" in told[0].infos[0].headline
    assert told[2].infos[0].responses == ("AllClear",)
    assert "ya hay luz" in told[2].infos[0].description
    assert told[0].infos[0].areas[0].description == "Providencia; Ñuñoa"


def test_the_same_revision_leaves_once_and_always_the_same(engine):
    opened = open_outage(engine)

    first, again = (_newest(engine, opened.occasion, minutes=each) for each in (0, 9))

    assert first == again
    with engine.database.read() as session:
        assert len(alerts.of_occasion(session, opened.occasion.id, "out")) == 1


@only_sqlite
def test_two_processes_at_once_leave_one_alert(engine, monkeypatch):
    opened = open_outage(engine)
    other = _newest(engine, opened.occasion)
    monkeypatch.setattr(alerts, "of_occasion", lambda *_given: [])  # read before the other wrote

    mine = _newest(engine, opened.occasion, minutes=3)

    assert mine == other


@only_sqlite
def test_what_ended_before_anybody_heard_of_it_never_leaves(engine):
    opened = open_outage(engine)
    restore(engine, opened, after=timedelta(minutes=5))

    assert _newest(engine, opened.occasion, minutes=6) is None


@only_sqlite
def test_a_discarded_outage_is_cancelled_without_words(engine):
    opened = open_outage(engine)
    _newest(engine, opened.occasion)
    gone = revise.discarded(opened.occasion.revision, now=NOW + timedelta(minutes=4))
    engine.revise(opened.occasion.id, gone, now=NOW + timedelta(minutes=4))

    alert = _alert(_newest(engine, opened.occasion, minutes=4))

    assert (alert.msg_type, alert.infos, len(alert.references)) == ("Cancel", (), 1)


@only_sqlite
def test_works_and_advisories_leave_in_their_own_words(engine):
    scope = Scope(nodes=(town.NORTH,))
    start, end = NOW + timedelta(hours=50), NOW + timedelta(hours=54)
    work = revise_planned.planned(scope, start_at=start, end_at=end, now=NOW)
    advice = revise.advised(
        scope, "Viento fuerte", start_at=NOW, end_at=NOW + timedelta(hours=9), now=NOW
    )

    planned = engine.open(*_kind(OccasionKind.PLANNED, work), now=NOW)
    advised = engine.open(*_kind(OccasionKind.ADVISORY, advice), now=NOW)
    told = [_alert(_newest(engine, each.occasion)).infos[0] for each in (planned, advised)]

    assert [each.event for each in told] == ["Corte programado", "Viento fuerte"]
    assert [each.urgency for each in told] == ["Future", "Expected"]
    assert [each.expires for each in told] == [end, NOW + timedelta(hours=9)]
    cancelled = revise_planned.cancelled(work, now=NOW + timedelta(hours=1))
    engine.revise(planned.occasion.id, cancelled, now=NOW + timedelta(hours=1))
    alert = _alert(_newest(engine, planned.occasion, minutes=60))
    assert alert.msg_type == "Cancel"
    assert alert.infos[0].headline.startswith("Cancelado")


@only_sqlite
def test_an_area_that_is_drawn_leaves_as_it_was_drawn(engine):
    circle = areas.circle("-33.43,-70.61,2km")
    square = areas.polygon(
        '{"type":"Polygon","coordinates":[[[-70.7,-33.5],[-70.5,-33.5],[-70.5,-33.4],[-70.7,-33.5]]]}',
        name="zona",
    )
    kept = [
        stored.keep(engine.database, each, areas.inside(each.shape)) for each in (circle, square)
    ]
    advice = revise.advised(
        Scope(areas=tuple(each.digest for each in kept)),
        "Viento",
        start_at=NOW,
        end_at=NOW + timedelta(hours=9),
        now=NOW,
    )

    opened = engine.open(*_kind(OccasionKind.ADVISORY, advice), now=NOW)
    area = _alert(_newest(engine, opened.occasion)).infos[0].areas[0]

    assert area.circles == (((-33.43, -70.61), 2.0),)
    assert set(area.polygons[0]) == {(-33.5, -70.7), (-33.5, -70.5), (-33.4, -70.5)}
    assert area.description == "X-1"


@only_sqlite
def test_an_exercise_never_leaves_nor_does_anything_without_a_sender(engine):
    new, revision = _kind(
        OccasionKind.OUTAGE,
        revise.opened(Scope(nodes=(town.FEEDER,)), start_at=NOW, change=revise.Change(), now=NOW),
    )
    drill = engine.open(replace(new, drill=True), revision, now=NOW)
    real = open_outage(engine)
    nameless = engine.settings.model_copy(update={"company": Company()})

    with pytest.raises(GuardRefused, match="exercise"):
        _newest(engine, drill.occasion)
    with pytest.raises(InputRefused, match="cap_sender"):
        _newest(replace(engine, settings=nameless), real.occasion)


# ── The feed ─────────────────────────────────────────────────────────────────────────────────


def test_the_feed_lists_what_is_open_and_each_alert_is_there(engine, world):
    open_outage(engine)
    site = _site(engine, world)

    feed = site.get("/cap")
    link = feed.text.partition('type="application/cap+xml" href="https://avisos.example')[2]
    alert = site.get(link.partition('"')[0])

    assert feed.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert list(read(feed.content, name="feed")) == []  # it is a valid index
    assert alert.headers["content-type"] == "application/cap+xml; charset=utf-8"
    assert [each.msg_type for each in read(alert.content, name="alert")] == ["Alert"]
    assert "Luz &amp; Cía" in feed.text


@only_sqlite
def test_the_feed_is_composed_once_a_version_and_tells_who_has_it(engine, world, monkeypatch):
    opened = open_outage(engine)
    composed: list[int] = []
    current = Publisher.current

    def counted(*given: Any, **more: Any) -> Any:
        composed.append(1)
        return current(*given, **more)

    monkeypatch.setattr(Publisher, "current", counted)
    site = _site(engine, world)

    first = site.get("/cap")
    again = site.get("/cap", headers={"if-none-match": first.headers["etag"]})
    update(engine, opened, after=timedelta(seconds=50), etr_at=NOW + timedelta(hours=2))
    changed = site.get("/cap", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, changed.status_code) == (304, 200)
    assert len(composed) == 2


@only_sqlite
def test_what_is_over_stays_a_day_and_works_come_three_days_ahead(engine, world):
    opened = open_outage(engine)
    start = NOW + timedelta(hours=90)
    work = revise_planned.planned(
        Scope(nodes=(town.NORTH,)), start_at=start, end_at=start + timedelta(hours=4), now=NOW
    )
    engine.open(*_kind(OccasionKind.PLANNED, work), now=NOW)
    site = _site(engine, world)
    counts = [site.get("/cap").text.count("<entry>")]
    restore(engine, opened, after=timedelta(minutes=10))

    for hours in (1, 19, 25):
        world.now = NOW + timedelta(hours=hours)
        counts.append(site.get("/cap").text.count("<entry>"))

    assert counts == [1, 1, 2, 1]


@only_sqlite
def test_exercises_are_not_in_the_feed(engine, world):
    new, revision = _kind(
        OccasionKind.OUTAGE,
        revise.opened(Scope(nodes=(town.FEEDER,)), start_at=NOW, change=revise.Change(), now=NOW),
    )
    engine.open(replace(new, drill=True), revision, now=NOW)

    assert "<entry>" not in _site(engine, world).get("/cap").text


@only_sqlite
def test_nothing_personal_is_in_feed_or_alert(engine, world):
    open_outage(engine)
    with engine.database.read() as session:
        refs = [
            *session.scalars(select(t.premise.c.ref)),
            *session.scalars(select(t.customer.c.ref)),
        ]
    site = _site(engine, world)

    site.get("/cap")
    with engine.database.read() as session:
        body = session.scalars(select(t.metadata.tables["alert"].c.body)).one()

    assert refs
    assert not [ref for ref in refs if ref in body]
    assert "+569" not in body


@only_sqlite
@pytest.mark.parametrize("path", ["/cap", "/cap/out_x-1.xml"])
def test_a_company_without_a_sender_publishes_nothing(engine, world, path):
    nameless = engine.settings.model_copy(update={"company": Company()})

    answer = browser(make_app(engine.database, world, settings=nameless)).get(path)

    assert answer.status_code == 404


@only_sqlite
def test_an_alert_that_never_left_is_not_found(engine, world):
    assert _site(engine, world).get("/cap/out_x-1.xml").status_code == 404
    assert _site(engine, world).get("/cap/..%2f..%2fetc.xml").status_code == 404
