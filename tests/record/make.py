"""A company of a few customers, written as the files of an import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from outreach.record.mapping import Mapping, read_mapping

TOML = """
[record]
region = "CL"
zone = "America/Santiago"
[consent]
yes = ["S"]
no = ["N"]
voice_needs_consent = false
[customers]
file = "customers.csv"
identity = "plain"
ordinary_types = ["home"]
[customers.columns]
account = "account"
identity = "id"
name = ["name"]
type = "type"
language = "language"
emails = ["email"]
phones = ["phone"]
sms_consent = "sms"
email_consent = "mail"
preferred = "preferred"
life_support = "life"
life_support_date = "since"
zone = "zone"
state = "state"
updated = "updated"
[customers.states]
gone = "closed"
dead = "deceased"
[customers.languages]
es = "es"
pt = "pt"
[customers.channels]
sms = "sms"
[customers.life_support]
yes = ["S"]
valid_for = "1 year"
[premises]
file = "premises.csv"
[premises.columns]
premise = "premise"
holder = "holder"
occupant = "occupant"
transformer = "transformer"
locality = "locality"
street = "street"
latitude = "lat"
longitude = "lon"
zone = "zone"
updated = "updated"
[network]
file = "network.json"
node_columns = { ref = "id", kind = "kind", name = "name" }
edge_columns = { ref = "id", node_a = "a", node_b = "b", state = "state" }
kinds = { S = "substation", F = "feeder", T = "transformer" }
open = ["open"]
"""

_CUSTOMER = dict.fromkeys(
    (
        "account", "id", "name", "type", "language", "email", "phone", "sms", "mail",
        "preferred", "life", "since", "zone", "state", "updated",
    ),
    "",
) | {"name": "Ana", "type": "home", "sms": "S", "mail": "S", "updated": "2026-01-01"}  # fmt: skip
_PREMISE = dict.fromkeys(
    (
        "premise", "holder", "occupant", "transformer", "locality", "street", "lat", "lon",
        "zone", "updated",
    ),
    "",
) | {"transformer": "T1", "locality": "Talca", "lat": "-35.1", "lon": "-71,2"}  # fmt: skip

NETWORK = {
    "nodes": [
        {"id": "S1", "kind": "S", "name": "Norte"},
        {"id": "F1", "kind": "F", "name": "Alameda"},
        {"id": "F2", "kind": "F"},
        {"id": "T1", "kind": "T"},
        {"id": "T2", "kind": "T"},
        {"id": "T9", "kind": "T"},
    ],
    "edges": [
        {"id": "1", "a": "S1", "b": "F1", "state": ""},
        {"id": "2", "a": "F2", "b": "S1", "state": ""},
        {"id": "3", "a": "F1", "b": "T1", "state": ""},
        {"id": "4", "a": "T2", "b": "F2", "state": ""},
        {"id": "5", "a": "T1", "b": "T2", "state": "open"},
    ],
}


def make_customer(account: str, **changes: str) -> dict[str, str]:
    """One line of customers.csv."""
    return _CUSTOMER | {"account": account} | changes


def make_premise(premise: str, holder: str, **changes: str) -> dict[str, str]:
    """One line of premises.csv."""
    return _PREMISE | {"premise": premise, "holder": holder} | changes


def write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    lines = [",".join(rows[0])] + [",".join(map(quoted, row.values())) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def make_company(
    folder: Path,
    customers: list[dict[str, str]],
    premises: list[dict[str, str]] | None = None,
    *,
    network: dict[str, Any] | None = None,
    toml: str = TOML,
) -> Mapping:
    """Writes the files and reads the mapping."""
    write_csv(folder / "customers.csv", customers)
    write_csv(folder / "premises.csv", premises or [make_premise("P1", customers[0]["account"])])
    (folder / "network.json").write_text(json.dumps(network or NETWORK))
    (folder / "record.toml").write_text(toml)
    return read_mapping(folder / "record.toml")
