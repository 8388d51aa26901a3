"""CSV as other systems write it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.csv_file import CsvFile, Row
from outreach.record.mapping import CsvForm

SPECTRUM = Path(__file__).parents[2].parent / "shared" / "corpora" / "csv-spectrum"


def _open(folder: Path, content: bytes, *wanted: str, **form: str) -> CsvFile:
    (folder / "data.csv").write_bytes(content)
    return CsvFile(folder, CsvForm(file="data.csv", **form), wanted)


@pytest.mark.skipif(not SPECTRUM.exists(), reason=f"no corpora at {SPECTRUM}")
def test_the_csv_spectrum_is_read_as_its_authors_expect() -> None:
    read = {}
    for path in sorted((SPECTRUM / "csvs").glob("*.csv")):
        file = CsvFile(path.parent, CsvForm(file=path.name))
        rows = [row for row in file if isinstance(row, Row)]
        read[path.stem] = [dict(zip(file.columns, row.fields, strict=True)) for row in rows]

    expected = {path.stem: json.loads(path.read_text()) for path in (SPECTRUM / "json").glob("*")}
    # The corpus expects one object instead of a list here, with a telephone that its CSV does not hold.
    odd = expected.pop("location_coordinates") | {"Contact Phone Number": "2095257564"}
    assert read.pop("location_coordinates") == [odd]
    assert read == expected
    assert len(read) == 11


def test_a_quoted_line_break_moves_the_line_and_not_the_record(tmp_path: Path) -> None:
    file = _open(tmp_path, b'a,b\r\n1,"x\r\ny"\r\n\r\n2,z\r\n')

    rows = [(row.record, row.line) for row in file]

    assert rows == [(2, 2), (3, 5)]
    assert file.records == 2


def test_a_bad_byte_or_a_ragged_row_costs_its_record_only(tmp_path: Path) -> None:
    file = _open(tmp_path, b"a;b\nok;\xf1\n\x81;b\n1;2;3\nTOTAL: 3\n", encoding="cp1252",
                 delimiter=";", footer="TOTAL")  # fmt: skip

    rows = list(file)

    assert isinstance(rows[0], Row)
    assert rows[0].fields == ("ok", "ñ")
    assert [(r.record, r.reason, r.detail) for r in rows if isinstance(r, RowRefused)] == [
        (3, "undecodable", ""),
        (4, "wrong_column_count", "3 instead of 2"),
    ]
    assert file.records == 3


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    file = _open(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n", "a")

    assert file.columns == ["a", "b"]
    assert len(list(file)) == 1


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"", {}, "empty; the first line must name the columns"),
        ("nº,x\n".encode("cp1252"), {}, "perhaps `cp1252`"),
        ("nº,x\n".encode(), {"encoding": "ascii"}, "perhaps `utf-8`"),
        ("número;x\n".encode(), {"encoding": "cp1252", "delimiter": ";"}, "the file is UTF-8"),
        (b"wantd,x\n", {}, "no column `wanted`; did you mean `wantd`?"),
        (b"wanted;x\n", {}, "only one column: is the delimiter really `,`?"),
    ],
    ids=["empty", "not utf-8", "not ascii", "not cp1252", "near", "delimiter"],
)
def test_an_unusable_file_says_what_to_do(
    tmp_path: Path, content: bytes, form: dict[str, str], said: str
) -> None:
    with pytest.raises(InputRefused, match=re.escape(said)):
        _open(tmp_path, content, "wanted", **form)


def test_many_undecodable_records_mean_a_wrong_encoding(tmp_path: Path) -> None:
    few = _open(tmp_path, b"a\n" + b"\xf1\n" * 3)
    with pytest.raises(InputRefused, match="not written in utf-8"):
        list(few)

    many = _open(tmp_path, b"a\n" + b"\xf1\n" * 300)
    with pytest.raises(InputRefused, match="not written in utf-8"):
        list(many)


def test_a_quote_that_never_closes_names_its_line(tmp_path: Path) -> None:
    file = _open(tmp_path, b'a\n1\n"' + b"x\n" * 100_000)

    with pytest.raises(InputRefused, match=r"line 3: .* never closed"):
        list(file)


def test_half_an_utf_16_letter_is_an_encoding_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="not written in utf-16"):
        _open(tmp_path, b"abc\n", encoding="utf-16")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="no such file; the mapping names it"):
        CsvFile(tmp_path, CsvForm(file="none.csv"))
    with pytest.raises(InputRefused, match="cannot be read"):
        CsvFile(tmp_path, CsvForm(file="."))
