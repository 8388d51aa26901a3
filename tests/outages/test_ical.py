"""Calendars of planned works: what is read, what stays outside with its reason, and what we publish."""

from __future__ import annotations

import io
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.outages.make_revision import NOW, certain, make_work

from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise_planned
from outreach.outages.ical_mapping import CalendarMapping, read_calendar_mapping
from outreach.outages.ical_out import works_calendar
from outreach.outages.intake_ical import is_calendar, read_works
from outreach.outages.intake_works import Work, WorksRead, revised
from outreach.outages.works_mapping import WorkStatus

EIGHT = datetime(2026, 7, 16, 12, 0, tzinfo=UTC)
"""08:00 in Santiago in winter."""


def _event(*more: str, drop: tuple[str, ...] = (), **changes: str) -> list[str]:
    lines = {
        "UID": "UID:TP-1",
        "DTSTAMP": "DTSTAMP:20260701T120000Z",
        "DTSTART": "DTSTART;TZID=America/Santiago:20260716T080000",
        "DTEND": "DTEND;TZID=America/Santiago:20260716T120000",
        "NODES": "X-OUTREACH-NODES:F12,F13",
        "SUMMARY": "SUMMARY:Poda de árboles",
    }
    lines |= changes
    kept = [line for name, line in lines.items() if name not in drop]
    return ["BEGIN:VEVENT", *kept, *more, "END:VEVENT"]


def _file(*events: list[str], head: tuple[str, ...] = ()) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y", *head]
    lines += [line for event in events for line in event] + ["END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def _read(
    *events: list[str], mapping: CalendarMapping | None = None, head: tuple[str, ...] = ()
) -> WorksRead:
    stream = io.BytesIO(_file(*events, head=head))
    return read_works(stream, name="works.ics", mapping=mapping or CalendarMapping())


def _one(*more: str, **changes: Any) -> Work:
    return _read(_event(*more, **changes)).works[0]


# ── What an event says ───────────────────────────────────────────────────────────────────────


def test_an_event_is_a_work_with_its_instants_scope_and_cause():
    work = _one("SEQUENCE:0")

    assert (work.ref, work.version, work.status) == ("TP-1", 0, WorkStatus.SCHEDULED)
    assert (work.start.at, work.end.at) == (EIGHT, EIGHT + timedelta(hours=4))
    assert work.scope == Scope(nodes=("F12", "F13"))
    assert work.cause == "Poda de árboles"
    assert work.issued_at == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert (work.record, work.line) == (1, 4)


@pytest.mark.parametrize(
    ("start", "instant"),
    [
        pytest.param("DTSTART:20260716T120000Z", EIGHT, id="utc"),
        pytest.param("DTSTART;TZID=America/Bogota:20260716T070000", EIGHT, id="iana"),
        pytest.param("DTSTART;TZID=Pacific SA Standard Time:20260716T080000", EIGHT, id="windows"),
        pytest.param('DTSTART;TZID="SA Pacific Standard Time":20260716T070000', EIGHT, id="quoted"),
        pytest.param(
            "DTSTART;TZID=/x.org/2026a/America/Santiago:20260716T080000", EIGHT, id="path"
        ),
        pytest.param(
            "DTSTART;TZID=/x.org/America/Argentina/Salta:20260716T090000", EIGHT, id="three-parts"
        ),
    ],
)
def test_a_time_counts_in_the_zone_it_names(start: str, instant: datetime):
    work = _one(DTSTART=start, DTEND="DURATION:PT1H")

    assert work.start.at == instant
    assert work.end.at == instant + timedelta(hours=1)


def test_the_rules_that_a_sender_brings_for_a_zone_are_not_believed():
    zone = ["BEGIN:VTIMEZONE", "TZID:America/Santiago", "BEGIN:STANDARD", "DTSTART:19700101T000000"]
    zone += ["TZOFFSETFROM:+0900", "TZOFFSETTO:+0900", "RRULE:FREQ=SECONDLY"]
    zone += ["END:STANDARD", "END:VTIMEZONE"]

    began = time.perf_counter()
    works = _read(zone, _event()).works

    assert works[0].start.at == EIGHT
    assert time.perf_counter() - began < 2


def test_a_day_of_duration_is_one_of_the_wall_clock_and_hours_are_hours():
    # 2026-09-06 00:00 in Santiago: the clock springs from 24:00 to 01:00.
    start = "DTSTART;TZID=America/Santiago:20260905T080000"

    by_days = _one(DTSTART=start, DTEND="DURATION:P1D")
    by_hours = _one(DTSTART=start, DTEND="DURATION:PT23H")

    assert by_days.end.at == by_hours.end.at


