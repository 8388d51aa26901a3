"""Above the threshold two people launch, and exactly what the second one read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import make, town
from tests.campaigns import controlled
from tests.campaigns.controlled import UNPLANNED, edit
from tests.campaigns.opened import arm, open_outage, update

from outreach.campaigns import approving
from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import preview
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import OccasionId, Scope
from outreach.model.words import RunState
from outreach.store import approvals, audit, runs

NOW = make.NOW
LATER = NOW + timedelta(minutes=3)


@pytest.fixture
def engine(sqlite_template, tmp_path) -> Engine:
    """Nobody launches for more than three of the town's eight customers alone."""
    database = controlled.copied(sqlite_template, tmp_path / "w")
    return controlled.on(database, tmp_path / "w", approve_above=3)


def all_runs(engine: Engine) -> list[runs.Run]:
    with engine.database.read() as session:
        return runs.every(session)


def actions(engine: Engine) -> list[tuple[str, str]]:
    with engine.database.read() as session:
        return [(each.actor, each.action) for each in audit.newest(session)]


def asked(engine: Engine, *, author: str = "ana") -> approvals.Approval:
    return approving.ask(engine, open_outage(engine).occasion.id, UNPLANNED, author=author, now=NOW)


def test_what_one_person_launches_above_the_threshold_is_refused_below_every_entry(engine):
    occasion = open_outage(engine).occasion.id

    with pytest.raises(GuardRefused, match="7 customers are more than the 3"):
        engine.launch(occasion, UNPLANNED, actor="ana", now=NOW)

    assert all_runs(engine) == []
    assert approving.is_needed(engine, occasion, UNPLANNED)


def test_the_second_person_launches_what_was_asked_for(database, tmp_path):
    engine = controlled.on(database, tmp_path, approve_above=3)
    asking = asked(engine)

    applied = approving.approve(engine, asking.id, approver="beto", now=LATER)

    [run] = all_runs(engine)
    assert applied.launched == (UNPLANNED,)
    assert (run.launched_by, run.approved_by, run.pinned) == ("ana", "beto", asking.pinned)
    assert actions(engine)[:3] == [
        ("ana", "campaign.launch"), ("beto", "campaign.approve"), ("ana", "campaign.ask"),
    ]  # fmt: skip
    with database.read() as session:
        assert approvals.waiting(session) == []
        assert approvals.audience_used(session, applied.occasion.id, UNPLANNED) == 7


@pytest.mark.parametrize("approver", ["ana", " Ana ", "A N A", "\uff41na", "", " "])
def test_no_author_approves_their_own_launch_however_they_spell_their_name(engine, approver):
    asking = asked(engine)

    with pytest.raises(GuardRefused, match="somebody else"):
        approving.approve(engine, asking.id, approver=approver, now=LATER)

    assert all_runs(engine) == []


def test_only_approvers_by_the_settings_approve(sqlite_template, tmp_path):
    database = controlled.copied(sqlite_template, tmp_path / "w")
    roles = {"approvers": ("Carla",)}
    engine = controlled.on(database, tmp_path / "w", roles=roles, approve_above=3)
    asking = asked(engine)

    with pytest.raises(GuardRefused, match="'beto' may not approve; these may: Carla"):
        approving.approve(engine, asking.id, approver="beto", now=LATER)
    approving.approve(engine, asking.id, approver="carla", now=LATER)

    assert [run.approved_by for run in all_runs(engine)] == ["carla"]


def test_an_edit_of_a_text_voids_what_was_asked_for_and_says_so_from_then_on(engine):
    asking = asked(engine)
    edit(engine.settings.workspace)

    with pytest.raises(GuardRefused, match="is void: file or texts were edited"):
        approving.approve(engine, asking.id, approver="beto", now=LATER)
    with pytest.raises(GuardRefused, match="is void: file or texts were edited"):
        approving.approve(engine, asking.id, approver="beto", now=LATER)

    assert all_runs(engine) == []
    assert ("beto", "campaign.void") in actions(engine)


def test_an_edit_between_the_yes_and_the_launch_is_not_launched(engine):
    asking = asked(engine)
    with engine.database.write() as session:
        approvals.approve(session, asking.id, "beto", audience=7, now=NOW)
    edit(engine.settings.workspace)

    with pytest.raises(GuardRefused, match="edited after the approval"):
        engine.launch(OccasionId(asking.occasion_id), UNPLANNED, actor="ana", now=LATER)

    assert all_runs(engine) == []


def test_an_approval_launches_once(engine):
    asking = asked(engine)
    approving.approve(engine, asking.id, approver="beto", now=LATER)

    with pytest.raises(GuardRefused, match="was used already"):
        approving.approve(engine, asking.id, approver="carla", now=LATER)


def test_a_yes_that_broke_off_before_its_launch_still_holds(engine):
    asking = asked(engine)
    with engine.database.write() as session:
        approvals.approve(session, asking.id, "beto", audience=7, now=NOW)

    applied = engine.launch(OccasionId(asking.occasion_id), UNPLANNED, actor="carla", now=LATER)

    assert applied.launched == (UNPLANNED,)
    assert [(run.launched_by, run.approved_by) for run in all_runs(engine)] == [("ana", "beto")]


