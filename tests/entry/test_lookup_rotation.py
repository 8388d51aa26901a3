"""While lookup keys are replaced, whoever is asked for by a number is found, moved already or not yet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update
from starlette.testclient import TestClient
from tests import make, town
from tests.campaigns.opened import NOW, make_engine, open_outage, restore
from tests.campaigns.replied import make_desk, write
from tests.entry.web import World, browser, make_app

from outreach.addresses import Keyring, read_keyring, write_keyring
from outreach.campaigns import reopening, rotating
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.pressed import Keys
from outreach.campaigns.reopening import Report
from outreach.campaigns.rotating import Terms
from outreach.desk import automatic
from outreach.entry.cli.command import Given
from outreach.entry.cli.main import cli
from outreach.entry.http import pressed
from outreach.model.reply import Bounce, Meaning
from outreach.outages.revise import Change, Origin
from outreach.store import tables as t

HOUR = timedelta(hours=1)
MOVED, WAITING = 2, 6
"""Residents of the town, none of class A: the first slice takes three of seven."""
BOTH = pytest.mark.parametrize("resident", [MOVED, WAITING], ids=["moved", "waiting"])


def phone(resident: int) -> str:
    return f"+5697{resident:07}"


class Half:
    """An installation whose lookup rotation was broken off after its first slice."""

    def __init__(self, engine: Engine, keyring: Keyring, world: World) -> None:
        self.engine, self.keyring, self.world = engine, keyring, world
        self.outage: Applied = open_outage(engine)
        keys = Keys(engine=engine)
        self.app = make_app(engine.database, world, keyring=keyring, pressed=keys)

    @property
    def web(self) -> TestClient:
        return browser(self.app)

    def press(self, resident: int, digit: str) -> str:
        outage_id = self.keyring.public_id("out", self.outage.occasion.id)
        body = {
            "ani": phone(resident), "digit": digit, "call_id": f"{digit}-{resident}",
            "outage_id": outage_id, "lang": "es",
        }  # fmt: skip
        done: str = self.web.post("/v1/ivr/pressed", json=body).json()["done"]
        return done

    def cli(self, *words: str) -> list[dict[str, object]]:
        shown = CliRunner().invoke(
            cli,
            ["--workspace", str(self.engine.settings.workspace), *words, "--format", "json"],
            env={"OUTREACH_LANGUAGE": "en", "OUTREACH_WORKSPACE": None},
            obj=Given(now=NOW, interactive=False),
        )
        assert shown.exit_code == 0, shown.output
        found: list[dict[str, object]] = json.loads(shown.stdout)
        return found


@pytest.fixture
def half(database, tmp_path, monkeypatch) -> Iterator[Half]:
    url = database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setattr(pressed, "WITHIN_S", 30.0)  # a busy machine is no broken rotation
    path = tmp_path / "outreach.key"
    write_keyring(make.KEYRING, path)
    engine = make_engine(database, tmp_path)
    (tmp_path / "outreach.toml").write_text("[company]\n", encoding="utf-8")
    _break_off(engine, path, monkeypatch)
    world = World(now=NOW + HOUR)
    yield Half(town.engine(database, engine.settings), read_keyring(path), world)
    world.close()


def _break_off(engine: Engine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotating, "_MOVED_AT_ONCE", 3)

    def power_cut(seconds: float) -> None:
        if seconds < 1:
            raise KeyboardInterrupt

    terms = Terms(database=engine.database, path=path, by="ana", now=lambda: NOW, pause=power_cut)
    with pytest.raises(KeyboardInterrupt):
        rotating.rotate(terms, "lookup", new_key=True)


def test_the_rotation_stands_in_the_middle(half):
    with half.engine.database.read() as session:
        stand = set(session.scalars(select(t.contact_point.c.address_hash)))

    assert half.keyring.hash(phone(MOVED)) in stand
    assert make.KEYRING.hash(phone(WAITING)) in stand
    assert half.keyring.hash(phone(WAITING)) not in stand


@BOTH
def test_message_explain_finds_who_is_asked_for_by_number(half, resident):
    explained = half.cli("message", "explain", phone(resident))

    assert [one["customer"] for one in explained] == [f"K-{resident:04}"]


@BOTH
def test_record_show_finds_who_is_asked_for_by_number(half, resident):
    shown = half.cli("record", "show", phone(resident))

    assert [one["customer"] for one in shown] == [f"K-{resident:04}"]


@BOTH
def test_a_number_in_the_dark_is_muted(half, resident):
    assert half.web.post("/v1/mutes", json={"phone": phone(resident)}).json()["muted"]


@BOTH
def test_a_key_finds_the_caller(half, resident):
    linked, out = half.press(resident, "1"), half.press(resident, "2")

    assert (linked, out) == ("sent", "known"), "a stranger's would be no_link and nobody"


@BOTH
def test_a_number_that_asked_us_to_stop_gets_no_link(half, resident):
    stands = half.keyring.hash(phone(MOVED)), make.KEYRING.hash(phone(WAITING))
    with half.engine.database.write() as session:
        make.make_suppression(session, address_hash=stands[resident == WAITING])

    assert half.press(resident, "1") == "no_link"


@BOTH
def test_a_report_by_number_reopens(half, resident):
    restore(half.engine, half.outage, after=HOUR)
    engine = replace(half.engine, keyring=half.keyring)

    result = reopening.by_reports(
        engine, half.outage.occasion.id, [Report(who=phone(resident))],
        change=Change(), origin=Origin(author="ana"), now=NOW + 2 * HOUR,
    )  # fmt: skip

    assert (result.premises, result.unknown) == (1, ())


def test_a_complaint_of_spam_stops_an_address_that_still_waits_to_be_moved(half, monkeypatch):
    engine = replace(half.engine, keyring=half.keyring)
    mail = "vecino@town.example"
    with engine.database.write() as session:
        session.execute(
            update(t.contact_point)
            .where(t.contact_point.c.address_hash == make.KEYRING.hash(phone(WAITING)))
            .values(
                channel="email",
                address_hash=make.KEYRING.hash(mail),
                address_sealed=make.KEYRING.seal(mail),
            )
        )

    monkeypatch.setattr(automatic, "is_automatic", lambda _reply: Meaning.BOUNCE)
    complaint = Bounce(address=mail, is_complaint=True)
    monkeypatch.setattr(automatic, "bounces", lambda _reply: (complaint,))

    write(make_desk(engine), "report", "postmaster@x.example", channel="email", provider="mailbox")

    with engine.database.read() as session:
        point = t.contact_point.c.address_hash == t.suppression.c.address_hash
        stopped = session.scalars(
            select(t.contact_point.c.channel).join(t.suppression, point)
        ).all()
    assert stopped == ["email"]


def test_nobody_else_asks_by_the_present_hash_alone():
    """`Keyring.hash` is for what is written; each file here moves the address first, or says why it need not."""
    asks = re.compile(r"keyring\.hash\b")
    src = Path(rotating.__file__).parents[1]
    found = {
        str(path.relative_to(src))
        for path in src.rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    }

    assert found == {
        "campaigns/accounts.py", "campaigns/replying.py", "campaigns/reply_acts.py",
        "campaigns/stakeholders.py", "record/derive.py",  # after rotations.adopt
        "store/erasing.py",  # written; asked for by `forms`
        "entry/http/questions.py",  # names the caller of this call alone
        "deflection/calls_reading.py",  # written; counted as known once it has moved
    }  # fmt: skip