def test_a_start_that_the_clock_springs_over_says_so():
    work = _one(
        DTSTART="DTSTART;TZID=America/Santiago:20260906T003000",
        DTEND="DTEND;TZID=America/Santiago:20260906T040000",
    )

    assert work.start.does_not_exist
    assert work.start.at == datetime(2026, 9, 6, 4, 30, tzinfo=UTC)


def test_folded_and_escaped_values_are_read_whole():
    work = _one(
        NODES="X-OUTREACH-NODES:F12,\r\n F13", SUMMARY="SUMMARY:Línea MT\\, etapa 2\\;\r\n  fin"
    )

    assert work.scope.nodes == ("F12", "F13")
    assert work.cause == "Línea MT, etapa 2; fin"


def test_the_mapping_says_which_property_holds_what(tmp_path: Path):
    path = tmp_path / "works.toml"
    path.write_text(
        '[file]\nformat = "ical"\nzone = "America/Santiago"\n'
        '[properties]\nnodes = "X-EQUIPOS"\nlocalities = "LOCATION"\ncause = "DESCRIPTION"\n'
        '[nodes]\nseparator = "+"\nupper = true\n'
    )
    event = _event(
        "LOCATION:Ñuñoa+Providencia",
        "DESCRIPTION:Poda",
        DTSTART="DTSTART:20260716T080000",
        NODES="X-EQUIPOS:f12+f13",
    )

    work = _read(event, mapping=read_calendar_mapping(path)).works[0]

    assert work.start.at == EIGHT
    assert work.scope == Scope(nodes=("F12", "F13"), localities=("Ñuñoa", "Providencia"))
    assert work.cause == "Poda"


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ('[file]\nzone = "America/Santigo"', "file.zone"),
        ("[file]\nzone = 3", "file.zone: must be a text"),
        ('[file]\nservice = "beer"', "file.service"),
        ('[file]\nformat = "csv"', "file.format"),
        ('[properties]\nnode = "X"', "properties.node: unknown"),
        ('[colours]\nx = "y"', "colours: unknown"),
        ("nodes = 3", r"nodes: must be a part, \[nodes\]"),
        ("[file", "works.toml"),
    ],
)
def test_a_mistake_in_the_mapping_is_named(tmp_path: Path, written: str, named: str):
    path = tmp_path / "works.toml"
    path.write_text(written)

    with pytest.raises(InputRefused, match=named):
        read_calendar_mapping(path)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(InputRefused, match="cannot be read"):
        read_calendar_mapping(tmp_path / "none.toml")


# ── Which event of a work holds ──────────────────────────────────────────────────────────────


def test_the_highest_sequence_holds_and_a_cancelled_work_stays_one():
    moved = _event("SEQUENCE:1", DTEND="DTEND;TZID=America/Santiago:20260716T130000")
    cancelled = _event("SEQUENCE:2", "STATUS:CANCELLED")

    works = _read(cancelled, _event("SEQUENCE:0"), moved).works

    assert [(work.version, work.versions, work.status) for work in works] == [
        (2, 3, WorkStatus.CANCELLED)
    ]


def test_a_calendar_of_cancellations_cancels_whatever_its_events_say():
    works = _read(_event("SEQUENCE:1"), head=("METHOD:CANCEL",)).works

    assert works[0].status is WorkStatus.CANCELLED


def test_a_work_whose_newest_event_was_refused_stays_outside_whole():
    unreadable = _event("SEQUENCE:4", DTSTART="DTSTART:garbage")

    read = _read(_event("SEQUENCE:3"), unreadable)

    assert read.works == ()
    assert [(row.reason, row.record) for row in read.refused] == [
        ("newer_version_refused", 1),
        ("bad_time", 2),
    ]


def test_an_older_event_that_cannot_be_read_takes_nothing_away():
    read = _read(_event("SEQUENCE:2", "RRULE:FREQ=DAILY"), _event("SEQUENCE:3"))

    assert [work.version for work in read.works] == [3]
    assert [row.reason for row in read.refused] == ["recurring"]


