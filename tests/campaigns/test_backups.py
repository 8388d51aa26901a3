"""Backups taken while a lane sends, and put back: nothing leaves twice, nothing is used before it is stilled."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests import make
from tests.delivery.driven import drive, states
from tests.fakes.lane import Carrier, make_driver

from outreach.campaigns import backups, stopping
from outreach.delivery import doubt
from outreach.model.errors import GuardRefused, InputRefused, StoreUnusable
from outreach.model.message import Attempt, Found
from outreach.model.words import MessageState as S, PriorityClass, RunState, StepRunState
from outreach.settings import Settings
from outreach.store import backup_postgres, lanes, ledger, restoring, tables as t
from outreach.store.carried import Carried, Since
from outreach.store.restoring import Stilled
from outreach.store.session import Database, Session

LATER = make.NOW + timedelta(minutes=20)


def settings_of(database: Database, folder: Path) -> Settings:
    url = database.url.render_as_string(hide_password=False)
    return Settings(workspace=folder, database_url=url)


def taken(database: Database, folder: Path) -> Path:
    file = folder / "night.backup"
    url = database.url.render_as_string(hide_password=False)
    backups.take(url, make.KEYRING, file, now=make.NOW)
    return file


def put_back(database: Database, file: Path, **changes: Any) -> backups.Restored:
    database.close()
    given: dict[str, Any] = {
        "by": "ana",
        "replace": True,
        "now": LATER,
    } | changes
    return backups.put_back(settings_of(database, file.parent), make.KEYRING, file, **given)


def resumed(database: Database) -> None:
    stopping.resume(database, stopping.all_in(database, RunState.PAUSED), actor="ana", now=LATER)


class Remembering(Carrier):
    """A carrier that can be asked what it took."""

    async def find(self, asked: list[Attempt], deadline: float) -> list[Found]:
        held = {one.to: f"SM{one.id}" for _at, one in self.calls}
        return [Found(id=one.id, provider_ref=held.get(one.to)) for one in asked]

    @property
    def copies(self) -> Counter[str]:
        return Counter(one.to for _at, one in self.calls)


def looked_up(database: Database, carrier: Carrier, *, hours: float = 1) -> None:
    """Twice, far enough apart for two proofs of absence."""
    with database.read() as session:
        (lane,) = lanes.every(session)
    for _look in range(2):
        carrier.clock.seconds += 3600 * hours
        driver = make_driver(carrier.clock)
        asyncio.run(doubt.settle(database, lane, carrier, driver))


def sent_on_after_a_backup(
    database: Database, folder: Path, *, at: int, never: int = 0
) -> Remembering:
    """`at` of 120 had left when the backup was taken; all have left since, but for the last `never`."""
    with database.write() as session:
        make.make_lane(session)
        wave = make.make_step_run(session)
        make.make_messages(session, 20, step_run=wave, priority=PriorityClass.A)
        make.make_messages(session, 100 - never, step_run=wave)
        make.make_messages(session, never, step_run=wave, rank=1_000)
    carrier = Remembering()

    def backs_up(_batch: object) -> None:
        if len(carrier.calls) == at:
            taken(database, folder)

    carrier.before = backs_up
    drive(database, carrier)
    if never:  # the process died before these
        gone = carrier.calls[-never:]
        del carrier.calls[-never:]
        assert len(gone) == never
    return carrier


def test_a_restore_sends_nothing_twice_and_what_never_left_once(database: Database, tmp_path: Path):
    carrier = sent_on_after_a_backup(database, tmp_path, at=100, never=7)

    done = put_back(database, tmp_path / "night.backup")
    looked_up(database, carrier)
    drive(database, carrier)
    paused = sum(carrier.copies.values())
    resumed(database)
    drive(database, carrier)

    assert 20 <= done.stilled.in_doubt < 120
    assert paused == 113
    assert set(carrier.copies.values()) == {1}
    assert states(database) == {S.ACCEPTED: 120}


def test_without_proof_not_even_life_support_is_sent_again(database: Database, tmp_path: Path):
    carrier = sent_on_after_a_backup(database, tmp_path, at=10)
    mute = Carrier(clock=carrier.clock)

    done = put_back(database, tmp_path / "night.backup")
    resumed(database)
    looked_up(database, mute)  # one that cannot be asked
    drive(database, mute)

    assert done.stilled.class_a == 20
    assert mute.calls == []
    assert states(database) == {S.UNKNOWN: 120}


# ── what is stilled ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def stilled(database: Database) -> Stilled:
    """A night with something of everything, as after it was put back."""
    with database.write() as session:
        _a_night(session)
    with database.write() as session:
        return restoring.still(
            session,
            backup_at=make.NOW,
            by="ana",
            lanes={"sms:CL": ["sms"]},
            since=Since(carried=Carried(), keyring=make.KEYRING, draw=token_bytes),
            now=LATER,
        )


def _a_night(session: Session) -> None:
    make.make_lane(session, owner="w1", lease_until=LATER, fence=3)
    make.make_lane(session, name="sms2", pool="sms:AR")
    make.make_lane(session, name="sms3", pool="sms:AR")
    wave = make.make_step_run(session)
    make.make_message(session, step_run=wave, priority=PriorityClass.A)
    make.make_message(session, step_run=wave, pool="sms:AR")
    make.make_message(session, step_run=wave, not_before=LATER + timedelta(hours=5))
    make.make_message(session, step_run=wave, state=S.SENDING, lane="sms", claimed_at=make.NOW)
    make.make_message(session, step_run=wave, state=S.DELIVERED)
    run, occasion = session.execute(select(t.run.c.id, t.run.c.occasion_id)).one()
    make.make_step_run(session, run=run, state=StepRunState.FREEZING, frozen_at=None)
    pinned = session.scalars(select(t.run.c.pinned)).one()
    session.execute(insert(t.armed).values(campaign="c", pinned=pinned, author="ana", approver="eva", at=make.NOW))  # fmt: skip
    for what, at in (("still_unknown", make.NOW), ("held", LATER + timedelta(hours=1))):
        session.execute(insert(t.due).values(at=at, what=what, occasion_id=occasion, step="s", outcome="", reason=""))  # fmt: skip
    session.execute(insert(t.directive).values(kind="hold", scope_key="*", generation=9, on=True, state_since=make.NOW, confirmations=3, body={}, evidence_at=make.NOW, expires_at=LATER))  # fmt: skip
    session.execute(insert(t.change).values(name="stop", counter=4, at=make.NOW))
    session.execute(insert(t.feed).values(name="oms", heard_at=make.NOW, mark="77"))


def test_only_what_must_wait_for_a_later_hour_is_still_queued(database: Database, stilled: Stilled):
    found = states(database)

    assert found == {S.IN_DOUBT: 2, S.UNKNOWN: 1, S.QUEUED: 1, S.DELIVERED: 1}
    assert (stilled.in_doubt, stilled.unknown) == (2, 1)
    assert (stilled.held, stilled.class_a) == (1, 1)


def test_runs_are_paused_and_nothing_goes_on_by_itself(database: Database, stilled: Stilled):
    with database.read() as session:
        states_of_runs = session.scalars(select(t.run.c.state)).all()
        waves = session.scalars(select(t.step_run.c.state)).all()
        waiting = session.scalars(select(t.due.c.what).where(t.due.c.done_at.is_(None))).all()
        armed = session.scalars(select(t.armed.c.campaign)).all()

    assert states_of_runs == [RunState.PAUSED]
    assert set(waves) == {StepRunState.FROZEN}
    assert (waiting, armed) == (["held"], [])
    assert (stilled.unfinished, stilled.due, stilled.disarmed) == (1, 1, 1)


def test_leases_end_directives_expire_and_counters_pass_those_that_were_seen(
    database: Database, stilled: Stilled
):
    with database.read() as session:
        lane = session.execute(select(t.lane).where(t.lane.c.name == "sms")).one()
        directive = session.execute(select(t.directive)).one()
        counter = session.scalars(select(t.change.c.counter).where(t.change.c.name == "stop")).one()
        mark = session.scalars(select(t.feed.c.mark)).one()

    assert (lane.owner, lane.lease_until) == (None, None)
    assert lane.fence > 1_000
    assert (directive.on, directive.generation > 1_000) == (False, True)
    assert directive.expires_at < LATER
    assert counter > 1_000
    assert mark == "77"


def test_a_restore_is_kept_and_audited_with_what_it_lost(database: Database, stilled: Stilled):
    with database.read() as session:
        kept = session.execute(select(t.restore)).one()
        said = session.execute(select(t.audit).where(t.audit.c.action == "db.restore")).one()

    assert (kept.backup_at, kept.restored_at, kept.restored_by) == (make.NOW, LATER, "ana")
    assert kept.in_doubt == 3
    assert (said.actor, said.detail["in_doubt"]) == ("ana", stilled.in_doubt)


def test_an_opt_out_and_a_revoked_key_since_the_backup_survive_it(
    database: Database, tmp_path: Path
):
    with database.write() as session:
        make.make_suppression(session, address_hash=b"a" * 16)
        session.execute(insert(t.api_key).values(name="k", digest=b"d", hint="abcd", scopes=[], created_at=make.NOW, created_by="ana"))  # fmt: skip
    file = taken(database, tmp_path)
    with database.write() as session:
        make.make_suppression(session, address_hash=b"b" * 16)
        session.execute(update(t.api_key).values(revoked_at=LATER, revoked_by="eva"))

    done = put_back(database, file)

    with database.read() as session:
        suppressed = set(session.scalars(select(t.suppression.c.address_hash)))
        revoked = session.scalars(select(t.api_key.c.revoked_by)).one()
    assert suppressed == {b"a" * 16, b"b" * 16}
    assert (done.stilled.carried, revoked) == (1, "eva")


# ── what is refused ──────────────────────────────────────────────────────────────────────────


def test_a_database_with_data_is_replaced_only_on_request(database: Database, tmp_path: Path):
    with database.write() as session:
        make.make_customer(session)
    file = taken(database, tmp_path)

    with pytest.raises(GuardRefused, match="holds data"):
        put_back(database, file, replace=False)


def test_a_database_that_others_have_open_is_left_alone(database: Database, tmp_path: Path):
    with database.write() as session:
        make.make_customer(session)
    file = taken(database, tmp_path)
    url = database.url.render_as_string(hide_password=False)
    other = Database(url)

    with other.read() as session:
        ledger.adds_up(session)
        with pytest.raises(GuardRefused, match="open"):
            put_back(database, file)

    other.close()


def test_what_was_there_is_kept_and_is_a_backup_or_a_database_itself(
    database: Database, tmp_path: Path
):
    file = taken(database, tmp_path)
    with database.write() as session:
        make.make_customer(session)

    done = put_back(database, file)

    assert done.kept is not None
    assert done.kept.stat().st_mode & 0o077 == 0 or database.is_sqlite
    assert done.lost == timedelta(minutes=20)
    with database.read() as session:
        assert session.scalars(select(t.customer.c.id)).all() == []
    back = put_back(database, done.kept) if not database.is_sqlite else None
    assert back is None or back.manifest.counts["customer"] == 1


def test_a_backup_is_private_and_holds_no_key(database: Database, tmp_path: Path):
    file = taken(database, tmp_path)

    written = file.read_bytes() + (tmp_path / "night.backup.manifest.json").read_bytes()

    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(key in written for key in (make.KEYRING.hashing, make.KEYRING.seals[1]))
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "night.backup",
        "night.backup.manifest.json",
    ]


@pytest.fixture
def small(sqlite_template: Path, tmp_path: Path) -> tuple[Settings, Path]:
    """The settings of a place without a database yet, and a backup of an empty one."""
    folder = tmp_path / "luz"
    folder.mkdir()
    file = tmp_path / "empty.backup"
    backups.take(f"sqlite:///{sqlite_template}", make.KEYRING, file, now=make.NOW)
    return Settings(workspace=folder), file


def test_a_backup_goes_into_a_place_that_has_no_database(small: tuple[Settings, Path]):
    settings, file = small

    backups.put_back(settings, make.KEYRING, file, by="ana", replace=False, now=LATER)

    assert [each.name for each in settings.workspace.iterdir()] == ["outreach.db"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-1]), "differs from its manifest", id="cut short"),
        pytest.param(lambda file: file.write_bytes(b"x" + file.read_bytes()[1:]), "differs from its manifest", id="one byte"),
        pytest.param(lambda file: file.unlink(), "not found", id="gone"),
        pytest.param(lambda file: file.with_name("empty.backup.manifest.json").write_text("[]"), "not the manifest", id="no manifest"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_whole_is_refused(small: tuple[Settings, Path], spoil: Any, says: str):
    settings, file = small
    spoil(file)

    with pytest.raises(InputRefused, match=says):
        backups.put_back(settings, make.KEYRING, file, by="ana", replace=True, now=LATER)

    assert list(settings.workspace.iterdir()) == []


def test_a_backup_of_another_key_is_refused(small: tuple[Settings, Path]):
    settings, file = small
    other = replace(make.KEYRING, seals={1: b"x" * 32})

    with pytest.raises(InputRefused, match="another key"):
        backups.put_back(settings, other, file, by="ana", replace=True, now=LATER)


def test_a_damaged_database_is_not_backed_up_and_can_be_replaced(small: tuple[Settings, Path]):
    settings, file = small
    place = settings.workspace / "outreach.db"
    place.write_bytes(b"SQLite format 3\0" + b"\xff" * 8_000)

    with pytest.raises(StoreUnusable):
        backups.take(settings.database, make.KEYRING, file.with_name("new"), now=make.NOW)
    done = backups.put_back(settings, make.KEYRING, file, by="ana", replace=True, now=LATER)

    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"SQLite format 3")
    assert not file.with_name("new").exists()


def test_without_the_programs_of_postgresql_the_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, postgres_url: str, tmp_path: Path
):
    monkeypatch.setattr(backup_postgres, "_candidates", lambda _name: iter(()))

    with pytest.raises(StoreUnusable, match="apt-get install postgresql-client-"):
        backups.take(postgres_url, make.KEYRING, tmp_path / "b", now=make.NOW)

    assert list(tmp_path.iterdir()) == []


def test_writers_go_on_while_sqlite_is_copied(sqlite_template: Path, tmp_path: Path):
    path = tmp_path / "busy.db"
    path.write_bytes(sqlite_template.read_bytes())
    live = Database(f"sqlite:///{path}", durable=False)
    written: list[int] = []

    def writes(done: int, _total: int) -> None:
        with live.write() as session:
            written.append(make.make_household(session, ref=f"new-{done}-{len(written)}"))

    manifest = backups.take(
        f"sqlite:///{path}", make.KEYRING, tmp_path / "b", now=make.NOW, progress=writes
    )

    with closing(sqlite3.connect(tmp_path / "b")) as copy:
        inside = copy.execute("SELECT count(*) FROM household").fetchone()[0]
    assert written
    assert inside == 0
    assert manifest.counts["customer"] == 0
    live.close()
