"""Other people's worst files: nothing crashes, and what is refused says where."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from tests.record.make import TOML

from outreach.addresses import Keyring, normalise_email, normalise_phone
from outreach.model.errors import InputRefused
from outreach.model.numbering import Phone, PhoneRefused
from outreach.model.record import RowRefused
from outreach.record.cells import Row
from outreach.record.identity import READERS
from outreach.record.mapping import read_mapping
from outreach.record.source_form import SourceForm
from outreach.record.sources import open_source
from outreach.record.words import parsed_day

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora"
pytestmark = pytest.mark.skipif(not CORPORA.exists(), reason=f"no corpora at {CORPORA}")

_JSON = sorted((CORPORA / "jsontestsuite" / "test_parsing").glob("*.json"))


def taken(path: Path, **form: Any) -> tuple[list[Row], list[RowRefused], str]:
    """(rows, refused rows, why the file was refused or nothing)."""
    rows: list[Row] = []
    refused: list[RowRefused] = []
    try:
        for row in open_source(SourceForm(file=path.name, **form), path.parent):
            (rows if isinstance(row, Row) else refused).append(row)  # type: ignore[arg-type]
    except InputRefused as refusal:
        return rows, refused, str(refusal)
    return rows, refused, ""


def json_objects(path: Path) -> list[dict[str, Any]] | None:
    """What another reader finds in the file, if it is a list of objects."""
    try:
        body = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(body, list) and all(isinstance(item, dict) for item in body)
    return body if is_list else None


@pytest.mark.parametrize("path", _JSON, ids=lambda path: path.stem)
@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_every_json_file_is_read_or_refused(path: Path, format_: str) -> None:
    rows, refused, why = taken(path, format=format_)

    assert all(row.file == path.name and row.record and row.line and row.reason for row in refused)
    assert not why or why.startswith(f"{path}: ")
    assert "\n" not in why
    if path.stem.startswith("n_"):
        assert why or rows == []
        assert refused or why or not path.read_text("utf-8-sig").strip()
    if path.stem.startswith("y_") and format_ == "json":
        objects = json_objects(path)
        assert len(rows) == len(objects or [])
        assert objects is not None or "list" in why


@pytest.mark.parametrize("path", _JSON, ids=lambda path: path.stem)
def test_every_json_file_under_a_key_is_as_good_or_bad(path: Path, tmp_path: Path) -> None:
    inside = tmp_path / path.name
    inside.write_bytes(b'{"first": {}, "rows": [{"v": ' + path.read_bytes().strip() + b"}]}")

    rows, refused, why = taken(inside, list_key="rows")

    if path.stem.startswith("y_") and not path.read_bytes().startswith(b"\xef"):
        assert why == ""
        assert len(rows) + len(refused) == 1
    if path.stem.startswith("n_") and not rows:
        assert refused or why


def test_every_naughty_string_survives_every_form(tmp_path: Path) -> None:
    strings = _naughty()
    cells = [text for text in strings if "\0" not in text]
    with (tmp_path / "c.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["id", "text"], *enumerate(cells)])
    (tmp_path / "c.json").write_text(json.dumps([{"text": text} for text in strings]))
    (tmp_path / "c.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in strings))

    from_csv, no_csv, why_csv = taken(tmp_path / "c.csv")
    from_json, no_json, why_json = taken(tmp_path / "c.json")
    from_lines, no_lines, why_lines = taken(tmp_path / "c.jsonl")

    assert (why_csv, why_json, why_lines) == ("", "", "")
    assert (no_csv, no_json, no_lines) == ([], [], [])
    assert [row.fields[1] for row in from_csv] == cells
    assert [row.fields[0] for row in from_json] == strings
    assert [row.fields[0] for row in from_lines] == strings


def test_every_naughty_string_can_be_judged_as_any_column(keyring: Keyring) -> None:
    for text in _naughty():
        phone = normalise_phone(text, region="CL")
        assert isinstance(phone, Phone | PhoneRefused)
        assert normalise_email(text) is None or text.strip().isascii()
        parsed_day(text, ("%Y-%m-%d", "%d/%m/%Y"))
        for reader in READERS.values():
            reader(text)
        assert keyring.open(keyring.seal(text)) == text


def test_every_naughty_string_may_stand_in_a_mapping(tmp_path: Path) -> None:
    for text in _naughty():
        path = tmp_path / "record.toml"
        path.write_text(TOML.replace('"account"', json.dumps(text)), encoding="utf-8")
        try:
            read_mapping(path)
        except InputRefused as refusal:
            assert str(refusal).startswith(str(path))  # noqa: PT017  either way is right


def test_every_example_telephone_is_judged_in_every_country(tmp_path: Path) -> None:
    corpus = json.loads((CORPORA / "phonenumbers" / "example_numbers.json").read_text())
    forms = [text for kinds in corpus.values() for one in kinds.values() for text in one.values()]
    with (tmp_path / "c.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["id", "phone"], *enumerate(forms)])

    rows, refused, why = taken(tmp_path / "c.csv")

    assert (len(rows), refused, why) == (len(forms), [], "")
    invalid = {one["INVALID"]["e164"] for one in corpus.values() if "INVALID" in one}
    for row in rows:
        for region in ("CL", "AR", "BR", "MX", "US"):
            phone = normalise_phone(row.fields[1], region=region)
            assert isinstance(phone, Phone | PhoneRefused)
            assert row.fields[1] not in invalid or isinstance(phone, PhoneRefused)


def _naughty() -> list[str]:
    found: list[str] = json.loads((CORPORA / "blns" / "blns.json").read_text(encoding="utf-8"))
    assert len(found) > 500
    return found