# ── What stays outside ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (_event(drop=("UID",)), "missing_ref"),
        (_event("SEQUENCE:x"), "bad_version"),
        (_event("SEQUENCE:-1"), "bad_version"),
        (_event("STATUS:MAYBE"), "unknown_state"),
        (_event("STATUS:TENTATIVE"), "tentative"),
        (_event("RRULE:FREQ=WEEKLY"), "recurring"),
        (_event("RDATE:20260717T120000Z"), "recurring"),
        (_event("RECURRENCE-ID:20260717T120000Z"), "recurring"),
        (_event(drop=("DTSTART",)), "no_time"),
        (_event(drop=("DTEND",)), "no_time"),
        (_event(DTSTART="DTSTART:20260716T080000"), "floating_time"),
        (_event(DTSTART="DTSTART;TZID=Mars/Base:20260716T080000"), "unknown_zone"),
        (_event(DTSTART="DTSTART;TZID=../../etc/passwd:20260716T080000"), "unknown_zone"),
        (_event(DTSTART="DTSTART;VALUE=DATE:20260716"), "bad_time"),
        (_event(DTSTART="DTSTART:16/07/2026 08:00"), "bad_time"),
        (_event("DTSTART:20260716T120000Z"), "bad_time"),
        (_event(DTEND="DURATION:forever"), "bad_time"),
        (_event(DTEND="DURATION:-PT1H"), "bad_time"),
        (_event(DTEND="DTEND:20260716T110000Z"), "ends_before_it_starts"),
        (_event(drop=("NODES",)), "no_nodes"),
        (_event(NODES="X-OUTREACH-NODES: , "), "no_nodes"),
    ],
)
def test_an_event_that_is_no_work_is_refused_with_its_reason(event: list[str], reason: str):
    read = _read(event)

    assert read.works == ()
    assert [(row.reason, row.record, row.line) for row in read.refused] == [(reason, 1, 4)]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "not an iCalendar"),
        (b"FOLIO;VERSION\r\n", "not an iCalendar"),
        (_file(_event())[:-20], "cut off"),
        (_file(_event()[:-1]), "events begin"),
        (_file(_event(SUMMARY="SUMMARY:\xe1")).replace("á".encode(), b"\xe1"), "not UTF-8"),
        (b"BEGIN:VCALENDAR\r\nnonsense\r\nEND:VCALENDAR\r\n", "not an iCalendar"),
        (b"BEGIN:VCALENDAR\r\n" + b"x" * 10_000_001, "larger than"),
    ],
)
def test_a_file_that_is_no_whole_calendar_is_refused(content: bytes, named: str):
    with pytest.raises(InputRefused, match=named):
        read_works(io.BytesIO(content), name="works.ics")


@pytest.mark.parametrize(
    ("name", "expected"), [("a.ics", True), ("A.ICS", True), ("a.csv", False), ("ics", False)]
)
def test_a_calendar_is_known_by_its_name(name: str, *, expected: bool):
    assert is_calendar(Path(name)) is expected


# ── What we publish ──────────────────────────────────────────────────────────────────────────


def _published(*revisions: Revision, name: str = "TP-1", place: str = "Ñuñoa") -> bytes:
    works = [
        Occasion(
            id=OccasionId(number),
            kind=OccasionKind.PLANNED,
            service=Service.ELECTRICITY,
            name=name,
            source_ref=None,
            zone="America/Santiago",
            opened_at=NOW,
            revision=revision,
        )
        for number, revision in enumerate(revisions, start=1)
    ]
    return works_calendar(
        works,
        public_ids={work.id: f"pla_{work.id}" for work in works},
        places={work.id: place for work in works},
        name="Cortes programados; Río Claro",
    )


def test_what_we_publish_reads_back_as_the_same_work():
    revision = make_work(cause="Poda, etapa 2; \\ fin")
    scope = Scope(nodes=("F12", "A,B"), localities=("Ñuñoa; norte",))

    written = _published(replace(revision, scope=scope))

    work = read_works(io.BytesIO(written), name="ours.ics").works[0]
    assert (work.ref, work.version, work.scope) == ("pla_1", 1, scope)
    assert (work.start.at, work.end.at) == (revision.start_at, revision.end_at)
    assert work.cause == "Poda, etapa 2; \\ fin"
    assert certain(revised(work, None, now=NOW)).start_at == revision.start_at


def test_a_cancelled_work_stays_in_the_calendar_as_cancelled():
    cancelled = certain(revise_planned.cancelled(make_work(), now=NOW))

    written = _published(make_work(), cancelled)

    read = read_works(io.BytesIO(written), name="ours.ics")
    assert {(work.ref, work.version, work.status) for work in read.works} == {
        ("pla_1", 1, WorkStatus.MOVED),
        ("pla_2", 2, WorkStatus.CANCELLED),
    }
    assert b"METHOD:PUBLISH" in written


def test_the_same_works_give_the_same_bytes():
    assert _published(make_work()) == _published(make_work())


def test_premises_never_stand_in_a_calendar():
    written = _published(replace(make_work(), scope=Scope(premises=("SUM-0001",))))

    assert b"SUM-0001" not in written


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.text(max_size=120))
def test_no_line_is_over_75_octets_and_none_splits_a_character(cause: str, place: str):
    written = _published(make_work(cause=cause), place=place)

    lines = written.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)
    assert len(read_works(io.BytesIO(written), name="ours.ics").works) == 1
