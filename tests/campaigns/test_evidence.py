"""The evidence of an occasion: complete, opaque, signed, and changed by nobody in silence."""

from __future__ import annotations

import csv
import json
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from tests import make
from tests.campaigns.opened import NOW, launched, make_engine

from outreach.addresses import new_keyring
from outreach.campaigns import evidence
from outreach.campaigns.engine import Engine
from outreach.campaigns.evidence import Bundle, Subject
from outreach.entry.cli.output import unspoiled
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion, OccasionId
from outreach.outages import packs
from outreach.store import audit, evidence as kept, occasions, tables as t
from outreach.store.session import Database

LATER = NOW + timedelta(minutes=5)


def write(database: Database, occasion: Occasion, folder: Path) -> Bundle:
    subject = Subject(
        occasion=occasion, public_id="out_abcdefgh", about={"company": "Luz"},
        rules=packs.read_pack("AR", folder).rules,
    )  # fmt: skip
    return evidence.write(
        database, subject, folder, keyring=make.KEYRING, guard=unspoiled, now=LATER
    )


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def told_town(engine: Engine) -> Occasion:
    """An outage told to a town: one message delivered with its receipt, one refused, one in doubt."""
    occasion = launched(engine).occasion
    with engine.database.write() as session:
        m = t.message
        first, second, third, *_ = session.scalars(
            m.select().with_only_columns(m.c.id).order_by(m.c.id)
        )
        changes: list[tuple[int, dict[str, Any]]] = [
            (first, {"state": "delivered", "provider": "twilio", "provider_ref": "SM1", "try": 1,
                     "accepted_at": NOW, "delivered_at": LATER, "body_hash": b"\x01\x02"}),
            (second, {"state": "failed", "reason": "=HYPERLINK(1) no route to +56911112222 of a@b.cl"}),
            (third, {"state": "in_doubt"}),
        ]  # fmt: skip
        for number, values in changes:
            session.execute(m.update().where(m.c.id == number).values(**values))
        session.execute(
            insert(t.receipt).values(
                provider="twilio", event_key="e1", message_id=first, state="delivered", code="0",
                received_at=LATER, raw_sealed=b"raw",
            )
        )  # fmt: skip
        session.execute(
            insert(t.attempt).values(
                message_id=third, lane="sms", started_at=NOW, outcome="in_doubt", code="", reason="",
                looks=0, **{"try": 1},
            )
        )  # fmt: skip
        wave = session.scalars(t.step_run.select().with_only_columns(t.step_run.c.id)).first()
        session.execute(
            insert(t.left_out).values(step_run_id=wave, customer_id=7, reason="no_consent")
        )
        audit.write(session, "ana", "note", f"occasion:{occasion.id}", now=LATER, why="x")
    return occasion


def test_the_bundle_says_who_was_told_what_when_and_who_was_not(database, tmp_path) -> None:
    engine = make_engine(database, tmp_path)
    occasion = told_town(engine)
    folder = tmp_path / "evidence"

    bundle = write(engine.database, occasion, folder)

    messages = table(folder, "messages.csv")
    delivered = next(row for row in messages if row["state"] == "delivered")
    assert (delivered["provider"], delivered["provider_ref"]) == ("twilio", "SM1")
    assert delivered["delivered_at"] == LATER.isoformat().replace("+00:00", "Z")
    assert delivered["body_hash"] == "0102"
    assert [row["message_id"] for row in table(folder, "receipts.csv")] == [delivered["id"]]
    assert [row["outcome"] for row in table(folder, "attempts.csv")] == ["in_doubt"]
    waves = {row["id"]: row for row in table(folder, "waves.csv")}
    left_out = table(folder, "left_out.csv")
    assert [row["reason"] for row in left_out] == ["no_consent"]
    assert left_out[0]["step_run_id"] in waves
    assert len(messages) == sum(int(row["frozen"]) for row in waves.values())
    assert [row["version"] for row in table(folder, "revisions.csv")] == ["1"]
    assert "note" in {row["action"] for row in table(folder, "audit.csv")}
    assert "ar.planned_notice.electricity" in {row["id"] for row in table(folder, "rules.csv")}
    assert bundle.files["messages.csv"]["rows"] == len(messages)


def test_the_texts_are_in_it_once_by_the_digest_that_the_run_names(database, tmp_path) -> None:
    engine = make_engine(database, tmp_path)
    occasion = told_town(engine)
    folder = tmp_path / "evidence"

    write(engine.database, occasion, folder)

    (run,) = table(folder, "runs.csv")
    step = table(folder, "waves.csv")[0]["template"]
    assert "{{ zone }}" in (folder / "texts" / run["pinned"] / step / "es" / "sms.txt").read_text()
    assert (folder / "texts" / run["pinned"] / "campaign.toml").exists()


