"""A log that grows is taken in as it grows: in bounded pieces, across rotation, cuts and restarts."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.deflection.contact_records import NOW, cdr, terms

from outreach.deflection import contacts_follow
from outreach.deflection.calls import Intake
from outreach.deflection.contacts import Form
from outreach.deflection.contacts_asterisk import TIMES
from outreach.deflection.contacts_follow import Follower
from outreach.model.errors import InputRefused
from outreach.store import tables as t
from outreach.store.session import Database

HEADER = "id,when,from,to\n"
COLUMNS = {"call_id": "id", "at": "when", "ani": "from", "dnis": "to"}
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def follower(database: Database, path: Path, form: Form = Form.CSV) -> Follower:
    rules = {"at_format": TIMES} if form is Form.ASTERISK else {"columns": COLUMNS}
    return Follower(
        intake=Intake(database=database, terms=terms(**rules)),
        path=path,
        form=form,
    )


def row(number: object) -> str:
    return f"{number},2026-07-12 02:40:00,961234567,6002001111\n"


def drained(each: Follower) -> Follower:
    while each.turn(now=NOW):
        pass
    return each


def stored(database: Database) -> list[str]:
    with database.read() as session:
        return sorted(session.scalars(t.call.select().with_only_columns(t.call.c.call_id)))


def test_only_whole_lines_are_read_and_the_rest_when_it_is_there(database, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1) + row(2)[:9])
    log = drained(follower(database, path))
    before = stored(database)

    with path.open("a") as file:
        file.write(row(2)[9:] + "x,never,1,1\n")
    drained(log)

    assert (before, stored(database)) == (["1"], ["1", "2"])
    [refused] = log.intake.report.refused
    assert (refused.record, refused.line, refused.reason) == (4, 4, "time_unreadable")


def test_the_next_follower_goes_on_where_the_last_one_stood(database, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1) + row(2))
    drained(follower(database, path))
    with path.open("a") as file:
        file.write(row(3))

    log = drained(follower(database, path))

    assert (stored(database), log.intake.report.rows) == (["1", "2", "3"], 1)


@pytest.mark.parametrize("is_new", [True, False], ids=["another process", "the same"])
def test_a_rotated_log_is_read_to_its_end_and_then_the_new_one(database, tmp_path, is_new):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1))
    log = drained(follower(database, path))
    with path.open("a") as file:
        file.write(row(2) + row(3).rstrip("\n"))
    path.rename(tmp_path / "calls.csv.1")
    drained(log)
    between = stored(database)
    path.write_text(HEADER + row(4))

    drained(follower(database, path) if is_new else log)

    assert between == ["1", "2", "3"]
    assert stored(database) == ["1", "2", "3", "4"]


def test_a_log_that_was_cut_off_is_read_from_its_start(database, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1) + row(2))
    log = drained(follower(database, path))

    path.write_text(HEADER + row(3) + row(4) + row(5))  # the same file, longer than before
    drained(log)

    assert stored(database) == ["1", "2", "3", "4", "5"]


def test_pieces_are_bounded_and_a_line_may_not_be_longer(database, tmp_path, monkeypatch):
    monkeypatch.setattr(contacts_follow, "MOST_BYTES", 120)
    path = tmp_path / "calls.csv"
    path.write_text(
        HEADER + "".join(row(number) for number in range(5)) + "x" * 300 + "\n" + row(9)
    )

    log = follower(database, path)
    turns = 0
    while log.turn(now=NOW):
        turns += 1

    assert turns > 3
    assert stored(database) == ["0", "1", "2", "3", "4", "9"]


def test_records_of_an_exchange_need_no_header(database, tmp_path):
    path = tmp_path / "Master.csv"
    path.write_text(cdr(linkedid="1"))
    log = drained(follower(database, path, Form.ASTERISK))
    with path.open("a") as file:
        file.write(cdr(linkedid="2"))

    drained(log)

    assert (stored(database), log.intake.report.rows) == (["1", "2"], 2)


def test_a_place_of_another_version_is_read_anew_and_a_folder_is_none(database, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1))
    log = drained(follower(database, path))
    with database.write() as session:
        session.execute(t.known.update().where(t.known.c.name == log.name).values(value='{"x": 1}'))

    again = drained(follower(database, path))

    assert (again.intake.report.repeated, stored(database)) == (1, ["1"])
    assert str(tmp_path) not in log.name
    with pytest.raises(InputRefused):
        follower(database, tmp_path).turn(now=NOW)


def test_following_ends_when_it_is_told_to(database, tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text(HEADER + row(1))
    waits = iter([False, True])

    follower(database, path).until(lambda: next(waits), clock=lambda: NOW)

    assert stored(database) == ["1"]
    assert list(waits) == []
