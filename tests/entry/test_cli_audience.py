"""Who is touched, and who has to hear it another way."""

from __future__ import annotations

import csv
import io

import pytest
from tests import town
from tests.entry.telling import lines, night, rows

from outreach.model.words import Channel


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with made.database.write() as session:
        town.resident(
            session, number=60, order=3, locality="Providencia", priority="A", channel=None
        )
        town.resident(session, number=61, order=7, locality="Ñuñoa", channel=Channel.EMAIL)
    return made


def test_a_count_of_an_occasion_says_who_and_how(terminal):
    terminal.answer("outage", "open", "ALM-F12")

    found = terminal.answer("audience", "count", "last")

    assert (found["premises"], found["customers"], found["priority"]) == (9, 9, 2)
    assert found["reachable"] == {"sms": 7, "email": 1, "voice": 0, "sms_or_email": 8, "none": 1}


def test_a_count_for_people_names_the_channels(terminal):
    shown = lines(terminal.run("audience", "count", "--node", "ALM-F12-S2"))

    assert (
        "reachable                  SMS 3 · e-mail 1 · voice 0 · SMS or e-mail 4 · on no channel 0"
        in shown
    )


def test_places_are_counted_by_locality_and_by_a_file_of_premises(terminal, tmp_path):
    file = tmp_path / "premises.txt"
    file.write_text("S-0001\nS-0060\n")

    by_locality = terminal.answer("audience", "count", "--locality", "nunoa")
    by_file = terminal.answer("audience", "count", "--premises", str(file))

    assert by_locality["customers"] == 4
    assert (by_file["customers"], by_file["priority"], by_file["reachable"]["none"]) == (2, 2, 1)


def test_a_restored_outage_is_counted_whole(terminal):
    terminal.answer("outage", "open", "ALM-F12")
    terminal.answer("outage", "restore", "last", "--how", "crew")

    assert terminal.answer("audience", "count", "ALM-F12")["customers"] == 9


@pytest.mark.parametrize("words", [[], ["last", "--node", "ALM-F12"]])
def test_a_count_needs_an_occasion_or_a_place_and_not_both(terminal, words):
    shown = terminal.run("audience", "count", *words)

    assert shown.exit_code == 1
    assert "give an occasion" in shown.stderr


def test_the_list_shows_class_a_first_and_the_channels_of_each(terminal):
    found = terminal.answer("audience", "list", "--node", "ALM-F12")

    assert [row["priority"] for row in found] == ["A", "A", "B", *"CCCCCC"]
    assert {row["customer"]: row["channels"] for row in found}["K-0061"] == ["email"]


def test_the_list_by_channel_leaves_the_others_out(terminal):
    found = terminal.answer("audience", "list", "--node", "ALM-F12", "--channel", "email")

    assert [row["customer"] for row in found] == ["K-0061"]


def test_the_unreachable_have_a_reason_and_no_name(terminal):
    [found] = terminal.answer("audience", "list", "--node", "ALM-F12", "--unreachable")

    assert found == {
        "customer": "K-0060", "locality": "Providencia", "priority": "A", "reason": "no_contact",
    }  # fmt: skip
    assert rows(terminal, "audit") == []


def test_the_unreachable_by_one_channel_can_be_picked_by_reason(terminal):
    words = ["audience", "list", "--node", "ALM-F12", "--unreachable", "--channel", "sms"]

    found = terminal.answer(*words, "--reason", "other_channels_only")
    shown = lines(terminal.run(*words))

    assert [row["customer"] for row in found] == ["K-0061"]
    assert any("on other channels only" in line for line in shown)


def test_a_reason_without_unreachable_is_refused(terminal):
    shown = terminal.run("audience", "list", "last", "--reason", "no_contact")

    assert shown.exit_code == 1
    assert "--unreachable" in shown.stderr


def test_addresses_are_opened_on_demand_with_a_warning_and_audited(terminal):
    terminal.answer("outage", "open", "ALM-F12")

    shown = terminal.run(
        "audience", "list", "last", "--unreachable", "--with-addresses", "--format", "csv"
    )

    [letter] = csv.DictReader(io.StringIO(shown.stdout))
    assert (letter["customer"], letter["street"]) == ("K-0060", "Calle 1")
    assert letter["name"].startswith("Persona ")
    assert "personal data" in shown.stderr
    entry = rows(terminal, "audit")[-1]
    assert (entry["action"], entry["detail"]) == ("audience.addresses", {"opened": 1})
    assert "Calle" not in str(entry["subject"])


def test_addresses_of_a_typed_place_are_opened_too(terminal):
    found = terminal.answer("audience", "list", "--node", "ALM-F12-S2", "--with-addresses")

    assert {row["street"] for row in found} == {"Calle 1"}
    assert len(found) == 4


def test_nobody_unreachable_is_said(terminal):
    shown = terminal.run("audience", "list", "--node", "ALM-F12-S2", "--unreachable")

    assert (shown.exit_code, shown.stderr) == (0, "nobody\n")
