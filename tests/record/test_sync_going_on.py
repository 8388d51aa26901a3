"""A load that is broken off, repeated, followed by others: the record is always what the last files say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.databases import refilled
from tests.record.derived import derived, fresh, reach_rows, sorted_rows
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.model.errors import InputRefused, StoreUnusable
from outreach.model.record import RowRefused
from outreach.model.words import LoadState
from outreach.record import merge_accounts, merge_premises, reading
from outreach.record.sync import sync_record
from outreach.store import leases, record, tables as t
from outreach.store.session import Database, Session

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOBILE, OTHER = "+56983737357", "+56983737358"
COMPANY = [
    make_customer("1", id="A", phone=MOBILE, email="ana@x.example", life="S", since="2026-01-01"),
    make_customer("2", id="A", type="shop"),
    make_customer("3", phone=MOBILE, sms="N"),
    make_customer("4", phone=OTHER, state="dead"),
]
PREMISES = [
    make_premise("P1", "1", occupant="4"),
    make_premise("P2", "2", transformer="T2", locality="TALCA"),
    make_premise("P3", "3", transformer="T7", locality="Talca"),
    make_premise("P4", "9", transformer="T1"),
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and slices of a row or two, so that a small company takes many transactions."""
    monkeypatch.setattr(reading, "CHUNK", 2)
    monkeypatch.setattr(merge_accounts, "SLICE", 1)
    monkeypatch.setattr(merge_premises, "SLICE", 1)


class Killed(BaseException):
    """As if the process had died: nothing of ours tidies up."""


@contextmanager
def broken_off(monkeypatch: pytest.MonkeyPatch, *, after: int) -> Iterator[list[int]]:
    """Every transaction that writes from the n-th on fails before it begins."""
    write, done = Database.write, [0]

    @contextmanager
    def counted(self: Database) -> Iterator[Session]:
        done[0] += 1
        if done[0] > after:
            raise Killed
        with write(self) as session:
            yield session

    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", counted)
        yield done


