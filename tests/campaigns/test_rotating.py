"""Keys are replaced while people are written to: nobody is lost, doubled or written to against a No."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import LargeBinary, insert, select
from tests import make
from tests.make import KEYRING, NOW

from outreach.addresses import (
    Keyring,
    read_keyring,
    replace_keyring,
    with_new_lookup,
    with_new_seal,
    write_keyring,
)
from outreach.campaigns import rotating
from outreach.campaigns.rotating import Terms
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.words import MessageState
from outreach.store import claims, rotations, tables as t
from outreach.store.ivr import Callers
from outreach.store.session import Database, Session

STOPPED, STRANGER, NEVER = "+56970000001", "+56970000002", "+56970000003"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "outreach.key"
    write_keyring(KEYRING, path)
    return path


def terms(database: Database, path: Path, meanwhile: Callable[[], None] = lambda: None) -> Terms:
    """`meanwhile` happens in every breath between two slices."""

    def pause(seconds: float) -> None:
        if seconds < 1:
            meanwhile()

    return Terms(database=database, path=path, by="ana", now=lambda: NOW, pause=pause)


def living(path: Path) -> Keyring:
    """The keys as a process holds them that looks at their file now."""
    return read_keyring(path)


def settle(session: Session, how_many: int) -> list[str]:
    """People with a message waiting each; one stopped; a stranger who wrote; a No without an address."""
    numbers = [STOPPED, *(f"+5698{number:07}" for number in range(how_many))]
    wave = make.make_step_run(session)
    make.make_lane(session)
    for number in numbers:
        customer = make.make_customer(session)
        account = make.make_account(session, customer=customer)
        make.make_premise(session, account=account)
        point = make.make_contact_point(session, address=number)
        make.make_customer_contact(session, customer=customer, contact_point=point)
        make.make_message(
            session, step_run=wave, customer_id=customer, household_id=1, contact_point_id=point
        )
    session.execute(insert(t.reply).values(
        at=NOW, channel="sms", provider="twilio", provider_ref="SM1",
        address_hash=KEYRING.hash(STRANGER), address_sealed=KEYRING.seal(STRANGER),
        body_sealed=KEYRING.seal("baja"), locale="es", meaning="opt_out", outcome="stopped",
    ))  # fmt: skip
    for address in (STOPPED, STRANGER, NEVER):
        make.make_suppression(session, address_hash=KEYRING.hash(address))
    return numbers[1:]


class Lane:
    """Claims and settles a little whenever it is asked to, with the keys of the moment."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database, self.path, self.sent = database, path, list[str]()
        self.callers = Callers(database)
        self.missed = list[str]()

    def send(self, limit: int = 2) -> None:
        keyring = living(self.path)
        with self.database.write() as session:
            taken = claims.claim(session, claims.Claim(
                pool="sms:CL", lane="sms", owner="w1", limit=limit, now=NOW,
                lease=timedelta(seconds=30),
            ))  # fmt: skip
            done = t.message.update().where(t.message.c.id.in_([one.id for one in taken]))
            session.execute(done.values(state=MessageState.ACCEPTED))
        self.sent += [keyring.open(one.address_sealed) for one in taken]

    def calls(self, number: str) -> None:
        """The IVR recognises the number now, as `Recognition` asks."""
        forms = living(self.path).standing(number)
        if not any(self.callers.by_address(form) for form in forms):
            self.missed.append(number)


@pytest.mark.parametrize("kind", ["encryption", "lookup"])
def test_keys_are_replaced_under_load(
    database: Database, keys: Path, kind: rotating.Kind, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotating, "_MOVED_AT_ONCE", 3)
    monkeypatch.setattr(rotating, "_SEALED_AT_ONCE", 5)
    with database.write() as session:
        people = settle(session, 15)
    lane = Lane(database, keys)

    def meanwhile() -> None:
        lane.send(limit=1)
        lane.calls(people[0])
        lane.calls(people[-1])

    done = rotating.rotate(terms(database, keys, meanwhile), kind, new_key=True)

    during = len(lane.sent)
    lane.send(limit=100)
    lane.callers.close()
    assert done.finished_at is not None
    assert during > 2, "it was sent while keys were replaced"
    assert sorted(lane.sent) == people, "none lost, none doubled, the stopped one left alone"
    assert lane.missed == []


def test_after_an_encryption_rotation_nothing_is_sealed_with_the_old_key(
    database: Database, keys: Path
):
    with database.write() as session:
        settle(session, 3)
        for name, body in (("a", KEYRING.seal("{}")), ("b", b"")):
            session.execute(insert(t.idempotent).values(
                key_id=0, key=name, request=b"r", body_sealed=body, at=NOW
            ))  # fmt: skip

    rotating.rotate(terms(database, keys), "encryption", new_key=True)

    with database.read() as session:
        heads = {
            bytes(value)[1]
            for column in rotations.SEALED
            for value in session.scalars(select(column))
            if value
        }
    assert heads == {2}


