"""A made-up utility of any size as the exports it would write: the same seed, the same bytes.

Accounts as a CRM exports them (telephones typed in many ways, several accounts of one person, a few
stand-ins), supply points, and a network of substations, feeders, sections and transformers with open
ties between feeders. Nothing in it belongs to anybody.
"""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 20260712
PER_TRANSFORMER = 40
PER_FEEDER = 2_000
SUBSTATIONS = 5
"""One of five holds a fifth of the country: about 960,000 messages out of 5,000,000 customers."""

_LOCALITIES = (
    "Ñuñoa",
    "Providencia",
    "Maipú",
    "La Florida",
    "Puente Alto",
    "Quilpué",
    "Talca",
    "Lota",
)
_WEIGHTS = (2, 3, 4, 5, 6, 7)
_MAPPING = """
[record]
region = "CL"
zone = "America/Santiago"
as_of = 2026-07-12
dates = ["%Y-%m-%d"]
[consent]
voice_needs_consent = false
[phones]
separators = ["/"]
[customers]
file = "accounts.csv"
delimiter = ";"
identity = "rut_cl"
ordinary_types = ["residential"]
[customers.columns]
account = "account"
identity = "rut"
name = ["name"]
type = "type"
emails = ["email"]
phones = ["phone1", "phone2"]
sms_consent = "consent"
email_consent = "consent"
preferred = "preferred"
life_support = "life_support"
life_support_date = "registered"
updated = "updated"
[customers.life_support]
valid_for = "1 year"
[customers.channels]
sms = "sms"
email = "email"
[premises]
file = "premises.csv"
[premises.columns]
premise = "premise"
holder = "holder"
occupant = "occupant"
transformer = "transformer"
locality = "locality"
street = "street"
latitude = "latitude"
longitude = "longitude"
updated = "updated"
[network]
file = "network.json"
node_columns = { ref = "ref", kind = "kind", name = "ref" }
edge_columns = { ref = "ref", node_a = "a", node_b = "b", state = "state" }
open = ["open"]
[network.kinds]
substation = "substation"
feeder = "feeder"
section = "section"
transformer = "transformer"
"""
_ACCOUNT = ("account", "rut", "name", "type", "email", "phone1", "phone2", "consent", "preferred",
            "life_support", "registered", "updated")  # fmt: skip
_PREMISE = ("premise", "holder", "occupant", "transformer", "locality", "street", "latitude",
            "longitude", "updated")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """Where the exports lie. `mapping` names them all."""

    folder: Path
    customers: int

    @property
    def mapping(self) -> Path:
        return self.folder / "record.toml"


def make(folder: Path, customers: int) -> Country:
    """Writes the exports; about 10 µs a customer."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "record.toml").write_text(_MAPPING, encoding="utf-8")
    (folder / "network.json").write_text(json.dumps(network(customers)), encoding="utf-8")
    _write(folder / "accounts.csv", _ACCOUNT, accounts(customers), delimiter=";")
    _write(folder / "premises.csv", _PREMISE, premises(customers), delimiter=",")
    return Country(folder=folder, customers=customers)


def _write(path: Path, head: tuple[str, ...], rows: Iterator[tuple[object, ...]], delimiter: str) -> None:  # fmt: skip
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(head)
        writer.writerows(rows)


def transformers(customers: int) -> int:
    return max(1, -(-customers // PER_TRANSFORMER))


def accounts(customers: int) -> Iterator[tuple[object, ...]]:
    """One row an account. Every 25th is the second account of the customer before it."""
    draw = random.Random(SEED)
    for number in range(1, customers + 1):
        owner = number - 1 if number % 25 == 0 else number
        dice = draw.random()
        own = _subscriber(owner)
        life = number % 331 == 0
        yield (
            f"{number:08d}",
            _rut(owner),
            f"Persona {owner}",
            "business" if number % 13 == 0 else "residential",
            f"p{owner}@example.com" if dice < 0.6 else "",
            _typed(own, draw.randrange(5)) if dice < 0.92 else "",
            _second(owner, draw.random()),
            "0" if number % 50 == 0 else "1",
            "email" if number % 20 == 0 else "",
            "1" if life else "",
            f"202{5 if number % 3 else 4}-{1 + number % 12:02d}-10" if life else "",
            f"2026-0{1 + number % 6}-1{number % 10}",
        )


def _second(owner: int, dice: float) -> str:
    """A second telephone: a fixed line, the family's mobile, or what people type for `none`."""
    if dice < 0.10:
        return f"(2) 2{2_000_000 + owner % 7_000_000:07d}"
    if dice < 0.14:
        return _typed(_subscriber(owner - owner % 3), 1)
    return "999999999" if dice < 0.141 else ""


