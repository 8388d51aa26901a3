"""The sample utility's send log and calls give the answers that were worked out beside it."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.addresses import Keyring, normalise_phone
from outreach.deflection import array_sums
from outreach.deflection.calls import CallsReport, import_calls
from outreach.deflection.calls_mapping import CallsMapping, read_calls_mapping
from outreach.deflection.episodes import exposure
from outreach.deflection.estimate import estimate, from_sums
from outreach.deflection.refusals import Design, inversions
from outreach.model.deflection import Deflection, IdentifiedCall, Slot
from outreach.model.numbering import PhoneRefused
from outreach.store import tables as t
from outreach.store.session import Database

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT.parent / "shared" / "sample-utility"
MAPPING = ROOT / "docs" / "examples" / "rio-claro" / "calls.toml"
NOW = datetime(2026, 9, 3, tzinfo=UTC)

pytestmark = pytest.mark.skipif(
    not SAMPLE.exists(), reason="../shared/sample-utility is not here: nothing to compare with"
)


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLE / "answers.json").read_text())["deflection"]
    return found


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLE / "parametros.json").read_text())
    return found


@pytest.fixture(scope="module")
def log() -> list[dict[str, str]]:
    with (SAMPLE / "envios_referencia.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.fixture(scope="module")
def slots(log: list[dict[str, str]]) -> list[Slot]:
    outcome = {"ENTREGADO": True, "NO_ENTREGADO": False, "": None}
    return [
        Slot(
            household=row["HOGAR"],
            priority=row["CLASE"],
            channel=row["CANAL"],
            wave="1",
            order=int(row["ORDEN"]),
            slot_at=datetime.fromisoformat(row["HORA_TURNO"]),
            delivered=outcome[row["RESULTADO"]],
            receipt_at=datetime.fromisoformat(row["HORA_ACUSE"]) if row["HORA_ACUSE"] else None,
            until=datetime.fromisoformat(row["HORA_REPOSICION"]),
        )
        for row in log
    ]


@pytest.fixture(scope="module")
def start(parameters: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(parameters["inicio_corte_campana"]).astimezone(UTC)


@pytest.fixture(scope="module")
def callers(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Database:
    path = tmp_path_factory.mktemp("sample") / "calls.db"
    path.write_bytes(sqlite_template.read_bytes())
    return Database(f"sqlite:///{path}")


@pytest.fixture(scope="module")
def keys() -> Keyring:
    return Keyring(seals={1: b"s" * 32}, hashing=b"h" * 32, tokens=b"t" * 32, ids=b"i" * 32)


@pytest.fixture(scope="module")
def imported(callers: Database, keys: Keyring) -> CallsReport:
    _fill_record(callers, keys)
    return import_calls(
        callers, keys, read_calls_mapping(MAPPING), path=SAMPLE / "llamadas.csv", now=NOW
    )


@pytest.fixture(scope="module")
def calls(
    callers: Database, imported: CallsReport, log: list[dict[str, str]], keys: Keyring
) -> list[IdentifiedCall]:
    of = {
        keys.hash(phone): row["HOGAR"]
        for row in log
        for phone in row["TELEFONOS"].split("|")
        if phone
    }
    return [
        IdentifiedCall(household=of[row.address_hash], at=row.at)
        for row in _rows(callers)
        if row.dnis == "6002001111" and row.address_hash in of
    ]


def test_every_row_of_the_call_log_is_accounted_for(answers, imported):
    assert imported.rows == answers["call_rows"]
    assert imported.imported == answers["distinct_calls"]
    assert imported.repeated == answers["call_rows"] - answers["distinct_calls"]
    assert imported.outage == answers["outage_number_calls"]
    assert imported.refused == []


def test_the_calls_of_the_first_six_hours_add_up(answers, imported, callers, start):
    window = [
        row
        for row in _rows(callers)
        if row.dnis == "6002001111" and start <= row.at < start + timedelta(minutes=360)
    ]

    assert len(window) == answers["outage_number_calls_in_window"]
    assert sum(row.known for row in window) == answers["calls_in_window_from_known_numbers"]
    hidden = sum(row.address_hash is None for row in window)
    assert hidden == answers["calls_in_window_hidden_or_unreadable"]


def test_contained_and_abandoned_calls_are_told_apart(answers, imported, callers):
    rows = [row for row in _rows(callers) if row.dnis == "6002001111"]

    assert sum(row.contained for row in rows) == answers["contained"]
    assert sum(row.abandoned for row in rows) == answers["abandoned"]


def test_the_send_log_is_the_one_of_the_answers(answers, slots, parameters):
    by_kind: dict[str, int] = {}
    for slot in slots:
        kind = f"{slot.priority}/{slot.channel}"
        by_kind[kind] = by_kind.get(kind, 0) + 1

    assert len(slots) == answers["households_sent"]
    assert by_kind == answers["by_class_channel"]
    known = sum(slot.delivered is not None for slot in slots) / len(slots)
    assert known == pytest.approx(answers["receipts_known_share"])
    seed = bytes.fromhex(parameters["semilla_campana"])
    assert inversions(slots, seed) == answers["order_inversions"]


@pytest.mark.parametrize(
    ("name", "grace"),
    [
        pytest.param("with_measured_grace", None, id="measured grace"),
        pytest.param("with_fixed_grace_2", {"sms": 2.0, "email": 2.0}, id="fixed grace"),
    ],
)
def test_the_estimate_is_that_of_the_answers(name, grace, answers, slots, calls, start, parameters):  # noqa: PLR0913, PLR0917  fixtures
    expected = answers[name]

    measured = estimate(
        slots,
        calls,
        start=start,
        design=_design(parameters, start),
        grace=grace,
        identified_share=expected["identified_share"],
    )

    assert dict(measured.grace) == pytest.approx(expected["grace_minutes"])
    assert _numbers(measured) == pytest.approx(_expected(expected), rel=1e-9, abs=1e-9)
    assert measured.publishable is expected["published"]
    assert measured.verdict == expected["verdict"]
    table = exposure(slots, start, dict(measured.grace))
    assert sum(map(sum, table.unsent.values())) == pytest.approx(expected["T0_total"], rel=1e-9)
    assert sum(map(sum, table.told.values())) == pytest.approx(expected["T1_total"], rel=1e-9)


@pytest.mark.parametrize("name", ["with_measured_grace", "with_fixed_grace_2"])
def test_sums_over_arrays_give_the_answers_too(name, answers, slots, calls, start):
    expected = answers[name]
    log = array_sums.of_slots(slots, calls, start=start, grace=expected["grace_minutes"])

    found = array_sums.episodes(log)
    measured = replace(
        from_sums(array_sums.summed(log, found), identified_share=expected["identified_share"]),
        counts=array_sums.counted(log, found),
    )

    assert _numbers(measured) == pytest.approx(_expected(expected), rel=1e-9, abs=1e-9)


def test_the_calls_at_risk_are_those_of_the_answers(answers, slots, calls, start, parameters):
    measured = estimate(slots, calls, start=start, design=_design(parameters, start))

    assert measured.counts is not None
    at_risk = measured.counts.episodes + measured.counts.repeats
    assert at_risk == answers["matched_calls_at_risk"]


def test_the_identified_share_comes_from_the_calls_themselves(answers, imported, callers, start):
    window = [
        row
        for row in _rows(callers)
        if row.dnis == "6002001111" and start <= row.at < start + timedelta(minutes=360)
    ]

    share = sum(row.known for row in window) / len(window)

    assert share == pytest.approx(answers["with_measured_grace"]["identified_share"])


def _design(parameters: dict[str, Any], start: datetime) -> Design:
    return Design(
        seed=bytes.fromhex(parameters["semilla_campana"]),
        seed_hash=parameters["semilla_campana_sha256"],
        seed_stored_at=start,
        first_sent_at=start + timedelta(minutes=10),
    )


def _numbers(measured: Deflection) -> dict[str, float | None]:
    sums, counts = measured.sums, measured.counts
    limits, itt, avoided = (
        measured.theta_interval,
        measured.itt_interval,
        measured.calls_avoided_interval,
    )
    assert sums
    assert counts
    assert limits
    assert itt
    assert avoided
    return {
        "Ad": sums.delivered_w0,
        "Au": sums.undelivered_w0,
        "B": sums.unsent_w1,
        "D": sums.unsent_w1 - sums.undelivered_w0,
        "Sxx": sums.sxx,
        "Sxy": sums.sxy,
        "Syy": sums.syy,
        "theta_msg": measured.theta_msg,
        "V": measured.variance,
        "V_unclustered": measured.plain_variance,
        "theta_low": limits.low,
        "theta_high": limits.high,
        "theta_itt": measured.theta_itt,
        "V_itt_greenland_robins": measured.itt_variance,
        "V_itt_clustered": measured.itt_clustered_variance,
        "itt_low": itt.low,
        "itt_high": itt.high,
        "calls_avoided": measured.calls_avoided,
        "avoided_low": avoided.low,
        "avoided_high": avoided.high,
        "calls_avoided_scaled": measured.calls_avoided_scaled,
        "episode": counts.episodes,
        "unsent": counts.unsent,
        "delivered": counts.delivered,
        "undelivered": counts.undelivered,
        "in_grace": counts.in_grace,
        "repeat": counts.repeats,
    }


def _expected(answer: dict[str, Any]) -> dict[str, float]:
    counts: dict[str, float] = answer["calls"]
    low, high = answer["theta_msg_ci95"]
    itt_low, itt_high = answer["theta_itt_ci95_clustered"]
    avoided_low, avoided_high = answer["calls_avoided_ci95"]
    plain = (
        "Ad", "Au", "B", "D", "Sxx", "Sxy", "Syy", "theta_msg", "V", "V_unclustered", "theta_itt",
        "V_itt_greenland_robins", "V_itt_clustered", "calls_avoided", "calls_avoided_scaled",
    )  # fmt: skip
    return {name: answer[name] for name in plain} | counts | {
        "theta_low": low,
        "theta_high": high,
        "itt_low": itt_low,
        "itt_high": itt_high,
        "avoided_low": avoided_low,
        "avoided_high": avoided_high,
    }  # fmt: skip


def _rows(database: Database) -> Any:
    with database.read() as session:
        return session.execute(t.call.select()).all()


def _fill_record(database: Database, keys: Keyring) -> None:
    """Every readable telephone of the CRM as a contact point, but those many customers share."""
    mapping = read_calls_mapping(MAPPING)
    holders: dict[str, set[str]] = {}
    with (SAMPLE / "crm_clientes.csv").open(
        encoding="cp1252", errors="replace", newline=""
    ) as file:
        for row in csv.DictReader(file, delimiter=";"):
            for cell in (row["TELEFONO1"], row["TELEFONO2"]):
                for number in _phones(cell or "", mapping):
                    holders.setdefault(number, set()).add(_person(row))
    with database.write() as session:
        session.execute(
            t.contact_point.insert(),
            [
                {
                    "channel": "sms",
                    "address_hash": keys.hash(number),
                    "address_sealed": b"",
                    "country": "CL",
                    "prefix": "",
                    "customers": len(people),
                }
                for number, people in holders.items()
                if len(people) <= 10
            ],
        )


def _phones(cell: str, mapping: CallsMapping) -> list[str]:
    pieces = cell.replace(" y ", "/").replace(";", "/").split("/")
    read = [
        normalise_phone(
            piece, region="CL", countries=mapping.countries, stand_ins=mapping.stand_ins
        )
        for piece in pieces
    ]
    return [phone.e164 for phone in read if not isinstance(phone, PhoneRefused)]


def _person(row: dict[str, str]) -> str:
    written = "".join(sign for sign in row["RUT"].upper() if sign.isalnum()).lstrip("0")
    return written or next(iter(row.values()))
