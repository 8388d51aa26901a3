"""Where and whom, as people type it: postal codes, areas, differences, segments, and both in words."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update
from tests import make
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night
from tests.entry.telling import lines, night, rows

from outreach.store import tables as t

CODES = ("7500000", "7750000")


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    """The small town; premise n stands at -33.40 - n/100, -70.60; S-0007 has no coordinates."""
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with made.database.write() as session:
        for number in range(1, 8):
            latitude = None if number == 7 else -33.40 - number / 100
            session.execute(
                update(t.premise)
                .where(t.premise.c.ref == f"S-000{number}")
                .values(latitude=latitude, longitude=-70.60, postal_code=CODES[number > 4])
            )
        vip = select(t.customer.c.id).where(t.customer.c.ref.in_(("K-0001", "K-0002")))
        tagged = [{"tag": "vip", "customer_id": one} for one in session.scalars(vip)]
        session.execute(insert(t.customer_tag), tagged)
    return made


@pytest.fixture
def park(tmp_path):
    """A GeoJSON file around the premises 1 to 3."""
    file = tmp_path / "park.geojson"
    corners = [[-70.61, -33.435], [-70.59, -33.435], [-70.59, -33.405], [-70.61, -33.405]]
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))
    return file


def customers(terminal: Night, *words: str) -> int:
    found: int = terminal.answer("audience", "count", *words)["customers"]
    return found


def refused(terminal: Night, *words: str) -> str:
    shown = terminal.run("audience", "count", *words)
    assert shown.exit_code == 1
    return shown.stderr


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (["--postal-code", "7500000"], 4),
        (["--postal-code", "750-0000"], 4),
        (["--postal-code", "7500000", "--postal-code", "7750000"], 7),
        (["--circle", "-33.41,-70.60,1200m"], 2),
        (["--node", "ALM-F12", "--except-postal-code", "7500000"], 3),
        (["--node", "ALM-F12", "--except-locality", "nunoa"], 4),
        (["--locality", "Providencia", "--except-node", "ALM-F12-S1"], 0),
    ],
)
def test_places_are_united_and_taken_away(terminal, words, count):
    assert customers(terminal, *words) == count


def test_polygons_and_lists_are_united_and_taken_away(terminal, park, tmp_path):
    file = tmp_path / "premises.txt"
    file.write_text("S-0001\nS-0007\n")

    assert customers(terminal, "--area", str(park)) == 3
    assert customers(terminal, "--area", str(park), "--except-premises", str(file)) == 2
    assert customers(terminal, "--premises", str(file), "--except-area", str(park)) == 1
    assert customers(terminal, "--area", str(park), "--premises", str(file)) == 4


def test_premises_without_coordinates_are_told(terminal, park):
    shown = terminal.run("audience", "count", "--area", str(park))

    assert "park.geojson: 1 premise of the record has no coordinates" in shown.stderr


def test_a_mended_outline_is_told(terminal, tmp_path):
    file = tmp_path / "bow.geojson"
    bow = [[-70.75, -33.5], [-70.55, -33.3], [-70.55, -33.5], [-70.75, -33.3]]
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [bow]}))

    assert "its outline crosses itself at -70.65, -33.4; mended" in (
        terminal.run("audience", "count", "--area", str(file)).stderr
    )


def test_an_area_with_latitude_first_is_recognised(terminal, tmp_path):
    file = tmp_path / "turned.geojson"
    corners = [[-33.435, -70.61], [-33.435, -70.59], [-33.405, -70.59], [-33.405, -70.61]]
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}))

    said = refused(terminal, "--area", str(file))

    assert "3 would with latitude and longitude exchanged" in said


def test_an_area_where_nobody_lives_is_refused(terminal):
    assert "no premise of the record lies inside" in refused(terminal, "--circle", "10,10,1km")


def test_a_record_without_coordinates_says_so(terminal):
    with terminal.database.write() as session:
        session.execute(update(t.premise).values(latitude=None))

    said = refused(terminal, "--circle", "-33.41,-70.60,1km")

    assert "no premise of the record has coordinates" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--postal-code", "7500001"], "'7500001': no such postal code; near: 7"),
        (["--area", "nowhere.geojson"], "nowhere.geojson: no such file or folder"),
        (["--circle", "x"], "not a circle"),
        (["--node", "ALM-F12", "--in-locality", "Nunio"], "--in-locality 'Nunio': nobody"),
        (["--node", "ALM-F12", "--tag", "vipp"], "near: vip"),
        (["--node", "ALM-F12", "--type", "resident"], "near: residential"),
        (["--node", "ALM-F12", "--locale", "fr"], "--locale 'fr': nobody in the record has it"),
        (["--node", "ALM-F12", "--not-told-for", "6"], "not a length of time"),
        (["--except-node", "ALM-F12"], "give an occasion"),
    ],
)
def test_what_nobody_knows_is_refused_with_what_is_near(terminal, words, says):
    assert says in refused(terminal, *words)


def test_a_record_without_postal_codes_says_so(terminal):
    with terminal.database.write() as session:
        session.execute(update(t.premise).values(postal_code=""))

    assert "no premise of the record has a postal code" in refused(terminal, "--postal-code", "1")


@pytest.mark.parametrize(
    ("words", "refs"),
    [
        (["--class", "A", "--class", "B"], {"K-0001", "K-0005"}),
        (["--tag", "VIP", "--class", "C"], {"K-0002"}),
        (["--in-locality", "nunoa", "--type", "residential"], {"K-0005", "K-0006", "K-0007"}),
        (["--locale", "es", "--channel", "email"], set()),
    ],
)
def test_the_list_and_the_count_take_the_segment(terminal, words, refs):
    found = terminal.answer("audience", "list", "--node", "ALM-F12", *words)

    assert {row["customer"] for row in found} == refs
    counts = terminal.answer("audience", "count", "--node", "ALM-F12", *words)
    assert (counts["customers"], counts["messages"]) == (
        len(refs), {"sms": len(refs)} if refs else {},
    )  # fmt: skip


def test_the_unreachable_of_a_segment(terminal):
    words = ["audience", "list", "--node", "ALM-F12", "--unreachable", "--channel", "email"]

    found = terminal.answer(*words, "--tag", "vip")

    assert [row["customer"] for row in found] == ["K-0001", "K-0002"]


def test_whom_we_told_lately_is_left_out(terminal):
    with terminal.database.write() as session:
        person = session.scalar(select(t.customer.c.id).where(t.customer.c.ref == "K-0001"))
        wave = make.make_step_run(session, created_at=NOW - timedelta(hours=2))
        make.make_message(
            session, step_run=wave, customer_id=person, household_id=1, state="delivered",
            accepted_at=NOW - timedelta(hours=2),
        )  # fmt: skip

    assert customers(terminal, "--node", "ALM-F12", "--not-told-for", "6h") == 6
    assert customers(terminal, "--node", "ALM-F12", "--not-told-for", "1h") == 7


def test_a_segment_is_explained_condition_by_condition(terminal):
    words = ["audience", "count", "--node", "ALM-F12", "--except-locality", "Ñuñoa"]
    words += ["--tag", "vip", "--class", "B", "--class", "C", "--not-told-for", "90m", "--explain"]
    words += ["--channel", "sms"]

    shown = lines(terminal.run(*words))
    explained = terminal.answer(*words)["explained"]

    assert shown[:5] == [
        "4 customers · whose supply is in ALM-F12 · without Ñuñoa",
        "3 customers · whose supply is of class B or C",
        "1 customer · who carry the tag vip",
        "1 customer · who can be written to by SMS",
        "1 customer · whom nothing was sent to in the last 1 h 30 min",
    ]
    assert [one["customers"] for one in explained] == [4, 3, 1, 1, 1]


def test_an_outage_in_an_area_is_opened_named_and_shown_in_words(terminal, park, tmp_path):
    file = tmp_path / "premises.txt"
    file.write_text("S-0001\n")
    words = ["--area", str(park), "--postal-code", "7750000", "--except-premises", str(file)]

    opened = terminal.answer("outage", "open", *words)
    shown = terminal.answer("outage", "show", "7750000")

    assert opened["premises"] == 5
    assert shown["where"] == (
        "postal code 7750000 · area park.geojson · without 1 premise by number"
    )
    assert customers(terminal, "last") == 5
    [kept] = rows(terminal, "area")
    assert kept["shape"]["name"] == "park.geojson"


def test_an_outage_by_area_is_named_after_its_file(terminal, park):
    assert terminal.answer("outage", "open", "--area", str(park), "--dry-run")["name"] == (
        "park.geojson"
    )


def test_an_outage_by_area_comes_back_by_node_but_not_all_but_a_node(terminal, park):
    terminal.answer("outage", "open", "--area", str(park), "--node", "ALM-F12-S2")

    excepted = terminal.run("outage", "restore", "last", "--except", "ALM-F12-S2", "--how", "crew")
    terminal.answer("outage", "restore", "last", "--node", "ALM-F12-S1", "--how", "crew")

    assert "this outage is by area" in excepted.stderr
    assert customers(terminal, "last") == 3


def test_lint_checks_the_segments_against_the_record(terminal):
    file = terminal.folder / "campaigns" / "unplanned-outage.toml"
    file.write_text(file.read_text() + '\n[segment]\ntags = ["vipp"]\n')

    shown = terminal.run("campaign", "lint", "unplanned-outage", "--format", "json")

    assert {one["message"] for one in json.loads(shown.stdout)} == {
        "tags: 'vipp': nobody in the record has it; near: vip"
    }


def test_lint_without_a_database_reads_the_files_alone(terminal):
    terminal.database.close()
    (terminal.folder / "outreach.db").unlink()

    assert terminal.run("campaign", "lint", "advisory").exit_code == 0
