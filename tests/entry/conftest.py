"""A workspace for the tests of the commands: empty, or in the middle of a night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests import make
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry.cli_runs import lay_out
from tests.entry.cli_town import Night
from tests.entry.web import World

from outreach.store.session import Database

CALLER = "+56987654321"


@pytest.fixture
def night(tmp_path: Path, sqlite_template: Path) -> Iterator[Night]:
    """The town of `tests/town.py`, at a terminal whose clock the test sets."""
    night = Night(tmp_path / "luz", sqlite_template)
    yield night
    night.database.close()


@pytest.fixture
def folder(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a database, and nothing of the environment that it runs in."""
    for name in ("DATABASE_URL", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "SENDGRID_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OUTREACH_DELIVERY__ONLY_LOOPBACK", "true")
    return lay_out(tmp_path / "luz", database=sqlite_template, link="https://luz.cl")


@pytest.fixture
def world() -> Iterator[World]:
    """What the web side takes from outside: a clock, no outage, carriers that note."""
    world = World()
    yield world
    world.close()


@pytest.fixture
def called(database: Database) -> Iterator[World]:
    """One outage over tree order 100 to 199, and a caller under it."""
    with database.write() as session:
        person = make.make_customer(session, locale="es-CL")
        contract = make.make_account(session, customer=person, ref="C-1")
        number = make.make_contact_point(session, address=CALLER, customers=1)
        make.make_customer_contact(session, customer=person, contact_point=number)
        make.make_premise(session, account=contract, tree_order=150, locality="Ñuñoa")
    world = World(live=[make_truth(public_etr=NIGHT + minutes(40))])
    yield world
    world.close()
