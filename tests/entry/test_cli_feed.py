"""`outreach outage import` and `outreach feed`: what became of each message, and of each source."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests import town
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.entry.cli import feed_words
from outreach.model.intake import Outcome


def line(kind: str, seq: int, **fields: object) -> str:
    said = {"outage": "RC-1", "kind": kind, "seq": seq, "event_key": f"E{seq}", **fields}
    return json.dumps(said) + "\n"


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "oms.jsonl"
    path.write_text(
        line("created", 1, nodes=[town.NORTH], at=NOW.isoformat(), start=NOW.isoformat())
        + line("crew", 2, crew="ON_SITE", at=NOW.isoformat())
        + "{cut\n"
        + line("etr", 1, etr=None),
        encoding="utf-8",
    )
    return path


def test_an_import_counts_and_names_what_it_did_not_take(night: Night, events: Path):
    shown = night.run("outage", "import", str(events), "--as", "jsonl")

    assert shown.exit_code == 4
    assert shown.stderr == "error: 1 of 4 messages were not taken; their lines stand above\n"
    assert "applied       1" in shown.stdout
    assert "line 3   not readable" in shown.stdout
    assert "line 4   here already" in shown.stdout
    assert night.answer("outage", "list")[0]["name"] == town.NORTH


def test_a_trial_writes_nothing(night: Night, events: Path):
    tried = night.answer("outage", "import", str(events), "--as", "jsonl", "--dry-run", code=4)

    assert tried["outcomes"] == {
        "applied": 1,
        "applied_crew_only": 1,
        "malformed_line": 1,
        "duplicate_event_id": 1,
    }
    assert tried["told"] == {"opened": 1}
    assert night.answer("outage", "list") == []
    assert night.answer("feed", "list") == []


def test_a_replay_is_a_trial_only(night: Night, events: Path):
    refused = night.run("outage", "import", str(events), "--as", "jsonl", "--replay")

    assert refused.exit_code == 3
    assert "try it with --dry-run" in refused.stderr


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("", "jsonl", "oms.jsonl: no message is in it; is it the right kind?"),
        ("{cut\n", "jsonl", "oms.jsonl: no message could be taken; does its mapping fit?"),
        ("{}", "odin", "oms.jsonl: not well-formed XML; ask the sender for it again"),
    ],
)
def test_a_file_of_another_kind_is_refused(night: Night, events: Path, text, kind, said):
    events.write_text(text, encoding="utf-8")

    shown = night.run("outage", "import", str(events), "--as", kind)

    assert shown.exit_code == 1
    assert said in shown.stderr


def test_a_feed_tells_when_it_was_heard_and_why_a_message_was_not_taken(night: Night, events: Path):
    (night.folder / "outreach.toml").write_text('[[feeds]]\nname = "oms"\nkind = "jsonl"\n')
    night.run("outage", "import", str(events), "--as", "jsonl", "--feed", "oms")

    [listed] = night.answer("feed", "list", at=NOW + timedelta(minutes=11))
    shown = night.answer("feed", "show", "oms")

    assert (listed["feed"], listed["kind"], listed["silent"]) == ("oms", "jsonl", True)
    assert shown["last_day"]["applied"] == 1
    assert [one["detail"] for one in shown["messages"] if one["outcome"] == "malformed_line"] == [
        "not a JSON object; send the line again"
    ]
    assert "here already" in night.run("feed", "show", "oms").stdout


def test_a_feed_that_is_not_there_is_named_by_its_nearest(night: Night, events: Path):
    night.run("outage", "import", str(events), "--as", "jsonl")

    near, far = night.run("feed", "show", "omz"), night.run("feed", "show", "xyz")

    assert "no feed 'omz'; near: oms" in near.stderr
    assert "`outreach feed list` shows them" in far.stderr


def test_every_outcome_has_its_word():
    assert set(feed_words.OUTCOMES) == {outcome.value for outcome in Outcome}
