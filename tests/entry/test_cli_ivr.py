"""What the IVR says, asked at the terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import town
from tests.entry.cli_runs import NOW
from tests.entry.telling import lines, night

from outreach.model.words import Channel


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with made.database.write() as session:
        town.resident(
            session,
            number=1234567,
            order=3,
            locality="Providencia",
            priority="A",
            channel=Channel.SMS,
        )
    made.answer("outage", "open", "ALM-F12", "--etr", "+3h")
    return made


@pytest.mark.parametrize(
    ("words", "match", "priority"),
    [
        (["--from", "+56970000002"], "ani", "normal"),
        (["--from", "9 7123 4567"], "ani", "high"),
        (["--account", "C-0005"], "account", "normal"),
        (["--locality", "providencia"], "zone", "normal"),
    ],
    ids=["number", "number-as-typed-class-a", "account", "locality"],
)
def test_a_caller_hears_the_estimate(terminal, words, match, priority):
    found = terminal.answer("ivr", "answer", *words)

    assert (found["status"], found["match"], found["priority"]) == ("etr", match, priority)
    assert found["etr_iso"].startswith("2026-07-16T09:45")
    assert found["text"]


def test_a_person_reads_what_is_said_until_when(terminal):
    shown = lines(terminal.run("ivr", "answer", "--account", "C-0005", "--lang", "en"))

    assert shown[0] == "status         etr"
    assert any("power outage in Ñuñoa" in line for line in shown)
    assert any(line.startswith("expires ") for line in shown)


def test_an_unknown_caller_is_told_nothing_and_the_reason_is_shown(terminal):
    shown = terminal.run("ivr", "answer", "--from", "+56987654321")

    assert shown.exit_code == 0
    assert "nobody is recognised by that" in shown.stderr
    assert "nothing to tell" in shown.stderr
    assert "987654321" not in shown.output


def test_stale_truth_is_silence_with_its_reason(terminal):
    late = NOW + timedelta(hours=9)

    shown = terminal.run("ivr", "answer", "--account", "C-0005", at=late)

    assert "status         stale" in shown.stdout
    assert "overdue" in shown.stderr


def test_somebody_must_call(terminal):
    shown = terminal.run("ivr", "answer")

    assert shown.exit_code == 1
    assert "--from, --account or --locality" in shown.stderr


def test_a_language_that_is_none_is_refused_by_its_option(terminal):
    shown = terminal.run("ivr", "answer", "--account", "C-0005", "--lang", "español!")

    assert shown.exit_code == 1
    assert shown.stderr == "error: --lang: not understood\n"


def test_a_number_that_is_too_long_is_refused_without_repeating_it(terminal):
    shown = terminal.run("ivr", "answer", "--from", "9" * 70)

    assert shown.stderr == "error: --from: not understood\n"


@pytest.mark.parametrize("shape", ["vxml", "data", "connect"])
def test_the_document_of_a_platform_can_be_looked_at(terminal, shape):
    shown = terminal.run("ivr", "answer", "--account", "C-0005", "--as", shape)
    found = terminal.answer("ivr", "answer", "--account", "C-0005", "--as", shape)

    assert "corte de luz en Ñuñoa" in shown.stdout
    assert found["document"].strip() == shown.stdout.strip()


def test_twiml_needs_a_flow_to_go_on_to(terminal):
    refused = terminal.run("ivr", "answer", "--account", "C-0005", "--as", "twiml")

    assert refused.exit_code == 1
    assert "default_flow_url" in refused.stderr
