"""Rows from JSON, Parquet and databases, as a CSV export would have them."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from tests.record import crm

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.cells import Row, as_text
from outreach.record.json_file import JsonFile
from outreach.record.parquet_file import ParquetFile
from outreach.record.source_form import SourceForm
from outreach.record.sources import open_source


def read(folder: Path, *wanted: str, **form: Any) -> list[Row | RowRefused]:
    return [*open_source(SourceForm(**form), folder, wanted)]


def fields(rows: list[Row | RowRefused]) -> list[tuple[str, ...]]:
    return [row.fields for row in rows if isinstance(row, Row)]


def refused(rows: list[Row | RowRefused]) -> list[tuple[int, int, str, str]]:
    return [
        (row.record, row.line, row.reason, row.detail)
        for row in rows
        if isinstance(row, RowRefused)
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("Ñuñoa", "Ñuñoa"),
        (True, "S"),
        (False, "N"),
        (12345678, "12345678"),
        (12345678.0, "12345678"),
        (1e22, "10000000000000000000000"),
        (-33.45, "-33.45"),
        (1e-7, "0.0000001"),
        (float("nan"), ""),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("NaN"), ""),
        (date(2026, 6, 12), "2026-06-12"),
        (datetime(2026, 6, 12), "2026-06-12"),  # noqa: DTZ001  as databases give it
        (datetime(2026, 6, 12, 4, 5), "2026-06-12T04:05:00"),  # noqa: DTZ001
        (datetime(2026, 6, 12, tzinfo=UTC), "2026-06-12T00:00:00+00:00"),
        (time(4, 5), "04:05:00"),
        (b"Jos\xc3\xa9", "José"),
        (["+56 9 1", None, 2], "+56 9 1;;2"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ],
)
def test_a_typed_value_is_written_as_an_export_would(value: Any, text: str) -> None:
    assert as_text(value, ("S", "N")) == text


def test_a_json_list_gives_its_objects_as_rows(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(
        '[\n {"id": 12345678901234567890, "name": "x"},\n'
        ' {"name": "Ana", "id": 7.10, "tel": ["1", "2"], "on": true}\n]'
    )

    source = open_source(SourceForm(file="c.json"), tmp_path, ["id", "name", "tel", "on"])
    rows = [*source]

    assert source.columns == ["id", "name", "tel", "on"]
    assert fields(rows) == [
        ("12345678901234567890", "x", "", ""),
        ("7.10", "Ana", "1;2", "1"),
    ]
    assert [(row.record, row.line) for row in rows] == [(1, 2), (2, 3)]
    assert source.records == 2
    assert source.name == "c.json"


def test_a_json_list_may_stand_under_a_key(tmp_path: Path) -> None:
    body = {"made": {"by": ["x"]}, "other": [{"id": 1}], "empty": {}, "rows": [{"id": 2}], "n": 3}
    (tmp_path / "c.json").write_text(json.dumps(body, indent=1))

    rows = read(tmp_path, file="c.json", list_key="rows")

    assert fields(rows) == [("2",)]


def test_json_longer_than_memory_is_read_piece_by_piece(tmp_path: Path) -> None:
    rows = [{"id": number, "text": "ñ" * 90} for number in range(20_000)]
    (tmp_path / "c.json").write_text(json.dumps(rows, ensure_ascii=False))

    read_back = read(tmp_path, file="c.json")

    assert fields(read_back) == [(str(row["id"]), row["text"]) for row in rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_json_of_any_encoding_is_recognised(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "c.json").write_bytes('[{"a": "Ñuñoa"}]'.encode(encoding))

    assert fields(read(tmp_path, file="c.json", encoding="auto")) == [("Ñuñoa",)]


def test_a_json_row_that_is_none_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(
        b'[{"a": 1},\n 5,\n {"a": {"b": 1}},\n {"a": "\\ud800"},\n {"a": "\\u0000"},\n {"a": "\xff"},\n'
        b' {"a": [[1]]},\n {}]'
    )

    rows = read(tmp_path, "a", file="c.json")

    assert fields(rows) == [("1",), ("",)]
    assert refused(rows) == [
        (2, 2, "not_an_object", ""),
        (3, 3, "nested_value", "column `a`"),
        (4, 4, "undecodable", "column `a`"),
        (5, 5, "nul_byte", "column `a`"),
        (6, 6, "undecodable", "column `a`"),
        (7, 7, "nested_value", "column `a`"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "empty"),
        ("5", "not a JSON list"),
        ('{"a": 1}', "name the key of the list (list_key), or set format"),
        ("[5]", "record 1, line 1: not a list of objects"),
        ('[{"a": 1}\n {"a": 2}]', "line 2, column 2: `,` expected; not JSON"),
        ('[{"a": 1},\n {"a": tru}]', "line 2, column 8: Expecting value; not JSON"),
        ('[{"a": NaN}]', "`NaN` is no JSON number"),
        ('[{"a": 1}', "line 1, column 10: the file ends too early"),
        ('[{"a": 1}] x', "line 1, column 12: more after the end"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a": "' + "x" * 5_000_000 + '"}]', "not JSON"),
    ],
    ids=[
        "empty", "number", "object", "numbers", "comma", "word", "nan", "cut", "more", "deep", "long",
    ],
)  # fmt: skip
def test_damaged_json_is_refused_with_its_place(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "c.json").write_text(content)

    with pytest.raises(InputRefused) as refusal:
        read(tmp_path, file="c.json")

    assert said in str(refusal.value)
    assert str(refusal.value).startswith(f"{tmp_path / 'c.json'}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "not a JSON object"),
        ('{"row": []}', "no column `rows`; did you mean `row`?"),
        ('{"rows": {"a": 1}}', "no list of objects under `rows`"),
        ("{1: 2}", "a key in quotes must stand here"),
        ('{"rows" []}', "`:` expected"),
        ("{}", "no column `rows`"),
    ],
)
def test_json_without_its_list_says_so(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "c.json").write_text(content)

    with pytest.raises(InputRefused) as refusal:
        read(tmp_path, file="c.json", list_key="rows")

    assert said in str(refusal.value)


def test_json_that_is_not_in_its_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("[]")

    with pytest.raises(InputRefused, match=r"c\.json: not written in utf-16"):
        read(tmp_path, file="c.json", encoding="utf-16")


def test_an_empty_list_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text(" [ ] ")

    assert read(tmp_path, "a", file="c.json") == []


def test_a_key_that_no_object_has_is_a_mistake_of_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('[{"name": "x"}, {"name": "y"}]')

    with pytest.raises(
        InputRefused, match="in none of its objects: no column `nme`; did you mean `name`"
    ):
        read(tmp_path, "name", "nme", file="c.json")


@pytest.mark.parametrize("form", [{"file": "c.jsonl"}, {"file": "c.txt", "format": "jsonl"}])
def test_a_line_that_is_no_json_costs_only_itself(tmp_path: Path, form: dict[str, Any]) -> None:
    (tmp_path / form["file"]).write_text(
        '{"a": 1}\r\n\n{"a": }\n[1]\n{"a": Infinity}\n' + "[" * 100_000 + '\n{"a": "z"}'
    )

    rows = read(tmp_path, "a", **form)

    assert fields(rows) == [("1",), ("z",)]
    assert refused(rows) == [
        (2, 3, "bad_json", "column 7: Expecting value"),
        (3, 4, "not_an_object", ""),
        (4, 5, "bad_json", "`Infinity` is no JSON number"),
        (5, 6, "bad_json", "nested too deeply"),
    ]


def test_a_parquet_file_gives_text(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "id": [1, None],
            "name": ["Ana\0", None],
            "on": [True, False],
            "at": [datetime(2026, 1, 1), None],  # noqa: DTZ001  as files have it
            "lat": [-33.5, 1.0],
            "many": [["a", "b"], []],
        }
    )
    frame.write_parquet(tmp_path / "c.parquet")

    rows = read(tmp_path, "many", "id", "on", "at", "lat", file="c.parquet")
    everything = read(tmp_path, file="c.parquet")

    assert fields(rows) == [("a;b", "1", "1", "2026-01-01", "-33.5"), ("", "", "0", "", "1")]
    assert refused(everything) == [(1, 1, "nul_byte", "column `name`")]
    assert fields(everything) == [("", "", "0", "", "1", "")]


def test_bytes_that_are_no_text_cost_their_row(tmp_path: Path) -> None:
    pl.DataFrame({"a": [b"x", b"\xff"]}).write_parquet(tmp_path / "c.parquet")

    rows = read(tmp_path, file="c.parquet")

    assert fields(rows) == [("x",)]
    assert refused(rows) == [(2, 2, "undecodable", "column `a`")]


def test_a_parquet_file_is_read_slice_by_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outreach.record.parquet_file._SLICE", 3)
    pl.DataFrame({"id": range(9)}).write_parquet(tmp_path / "c.parquet", row_group_size=2)

    source = open_source(SourceForm(file="c.parquet"), tmp_path)

    assert [(row.record, row.fields) for row in source if isinstance(row, Row)] == [
        (number + 1, (str(number),)) for number in range(9)
    ]
    source.close()


def test_an_unusable_parquet_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "c.parquet").write_bytes(b"id,name\n")
    with pytest.raises(InputRefused, match=r"c\.parquet: row 1 or after: no Parquet file"):
        read(tmp_path, file="c.parquet")

    with pytest.raises(InputRefused, match="no such file; the mapping names it"):
        read(tmp_path, file="none.parquet")

    pl.DataFrame({"name": ["x"]}).write_parquet(tmp_path / "c.parquet")
    with pytest.raises(InputRefused, match="no column `nme`; did you mean `name`"):
        read(tmp_path, "nme", file="c.parquet")


def test_a_parquet_file_damaged_in_its_middle_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pl.DataFrame({"a": [f"x{n}" for n in range(9_000)]}).write_parquet(path, compression="zstd")
    whole = path.read_bytes()
    path.write_bytes(whole[:400] + b"\xff" * 800 + whole[1200:])

    with pytest.raises(InputRefused, match="damaged one"):
        read(tmp_path, file="c.parquet")


def test_without_polars_one_line_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "polars":
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)

    with pytest.raises(InputRefused, match=r"pip install outreach\[data\]"):
        read(tmp_path, file="c.parquet")


@pytest.mark.parametrize(
    ("form", "reader"),
    [
        ({"file": "c.ndjson"}, JsonFile),
        ({"file": "c.txt", "format": "json"}, JsonFile),
        ({"file": "c.PARQUET"}, ParquetFile),
    ],
)
def test_the_form_decides_who_reads(tmp_path: Path, form: dict[str, Any], reader: type) -> None:
    path = tmp_path / form["file"]
    if reader is ParquetFile:
        pl.DataFrame({"a": ["1"]}).write_parquet(path)
    else:
        path.write_text('{"a": 1}' if path.suffix == ".ndjson" else '[{"a": 1}]')

    source = open_source(SourceForm(**form), tmp_path, ["a"])

    assert isinstance(source, reader)
    assert fields([*source]) == [("1",)]


needs_sample = pytest.mark.skipif(not crm.SAMPLE.exists(), reason=f"no sample at {crm.SAMPLE}")


@pytest.fixture(scope="module")
def tables() -> dict[str, crm.Export]:
    return crm.exports()


@pytest.fixture(params=["sqlite", "postgres", "parquet"])
def mapping(
    request: pytest.FixtureRequest,
    tables: dict[str, crm.Export],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    if request.param == "parquet":
        crm.write_parquet(tmp_path, tables)
        yield crm.parquet_mapping(tmp_path, tables)
    elif request.param == "sqlite":
        yield crm.sql_mapping(tmp_path, crm.sqlite_crm(tmp_path, tables), tables)
    else:
        with crm.postgres_crm(request.getfixturevalue("postgres_url"), tables) as url:
            monkeypatch.setenv("CRM_URL", url)
            yield crm.sql_mapping(tmp_path, "env:CRM_URL", tables)


@needs_sample
def test_the_sample_reads_the_same_from_a_database_and_from_parquet(
    mapping: Any, tables: dict[str, crm.Export]
) -> None:
    for entity, export in tables.items():
        source = open_source(getattr(mapping, entity), mapping.folder, export.columns)

        rows = [*source]

        assert source.columns == [*export.columns]
        assert [row.record for row in rows] == [*range(1, len(export.rows) + 1)]
        assert tuple(fields(rows)) == export.rows


@needs_sample
def test_what_the_sample_could_not_hold_in_a_database_is_counted(
    tables: dict[str, crm.Export],
) -> None:
    customers, premises = tables["customers"], tables["premises"]

    assert customers.left_out["undecodable"] > 0
    assert sum(customers.left_out.values()) + len(customers.rows) == 20_553
    assert sum(premises.left_out.values()) + len(premises.rows) > 20_000