def test_it_holds_opaque_ids_only_and_no_cell_is_a_formula(database, tmp_path) -> None:
    engine = make_engine(database, tmp_path)
    occasion = told_town(engine)
    folder = tmp_path / "evidence"

    write(engine.database, occasion, folder)

    tables = "".join(path.read_text() for path in folder.glob("*.csv"))
    assert "+569" not in tables
    assert "@" not in tables
    failed = next(row for row in table(folder, "messages.csv") if row["state"] == "failed")
    assert failed["reason"] == "'=HYPERLINK(1) no route to … of …"
    assert all(row["customer_id"].startswith("cus_") for row in table(folder, "left_out.csv"))
    assert all(row["id"].startswith("msg_") for row in table(folder, "messages.csv"))
    assert (folder / "messages.csv").stat().st_mode & 0o077 == 0


@pytest.fixture
def bundle(sqlite_template: Path, tmp_path: Path) -> Path:
    """A small bundle, on SQLite alone: what verifies reads files."""
    path = tmp_path / "town.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    with database.write() as session:
        occasion = occasions.get(session, OccasionId(make.make_occasion(session)))
    write(database, occasion, tmp_path / "evidence")
    database.close()
    return tmp_path / "evidence"


def test_untouched_it_verifies(bundle: Path) -> None:
    assert evidence.faults(bundle, make.KEYRING) == []


def test_one_changed_byte_of_any_file_is_found(bundle: Path) -> None:
    for path in sorted(bundle.rglob("*.csv")):
        whole = path.read_bytes()
        path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])

        assert evidence.faults(bundle, make.KEYRING) == [f"{path.name}: changed"]

        path.write_bytes(whole)


def test_a_file_taken_away_or_put_in_is_found(bundle: Path) -> None:
    (bundle / "messages.csv").rename(bundle / "more.csv")

    assert evidence.faults(bundle, make.KEYRING) == [
        "messages.csv: missing", "more.csv: not of this bundle",
    ]  # fmt: skip


def test_a_manifest_that_was_mended_to_fit_is_found(bundle: Path) -> None:
    path = bundle / "manifest.json"
    path.write_text(path.read_text().replace("ALM-F12", "ALM-F13"))

    assert evidence.faults(bundle, make.KEYRING) == [
        "manifest.json: changed, or signed by another installation"
    ]


def test_another_installation_cannot_have_signed_it(bundle: Path) -> None:
    assert "another installation" in evidence.faults(bundle, new_keyring())[0]


@pytest.mark.parametrize("content", ["", "[]", '{"files": {}}', '{"signature": "x", "files": 3}'])
def test_a_damaged_manifest_is_no_evidence(bundle: Path, content: str) -> None:
    (bundle / "manifest.json").write_text(content)

    assert evidence.faults(bundle, make.KEYRING) == ["manifest.json: damaged"]


def test_the_signature_is_one_that_anybody_can_verify_with_its_public_key(bundle: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    body = json.loads((bundle / "manifest.json").read_text())
    signed = bytes.fromhex(body.pop("signature"))
    canonical = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    Ed25519PublicKey.from_public_bytes(signed[:32]).verify(signed[32:], canonical.encode())


def test_a_folder_that_holds_something_is_not_written_into(bundle: Path) -> None:
    with pytest.raises(InputRefused, match="not empty"):
        evidence.write(
            None, None, bundle, keyring=make.KEYRING, guard=unspoiled, now=NOW  # type: ignore[arg-type]
        )  # fmt: skip


def test_a_folder_without_a_bundle_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="give a folder of evidence"):
        evidence.faults(tmp_path, make.KEYRING)


def test_memory_does_not_grow_with_the_number_of_messages(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PAGE", 100)
    path = tmp_path / "town.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    peaks = []
    for number in (200, 2_000):
        with database.write() as session:
            occasion = occasions.get(session, OccasionId(make.make_occasion(session)))
            wave = make.make_step_run(session, run=make.make_run(session, occasion=occasion.id))
            session.execute(insert(t.message), [_message(wave, each) for each in range(number)])
        tracemalloc.start()
        write(database, occasion, tmp_path / f"evidence{number}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    database.close()

    assert len(table(tmp_path / "evidence2000", "messages.csv")) == 2_000
    assert peaks[1] < 1.5 * peaks[0]


def _message(wave: int, number: int) -> dict[str, Any]:
    return {
        "step_run_id": wave, "contact_point_id": number + 1, "customer_id": number + 1, "household_id": 1,
        "channel": "sms", "priority": "C", "locale": "es", "zone": make.ZONE, "locality": "", "premises": 1,
        "rank": number, "pool": "sms:CL", "state": "delivered", "try": 1, "failures": 0,
    }  # fmt: skip
