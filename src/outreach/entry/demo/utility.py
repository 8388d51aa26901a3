"""Makes the exports of an invented company: customers, supplies, network; the same seed, the same files.

Written as such systems write them: cp1252 and `;` from the CRM, a BOM and decimal commas from the GIS, JSON
from the network. Telephones have the form of real ones and e-mails end in `.example`; the demo sends to none.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from outreach.entry.demo.names import FAMILY, GIVEN, STREETS, TRADES

SEED = 20260716
CUSTOMERS = 3_600
CRM, GIS, GRID = "crm_customers.csv", "gis_supplies.csv", "gis_network.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeder:
    """A feeder with its share of the customers and the places that its three sections serve."""

    ref: str
    share: float
    places: tuple[str, str, str]
    class_a: int = 4


FEEDERS = (
    Feeder(ref="ALB-F11", share=0.21, places=("Puerto Alba", "Puerto Alba", "El Faro")),
    Feeder(
        ref="ALB-F12", share=0.17, places=("Costa Clara", "Las Dunas", "Quebrada Honda"), class_a=14
    ),
    Feeder(ref="ALB-F13", share=0.11, places=("Puerto Alba", "Costa Clara", "Costa Clara")),
    Feeder(ref="ALB-F14", share=0.10, places=("El Faro", "El Faro", "Caleta Vieja")),
    Feeder(ref="DUN-F21", share=0.08, places=("Caleta Vieja", "Caleta Vieja", "Tres Molinos")),
    Feeder(ref="DUN-F22", share=0.11, places=("Tres Molinos", "Tres Molinos", "Camino Alto")),
    Feeder(ref="DUN-F23", share=0.11, places=("Camino Alto", "Las Dunas", "Las Dunas")),
    Feeder(ref="DUN-F24", share=0.11, places=("Quebrada Honda", "Camino Alto", "Camino Alto")),
)
SECTION_SHARES = (0.20, 0.45, 0.35)
TRANSFORMERS_A_SECTION = 5
OWNERS_EVERY = 40
"""Every so-manieth account is the second of the customer before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One account, as the generator knows it: what the callers of the night are drawn from."""

    account: str
    feeder: str
    section: str
    transformer: str
    place: str
    language: str
    kind: str
    phones: tuple[str, ...]
    email: str
    is_life_support: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Utility:
    """The invented company: its accounts, and the seed that drew them."""

    people: tuple[Person, ...]
    seed: int

    def under(self, node: str) -> list[Person]:
        """Accounts fed through a feeder or a section."""
        return [one for one in self.people if node in {one.feeder, one.section}]


def drawn(customers: int = CUSTOMERS, seed: int = SEED) -> Utility:
    """A company of about so many customers, 300 at least for every feeder to have some."""
    random = Random(seed)  # noqa: S311  invented data
    numbers = _mobiles(random)
    people: list[Person] = []
    for feeder in FEEDERS:
        count = round(customers * feeder.share)
        ill = set(random.sample(range(count), min(feeder.class_a, count)))
        for place in range(count):
            people.append(
                _person(feeder, 40_000_001 + len(people), (numbers, random), is_ill=place in ill)
            )
    return Utility(people=tuple(people), seed=seed)


def _person(
    feeder: Feeder, number: int, drawing: tuple[Iterator[str], Random], *, is_ill: bool
) -> Person:
    numbers, random = drawing
    section = random.choices(range(3), SECTION_SHARES)[0]
    language = random.choices(("ES", "PT", "EN"), (82, 10, 8))[0]
    kind = random.choices(("RESIDENCIAL", "COMERCIAL", "INDUSTRIAL"), (86, 13, 1))[0]
    phones, has_email = _contacts(numbers, random)
    ref = f"{feeder.ref}-S{section + 1}"
    return Person(
        account=str(number),
        feeder=feeder.ref,
        section=ref,
        transformer=f"{ref}-T{random.randrange(TRANSFORMERS_A_SECTION) + 1:02}",
        place=feeder.places[section],
        language=language,
        kind="RESIDENCIAL" if is_ill else kind,
        phones=phones,
        email=f"cliente{number}@correo.example" if has_email else "",
        is_life_support=is_ill,
    )


def _contacts(numbers: Iterator[str], random: Random) -> tuple[tuple[str, ...], bool]:
    """Most have a mobile, many an e-mail; some only a landline, some nothing, some what cannot be read."""
    drawn_at = random.random()
    mobile = next(numbers)
    landline = f"32 2{random.randrange(20, 99)} {random.randrange(1000, 9999)}"
    if drawn_at < 0.74:  # noqa: PLR2004  shares of the record
        return (_as_typed(mobile, random),), random.random() < 0.45  # noqa: PLR2004
    if drawn_at < 0.86:  # noqa: PLR2004
        return (landline, _as_typed(mobile, random)), random.random() < 0.5  # noqa: PLR2004
    if drawn_at < 0.93:  # noqa: PLR2004
        return (), True
    if drawn_at < 0.97:  # noqa: PLR2004
        return (landline,), False
    return (random.choice(("999999999", "no tiene", "12345", "")),), False


def _as_typed(mobile: str, random: Random) -> str:
    """The nine digits as clerks type them."""
    forms = (mobile, f"+56 {mobile}", f"9 {mobile[1:5]} {mobile[5:]}", f"09-{mobile[1:]}")
    return random.choices(forms, (50, 25, 15, 10))[0]


def _mobiles(random: Random) -> Iterator[str]:
    """Nine national digits, none twice."""
    seen: set[int] = set()
    while True:
        number = random.randrange(10_000_000)
        if number not in seen:
            seen.add(number)
            yield f"9{random.choice('2345678')}{number:07}"


def write_exports(utility: Utility, folder: Path) -> None:
    """The three files that the company's systems would export."""
    folder.mkdir(parents=True, exist_ok=True)
    random = Random(utility.seed + 1)  # noqa: S311  invented data
    rows = list(_crm_rows(utility.people, random))
    _write_csv(folder / CRM, CRM_COLUMNS, rows, encoding="cp1252", delimiter=";")
    supplies = _gis_rows(utility.people, random)
    _write_csv(folder / GIS, GIS_COLUMNS, supplies, encoding="utf-8-sig", delimiter=",")
    (folder / GRID).write_text(json.dumps(_grid(), indent=1), encoding="utf-8")


