"""An opt-out outlives imports, merges of customers and other spellings, and nobody is written to against it."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import delete, select
from tests import make
from tests.record.make import TOML, make_company, make_customer, make_premise

from outreach.addresses import Keyring
from outreach.model.words import Channel
from outreach.record.sync import sync_record
from outreach.store import claims, generations, suppressions, tables as t
from outreach.store.session import Database

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)
ARGENTINA = TOML.replace('region = "CL"', 'region = "AR"')
NUMBERS = ("1123456789", "1187654321", "3415551234")
"""Area code and line of three mobiles."""
SPELLINGS = ("0054 9 {area} {line}", "+549{area}{line}", "54 {area} 15 {line}", "0{area} 15-{line}",
             "({area}) 15 {line}", "9 {area} {line}")  # fmt: skip
AREAS = {"1123456789": 2, "1187654321": 2, "3415551234": 3}

_number = st.sampled_from(NUMBERS)
_row = st.tuples(
    st.sampled_from(["", "A", "B"]), _number, st.sampled_from(SPELLINGS), st.sampled_from("SN")
)
_import = st.tuples(st.just("import"), st.lists(_row, min_size=1, max_size=4))
_opt_out = st.tuples(st.just("opt out"), st.tuples(_number, st.sampled_from(["sms", "*"])))
_death = st.tuples(st.just("death"), _number)
_steps = st.lists(st.one_of(_import, _import, _opt_out, _death), min_size=2, max_size=7)


def _e164(number: str) -> str:
    return f"+549{number}"


def _spelled(number: str, spelling: str) -> str:
    area = AREAS[number]
    return spelling.format(area=number[:area], line=number[area:])


class _Company:
    """One installation that is told what a company and its customers do."""

    def __init__(self, database: Database, keyring: Keyring, folder: Path) -> None:
        self.database, self.keyring, self.folder = database, keyring, folder
        self.opted_out: set[str] = set()
        self.now = NOW

    def act(self, what: str, how: object) -> None:
        self.now += timedelta(hours=1)
        getattr(self, what.replace(" ", "_"))(how)

    def import_(self, rows: list[tuple[str, str, str, str]]) -> None:
        accounts = [
            make_customer(f"{place}", id=identity, phone=_spelled(number, spelling), sms=consent)
            for place, (identity, number, spelling, consent) in enumerate(rows, 1)
        ]
        places = [make_premise(f"P{row['account']}", row["account"]) for row in accounts]
        mapping = make_company(self.folder, accounts, places, toml=ARGENTINA)
        sync_record(self.database, self.keyring, mapping, now=self.now, yes=True)

    def opt_out(self, how: tuple[str, str]) -> None:
        number, channel = how
        with self.database.write() as session:
            s = t.suppression.c
            address = self._hash(number)
            same = (s.address_hash == address) & (s.channel == channel)
            session.execute(delete(t.suppression).where(same))
            make.make_suppression(session, address_hash=address, channel=channel)
        self.opted_out.add(number)

    def death(self, number: str) -> None:
        """A receipt says that there is no such number."""
        p = t.contact_point.c
        with self.database.write() as session:
            for point in session.scalars(select(p.id).where(p.address_hash == self._hash(number))):
                message = make.make_message(
                    session, customer_id=1, household_id=1, contact_point_id=point
                )
                suppressions.mark_bad(session, [message], now=self.now)
            session.execute(delete(t.queue))
            session.execute(delete(t.message))

    def written_to(self) -> set[str]:
        """Whom a wave to everybody in reach would reach by SMS."""
        numbers = {self._hash(number): number for number in NUMBERS}
        with self.database.write() as session:
            reached = session.execute(
                select(t.reach.c.contact_point_id, t.reach.c.customer_id, t.reach.c.household_id)
                .where(t.reach.c.channel == Channel.SMS)
                .where(generations.visible(t.reach, generations.current(session)))
                .distinct()
            ).all()
            wave = make.make_step_run(session)
            for point in {row.contact_point_id: row for row in reached}.values():
                make.make_message(
                    session, step_run=wave, customer_id=point.customer_id,
                    household_id=point.household_id, contact_point_id=point.contact_point_id,
                )  # fmt: skip
            taken = claims.claim(
                session,
                claims.Claim(
                    lane="sms", pool="sms:CL", owner="w", now=self.now,
                    lease=timedelta(seconds=30), limit=100,
                ),
            )  # fmt: skip
        return {numbers[one.address_hash] for one in taken}

    def kept(self) -> set[str]:
        """The numbers of which the store still knows an opt-out."""
        with self.database.read() as session:
            found = suppressions.by_address(session, [self._hash(number) for number in NUMBERS])
        return {number for number in NUMBERS if self._hash(number) in found}

    def _hash(self, number: str) -> bytes:
        return self.keyring.hash(_e164(number))


setattr(_Company, "import", _Company.import_)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=_steps)
def test_no_sequence_of_imports_merges_and_spellings_loses_an_opt_out(
    database: Database, keyring: Keyring, steps: list[tuple[str, object]]
):
    with database.write() as session:
        session.execute(delete(t.suppression))
        session.execute(t.contact_point.update().values(bad_since=None))
    with tempfile.TemporaryDirectory() as folder:
        company = _Company(database, keyring, Path(folder))
        for what, how in steps:
            company.act(what, how)

            assert company.kept() == company.opted_out
            assert not company.written_to() & company.opted_out


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_number_spelled_otherwise_is_the_same_number(
    database: Database, keyring: Keyring, tmp_path: Path, spelling: str
):
    company = _Company(database, keyring, tmp_path)
    company.import_([("A", NUMBERS[0], SPELLINGS[1], "S"), ("B", NUMBERS[1], spelling, "S")])
    assert company.written_to() == {NUMBERS[0], NUMBERS[1]}
    company.opt_out((NUMBERS[0], "sms"))
    company.now += timedelta(days=1)

    company.import_([("B", NUMBERS[0], spelling, "S"), ("B", NUMBERS[1], spelling, "S")])

    assert company.written_to() == {NUMBERS[1]}


def test_a_dead_number_is_written_to_again_when_it_is_given_to_somebody(
    database: Database, keyring: Keyring, tmp_path: Path
):
    company = _Company(database, keyring, tmp_path)
    first, other = ("A", NUMBERS[0], SPELLINGS[0], "S"), ("B", NUMBERS[1], SPELLINGS[0], "S")
    company.act("import", [first, other])
    company.act("death", NUMBERS[0])
    company.act("import", [first, other])
    assert company.written_to() == {NUMBERS[1]}

    company.act("import", [other, ("C", NUMBERS[0], SPELLINGS[0], "S")])

    assert company.written_to() == {NUMBERS[0], NUMBERS[1]}


def test_a_bad_number_stays_bad_and_a_new_one_is_reached(
    database: Database, keyring: Keyring, tmp_path: Path
):
    company = _Company(database, keyring, tmp_path)
    company.act("import", [("A", NUMBERS[0], SPELLINGS[0], "S")])
    company.act("death", NUMBERS[0])
    company.act("import", [("A", NUMBERS[0], SPELLINGS[1], "S")])
    assert company.written_to() == set()

    company.act("import", [("A", NUMBERS[1], SPELLINGS[0], "S")])

    assert company.written_to() == {NUMBERS[1]}
