"""How old the record is: what `doctor` says of it, and what Prometheus gets."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import insert, update
from tests import make
from tests.contactcenter.make_truths import NIGHT as NOW
from tests.entry.cli_runs import NOW as RUN_AT
from tests.entry.cli_town import Night
from tests.entry.telling import night
from tests.entry.web import browser, make_app

from outreach.model.words import LoadState
from outreach.store import leases, loads, tables as t
from outreach.store.session import Session


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    return night(tmp_path / "luz", sqlite_template, monkeypatch)


def _load(
    session: Session,
    *,
    at: datetime,
    state: LoadState = LoadState.DONE,
    phase: str = "",
    **counts: int,
) -> None:
    session.execute(
        insert(t.record_load).values(
            source="record.toml", loaded_at=at, counts=counts, state=state, phase=phase
        )
    )


def _said(terminal: Night) -> list[str]:
    found = terminal.answer("doctor", code=1)
    return [row["what"] for row in found if row["about"] == "record"]


def test_a_record_is_old_after_two_days_or_what_the_settings_say(terminal):
    with terminal.database.write() as session:
        _load(session, at=RUN_AT - timedelta(hours=47))
    assert _said(terminal) == []

    settings = terminal.folder / "outreach.toml"
    settings.write_text(settings.read_text() + "\n[record]\nstale_after_h = 12\n")

    assert _said(terminal) == ["the record is from 2026-07-14; import it again"]


WHILE_MERGING = (
    "the load of 2026-07-16 06:43 broke off while merging (reach); "
    "run `outreach record sync` to finish it"
)
WHILE_READING = (
    "the load of 2026-07-16 06:43 broke off while reading; nothing was changed; "
    "run `outreach record sync`"
)


@pytest.mark.parametrize(
    ("state", "said"), [(LoadState.MERGING, WHILE_MERGING), (LoadState.STAGING, WHILE_READING)]
)
def test_a_load_that_broke_off_is_said_unless_one_is_at_work(terminal, state, said):
    with terminal.database.write() as session:
        _load(session, at=RUN_AT)
        _load(session, at=RUN_AT, state=state, phase="reach")
    assert _said(terminal) == [said]

    with terminal.database.write() as session:
        leases.take(session, loads.LEASE, "me", now=RUN_AT, lease=timedelta(minutes=1))

    assert _said(terminal) == []


def test_a_source_that_is_no_longer_read_is_named(terminal):
    with terminal.database.write() as session:
        _load(session, at=RUN_AT)
        for name, age in (("crm.customers", 0), ("old.csv", 5)):
            read_at = RUN_AT - timedelta(days=age)
            session.execute(insert(t.record_source).values(name=name, read_at=read_at))

    assert _said(terminal) == ["old.csv was last read on 2026-07-11; is it still in the mapping?"]


def test_metrics_tell_ages_rows_and_the_register(database, world):
    with database.write() as session:
        _load(session, at=NOW - timedelta(hours=1), customers=5, premises=6)
        _load(session, at=NOW, state=LoadState.MERGING, phase="reach")
        session.execute(
            insert(t.record_source).values(name="crm", read_at=NOW - timedelta(hours=2))
        )
        session.execute(insert(t.record_source).values(name="never"))
        account = make.make_account(
            session, life_support="valid", life_support_until=date(2020, 1, 1)
        )

    client = browser(make_app(database, world))
    text = client.get("/metrics").text

    assert "outreach_record_age_seconds 3600.0" in text
    assert 'outreach_record_rows{of="premises"} 6.0' in text
    assert 'outreach_record_source_age_seconds{source="crm"} 7200.0' in text
    assert 'source="never"' not in text
    assert 'outreach_record_load_unfinished{state="merging"} 1.0' in text
    assert 'outreach_record_load_unfinished{state="staging"} 0.0' in text
    assert 'outreach_register{finding="expired"} 1.0' in text
    assert 'outreach_register{finding="undeliverable"} 1.0' in text

    with database.write() as session:
        session.execute(update(t.account).where(t.account.c.id == account).values(life_support=""))
    world.passes(seconds=60)
    assert 'outreach_register{finding="expired"} 1.0' in client.get("/metrics").text
    world.passes(seconds=301)
    assert 'outreach_register{finding="expired"} 0.0' in client.get("/metrics").text