@pytest.mark.usefixtures("small")
def test_a_load_that_dies_anywhere_is_finished_by_the_next(
    tmp_path: Path, sqlite_template: Path, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_company(tmp_path, COMPANY[:3], PREMISES[:2])
    whole = fresh(tmp_path, sqlite_template, "whole")
    sync_record(whole, keyring, first, now=NOW)
    base = (tmp_path / "whole.db", tmp_path / "base.db")
    whole.close()
    base[1].write_bytes(base[0].read_bytes())
    second = make_company(tmp_path, [*COMPANY[1:], make_customer("9", phone=MOBILE)], PREMISES[1:])
    whole = Database(f"sqlite:///{base[0]}", durable=False)
    with broken_off(monkeypatch, after=10_000) as done:
        sync_record(whole, keyring, second, now=NOW + DAY)
    expected, writes = derived(whole), done[0]
    whole.close()

    database = Database(f"sqlite:///{base[0]}", durable=False)
    for after in range(writes):
        refilled(database, base[1])
        with broken_off(monkeypatch, after=after), pytest.raises(Killed):
            sync_record(database, keyring, second, now=NOW + DAY)

        sync_record(database, keyring, second, now=NOW + 2 * DAY)

        assert derived(database) == expected, after
        with database.read() as session:
            for table in (t.stage_account, t.stage_premise, t.stage_gone, t.touched_customer):
                assert session.execute(select(func.count()).select_from(table)).scalar_one() == 0
            states = set(session.scalars(select(t.record_load.c.state)))
        assert states <= {LoadState.DONE, LoadState.REFUSED}
    database.close()
    assert writes > 20


def test_an_error_while_reading_leaves_the_record_as_it_was(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES)
    sync_record(database, keyring, mapping, now=NOW)
    before = derived(database)
    make_company(tmp_path, [make_customer("1", name="Eva"), *COMPANY[1:]], PREMISES)
    (tmp_path / "premises.csv").write_text('premise,holder\n"never closed,1\n')

    with pytest.raises(InputRefused):
        sync_record(database, keyring, mapping, now=NOW + DAY)

    assert derived(database) == before
    with database.read() as session:
        freshness = record.freshness(session)
        assert session.scalars(select(t.stage_account.c.ref)).all() == []
        states = list(session.scalars(select(t.record_load.c.state).order_by(t.record_load.c.id)))
    assert freshness is not None
    assert freshness.loaded_at == NOW
    assert states == [LoadState.DONE, LoadState.REFUSED]


def test_a_second_load_is_refused_while_one_is_at_work_and_a_dead_ones_lease_lapses(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES)
    with database.write() as session:
        leases.take(session, "record", "another", now=NOW, lease=timedelta(minutes=2))

    with pytest.raises(StoreUnusable, match="another load of the record is at work"):
        sync_record(database, keyring, mapping, now=NOW)

    sync_record(database, keyring, mapping, now=NOW + timedelta(minutes=3))


def test_a_load_whose_lease_was_taken_goes_no_further(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES)
    clock = iter(range(0, 10**9, 600))  # ten minutes pass at each look

    def robbed(stage: str, _count: int) -> None:
        if stage == "accounts":
            with database.write() as session:
                late = NOW + timedelta(days=300)
                leases.take(session, "record", "another", now=late, lease=DAY)

    with pytest.raises(StoreUnusable, match="another load"):
        sync_record(
            database, keyring, mapping, now=NOW, progress=robbed, monotonic=lambda: next(clock)
        )


def test_a_delta_closes_only_what_says_so(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    sync_record(database, keyring, make_company(tmp_path, COMPANY, PREMISES), now=NOW)
    delta = [make_customer("3", state="gone"), make_customer("2", id="A", email="b@x.example")]
    mapping = make_company(tmp_path, delta, [make_premise("P5", "3", occupant="1")])

    report = sync_record(database, keyring, mapping, now=NOW + DAY, mode="delta")

    assert report.changes == {"unchanged": 0, "new": 1, "changed": 1, "closed": 1}
    assert report.customers.refused == {"closed_account": 1}
    with database.read() as session:
        shut = session.scalars(select(t.account.c.ref).where(t.account.c.closed_at.is_not(None)))
        assert list(shut) == ["3"]
        waiting = sorted_rows(session, select(t.supply_wanted.c.account_ref, t.premise.c.ref)
                          .join(t.premise, t.premise.c.id == t.supply_wanted.c.premise_id))  # fmt: skip
    assert waiting == [("3", "P3"), ("3", "P5"), ("9", "P4")]


def test_an_account_that_comes_back_is_supplied_again_under_its_id(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    whole = make_company(tmp_path, COMPANY, PREMISES)
    sync_record(database, keyring, whole, now=NOW)
    before = derived(database)
    sync_record(database, keyring, make_company(tmp_path, COMPANY[:2], PREMISES[1:]), now=NOW + DAY)
    assert derived(database) != before

    sync_record(database, keyring, make_company(tmp_path, COMPANY, PREMISES), now=NOW + 2 * DAY)

    assert derived(database) == before


def test_an_entry_of_the_register_ends_and_begins_by_the_calendar(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    entries = [
        make_customer("1", life="S", since="2025-06-12", type="shop"),
        make_customer("2", life="S", since="2026-06-13"),
        make_customer("3", life="S", since="2026-06-01"),
    ]
    mapping = make_company(tmp_path, entries)
    sync_record(database, keyring, mapping, now=NOW)
    wanted = select(t.account.c.priority, t.account.c.priority_expired, t.account.c.life_support)
    with database.read() as session:
        assert sorted_rows(session, wanted) == [
            ("A", False, "valid"), ("A", False, "valid"), ("C", True, "future_date"),
        ]  # fmt: skip

    report = sync_record(database, keyring, mapping, now=NOW + DAY)

    assert report.changes["unchanged"] == 4
    with database.read() as session:
        assert sorted_rows(session, wanted) == [
            ("A", False, "valid"), ("A", False, "valid"), ("B", True, "expired"),
        ]  # fmt: skip
        seen = {row[2]: row[5] for row in reach_rows(session)}
    assert seen["1"] == "B"


def test_a_place_follows_the_spelling_that_has_become_usual(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    places = [make_premise(f"P{n}", "1", locality="Nunoa") for n in range(3)]
    sync_record(database, keyring, make_company(tmp_path, COMPANY, places), now=NOW)
    more = places + [make_premise(f"Q{n}", "1", locality=" Ñuñoa ") for n in range(4)]

    delta = make_company(tmp_path, COMPANY, more[3:4])
    sync_record(database, keyring, delta, now=NOW, mode="delta")
    with database.read() as session:
        assert record.localities(session) == ["Nunoa"]
    sync_record(database, keyring, make_company(tmp_path, COMPANY, more), now=NOW)

    with database.read() as session:
        assert record.localities(session) == ["Ñuñoa"]
        assert {row[10] for row in reach_rows(session)} == {"Ñuñoa"}


def test_an_address_that_ceases_to_be_of_many_is_written_to_again(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    toml = TOML.replace("[consent]", 'shared = "ignore"\nshared_by_more_than = 2\n[consent]')
    three = [make_customer(str(n), phone=MOBILE) for n in range(1, 4)]
    places = [make_premise(f"P{n}", str(n)) for n in range(1, 4)]
    sync_record(database, keyring, make_company(tmp_path, three[:2], places, toml=toml), now=NOW)
    two = derived(database)
    report = sync_record(
        database, keyring, make_company(tmp_path, three, places, toml=toml), now=NOW
    )
    assert report.reach == 0
    assert report.people.contact_points["mobile"] == 0
    assert [one.customers for one in report.people.shared] == [3]

    sync_record(database, keyring, make_company(tmp_path, three[:2], places, toml=toml), now=NOW)

    assert derived(database) == two


def test_a_changed_mapping_is_read_anew(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    mapping = make_company(tmp_path, COMPANY, PREMISES)
    sync_record(database, keyring, mapping, now=NOW)
    toml = TOML.replace("voice_needs_consent = false", "voice_needs_consent = true")
    stricter = make_company(tmp_path, COMPANY, PREMISES, toml=toml)

    report = sync_record(database, keyring, stricter, now=NOW)

    assert report.changes == {"unchanged": 4, "new": 0, "changed": 4, "closed": 0}
    assert report.people.reachable_customers["voice"] == 0


def test_duplicates_across_chunks_are_judged_against_the_last_winner(
    database: Database, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK", 1)
    rows = [
        make_customer("1", name="Old", updated="2026-01-01", language="pt"),
        make_customer("1", name="New", updated="2026-01-03"),
        make_customer("1", name="Mid", updated="2026-01-02"),
        make_customer("1", name="Newest", updated="2026-01-03"),
        make_customer("1", name="Newest", updated="2026-01-03"),
    ]
    mapping = make_company(tmp_path, rows)

    first = sync_record(database, keyring, mapping, now=NOW)
    again = sync_record(database, keyring, mapping, now=NOW)

    expected = {"older_date": (2, 4), "same_date_earlier_row": (3,), "identical": (5,)}
    assert first.customers.duplicates == again.customers.duplicates == expected
    assert first.tallies.languages == {"es": 1}
    assert (first.customers.taken, first.customers.new) == (1, 1)
    assert (again.customers.unchanged, again.customers.changed) == (1, 0)


def test_refused_rows_are_told_as_they_come_and_kept_only_so_far(
    database: Database, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_KEPT", 1)
    heard: list[RowRefused] = []
    rows = [make_customer("1"), make_customer(""), make_customer("")]

    report = sync_record(
        database, keyring, make_company(tmp_path, rows), now=NOW, refuse=heard.append
    )

    assert [row.record for row in heard if row.reason == "missing_customer_number"] == [3, 4]
    assert len(report.refused) == 1
    assert report.refused_count == 2


def test_rows_say_where_they_come_from(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    sync_record(database, keyring, make_company(tmp_path, COMPANY, PREMISES), now=NOW)

    with database.read() as session:
        a, s = t.account.c, t.record_source.c
        rows = sorted_rows(
            session,
            select(a.ref, a.source_record, a.loaded_at, s.name, s.read_at).join(
                t.record_source, s.id == a.source_id
            ),
        )
    assert rows[0] == ("1", 2, NOW, "customers.csv: customers", NOW)