def test_after_a_lookup_rotation_every_address_in_clear_is_found_by_the_new_hash(
    database: Database, keys: Path
):
    with database.write() as session:
        settle(session, 3)

    rotating.rotate(terms(database, keys), "lookup", new_key=True)

    keyring = living(keys)
    with database.read() as session:
        points = set(session.scalars(select(t.contact_point.c.address_hash)))
        stopped = set(session.scalars(select(t.suppression.c.address_hash)))
    assert not keyring.moving
    assert points & {KEYRING.hash(STOPPED)} == set()
    assert {keyring.hash(STOPPED), keyring.hash(STRANGER), KEYRING.hash(NEVER)} == stopped


def test_a_no_whose_address_was_nowhere_holds_when_the_record_brings_the_address(
    database: Database, keys: Path
):
    with database.write() as session:
        settle(session, 0)
    rotating.rotate(terms(database, keys), "lookup", new_key=True)
    keyring = living(keys)

    with database.write() as session:
        rotations.adopt(session, keyring, [NEVER])
        point = make.make_contact_point(session, address=NEVER, address_hash=keyring.hash(NEVER))
        make.make_message(session, contact_point_id=point)
    lane = Lane(database, keys)
    lane.send(limit=10)

    assert lane.sent == []


def test_a_no_said_while_addresses_move_holds_at_once(
    database: Database, keys: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotating, "_MOVED_AT_ONCE", 2)
    with database.write() as session:
        people = settle(session, 6)
    lane, said = Lane(database, keys), list[str]()

    def meanwhile() -> None:
        if len(said) == len(people):
            return
        number, keyring = people[-1 - len(said)], living(keys)
        with database.write() as session:
            rotations.adopt(session, keyring, [number])
            make.make_suppression(session, address_hash=keyring.hash(number), channel="sms")
        said.append(number)
        lane.send(limit=1)

    rotating.rotate(terms(database, keys, meanwhile), "lookup", new_key=True)
    lane.send(limit=100)

    late = [number for number in lane.sent if number in said[: lane.sent.index(number) + 1]]
    assert said
    assert late == []


def test_a_rotation_that_was_broken_off_goes_on_where_it_stood(
    database: Database, keys: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rotating, "_MOVED_AT_ONCE", 2)
    with database.write() as session:
        settle(session, 7)
    breaths = iter(range(2))

    def power_cut() -> None:
        if next(breaths, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotating.rotate(terms(database, keys, power_cut), "lookup", new_key=True)
    assert living(keys).moving

    done = rotating.rotate(terms(database, keys), "lookup", new_key=False)

    assert done.finished_at is not None
    assert not living(keys).moving


def test_every_sealed_and_hashed_column_of_the_schema_is_rotated():
    binary = {
        f"{table.name}.{column.name}"
        for table in t.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    sealed = {f"{column.table.name}.{column.name}" for column in rotations.SEALED}
    hashed = {f"{table.name}.address_hash" for table in rotations.HASHED}
    neither = {
        "message.body_hash", "run.seed", "api_key.digest", "idempotent.request",
        "erased_ref.ref_hash",
    }  # fmt: skip

    assert binary == sealed | hashed | neither, "a new binary column: sealed, hashed, or neither?"


def test_a_running_process_opens_what_was_sealed_with_a_key_it_has_not_read_yet(keys: Path):
    running = living(keys)
    replace_keyring(with_new_seal(running), keys)
    sealed = Keyring.seal(read_keyring(keys), "calle 1")

    assert sealed[1] == 2
    assert running.open(sealed) == "calle 1"


def test_a_key_file_of_an_older_version_is_read(keys: Path):
    assert "former" not in keys.read_text()
    assert living(keys) == KEYRING


def test_nothing_to_rotate_names_the_command_that_makes_a_key(database: Database, keys: Path):
    with pytest.raises(InputRefused, match="--new-key"):
        rotating.rotate(terms(database, keys), "lookup", new_key=False)


def test_a_second_lookup_key_waits_for_the_first(database: Database, keys: Path):
    replace_keyring(with_new_lookup(KEYRING), keys)

    with pytest.raises(GuardRefused, match="under way"):
        rotating.rotate(terms(database, keys), "lookup", new_key=True)


def test_refs_made_of_an_identity_outlive_every_lookup_key(keys: Path):
    twice = with_new_lookup(with_new_lookup(KEYRING))

    assert twice.lasting("identity 1-9") == KEYRING.hash("identity 1-9")
    assert twice.hash("x") != KEYRING.hash("x")
