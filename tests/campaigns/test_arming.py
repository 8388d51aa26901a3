"""Arming takes two people, a clean lint, and binds the text of the day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import carried_copy, make, town

from outreach.campaigns import arming, faults
from outreach.campaigns.engine import Engine
from outreach.model.errors import GuardRefused, InputRefused
from outreach.store import audit, runs

NOW = make.NOW
UNPLANNED = "unplanned-outage"


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return town.engine(database, town.workspace(tmp_path))


def arm(engine: Engine, *, name: str = UNPLANNED, approver: str = "beto", until=None):
    return arming.arm(engine, name, author="ana", approver=approver, until=until, now=NOW)


def edit(engine: Engine, path: str, old: str, new: str) -> None:
    folder = engine.settings.workspace
    if path.startswith("templates"):
        carried_copy.own_templates(folder)
    file = folder / path
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_an_armed_campaign_is_pinned_and_audited(engine):
    done = arm(engine, until=NOW + timedelta(hours=12))

    with engine.database.read() as session:
        [armed] = runs.armed(session, now=NOW)
        [entry] = audit.newest(session)
        assert runs.pinned(session, armed.pinned) == done.pinned.body
    assert (armed.author, armed.approver, armed.pinned) == ("ana", "beto", done.pinned.digest)
    assert (entry.action, entry.subject) == ("campaign.arm", f"campaign:{UNPLANNED}")
    assert entry.detail["approver"] == "beto"


@pytest.mark.parametrize("approver", ["ana", " Ana ", "", "  "])
def test_nobody_approves_their_own_arming(engine, approver):
    with pytest.raises(GuardRefused, match="somebody else"):
        arm(engine, approver=approver)

    with engine.database.read() as session:
        assert runs.armed(session, now=NOW) == []


def test_an_arming_that_is_over_before_it_begins_is_refused(engine):
    with pytest.raises(GuardRefused, match="past"):
        arm(engine, until=NOW)


def test_a_text_that_the_lint_refuses_is_not_armed(engine):
    edit(engine, "templates/outage_opened/es/sms.txt", "{{", "pronto {{")

    with pytest.raises(InputRefused, match=r"outage_opened/es/sms\.txt:1: .*campaign lint"):
        arm(engine)


def test_an_arming_knows_that_the_text_was_edited_since(engine):
    armed = arm(engine).armed
    before = arming.is_of_today(engine.settings, armed)

    edit(engine, "campaigns/unplanned-outage.toml", "fold = true", "fold = false")
    edited = arming.is_of_today(engine.settings, armed)
    edit(engine, "campaigns/unplanned-outage.toml", "fold = false", "fold = maybe")
    broken = arming.is_of_today(engine.settings, armed)

    assert (before, edited, broken) == (True, False, False)


def test_disarming_says_whether_there_was_anything_to_disarm(engine):
    arm(engine)

    first = arming.disarm(engine, UNPLANNED, actor="ana", now=NOW)
    second = arming.disarm(engine, UNPLANNED, actor="ana", now=NOW)

    assert (first, second) == (True, False)
    with engine.database.read() as session:
        assert runs.armed(session, now=NOW) == []
        assert [entry.action for entry in audit.newest(session)] == [
            "campaign.disarm",
            "campaign.arm",
        ]


def test_the_shipped_campaigns_are_without_fault(engine):
    found = {
        name: faults.of_campaign(engine.settings, name) for name in faults.names(engine.settings)
    }

    assert found == {"advisory": [], "planned-outage": [], "unplanned-outage": []}


def test_a_fault_of_the_file_has_its_line(engine):
    edit(engine, "campaigns/advisory.toml", 'serves = "advisory"', 'serves = "weather"')

    [fault] = faults.of_file(engine.settings, "advisory")

    assert fault.file.endswith("campaigns/advisory.toml")
    assert fault.line > 1
    assert fault.message.startswith("serves: ")


def test_a_file_that_is_no_toml_has_the_line_of_the_parser(engine):
    (engine.settings.workspace / "campaigns" / "torn.toml").write_text('name = "torn"\nserves = \n')

    [fault] = faults.of_campaign(engine.settings, "torn")

    assert (fault.line, fault.file.endswith("torn.toml")) == (2, True)


def test_a_campaign_that_is_not_there_is_a_fault_without_line(engine):
    [fault] = faults.of_campaign(engine.settings, "nowhere")

    assert fault.line == 0
    assert "no such campaign" in fault.message


def test_a_fault_of_another_shape_is_told_as_it_is(engine):
    (engine.settings.workspace / "templates").rename(engine.settings.workspace / "elsewhere")

    [fault] = faults.of_file(engine.settings, UNPLANNED)

    assert (fault.file, fault.line) == ("", 0)
    assert "no such folder of templates" in fault.message
