"""The preview counts the very rows that a launch writes, and shows the very texts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import make, town

from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import preview
from outreach.campaigns.withholding import rates
from outreach.model.occasion import NewOccasion, OccasionId, Scope
from outreach.model.words import Channel, OccasionKind, Service
from outreach.outages import revise, revise_planned
from outreach.outages.revise import Change
from outreach.store import lanes, runs

NOW = make.NOW


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    with database.write() as session:
        town.build(session)
        town.resident(session, number=50, order=7, locality="Ñuñoa", channel=Channel.EMAIL)
    return town.engine(database, town.workspace(tmp_path))


def outage(engine: Engine, **change) -> OccasionId:
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
    )
    revision = revise.opened(
        Scope(nodes=(town.FEEDER,)), start_at=NOW, change=Change(**change), now=NOW
    )
    return engine.open(new, revision, now=NOW).occasion.id


def test_a_preview_shows_counts_texts_segments_and_cost_and_writes_nothing(engine):
    occasion = outage(engine)

    shown = preview(engine, occasion, "unplanned-outage", now=NOW)

    assert {step.step: step.by_channel for step in shown.steps} == {
        "opened_priority": {"sms": 1}, "opened": {"sms": 6, "email": 1},
    }  # fmt: skip
    assert (shown.messages, shown.segments) == (8, 7)
    assert shown.cost == pytest.approx(7 * 0.05)
    assert all(sample.content.segments == 1 for step in shown.steps for sample in step.samples)
    with engine.database.read() as session:
        assert runs.every(session) == []


def test_what_was_previewed_is_what_is_frozen(engine):
    occasion = outage(engine)
    shown = preview(engine, occasion, "unplanned-outage", now=NOW)

    launched = engine.launch(occasion, "unplanned-outage", actor="ana", now=NOW)

    assert {wave.step: wave.frozen for wave in launched.waves} == {
        step.step: step.messages for step in shown.steps
    }


def test_an_estimate_chooses_the_step_that_tells_it(engine):
    occasion = outage(engine, etr_at=NOW + timedelta(hours=3))

    shown = preview(engine, occasion, "unplanned-outage", now=NOW)

    assert [step.step for step in shown.steps] == ["opened_priority", "opened_with_etr"]
    text = shown.steps[1].samples[0].content.text
    assert "05:45" in text


def test_the_last_person_hears_when_the_lane_has_sent_the_rest(engine):
    occasion = outage(engine)

    shown = preview(engine, occasion, "unplanned-outage", now=NOW)

    opened = shown.steps[1].drain
    assert opened is not None
    assert opened.first_at == NOW + timedelta(minutes=5)
    assert opened.last_at == NOW + timedelta(minutes=5, seconds=6 / 100)


def test_a_channel_without_a_lane_is_not_offered(database, tmp_path):
    with database.write() as session:
        town.build(session)
    engine = town.engine(database, town.workspace(tmp_path, lanes=town.LANES[1:]))

    shown = preview(engine, outage(engine), "unplanned-outage", now=NOW)

    assert shown.messages == 0
    assert "nobody would be written to" in shown.warnings


def test_what_cannot_drain_before_it_stops_being_true_is_said_with_its_numbers(database, tmp_path):
    with database.write() as session:
        town.build(session)
    slow = town.LANES[0].model_copy(update={"rate": 0.0001})
    engine = town.engine(database, town.workspace(tmp_path, lanes=(slow,)))

    shown = preview(engine, outage(engine), "unplanned-outage", now=NOW)

    (_class_a, (step, late)) = shown.overlong
    assert (step, late.pool, late.segments, late.is_untrue) == ("opened", "sms:*", 6, True)
    assert late.too_late == 6
    assert any(
        "opened: sms:*: 6 segments at 0.0001/s take 16 h 40 min" in warning
        and "the text stops being true at 03:" in warning
        for warning in shown.warnings
    )
    assert shown.may_pass


def test_a_lane_counts_with_the_weight_it_has_now(engine):
    with engine.database.write() as session:
        make.make_lane(session, name=town.LANES[0].name, weight=50)
        by_weight = rates(session, engine.settings)
        lanes.stop(session, town.LANES[0].name, "401", now=NOW)
        stopped = rates(session, engine.settings)

    assert (by_weight["sms:*"], stopped["sms:*"]) == (50.0, 0.0)
    assert by_weight["email:*"] == stopped["email:*"] > 0


def test_a_planned_work_shows_each_of_its_notices_and_who_waits_for_morning(engine):
    start = NOW + timedelta(days=5)
    new = NewOccasion(
        kind=OccasionKind.PLANNED, service=Service.ELECTRICITY, name="TP-1", zone=make.ZONE
    )
    revision = revise_planned.planned(
        Scope(nodes=(town.FEEDER,)), start_at=start, end_at=start + timedelta(hours=4), now=NOW
    )
    occasion = engine.open(new, revision, now=NOW).occasion.id

    shown = preview(engine, occasion, "planned-outage", now=NOW)

    assert [(step.step, step.messages, step.held) for step in shown.steps] == [
        ("notice_72h", 8, 8), ("notice_24h", 8, 8),
    ]  # fmt: skip


def test_folding_is_shown_where_it_changed_a_text(engine):
    shown = preview(engine, outage(engine), "unplanned-outage", now=NOW)

    sample = next(one for one in shown.steps[1].samples if one.channel is Channel.SMS)

    assert sample.unfolded is not None
    assert ("Próxima" in sample.unfolded.text, sample.unfolded.segments) == (True, 2)
    assert sample.content.segments == 1


def test_a_campaign_that_keeps_accents_shows_no_folding(engine):
    file = engine.settings.workspace / "campaigns" / "unplanned-outage.toml"
    file.write_text(file.read_text().replace("fold = true", "fold = false"))

    shown = preview(engine, outage(engine), "unplanned-outage", now=NOW)

    assert all(sample.unfolded is None for step in shown.steps for sample in step.samples)
