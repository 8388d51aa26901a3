"""Mapping files: what they allow, and every mistake at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.record.make import TOML

from outreach.model.errors import InputRefused
from outreach.record.mapping import LifeSupport, read_mapping


def _refusal(folder: Path, toml: str) -> str:
    path = folder / "record.toml"
    path.write_text(toml)
    with pytest.raises(InputRefused) as refused:
        read_mapping(path)
    return str(refused.value)


def test_every_mistake_is_told_at_once_with_its_key(tmp_path: Path) -> None:
    toml = (
        TOML.replace('region = "CL"', 'region = "chile"\nshared = "no"')
        .replace("America/Santiago", "America/Santigo", 1)
        .replace('identity = "id"', 'identty = "id"')
        .replace("valid_for =", "valid_fr =")
        .replace('gone = "closed"', 'gone = "clsed"')
        .replace("node_columns = { ref", "node_columns = { rf")
        .replace('file = "premises.csv"', 'file = "premises.csv"\nencoding = "cp12"\ndelimiter = ";;"')
    )  # fmt: skip

    lines = _refusal(tmp_path, toml).splitlines()

    said = "\n".join(line.removeprefix(f"{tmp_path / 'record.toml'}: ") for line in lines)
    assert "record.region: unknown region `chile`" in said
    assert "record.zone: unknown zone `America/Santigo`; did you mean `America/Santiago`?" in said
    assert "record.shared: input should be 'one_message' or 'ignore'" in said
    assert "customers.columns.identty: unknown key; did you mean `identity`?" in said
    assert "customers.life_support.valid_fr: unknown key; did you mean `valid_for`?" in said
    assert "customers.states.gone: input should be 'active', 'closed' or 'deceased'" in said
    assert "premises.encoding: unknown encoding `cp12`" in said
    assert "premises.delimiter: string should have at most 1 character" in said
    assert "network.node_columns.rf: unknown key; did you mean `ref`?" in said
    assert "network.node_columns.ref: field required" in said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('zone = "America/Santiago"', 'zone = "America/Santiago"\ndates = ["%d/%m"]', "%Y"),
        ('valid_for = "1 year"', 'valid_for = "soon"', "`1 year`, `365 days`"),
        ('identity = "plain"', 'identity = "plain"\naccount_drop = "["', "not a regular expression"),
        ('identity = "plain"', "", "customers.identity: needs"),
        ('life_support = "life"\n', "", "needs customers.columns.life_support"),
        ('file = "network.json"', "", "network: give either file"),
        ("[record]", 'source = "x"\n[record]', "source: set by the program"),
        ("[record]", "[record", "not TOML"),
    ],
    ids=["date", "validity", "pattern", "identity", "life support", "network", "source", "toml"],
)  # fmt: skip
def test_a_wrong_value_says_what_is_allowed(tmp_path: Path, old: str, new: str, said: str) -> None:
    refusal = _refusal(tmp_path, TOML.replace(old, new))

    assert said in refusal


def test_a_missing_mapping_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"none\.toml: no such mapping file"):
        read_mapping(tmp_path / "none.toml")
    with pytest.raises(InputRefused, match="cannot be read"):
        read_mapping(tmp_path)


def test_a_mapping_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.toml"
    path.write_bytes("# Río".encode("cp1252"))

    with pytest.raises(InputRefused, match="not UTF-8"):
        read_mapping(path)


def test_files_lie_beside_the_mapping_unless_a_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / "record.toml"
    path.write_text(TOML)

    assert read_mapping(path).folder == tmp_path
    assert read_mapping(path, folder=tmp_path / "export").folder == tmp_path / "export"


@pytest.mark.parametrize(
    ("rule", "registered", "last"),
    [
        ("1 year", date(2025, 6, 12), date(2026, 6, 12)),
        ("1 year", date(2024, 2, 29), date(2025, 3, 1)),
        ("90 days", date(2026, 1, 1), date(2026, 4, 1)),
        (None, date(2000, 1, 1), date.max),
    ],
)
def test_a_register_entry_holds_to_its_anniversary(
    rule: str | None, registered: date, last: date
) -> None:
    assert LifeSupport(valid_for=rule).ends_on(registered) == last
