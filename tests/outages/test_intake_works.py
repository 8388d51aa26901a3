"""Planned works from a company's export: which record holds, when, and what stays outside."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.outages.make_revision import certain

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.words import OccasionState, Service
from outreach.outages import revise_planned
from outreach.outages.intake_works import Work, WorksRead, read_works, revised
from outreach.outages.wall_time import read_wall_time
from outreach.outages.works_mapping import WorksMapping, WorkStatus, read_works_mapping

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT.parent / "shared/sample-utility"
MAPPING = read_works_mapping(ROOT / "docs/examples/rio-claro/works.toml")
HEADER = "FOLIO;VERSION;FECHA_EMISION;ESTADO;EQUIPOS;INICIO;TERMINO;MOTIVO"
PLANNING = datetime(2026, 8, 1, tzinfo=UTC)


def _row(**changes: str) -> str:
    cells = {
        "folio": "TP-1",
        "version": "1",
        "issued": "01/08/2026 08:00",
        "state": "PROGRAMADO",
        "nodes": "F12",
        "start": "05/09/2026 09:00",
        "end": "05/09/2026 13:00",
        "cause": "Poda",
    }
    return ";".join((cells | changes).values())


def _read(tmp_path: Path, *rows: str, mapping: WorksMapping = MAPPING) -> WorksRead:
    path = tmp_path / "works.csv"
    path.write_bytes("\r\n".join([HEADER, *rows, ""]).encode("cp1252", errors="surrogateescape"))
    return read_works(path, mapping)


def _one(tmp_path: Path, **changes: str) -> Work:
    return _read(tmp_path, _row(**changes)).works[0]


# ── The works of the sample utility ──────────────────────────────────────────────────────────


def _utc(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _notices(work: Work) -> dict[str, datetime]:
    return {f"{hours}h": work.start.at - timedelta(hours=hours) for hours in (72, 24, 1)}


def _wall_clock_variant(work: Work, local_start: datetime) -> dict[str, str]:
    return {
        f"{hours}h": _utc(read_wall_time(local_start - timedelta(hours=hours), MAPPING.zone).at)
        for hours in (72, 24, 1)
    }


def _as_answered(work: Work, holidays: list[str], local_start: datetime) -> dict[str, Any]:
    """What answers.json says of a work, less the audience's counts."""
    cancelled = work.status is WorkStatus.CANCELLED
    notices = {name: _utc(at) for name, at in _notices(work).items()}
    by_wall_clock = _wall_clock_variant(work, local_start)
    assert work.issued_at is not None
    answered = {
        "versions": work.versions,
        "status": work.status.value,
        "start": _utc(work.start.at),
        "end": _utc(work.end.at),
        "hours": (work.end.at - work.start.at) / timedelta(hours=1),
        "notices": None if cancelled else notices,
        "local_start_does_not_exist": work.start.does_not_exist,
        "local_start_ambiguous": work.start.is_ambiguous,
        "public_holiday": local_start.date().isoformat() in holidays,
        "lead_hours_from_issue": (work.start.at - work.issued_at) / timedelta(hours=1),
    }
    if not cancelled and by_wall_clock != notices:
        answered["wall_clock_variant_of_notices"] = by_wall_clock
    return answered


def _local_starts() -> dict[tuple[str, int], datetime]:
    """The start of each (folio, version) as it stands in the file."""
    lines = (SAMPLE / "trabajos_programados.csv").read_text(encoding="cp1252").splitlines()[1:]
    cells = [line.split(";") for line in lines]
    return {
        (row[0], int(row[1])): datetime.strptime(row[5], "%d/%m/%Y %H:%M")  # noqa: DTZ007  wall time
        for row in cells
    }


@pytest.mark.skipif(not SAMPLE.exists(), reason="../shared/sample-utility is not here")
def test_the_works_of_the_sample_are_read_as_its_answers_say() -> None:
    answers = json.loads((SAMPLE / "answers.json").read_text(encoding="utf-8"))["planned_works"]
    holidays = json.loads((SAMPLE / "parametros.json").read_text(encoding="utf-8"))["feriados"]
    counted = {"premises", "customers", "life_support_valid_customers"}
    starts = _local_starts()

    read = read_works(SAMPLE / "trabajos_programados.csv", MAPPING)

    assert len(read.works) == answers["works"] == 40
    assert {
        work.ref: _as_answered(work, holidays, starts[work.ref, work.version])
        for work in read.works
    } == {
        ref: {key: value for key, value in detail.items() if key not in counted}
        for ref, detail in answers["details"].items()
    }
    assert [(row.record, row.reason) for row in read.refused] == [
        (row["record"], row["reason"]) for row in answers["rejected_rows"]
    ]


