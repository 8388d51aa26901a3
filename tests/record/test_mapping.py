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
    assert "premises.delimiter: `;;`; one character, such as `;` or a tab, or `auto`" in said
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
        ('file = "premises.csv"', "", "premises: give either file, or url and query"),
        ('file = "premises.csv"', 'url = "sqlite:///x"', "premises: url and query belong together"),
        ('file = "premises.csv"', 'encoding = "hex"', "unknown encoding `hex`"),
        ('file = "premises.csv"', 'delimiter = "\\n"', "one character, such as `;`"),
        ('file = "premises.csv"', 'query = "DELETE FROM x"', "must be one SELECT"),
        ('file = "premises.csv"', 'query = "SELECT 1; DROP TABLE x"', "must be one SELECT"),
        ("[record]", 'source = "x"\n[record]', "source: set by the program"),
        ("[record]", "[record", "not TOML"),
    ],
    ids=["date", "validity", "pattern", "identity", "life support", "network", "no source", "no query", "codec", "delimiter", "delete", "two", "source", "toml"],
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
    "url",
    [
        "postgresql://crm:hunter2@db/crm",
        "postgresql://crm:hun/ter@db/crm",
        "mssql+pyodbc:///?odbc_connect=Server%3Ddb%3BPWD%3Dhunter2",
        "mysql://crm@db/crm?password=hunter2",
    ],
)
def test_a_password_in_a_mapping_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    refusal = _refusal(tmp_path, _with_query(f'url = "{url}"'))

    assert "customers.url: holds a password; keep it in the environment" in refusal
    assert "hunter2" not in refusal


@pytest.mark.parametrize(
    "url",
    [
        "env:CRM_URL",
        "${CRM_URL}",
        "postgresql://crm:${CRM_PASSWORD}@db:5432/crm",
        "postgresql://crm@db:5432/crm",
        "mysql://db/crm?user=crm&password=${CRM_PASSWORD}",
        "sqlite:///crm.db",
    ],
)
def test_a_url_without_its_secret_is_allowed(tmp_path: Path, url: str) -> None:
    path = tmp_path / "record.toml"
    path.write_text(_with_query(f'url = "{url}"'))

    mapping = read_mapping(path)

    assert mapping.customers.url == url
    assert mapping.customers.entity == "customers"
    assert url not in repr(mapping)


def _with_query(url: str) -> str:
    query = 'query = """-- accounts; all\nWITH x AS (SELECT \';\' AS y) SELECT * FROM x;\n"""'
    return TOML.replace('file = "customers.csv"', f"{url}\n{query}")


def test_a_network_may_come_from_queries(tmp_path: Path) -> None:
    nodes = 'nodes_csv = { url = "env:GIS_URL", query = "SELECT id, kind FROM node" }'
    edges = 'edges_csv = { file = "edges.parquet" }'
    path = tmp_path / "record.toml"
    path.write_text(TOML.replace('file = "network.json"', f"{nodes}\n{edges}"))

    network = read_mapping(path).network

    assert network is not None
    assert network.nodes_csv is not None
    assert network.nodes_csv.query == "SELECT id, kind FROM node"
    assert "network.edges_csv: give either" in _refusal(
        tmp_path, TOML.replace('file = "network.json"', f"{nodes}\nedges_csv = {{}}")
    )


def test_tags_postal_codes_and_changes_have_columns(tmp_path: Path) -> None:
    path = tmp_path / "record.toml"
    path.write_text(
        TOML.replace('account = "account"', 'account = "account"\ntags = ["t"]\nchanged = "c"')
        .replace('premise = "premise"', 'premise = "premise"\npostal_code = "zip"\nchanged = "c"')
    )  # fmt: skip

    mapping = read_mapping(path)

    assert mapping.customers.columns.tags == ("t",)
    assert (mapping.customers.columns.changed, mapping.premises.columns.changed) == ("c", "c")
    assert mapping.premises.columns.postal_code == "zip"
    assert mapping.record.may_vanish == 0.05


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