def test_an_audience_that_moved_is_named_and_approved_by_its_number(engine):
    asking = asked(engine)
    with engine.database.write() as session:
        town.resident(session, number=60, order=7, locality="Ñuñoa", channel=None)

    with pytest.raises(GuardRefused, match=r"moved by 14.3%, from 7 to 8 customers; .*--yes-to 8"):
        approving.approve(engine, asking.id, approver="beto", now=LATER)
    with pytest.raises(GuardRefused, match="moved by"):
        approving.approve(engine, asking.id, approver="beto", now=LATER, seen=7)
    approving.approve(engine, asking.id, approver="beto", now=LATER, seen=8)

    assert len(all_runs(engine)) == 1


def test_asking_again_for_the_same_is_one_asking_and_for_another_text_a_new_one(engine):
    first = asked(engine)
    same = approving.ask(engine, OccasionId(first.occasion_id), UNPLANNED, author="Ana", now=LATER)
    edit(engine.settings.workspace)

    other = approving.ask(engine, OccasionId(first.occasion_id), UNPLANNED, author="ana", now=LATER)

    assert (same.id, other.id != first.id) == (first.id, True)
    with engine.database.read() as session:
        assert [each.id for each in approvals.waiting(session)] == [other.id]


def test_a_refusal_ends_it(engine):
    asking = asked(engine)

    done = approving.refuse(engine, asking.id, by="beto", reason="wrong feeder", now=LATER)
    again = approving.refuse(engine, asking.id, by="beto", reason="", now=LATER)

    assert (done, again) == (True, False)
    with pytest.raises(GuardRefused, match="is void: wrong feeder"):
        approving.approve(engine, asking.id, approver="beto", now=LATER)


def test_an_emergency_is_launched_alone_with_its_reason_by_who_has_the_right(
    sqlite_template, tmp_path
):
    database = controlled.copied(sqlite_template, tmp_path / "w")
    roles = {"emergency": ("ana",)}
    engine = controlled.on(database, tmp_path / "w", roles=roles, approve_above=3)
    occasion = open_outage(engine).occasion.id

    def emergency(actor: str, reason: str):
        return approving.emergency(engine, occasion, UNPLANNED, actor=actor, reason=reason, now=NOW)

    with pytest.raises(InputRefused, match="say why"):
        emergency("ana", "  ")
    with pytest.raises(GuardRefused, match="'beto' may not launch alone"):
        emergency("beto", "fire")
    emergency("ana", "fire at the substation")

    [run] = all_runs(engine)
    assert (run.launched_by, run.approved_by) == ("ana", "emergency:ana")
    with database.read() as session:
        [entry] = audit.newest(session, action="campaign.emergency")
    assert (entry.actor, entry.detail["reason"]) == ("ana", "fire at the substation")


def test_an_armed_campaign_counts_as_approved_within_its_ceiling(engine):
    arm(engine)

    applied = open_outage(engine)

    assert applied.launched == (UNPLANNED,)
    assert [(run.launched_by, run.approved_by) for run in all_runs(engine)] == [
        ("armed:ana", "beto")
    ]


def test_a_small_launch_that_is_widened_stops_until_a_second_person_lets_it_go_on(engine):
    applied = open_outage(engine, node=town.SOUTH)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)

    wider = update(engine, applied, after=timedelta(minutes=5), scope=Scope(nodes=(town.FEEDER,)))

    [run] = all_runs(engine)
    assert run.state is RunState.PAUSED
    assert "grown to 7 customers" in wider.stayed[0]
    with engine.database.read() as session:
        [asking] = approvals.waiting(session)
    approving.approve(engine, asking.id, approver="beto", now=LATER)
    assert [run.state for run in all_runs(engine)] == [RunState.ACTIVE]
    further = update(engine, wider, after=timedelta(minutes=9), cause="a tree")
    assert further.stayed == ()


def test_what_is_launched_is_what_was_previewed_or_nothing(engine):
    occasion = open_outage(engine, node=town.SOUTH).occasion.id
    shown = preview(engine, occasion, UNPLANNED, now=NOW)
    assert approving.unchanged(engine, shown).digest == shown.digest

    with engine.database.write() as session:
        town.resident(session, number=60, order=7, locality="Ñuñoa", channel=None)
    with pytest.raises(GuardRefused, match="from 3 to 4 customers"):
        approving.unchanged(engine, shown)
    edit(engine.settings.workspace)
    with pytest.raises(GuardRefused, match="edited since you read"):
        approving.unchanged(engine, shown)


def test_a_newer_version_since_the_preview_is_looked_at_again(engine):
    applied = open_outage(engine, node=town.SOUTH)
    shown = preview(engine, applied.occasion.id, UNPLANNED, now=NOW)
    update(engine, applied, after=timedelta(minutes=1), cause="a tree")

    with pytest.raises(GuardRefused, match="newer version"):
        approving.unchanged(engine, shown)
