"""A small electricity company, written as the exports that `outreach record import` takes in."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FEEDER, NORTH, SOUTH, OTHER = "ALM-F12", "ALM-F12-S1", "ALM-F12-S2", "ALM-F21"
"""A feeder with two sections, each with two transformers, and a feeder beside it."""
LOCALITIES = {NORTH: "Providencia", SOUTH: "Ñuñoa", OTHER: "Macul"}
_TRANSFORMERS = {NORTH: ("T1", "T2"), SOUTH: ("T3", "T4"), OTHER: ("T9",)}

MAPPING = """\
[record]
region = "CL"
zone = "America/Santiago"
locale = "es"
shared_by_more_than = 10

[consent]
yes = ["SI"]
no = ["NO"]

[customers]
file = "clientes.csv"
encoding = "cp1252"
delimiter = ";"
identity = "plain"
ordinary_types = ["RESIDENCIAL"]

[customers.columns]
account = "Nº CLIENTE"
identity = "RUT"
name = ["NOMBRE"]
type = "TIPO"
language = "IDIOMA"
emails = ["EMAIL"]
phones = ["TELEFONO"]
sms_consent = "SMS"
email_consent = "CORREO"
life_support = "ELECTRODEPENDIENTE"
life_support_date = "DESDE"

[customers.languages]
ES = "es"
PT = "pt"
EN = "en"

[customers.life_support]
yes = ["SI"]
valid_for = "1 year"

[premises]
file = "suministros.csv"
encoding = "utf-8"

[premises.columns]
premise = "ID"
holder = "CLIENTE"
transformer = "TRANSFORMADOR"
locality = "COMUNA"
street = "DIRECCION"

[network]
file = "red.json"
node_columns = { ref = "id", kind = "tipo", name = "nombre" }
edge_columns = { ref = "id", node_a = "a", node_b = "b", state = "estado" }
kinds = { SE = "substation", AL = "feeder", SC = "section", TR = "transformer" }
open = ["ABIERTO"]
"""

CALLS = """\
[file]
encoding = "utf-8"
delimiter = ";"
source = "exchange"

[columns]
call_id = "ID"
at = "HORA"
ani = "ANI"
dnis = "DNIS"
result = "RESULTADO"

[at]
format = "%Y-%m-%d %H:%M:%S"
zone = "America/Santiago"

[words]
abandoned = ["ABANDONADA"]
hidden = ["anonymous"]

[outage]
numbers = ["6002001111"]

