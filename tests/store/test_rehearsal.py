"""A rehearsal shows what would be, on the real tables, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests import make, town

from outreach.campaigns.engine import Applied
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import Channel, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import departures, network, record, tables as t
from outreach.store.rehearsal import rehearsed
from outreach.store.session import Database

OUTAGE = NewOccasion(
    kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
)


@pytest.fixture
def built(database):
    with database.write() as session:
        town.build(session)
    return database


def opened(database: Database, tmp_path: Path) -> Applied:
    """An outage, opened and launched."""
    engine = town.engine(database, town.workspace(tmp_path / "w"))
    scope = Scope(nodes=(town.FEEDER,))
    revision = revise.opened(scope, start_at=make.NOW, change=Change(), now=make.NOW)
    applied = engine.open(OUTAGE, revision, now=make.NOW)
    return engine.launch(applied.occasion.id, "unplanned-outage", actor="ana", now=make.NOW)


def broken_off(database: Database, tmp_path: Path) -> None:
    with rehearsed(database) as trial:
        opened(trial, tmp_path)
        raise GuardRefused("no")


def rows(database: Database) -> int:
    with database.read() as session:
        return sum(
            session.execute(select(func.count()).select_from(table)).scalar_one()
            for table in t.metadata.sorted_tables
        )


def test_the_engine_runs_in_a_rehearsal_and_nothing_of_it_stays(built, tmp_path):
    before = rows(built)

    with rehearsed(built) as trial:
        applied = opened(trial, tmp_path)
        assert sum(wave.frozen for wave in applied.waves) == 7
        assert rows(trial) > before
        trial.close()

    assert rows(built) == before


def test_an_error_in_a_rehearsal_leaves_nothing_either(built, tmp_path):
    before = rows(built)

    with pytest.raises(GuardRefused):
        broken_off(built, tmp_path)

    assert rows(built) == before


def test_what_leaves_when_is_summed_by_class_and_instant(built, tmp_path):
    applied = opened(built, tmp_path)

    with built.read() as session:
        found = departures.of(session, [wave.id for wave in applied.waves])

    assert [(one.is_priority, one.channel, one.count, one.at is None) for one in found] == [
        (True, Channel.SMS, 1, True),
        (False, Channel.SMS, 6, False),
    ]


def test_nodes_under_others_come_in_tree_order(built):
    with built.read() as session:
        found = [node.ref for node in network.under(session, [town.NORTH, town.SOUTH])]
        assert network.under(session, ["nowhere"]) == []

    assert found == [town.NORTH, town.SOUTH]


def test_known_premises_and_those_on_a_node_are_found(built):
    with built.read() as session:
        assert record.known_premises(session, ["S-0001", "S-9999"]) == {"S-0001"}
        assert record.premises_on(session, [6]) == ["S-0005", "S-0006", "S-0007"]