@pytest.mark.skipif(not SAMPLE.exists(), reason="../shared/sample-utility is not here")
def test_short_notices_of_the_sample_are_found_as_its_answers_say() -> None:
    answers = json.loads((SAMPLE / "answers.json").read_text(encoding="utf-8"))["planned_works"]
    planning = datetime.fromisoformat(answers["planning_time"])
    legal = timedelta(hours=72)
    starts = _local_starts()

    works = read_works(SAMPLE / "trabajos_programados.csv", MAPPING).works

    standing = [work for work in works if work.status is not WorkStatus.CANCELLED]
    issued = {work.ref: work.issued_at for work in works if work.issued_at is not None}
    known = [work for work in standing if issued[work.ref] <= planning]
    wall = planning.replace(tzinfo=None)
    assert [work.ref for work in known if planning < work.start.at < planning + legal] == answers[
        "violate_72h_at_planning_time"
    ]
    assert [
        work.ref for work in known if wall < starts[work.ref, work.version] < wall + legal
    ] == answers["would_violate_by_wall_clock_arithmetic"]
    assert [work.ref for work in standing if work.start.at - issued[work.ref] < legal] == answers[
        "short_notice_by_issue_time"
    ]


# ── Records ──────────────────────────────────────────────────────────────────────────────────


def test_the_highest_version_of_a_work_holds_wherever_it_stands(tmp_path: Path) -> None:
    works = _read(
        tmp_path,
        _row(version="10", state="reprogramado", start="06/09/2026 09:00", end="06/09/2026 13:00"),
        _row(version="9"),
    ).works

    assert [(work.version, work.versions, work.status) for work in works] == [
        (10, 2, WorkStatus.MOVED)
    ]


def test_of_two_records_of_one_version_the_later_holds(tmp_path: Path) -> None:
    assert _read(tmp_path, _row(cause="Poda"), _row(cause="Postes")).works[0].cause == "Postes"


def test_works_come_in_the_order_of_their_start(tmp_path: Path) -> None:
    works = _read(
        tmp_path, _row(folio="TP-2", end="05/10/2026 13:00", start="05/10/2026 09:00"), _row()
    ).works

    assert [work.ref for work in works] == ["TP-1", "TP-2"]


def test_nodes_are_split_trimmed_and_upper_case(tmp_path: Path) -> None:
    assert _one(tmp_path, nodes=" f12 + f13+").scope.nodes == ("F12", "F13")


def test_a_record_is_named_by_its_number_and_its_physical_line(tmp_path: Path) -> None:
    read = _read(tmp_path, _row(cause='"dos\r\nlineas"'), "", _row(folio="TP-2", state="OTRO"))

    assert [(work.record, work.line) for work in read.works] == [(2, 2)]
    assert [(row.record, row.line) for row in read.refused] == [(4, 5)]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        pytest.param(_row(end="05/09/2026 08:00"), "ends_before_it_starts", "", id="upside-down"),
        pytest.param(_row(start="05/09/2026 24:00"), "bad_time", "05/09/2026 24:00", id="24:00"),
        pytest.param(_row(start="13/13/2026 09:00"), "bad_time", "13/13/2026 09:00", id="month-13"),
        pytest.param(_row(issued="ayer"), "bad_time", "ayer", id="issued"),
        pytest.param(_row(state="PENDIENTE"), "unknown_state", "PENDIENTE", id="state"),
        pytest.param(_row(version="dos"), "bad_version", "dos", id="version"),
        pytest.param(_row(nodes=" + "), "no_nodes", "", id="no-nodes"),
        pytest.param(_row(folio=""), "missing_ref", "", id="no-folio"),
        pytest.param("TP-1;1", "wrong_column_count", "2 of 8", id="short"),
        pytest.param("Total: 40 trabajos", "wrong_column_count", "1 of 8", id="footer"),
        pytest.param(_row(cause="Poda \udc81"), "undecodable", "", id="undecodable"),
    ],
)
def test_a_record_that_cannot_be_read_stays_outside_with_its_reason(
    tmp_path: Path, row: str, reason: str, detail: str
) -> None:
    read = _read(tmp_path, row, _row(folio="TP-OK"))

    assert [(refused.reason, refused.detail, refused.record) for refused in read.refused] == [
        (reason, detail, 2)
    ]
    assert [work.ref for work in read.works] == ["TP-OK"]


@pytest.mark.parametrize("version", ["2", "dos"])
def test_a_work_whose_newest_record_is_refused_is_not_announced_by_an_older_one(
    tmp_path: Path, version: str
) -> None:
    read = _read(tmp_path, _row(), _row(version=version, state="ANULDO"))

    assert read.works == ()
    assert next(row.reason for row in read.refused) == "newer_version_refused"


def test_a_refused_older_record_changes_nothing(tmp_path: Path) -> None:
    read = _read(tmp_path, _row(version="1", state="?"), _row(version="2"))

    assert [work.version for work in read.works] == [2]