CRM_COLUMNS = (
    "CUENTA", "DOCUMENTO", "NOMBRE", "APELLIDO", "TIPO", "IDIOMA", "EMAIL", "FONO1", "FONO2", "ACEPTA_SMS",
    "ACEPTA_EMAIL", "PREFIERE", "ELECTRODEPENDIENTE", "REGISTRO_ED", "ESTADO", "ACTUALIZADO",
)  # fmt: skip
GIS_COLUMNS = (
    "SUMINISTRO",
    "CUENTA",
    "TRANSFORMADOR",
    "DIRECCION",
    "COMUNA",
    "LATITUD",
    "LONGITUD",
)


def _crm_rows(people: Sequence[Person], random: Random) -> Iterator[tuple[str, ...]]:
    before = ""
    for number, one in enumerate(people):
        is_second = before and int(one.account) % OWNERS_EVERY == 0
        document = before if is_second else f"CC-{number + 1:06}"
        before = document
        yield _crm_row(one, document, random)
    for number in range(len(people) // 300):  # what every export carries: closed and broken rows
        yield _crm_row(people[number], "", random, account=f"4{number}", state="ACTIVA")
        yield _crm_row(people[number], "", random, account=f"4999{number:04}", state="BAJA")


def _crm_row(
    one: Person, document: str, random: Random, *, account: str = "", state: str = "ACTIVA"
) -> tuple[str, ...]:
    phones = (*one.phones, "", "")
    is_home = one.kind == "RESIDENCIAL"
    given = random.choice(GIVEN) if is_home else random.choice(TRADES)
    sms = random.choices(("S", "N", ""), (93, 5, 2))[0]
    mail = random.choices(("S", "N"), (90, 10))[0]
    prefers = random.choices(("SMS", "EMAIL", ""), (55, 15, 30))[0]
    return (
        account or one.account, document, given, random.choice(FAMILY), one.kind, one.language, one.email,
        phones[0], phones[1], "S" if one.is_life_support else sms, mail, prefers,
        "S" if one.is_life_support else "N", "02/03/2026" if one.is_life_support else "", state,
        f"{random.randrange(1, 29):02}/{random.randrange(1, 7):02}/2026",
    )  # fmt: skip


def _gis_rows(people: Sequence[Person], random: Random) -> Iterator[tuple[str, ...]]:
    for number, one in enumerate(people, 1):
        south, west = (32.8 + random.random() / 5, 71.4 + random.random() / 5)
        street = f"{random.choice(STREETS)} {random.randrange(10, 2900)}"
        where = (f"-{south:.5f}".replace(".", ","), f"-{west:.5f}".replace(".", ","))
        yield (f"S{number:07}", one.account, one.transformer, street, one.place, *where)


def _grid() -> dict[str, list[dict[str, str]]]:
    """Two substations, their feeders in three sections, and one tie that is normally open."""
    nodes = [_node("ALB", "subestacion", "S/E Alba"), _node("DUN", "subestacion", "S/E Dunas")]
    lines = []
    for feeder in FEEDERS:
        nodes.append(_node(feeder.ref, "alimentador", f"Alimentador {feeder.ref}"))
        lines.append((feeder.ref[:3], feeder.ref, "CERRADO"))
        for number, place in enumerate(feeder.places, 1):
            section = f"{feeder.ref}-S{number}"
            nodes.append(_node(section, "seccion", place))
            lines.append((feeder.ref, section, "CERRADO"))
            for name in (f"{section}-T{n + 1:02}" for n in range(TRANSFORMERS_A_SECTION)):
                nodes.append(_node(name, "transformador", name))
                lines.append((section, name, "CERRADO"))
    lines.append(("ALB-F12-S3", "DUN-F21-S3", "ABIERTO"))
    edges = [
        {"id": f"L{n:04}", "a": a, "b": b, "estado": state}
        for n, (a, b, state) in enumerate(lines, 1)
    ]
    return {"nodos": nodes, "tramos": edges}


def _node(ref: str, kind: str, name: str) -> dict[str, str]:
    return {"id": ref, "tipo": kind, "nombre": name}


def _write_csv(
    path: Path, columns: Sequence[str], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]],
    *, encoding: str, delimiter: str,
) -> None:  # fmt: skip
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(rows)


def some_mobile(utility: Utility, node: str, *, language: str = "ES") -> str:
    """A number under a node, of a home of one account that speaks this language: one that may ask at the IVR."""
    return next(
        one.phones[0]
        for one in utility.under(node)
        if one.language == language
        and len(one.phones) == 1
        and not one.is_life_support
        and one.phones[0].startswith(("+56 9", "9 "))
        and not _owns_two(int(one.account))
    )


def _owns_two(account: int) -> bool:
    return account % OWNERS_EVERY in {0, OWNERS_EVERY - 1}
