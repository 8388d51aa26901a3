"""Answers in four forms, for people and for machines."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from outreach.entry import languages
from outreach.entry.cli import output
from outreach.entry.cli.output import Format, Output, unspoiled
from outreach.model.words import Channel

AT = datetime(2026, 7, 16, 9, 30, tzinfo=UTC)
ROW = {
    "name": "Ñuñoa, [bold]F12[/]",
    "count": 18000,
    "at": AT,
    "wait": timedelta(minutes=165),
    "open": True,
    "channel": Channel.SMS,
    "by": {"sms": 1200, "none": 3},
    "places": ("a", "b"),
    "nothing": None,
}
HEADINGS = {key: key for key in ROW}


def shown(capsys, form: Format, rows, *, headings=None, country="CL") -> str:
    answer = Output(format=form, zone=ZoneInfo("America/Santiago"), country=country)
    answer.rows(rows, headings=headings or HEADINGS)
    return str(capsys.readouterr().out)


def test_a_table_shows_values_as_people_read_them(capsys):
    languages.use("es")

    table = shown(capsys, Format.TABLE, [ROW])

    assert "18.000" in table
    assert "2026-07-16 05:30" in table
    assert "2 h 45 min" in table
    assert "sí" in table


def test_what_looks_like_markup_is_shown_as_it_is(capsys):
    assert "[bold]F12[/]" in shown(capsys, Format.TABLE, [ROW], headings={"name": "name"})


def test_a_table_fits_a_hundred_columns_and_loses_nothing(capsys):
    long = "x" * 250

    table = shown(capsys, Format.TABLE, [{"a": long, "b": 1}], headings={"a": "a", "b": "b"})

    assert max(len(line) for line in table.splitlines()) <= 100
    assert table.count("x") == 250


def test_an_empty_table_says_so_on_stderr(capsys):
    Output(zone=ZoneInfo("UTC")).rows([], headings=HEADINGS)

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "nothing to show\n"


def test_json_keeps_types_and_gives_times_with_their_offset(capsys):
    row = json.loads(shown(capsys, Format.JSON, [ROW]))[0]

    assert row["at"] == "2026-07-16T05:30:00-04:00"
    assert row["count"] == 18000
    assert row["wait"] == 9900
    assert row["by"] == {"sms": 1200, "none": 3}
    assert row["places"] == ["a", "b"]
    assert row["nothing"] is None
    assert row["name"] == "Ñuñoa, [bold]F12[/]"


def test_json_of_nothing_is_an_empty_list(capsys):
    assert json.loads(shown(capsys, Format.JSON, [])) == []


def test_json_lines_are_one_object_a_line(capsys):
    lines = shown(capsys, Format.JSONL, iter([ROW, ROW])).splitlines()

    assert [json.loads(line)["count"] for line in lines] == [18000, 18000]


def test_csv_has_a_header_and_plain_cells(capsys):
    header, row = csv.reader(io.StringIO(shown(capsys, Format.CSV, [ROW])))

    assert header == list(ROW)
    assert row == [
        "Ñuñoa, [bold]F12[/]",
        "18000",
        "2026-07-16T05:30:00-04:00",
        "9900.0",
        "true",
        "sms",
        '{"sms": 1200, "none": 3}',
        '["a", "b"]',
        "",
    ]


def test_csv_of_nothing_is_its_header(capsys):
    assert shown(capsys, Format.CSV, []) == ",".join(HEADINGS) + "\n"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("+56911112222", "+56911112222"),
        ("+56911112222+1", "'+56911112222+1"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_a_cell_that_looks_like_a_formula_is_defused_but_a_phone_is_not(cell, written):
    assert unspoiled(cell) == written


def test_a_record_stands_below_each_other(capsys):
    Output(zone=ZoneInfo("UTC")).record(
        {"a": 1, "bcd": None, "x": 2}, headings={"bcd": "B", "a": "A1"}
    )

    assert capsys.readouterr().out == "B   -\nA1  1\n"


def test_a_record_without_headings_shows_every_key(capsys):
    Output(zone=ZoneInfo("UTC")).record({"first_one": 1})

    assert capsys.readouterr().out == "first one  1\n"


@pytest.mark.parametrize(
    ("form", "written"),
    [
        (Format.JSON, '{\n  "a": 1,\n  "on": "2026-07-16"\n}\n'),
        (Format.JSONL, '{"a": 1, "on": "2026-07-16"}\n'),
        (Format.CSV, "a,on\n1,2026-07-16\n"),
    ],
)
def test_a_record_is_one_object_or_one_row_for_machines(capsys, form, written):
    Output(format=form, zone=ZoneInfo("UTC")).record({"a": 1, "on": date(2026, 7, 16)})

    assert capsys.readouterr().out == written


def test_free_text_is_for_people_only(capsys):
    Output(zone=ZoneInfo("UTC")).text("Dear reader")
    Output(format=Format.JSON, zone=ZoneInfo("UTC")).text("Dear reader")

    assert capsys.readouterr().out == "Dear reader\n"


@pytest.mark.parametrize(
    ("language", "country", "written"),
    [
        ("es", "CL", "18.000"),
        ("es", "MX", "18,000"),
        ("pt", "BR", "18.000"),
        ("en", "CL", "18,000"),
        ("en", "", "18,000"),
        ("en", "??", "18,000"),
    ],
)
def test_counts_carry_the_separator_of_the_country(language, country, written):
    languages.use(language)

    assert Output(zone=ZoneInfo("UTC"), country=country).count(18000) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [((), "-"), ({}, "-"), ("", "-"), (False, "no"), (Decimal("1.5"), "1.5"), (Channel.SMS, "sms")],
)
def test_people_see_a_dash_for_nothing(value, written):
    assert Output(zone=ZoneInfo("UTC")).person(value) == written


@pytest.mark.parametrize(("columns", "wide"), [(40, 40), (300, 100)])
def test_a_table_is_as_wide_as_the_terminal_up_to_a_hundred(monkeypatch, columns, wide):
    monkeypatch.setenv("COLUMNS", str(columns))

    assert output.width() == wide


def test_colour_is_for_terminals_without_no_color(monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert not output.coloured()

    monkeypatch.setattr("sys.stdout", Terminal())
    assert output.coloured()

    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.coloured()
