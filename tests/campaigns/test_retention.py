"""What may not be kept any longer goes, class by class, and what is counted stays."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, insert, select
from tests import make
from tests.make import KEYRING, NOW

from outreach.campaigns import retention
from outreach.campaigns.retention import Terms
from outreach.model.words import MessageState
from outreach.settings import Settings
from outreach.settings_retention import Retention
from outreach.store import tables as t
from outreach.store.session import Database, Session

OLD, YOUNG = NOW - timedelta(days=3_000), NOW - timedelta(days=1)


def settle(session: Session) -> None:
    """One row of every class that is too old, and one that is not."""
    for number, at in enumerate((OLD, YOUNG), 1):
        wave = make.make_step_run(session, created_at=at)
        message = make.make_message(session, step_run=wave, state=MessageState.DELIVERED)
        form = KEYRING.hash(f"+5697000000{number}")
        raw = json.dumps({"try": 1, "raw": "To=+56"})
        session.execute(insert(t.receipt).values(
            provider="twilio", event_key=str(number), message_id=message + 9, code="",
            received_at=at, raw_sealed=KEYRING.seal(raw),
        ))  # fmt: skip
        session.execute(insert(t.attempt).values(
            message_id=message + 9, **{"try": 1}, lane="sms", started_at=at, outcome="delayed",
            code="", reason="", looks=0,
        ))  # fmt: skip
        session.execute(insert(t.reply).values(
            at=at, channel="sms", provider="twilio", provider_ref=str(number), address_hash=form,
            address_sealed=KEYRING.seal("+56"), body_sealed=KEYRING.seal("hola"), locale="es",
            meaning="unsure", outcome="case",
        ))  # fmt: skip
        session.execute(insert(t.call).values(
            call_id=str(number), at=at, address_hash=form, known=True, dnis="600", queue="",
            contained=False, abandoned=False, source="file",
        ))  # fmt: skip
        session.execute(
            insert(t.report).values(
                at=at, via="sms", source_ref=str(number), premise_id=1, meaning="out"
            )
        )


def terms(database: Database, folder: Path, **kept: int) -> Terms:
    settings = Settings(workspace=folder).model_copy(update={"retention": Retention(**kept)})
    return Terms(database=database, settings=settings, keyring=KEYRING, now=NOW)


def test_what_is_too_old_goes_and_what_is_young_stays(database: Database, tmp_path: Path):
    with database.write() as session:
        settle(session)
    work = terms(database, tmp_path)
    before = retention.show(database, work.settings, now=NOW)

    done = retention.run(work, by="ana")

    after = retention.show(database, work.settings, now=NOW)
    with database.read() as session:
        bodies = [KEYRING.open(one) for one in session.scalars(select(t.reply.c.body_sealed))]
        raws = [json.loads(KEYRING.open(one))["raw"] for one in session.scalars(select(t.receipt.c.raw_sealed))]  # fmt: skip
        callers = list(session.scalars(select(t.call.c.address_hash).order_by(t.call.c.at)))
        left = [
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (t.message, t.attempt, t.report, t.call, t.reply, t.step_run)
        ]
    assert {one.name: one.waiting for one in before} == {
        "receipts": 1, "attempts": 1, "replies": 1, "calls": 1, "reports": 1, "messages": 1, "exports": 0,
    }  # fmt: skip
    assert done == {one.name: one.waiting for one in before}
    assert [one.waiting for one in after] == [0] * 7
    assert sorted(bodies) == ["", "hola"]
    assert sorted(raws) == ["", "To=+56"]
    assert [each is None for each in callers] == [True, False]
    assert left == [1, 1, 1, 2, 2, 2]


def test_a_class_of_zero_days_is_kept_for_ever(database: Database, tmp_path: Path):
    with database.write() as session:
        settle(session)

    done = retention.run(terms(database, tmp_path, messages=0, calls=0), by="ana")

    assert "messages" not in done
    assert "calls" not in done


def test_many_rows_go_in_slices(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "_AT_ONCE", 2)
    breaths = list[float]()
    with database.write() as session:
        wave = make.make_step_run(session, created_at=OLD)
        make.make_messages(session, 5, step_run=wave, state=MessageState.DELIVERED)

    done = retention.run(replace(terms(database, tmp_path), pause=breaths.append), by="ana")

    assert done["messages"] == 5
    assert len(breaths) == 2


def test_the_clock_does_it_once_a_night_after_three(kept: Database, tmp_path: Path):
    work = terms(kept, tmp_path)
    midnight = NOW.astimezone(ZoneInfo("America/Santiago")).replace(hour=0, minute=5)
    nights = [midnight, *(midnight + timedelta(hours=each) for each in (3, 4, 26, 27))]

    ran = [retention.nightly(replace(work, now=each)) is not None for each in nights]

    assert ran == [False, True, False, False, True]


def test_files_that_were_handed_over_long_ago_are_deleted(kept: Database, tmp_path: Path):
    (tmp_path / "exports").mkdir()
    old, young = tmp_path / "exports" / "old.json", tmp_path / "exports" / "young.json"
    for path, at in ((old, OLD), (young, YOUNG)):
        path.write_text("{}")
        os.utime(path, (at.timestamp(), at.timestamp()))

    done = retention.run(terms(kept, tmp_path), by="ana")

    assert done["exports"] == 1
    assert young.exists()
    assert not old.exists()


@pytest.fixture
def kept(sqlite_template: Path, tmp_path: Path) -> Database:
    path = tmp_path / "kept.db"
    path.write_bytes(sqlite_template.read_bytes())
    return Database(f"sqlite:///{path}", durable=False)
