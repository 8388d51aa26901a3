"""`outreach advisory import|alerts|take|refuse` and `outreach outage cap`, as a person types them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update
from tests.entry.cli_runs import NOW
from tests.outages.make_cap import area, cap, info, make_alert

from outreach.entry.cli.command import Given
from outreach.entry.cli.outage_cap import cap as outage_cap
from outreach.store import tables as t

POLICY = '[cap]\nauto = true\n[geocodes]\n"CUT=13123" = "Ñuñoa"\n'


@pytest.fixture
def town(night):
    """The night's town with its premises on the map, and a sender for what it publishes."""
    with night.database.write() as session:
        session.execute(update(t.premise).values(latitude=-33.43, longitude=-70.61))
    file = night.folder / "outreach.toml"
    file.write_text(file.read_text() + 'cap_sender = "cortes@luz.example"\n')
    return night


def _file(night, raw: bytes, name: str = "aviso.cap") -> str:
    path = night.folder / name
    path.write_bytes(raw)
    return str(path)


def _cap(night, *words: str) -> Result:
    given = Given(now=NOW, interactive=False, workspace=night.folder)
    return CliRunner().invoke(
        outage_cap, list(words), obj=given, env={"OUTREACH_LANGUAGE": "en"}, standalone_mode=False
    )


def test_an_imported_alert_waits_and_a_person_takes_it(town):
    file = _file(town, cap(info(), identifier="A1", sent=NOW))

    imported = town.run("advisory", "import", file)
    waiting = town.answer("advisory", "alerts")
    taken = town.run("advisory", "take", "A1")
    after = town.answer("advisory", "alerts")

    assert imported.exit_code == 0, imported.output
    assert "waits for a person" in imported.stdout
    assert "outreach advisory alerts" in imported.stdout
    assert [(each["identifier"], each["became"]) for each in waiting] == [("A1", "asked")]
    assert "«Viento fuerte en la costa»" in taken.stdout
    assert "7 premises" in taken.stdout
    assert after == []
    assert town.answer("advisory", "list")[0]["name"] == "Viento"


def test_a_trusted_feed_opens_at_once_and_a_trial_writes_nothing(town):
    policy = _file(town, POLICY.encode(), "meteo.toml")
    file = _file(town, cap(info(), identifier="A1", sent=NOW))
    before = town.snapshot()

    tried = town.run("advisory", "import", file, "--mapping", policy, "--dry-run")
    same = {name: rows for name, rows in town.snapshot().items() if not name.startswith("area")}
    done = town.answer("advisory", "import", file, "--mapping", policy)

    assert tried.exit_code == 0, tried.output
    assert same == {name: rows for name, rows in before.items() if not name.startswith("area")}
    assert [each["became"] for each in done] == ["taken"]
    assert len(town.answer("advisory", "list")) == 1


def test_what_is_refused_is_told_with_its_reason(town):
    broken = _file(town, cap(info(severity="Bad")))

    shown = town.run("advisory", "import", broken)

    assert shown.exit_code == 4
    assert "alert.info[1].severity" in shown.stdout
    assert "1 refused" in shown.stderr


def test_a_person_says_where_and_until_when(town):
    unplaced = cap(info(area(polygon=""), expires=None), identifier="U1", sent=NOW)
    town.run("advisory", "import", _file(town, unplaced))

    lost = town.run("advisory", "take", "U1")
    taken = town.run(
        "advisory", "take", "U1", "--locality", "Ñuñoa", "--until", "+3h", "--text", "Viento"
    )

    assert lost.exit_code == 1
    assert "say where" in lost.stderr
    assert taken.exit_code == 0, taken.output
    assert "«Viento»" in taken.stdout


def test_the_geocodes_of_the_feed_that_brought_it_are_known(town):
    _file(town, POLICY.replace("auto = true", "auto = false").encode(), "meteo.toml")
    with (town.folder / "outreach.toml").open("a") as file:
        file.write('[[feeds]]\nname = "meteo"\nkind = "cap"\nmapping = "meteo.toml"\n')
    code = "<geocode><valueName>CUT</valueName><value>13123</value></geocode>"
    coded = cap(info(area(code, polygon="")), identifier="G1", sent=NOW)
    town.run("advisory", "import", _file(town, coded), "--feed", "meteo")

    taken = town.run("advisory", "take", "G1")

    assert taken.exit_code == 0, taken.output
    assert "3 premises" in taken.stdout


def test_a_refused_alert_waits_no_more(town):
    town.run("advisory", "import", _file(town, cap(identifier="A1", sent=NOW)))

    refused = town.run("advisory", "refuse", "A1", "--reason", "not here")
    again = town.run("advisory", "refuse", "A1", "--reason", "not here")

    assert "A1: refused" in refused.stdout
    assert again.exit_code == 1
    every = town.answer("advisory", "alerts", "--all")
    assert [(each["became"], each["reason"].partition(": ")[2]) for each in every] == [
        ("refused", "not here")
    ]


def test_an_alert_that_was_asked_to_end_is_taken_for_a_named_advisory(town):
    town.run("advisory", "open", "--locality", "Ñuñoa", "--text", "Viento norte", "--until", "+9h")
    lost = cap(identifier="C1", sent=NOW, msgType="Cancel", references="x@y,Z1,2026-07-16T00:00:00-04:00")  # fmt: skip
    town.run("advisory", "import", _file(town, lost))

    taken = town.run("advisory", "take", "C1", "--of", "last")

    assert taken.exit_code == 0, taken.output
    assert "ended" in taken.stdout


def test_a_file_without_alerts_says_so(town):
    feed = (
        b'<rss version="2.0"><channel><title>t</title><link>l</link>'
        b"<description>d</description></channel></rss>"
    )

    shown = town.run("advisory", "import", _file(town, feed, "feed.rss"))

    assert shown.exit_code == 0
    assert "no alert is in this file" in shown.stderr


def test_an_outage_is_written_as_cap_and_in_one_language_to_look_at(town):
    town.run("outage", "open", "ALM-F12")

    whole, spanish = _cap(town, "last"), _cap(town, "last", "--language", "es")

    alert, part = make_alert(whole.stdout_bytes), make_alert(spanish.stdout_bytes)
    assert [each.language for each in alert.infos] == ["es", "en", "pt"]
    assert [each.language for each in part.infos] == ["es"]
    assert alert.sender == "cortes@luz.example"
    assert whole.stdout_bytes == _cap(town, "last").stdout_bytes


def test_what_is_over_and_never_left_is_refused(town):
    town.run("outage", "open", "ALM-F12")
    town.run("outage", "restore", "last", "--how", "crew", at=NOW + timedelta(minutes=5))

    shown = _cap(town, "last")

    assert "is over" in str(shown.exception) or "is over" in shown.output


def test_an_operator_reads_it_in_spanish(town):
    file = _file(town, cap(identifier="A1", sent=NOW))

    shown = town.run("advisory", "import", file, "--format", "json", language="es")

    assert [each["became"] for each in json.loads(shown.stdout)] == ["asked"]
