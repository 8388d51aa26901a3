"""The sample utility's storm with the clock beside it: estimates that were kept back are told before the old ones pass."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from tests.flow.conftest import EXAMPLES, SAMPLE
from tests.make import KEYRING

from outreach.campaigns import due, simulating
from outreach.campaigns.engine import Engine
from outreach.campaigns.intake_desk import Desk
from outreach.model.intake import MessageKind, OutageMessage
from outreach.model.words import Event
from outreach.outages import intake_oms
from outreach.outages.intake_apply import Habits
from outreach.outages.intake_mapping import read_feed_mapping
from outreach.settings import Settings
from outreach.store import due as rows, occasions, promises
from outreach.store.session import Database

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample utility at {SAMPLE}")
STORM: dict[str, Any] = (
    json.loads((SAMPLE / "answers.json").read_text())["storm"] if SAMPLE.exists() else {}
)
WITHOUT_ESTIMATES = {MessageKind.CREW, MessageKind.SNAPSHOT, MessageKind.PARTIAL}
"""Messages that bring no estimate and close no outage: left out, for time."""


@pytest.fixture(scope="module")
def engine(sample_record: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("clock")
    shutil.copy(sample_record, folder / "storm.db")
    database = Database(f"sqlite:///{folder / 'storm.db'}", durable=False)
    engine = Engine(
        database=database,
        settings=Settings(workspace=folder),
        keyring=KEYRING,
        random_bytes=secrets.token_bytes,
    )
    yield engine
    database.close()


def messages() -> list[OutageMessage]:
    mapping = read_feed_mapping(EXAMPLES / "oms.toml")
    raw = BytesIO((SAMPLE / "oms_eventos.jsonl").read_bytes())
    return [
        one
        for one in intake_oms.read(raw, mapping)
        if isinstance(one, OutageMessage) and one.kind not in WITHOUT_ESTIMATES
    ]


def fire_kept_back(engine: Engine, *, until: datetime) -> None:
    """Only those instants: the answers know of no other clock."""
    with engine.database.read() as session:
        owed = [one for one in rows.waiting(session, now=until) if one.what == Event.ETR_HELD]
    for one in owed:
        due._fire(due._Tick(engine=engine, now=one.at, fence=None), one)


def test_estimates_are_told_as_often_as_the_answers_say_with_a_timer(engine: Engine):
    desk = Desk(
        engine=engine, feed="oms", source="import:oms",
        habits=Habits(etr_minutes=5, cadence=timedelta(hours=1)),
        as_received=True, silent_after=timedelta(), now=datetime(2026, 6, 12, 22, tzinfo=UTC),
    )  # fmt: skip

    for arrival in simulating.arrivals(messages()):
        fire_kept_back(engine, until=arrival.at)
        desk.take([arrival.message])

    with engine.database.read() as session:
        made = {
            str(one.source_ref): len(promises.of(session, one.id))
            for one in occasions.every(session, limit=1000)
        }
    # Every estimate told is a promise. The one that was taken back, and so set anew, is among the held ones.
    assert made == {
        ref: one["first_etr_notice"] + one["etr_renotices_default_with_timer"]
        for ref, one in STORM["outages"].items()
    }
    notices = STORM["etr_notices"]
    assert sum(made.values()) == notices["first"] + notices["renotices_default_with_timer"]