def test_a_file_without_version_and_issue_reads_each_work_once(tmp_path: Path) -> None:
    path = tmp_path / "works.csv"
    path.write_text("id,node,from,to,state\nW1,F12,2026-09-05 09:00,2026-09-05 13:00,OK\n")
    mapping = WorksMapping(
        encoding="utf-8-sig",
        delimiter=",",
        zone="America/Lima",
        time_format="%Y-%m-%d %H:%M",
        service=Service.WATER,
        columns={"ref": "id", "nodes": "node", "start": "from", "end": "to", "state": "state"},
        states={"OK": WorkStatus.SCHEDULED},
        node_separator="+",
        nodes_upper=False,
    )

    work = read_works(path, mapping).works[0]

    assert (work.version, work.issued_at, work.cause) == (1, None, "")
    assert work.start.at == datetime(2026, 9, 5, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        pytest.param(None, {}, "cannot be read", id="absent"),
        pytest.param(b"", {}, "empty", id="empty"),
        pytest.param(b"A;B\r\n", {}, "no column FOLIO, VERSION", id="columns"),
        pytest.param(b"A;B\r\n", {"encoding": "klingon"}, "'klingon' is not known", id="encoding"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "works.csv"
    if content is not None:
        path.write_bytes(content)
    mapping = WorksMapping(
        **{name: getattr(MAPPING, name) for name in WorksMapping.__slots__} | changes
    )

    with pytest.raises(InputRefused, match=message):
        read_works(path, mapping)


# ── From the file to the truth ───────────────────────────────────────────────────────────────


def test_a_new_work_is_planned_and_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    work = _one(tmp_path)

    planned = certain(revised(work, None, now=PLANNING, author="ana"))

    assert (planned.start_at, planned.cause, planned.author) == (work.start.at, "Poda", "ana")
    assert (planned.source, planned.source_seq) == ("file", 1)
    assert revised(work, planned, now=PLANNING) is None


def test_a_newer_version_moves_a_work_and_then_cancels_it(tmp_path: Path) -> None:
    planned = revised(_one(tmp_path), None, now=PLANNING)
    later = {"start": "06/09/2026 09:00", "end": "06/09/2026 13:00", "nodes": "F13"}

    moved = certain(
        revised(_one(tmp_path, version="2", state="REPROGRAMADO", **later), planned, now=PLANNING)
    )
    cancelled = certain(
        revised(_one(tmp_path, version="3", state="ANULADO", **later), moved, now=PLANNING)
    )

    assert (moved.version, moved.scope.nodes) == (2, ("F13",))
    assert cancelled.state is OccasionState.CANCELLED


def test_a_work_that_was_cancelled_before_it_was_known_makes_no_truth(tmp_path: Path) -> None:
    assert revised(_one(tmp_path, state="ANULADO"), None, now=PLANNING) is None


def test_a_work_that_runs_is_not_moved_by_a_file(tmp_path: Path) -> None:
    planned = certain(revised(_one(tmp_path), None, now=PLANNING))
    running = revise_planned.started(planned, now=planned.start_at)

    with pytest.raises(GuardRefused, match="it has begun"):
        revised(_one(tmp_path, version="2"), running, now=planned.start_at)


# ── The mapping ──────────────────────────────────────────────────────────────────────────────


def test_every_mistake_of_a_mapping_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "works.toml"
    path.write_text(
        '[file]\nservise = "x"\nservice = "steam"\n[colums]\n[columns]\nref = "ID"\n'
        '[states]\nmoved = "M"\n'
    )

    with pytest.raises(InputRefused) as refused:
        read_works_mapping(path)

    assert str(refused.value).replace(f"{path}: ", "").splitlines() == [
        "colums: unknown; one of file, columns, states, nodes",
        "file.servise: unknown; one of encoding, delimiter, zone, time_format, service",
        "file.zone: missing; the IANA zone of the times, like America/Santiago",
        "file.service: 'steam'; one of electricity, water, gas, telecom",
        "columns.state: missing; the name of that column in the file",
        "columns.nodes: missing; the name of that column in the file",
        "columns.start: missing; the name of that column in the file",
        "columns.end: missing; the name of that column in the file",
        "states.moved: must be a list of words",
        "states.scheduled: missing; the words that mean it, as a list",
    ]


@pytest.mark.parametrize("content", [None, b"[file", b"\xff"])
def test_a_mapping_that_is_absent_or_no_toml_is_refused(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "works.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputRefused, match=r"works\.toml"):
        read_works_mapping(path)


@pytest.mark.parametrize(
    ("local", "zone", "message"),
    [
        (datetime(2026, 9, 5, 9, tzinfo=UTC), "America/Lima", "has an offset already"),
        (datetime(2026, 9, 5, 9), "CLT", "not an IANA zone"),  # noqa: DTZ001  a wall time
    ],
)
def test_a_wall_time_needs_a_known_zone_and_no_offset(
    local: datetime, zone: str, message: str
) -> None:
    with pytest.raises(InputRefused, match=message):
        read_wall_time(local, zone)