[phones]
region = "CL"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One account with one supply. `phone` is E.164; both may be empty."""

    account: str
    section: str
    kind: str = "RESIDENCIAL"
    language: str = "ES"
    phone: str = ""
    email: str = ""
    consents: bool = True
    life_support: bool = False
    transformer: int = 0

    @property
    def channel(self) -> str:
        """The channel on which this person hears: sms before e-mail, or none."""
        if not self.consents:
            return ""
        return "sms" if self.phone else "email" if self.email else ""

    @property
    def address(self) -> str:
        return {"sms": self.phone, "email": self.email, "": ""}[self.channel]


def town() -> tuple[Person, ...]:
    """34 accounts in Providencia and 26 in Ñuñoa on the feeder, four of them class A; five beside it.

    On the feeder 47 hear by SMS, 10 by e-mail; two have no address and one refuses messages.
    """
    people = [_resident(number, NORTH) for number in range(1, 35)]
    people += [_resident(number, SOUTH) for number in range(35, 61)]
    return (*people, *(_resident(number, OTHER) for number in range(61, 66)))


def _resident(number: int, section: str) -> Person:
    by_mail = number % 6 == 0
    silent = number in {7, 47}
    return Person(
        account=f"{10_000_000 + number}",
        section=section,
        kind="COMERCIAL" if number % 11 == 0 else "RESIDENCIAL",
        language={13: "PT", 19: "EN", 43: "PT"}.get(number, "ES"),
        phone="" if by_mail or silent else f"+5697123{number:04}",
        email=f"vecino{number}@town.example" if by_mail else "",
        consents=number != 29,
        life_support=number in {2, 5, 38, 41},
        transformer=number % 2,
    )


def write(
    folder: Path,
    people: Iterable[Person],
    *,
    registered: str = "2026-03-01",
    calls: bool = False,
) -> Path:
    """Writes the exports and the mapping file into `folder`; returns the mapping's path.

    calls: whether class A may be called as well.
    """
    people = tuple(people)
    folder.mkdir(parents=True, exist_ok=True)
    rows = [_customer(one, registered) for one in people]
    if calls:
        rows = [row | {"LLAMADA": row["ELECTRODEPENDIENTE"] or "NO"} for row in rows]
    _csv(folder / "clientes.csv", rows, encoding="cp1252", delimiter=";")
    _csv(folder / "suministros.csv", [_premise(one) for one in people], encoding="utf-8")
    (folder / "red.json").write_text(json.dumps(_network()), encoding="utf-8")
    (folder / "calls.toml").write_text(CALLS, encoding="utf-8")
    mapping = folder / "record.toml"
    column = 'sms_consent = "SMS"\n'
    may_call = column + 'voice_consent = "LLAMADA"\n'
    text = MAPPING.replace(column, may_call) if calls else MAPPING
    mapping.write_text(text, encoding="utf-8")
    return mapping


def write_calls(path: Path, calls: Iterable[tuple[str, str]]) -> Path:
    """A call log of (wall time `2026-07-16 02:50:00`, number as the exchange writes it)."""
    rows = [
        {"ID": f"L{number}", "HORA": at, "ANI": ani, "DNIS": "6002001111", "RESULTADO": "ATENDIDA"}
        for number, (at, ani) in enumerate(calls, 1)
    ]
    _csv(path, rows, encoding="utf-8", delimiter=";")
    return path


def _customer(one: Person, registered: str) -> dict[str, str]:
    consent = "SI" if one.consents else "NO"
    return {
        "Nº CLIENTE": one.account,
        "RUT": f"R{one.account}",
        "NOMBRE": f"Vecina Ñ {one.account}",
        "TIPO": one.kind,
        "IDIOMA": one.language,
        "EMAIL": one.email,
        "TELEFONO": one.phone.removeprefix("+56"),
        "SMS": consent,
        "CORREO": consent,
        "ELECTRODEPENDIENTE": "SI" if one.life_support else "",
        "DESDE": registered if one.life_support else "",
    }


def _premise(one: Person) -> dict[str, str]:
    return {
        "ID": f"S-{one.account}",
        "CLIENTE": one.account,
        "TRANSFORMADOR": _TRANSFORMERS[one.section][one.transformer % len(_TRANSFORMERS[one.section])],
        "COMUNA": LOCALITIES[one.section],
        "DIRECCION": f"Calle Los Aromos {one.account[-2:]}",
    }  # fmt: skip


def _network() -> dict[str, list[dict[str, str]]]:
    parents = {FEEDER: "SE-ALM", OTHER: "SE-ALM", NORTH: FEEDER, SOUTH: FEEDER}
    parents |= {node: section for section, nodes in _TRANSFORMERS.items() for node in nodes}
    kinds = {"SE-ALM": "SE", FEEDER: "AL", OTHER: "AL", NORTH: "SC", SOUTH: "SC"}
    nodes = ["SE-ALM", *parents]
    return {
        "nodes": [{"id": node, "tipo": kinds.get(node, "TR"), "nombre": node} for node in nodes],
        "edges": [
            {"id": f"E{number}", "a": parent, "b": node, "estado": "CERRADO"}
            for number, (node, parent) in enumerate(parents.items(), 1)
        ],
    }


def _csv(path: Path, rows: list[dict[str, str]], *, encoding: str, delimiter: str = ",") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
