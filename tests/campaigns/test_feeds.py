"""The clock of the feeds: folders, addresses, backoff, silence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests import make, town
from tests.campaigns import opened

from outreach.campaigns import feed_folder, feeds as clock
from outreach.campaigns.engine import Engine
from outreach.campaigns.feeds import Fetched, wait
from outreach.model.alarm import AlarmKind
from outreach.model.errors import InputRefused
from outreach.settings import Feed
from outreach.store import alarms, feeds, occasions

NOW = make.NOW
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
EVENT = (
    f'{{"outage": "RC-1", "kind": "created", "seq": 1, "nodes": ["{town.NORTH}"],'
    f' "at": "{NOW.isoformat()}"}}\n'
)
FOLDER = Feed(name="oms", kind="jsonl", path=Path("inbox"))
ADDRESS = Feed(name="odin", kind="odin", url="https://oms.example/odin")
ODIN = f"<o><Outage><mRID>A</mRID><Equipments><mRID>{town.NORTH}</mRID></Equipments></Outage></o>"
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return opened.make_engine(database, tmp_path)


@pytest.fixture
def inbox(engine) -> Path:
    folder: Path = engine.settings.workspace / "inbox"
    folder.mkdir()
    return folder


def tick(engine: Engine, feed: Feed, *, at=NOW, fetch=None) -> Counter[str]:
    own = replace(engine, settings=engine.settings.model_copy(update={"feeds": (feed,)}))
    return clock.tick(own, own.settings, now=at, fetch=fetch)


def row(engine: Engine, name: str) -> feeds.Feed:
    with engine.database.read() as session:
        found = feeds.one(session, name)
    assert found is not None
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in folder.iterdir())


def refs(engine: Engine) -> list[str | None]:
    with engine.database.read() as session:
        return [one.source_ref for one in occasions.every(session)]


def test_a_file_is_read_once_it_has_stopped_growing(engine, inbox):
    (inbox / "a.jsonl").write_text(EVENT[:20])
    tick(engine, FOLDER)
    (inbox / "a.jsonl").write_text(EVENT)

    grown = tick(engine, FOLDER, at=NOW + 3 * SECOND)
    still = tick(engine, FOLDER, at=NOW + 6 * SECOND)

    assert (grown, still) == ({}, {"taken": 1})
    assert refs(engine) == ["RC-1"]
    assert names(inbox / "done") == ["a.jsonl"]


def test_what_was_not_taken_is_written_beside_the_file(engine, inbox):
    (inbox / "a.jsonl").write_text(EVENT + "{cut\n")

    read_twice(engine)

    [note] = (inbox / "done").glob("*.txt")
    assert note.read_text() == "line 2 · malformed_line · not a JSON object; send the line again\n"


def read_twice(engine: Engine, feed: Feed = FOLDER) -> Counter[str]:
    tick(engine, feed)
    return tick(engine, feed, at=NOW + 3 * SECOND)


def test_a_file_of_another_kind_is_set_aside_with_the_reason(engine, inbox):
    (inbox / "a.xml").write_text("no xml")

    done = read_twice(engine, FOLDER.model_copy(update={"kind": "odin"}))

    assert done == {"refused": 1}
    assert names(inbox / "refused") == ["a.xml", "a.xml.txt"]
    [note] = (inbox / "refused").glob("*.txt")
    assert note.read_text() == "a.xml: not well-formed XML; ask the sender for it again\n"


def test_unfinished_files_folders_and_links_stay_where_they_are(engine, inbox):
    (inbox / "a.part").write_text(EVENT)
    (inbox / ".hidden").write_text(EVENT)
    (inbox / "folder").mkdir()
    (inbox / "link").symlink_to("/etc/hostname")

    assert read_twice(engine) == {}
    assert len([*inbox.iterdir()]) == 4


def test_a_name_that_comes_again_hides_nothing(engine, inbox):
    for text in ("first", "second"):
        (inbox / "a.jsonl").write_text(text)
        feed_folder._moved(inbox / "a.jsonl", "done", NOW)

    assert sorted(path.read_text() for path in (inbox / "done").iterdir()) == ["first", "second"]


def test_an_address_is_asked_with_the_mark_of_its_last_answer(engine):
    asked: list[str] = []

    def fetch(feed: Feed, mark: str) -> Fetched:
        asked.append(mark)
        return Fetched(body=None if mark else ODIN.encode(), mark='etag:"7"')

    first = tick(engine, ADDRESS, fetch=fetch)
    too_soon = tick(engine, ADDRESS, at=NOW + 5 * SECOND, fetch=fetch)
    again = tick(engine, ADDRESS, at=NOW + 2 * MINUTE, fetch=fetch)

    assert (first, too_soon, again) == ({"taken": 1}, {}, {"same": 1})
    assert asked == ["", 'etag:"7"']
    assert refs(engine) == ["A"]
    assert row(engine, "odin").heard_at == NOW + 2 * MINUTE


def test_an_address_that_does_not_answer_is_asked_ever_more_seldom(engine):
    def fetch(_feed: Feed, _mark: str) -> Fetched:
        raise InputRefused("feed odin: oms.example did not answer; is it up?")

    first = tick(engine, ADDRESS, fetch=fetch)
    once = row(engine, "odin")
    tick(engine, ADDRESS, at=NOW + 5 * MINUTE, fetch=fetch)

    twice = row(engine, "odin")
    with engine.database.read() as session:
        [kept] = feeds.latest(session, "odin")
    assert first == {"failed": 1}
    assert (once.failures, twice.failures) == (1, 2)
    assert once.next_at
    assert twice.next_at
    assert twice.next_at - (NOW + 5 * MINUTE) > once.next_at - NOW
    assert kept.why == "feed odin: oms.example did not answer; is it up?"


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 60), (1, 120), (2, 240), (4, 900), (50, 900)]
)
def test_a_wait_doubles_to_a_quarter_of_an_hour_and_is_jittered(failures, seconds, database):
    middle = wait(ADDRESS, failures, random=0.5)

    assert middle == timedelta(seconds=seconds)
    assert wait(ADDRESS, failures, random=0.0) == 0.8 * middle
    assert wait(ADDRESS, failures, random=0.999) < 1.2 * middle


def test_a_feed_that_pushes_is_silent_after_its_limit_once(engine):
    pushes = Feed(name="nms", kind="oracle", silent_after_s=600)

    raised = [tick(engine, pushes, at=NOW + minutes * MINUTE) for minutes in (0, 9, 10, 11)]

    assert raised == [{}, {}, {"silent": 1}, {}]
    with engine.database.read() as session:
        [alarm] = alarms.open_ones(session)
    assert (alarm.kind, alarm.subject) == (AlarmKind.FEED_SILENT, "feed:nms")
    assert alarm.due_at == NOW + 10 * MINUTE