def _subscriber(owner: int) -> int:
    """A mobile number of Chile; a permutation, so that no two people share one by chance."""
    return 930_000_000 + (owner * 7_919) % 69_999_989


def _typed(number: int, way: int) -> str:
    text = str(number)
    return (
        f"+56 {text[0]} {text[1:5]} {text[5:]}",
        f"{text[0]} {text[1:5]} {text[5:]}",
        f"0{text}",
        f"56{text}",
        f"{text} / {text}",
    )[way]


def _rut(owner: int) -> str:
    body = str(5_000_000 + owner)
    total = sum(int(digit) * _WEIGHTS[place % 6] for place, digit in enumerate(reversed(body)))
    return f"{body}-{'0123456789K0'[11 - total % 11]}"


def premises(customers: int) -> Iterator[tuple[object, ...]]:
    """One supply point an account, every 40th customer a second one far away, every 30th an occupant."""
    last = transformers(customers)
    for number in range(1, customers + 1):
        home = (number - 1) // PER_TRANSFORMER
        occupant = f"{number + 1:08d}" if number % 30 == 0 and number < customers else ""
        yield _premise(f"P{number:08d}", number, occupant, home)
        if number % 40 == 0:
            yield _premise(f"Q{number:08d}", number, "", (home * 31 + 7) % last)


def _premise(ref: str, number: int, occupant: str, home: int) -> tuple[object, ...]:
    return (
        ref, f"{number:08d}", occupant, f"T{home:06d}", _LOCALITIES[home // 500 % len(_LOCALITIES)],
        f"Calle {number % 997} N° {number % 4999}", f"{-33.4 - number % 9973 / 1e5:.5f}",
        f"{-70.6 - number % 9941 / 1e5:.5f}", "2026-06-01",
    )  # fmt: skip


def network(customers: int) -> dict[str, list[dict[str, str]]]:
    """Substations feed feeders, feeders a chain of sections, sections transformers; open ties join neighbours."""
    nodes = [{"ref": f"S{number}", "kind": "substation"} for number in range(SUBSTATIONS)]
    edges: list[dict[str, str]] = []
    feeders = -(-transformers(customers) // (PER_FEEDER // PER_TRANSFORMER))
    for feeder in range(feeders):
        for ref, kind, above in _feeder(feeder, feeders, transformers(customers)):
            nodes.append({"ref": ref, "kind": kind})
            edges.append({"ref": f"E-{ref}", "a": above, "b": ref, "state": "closed"})
    edges += [
        {"ref": f"TIE-{right:04d}", "a": f"F{right - 1:04d}-4", "b": f"F{right:04d}-4", "state": "open"}
        for right in range(1, feeders)
    ]  # fmt: skip
    return {"nodes": nodes, "edges": edges}


def _feeder(number: int, feeders: int, last: int) -> Iterator[tuple[str, str, str]]:
    """(ref, kind, what feeds it) of one feeder and all under it."""
    name, each = f"F{number:04d}", PER_FEEDER // PER_TRANSFORMER
    yield name, "feeder", f"S{number * SUBSTATIONS // feeders}"
    for section in range(5):
        yield f"{name}-{section}", "section", f"{name}-{section - 1}" if section else name
    for place in range(each):
        if number * each + place < last:
            yield f"T{number * each + place:06d}", "transformer", f"{name}-{place * 5 // each}"
