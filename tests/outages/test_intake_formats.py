"""Every format by one case table, and other people's worst files: read or refused, never a crash."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.outages.intake_cases import CASES, Case, csv_list, notice, notifications, odin, oms

from outreach.model.errors import InputRefused
from outreach.model.intake import MessageKind, OutageMessage, Unreadable
from outreach.outages import intake_notifications, intake_oms, safe_xml, strict_json

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora"
needs_corpora = pytest.mark.skipif(not CORPORA.exists(), reason=f"no corpora at {CORPORA}")
ATTACKS = sorted([*(CORPORA / "xmlbombs").glob("*.xml"), *(CORPORA / "payloads/xxe").glob("*.xml")])
HARMLESS = {"simple.xml", "simple-ns.xml"}
SOON_S = 0.5
"""The limit is 50 ms; a shared machine may stand still for longer."""


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_document_says_what_the_table_says(case: Case):
    first, *_rest = case.read(case.raw)

    if case.reason:
        assert isinstance(first, Unreadable), first
        assert first.reason == case.reason
        assert not case.detail or first.detail == case.detail
        return
    assert isinstance(first, OutageMessage), first
    assert (first.kind, first.outage_ref, first.seq) == (case.kind, case.ref, case.seq)
    assert dict(first.fields) == case.fields
    assert first.content


def test_the_mapping_gives_the_words_of_another_vendor():
    mapping = {
        "fields": {"outage": "ID", "kind": "T", "cause": "C", "nodes": "D", "etr": "E"},
        "kinds": {"NUEVO": MessageKind.CREATED},
        "causes": {"V": "viento"},
        "zone": "America/Santiago",
        "nodes_upper": True,
    }

    [read] = oms(
        b'{"ID":"A","T":"NUEVO","C":"V","D":["s1"],"E":"2026-06-12T21:40:00","cause":"x"}',
        **mapping,
    )

    assert isinstance(read, OutageMessage)
    assert read.fields == {
        "cause": "viento", "nodes": ("S1",), "etr": datetime(2026, 6, 13, 1, 40, tzinfo=UTC),
    }  # fmt: skip


def test_equal_content_is_told_by_everything_but_identity_and_arrival():
    lines = (
        b'{"event_key":"1","received":"2026-06-12T22:00:00Z","outage":"A","kind":"etr","etr":null}\n'
        b'{"etr":null,"kind":"etr","outage":"A","event_key":"2","received":"2026-06-12T23:00:00Z"}\n'
        b'{"event_key":"3","received":"2026-06-12T22:00:00Z","outage":"A","kind":"crew","etr":null}\n'
    )

    same, again, other = (one.content for one in oms(lines) if isinstance(one, OutageMessage))

    assert same == again != other


def test_a_line_that_never_ends_is_refused_and_the_next_is_read(monkeypatch):
    monkeypatch.setattr(intake_oms, "LONGEST_LINE", 60)

    long, good = oms(b'{"x":"' + b"y" * 500 + b'"}\n{"outage":"A","kind":"etr"}\n')

    assert isinstance(long, Unreadable)
    assert (long.reason, long.place) == ("line_too_long", "line 1")
    assert isinstance(good, OutageMessage)
    assert good.place == "line 2"


def test_a_whole_list_ends_with_what_it_lists():
    rows = b"outage,nodes,start,etr,discarded\nB,S1,,,\nA,S2,,,\n"

    *_outages, last = csv_list(rows)

    assert isinstance(last, OutageMessage)
    assert (last.kind, last.fields) == (MessageKind.SNAPSHOT, {"active": ("A", "B")})


def test_a_list_with_a_row_that_cannot_be_read_says_nothing_of_what_is_absent():
    read = [*csv_list(b"outage,nodes,start,etr,discarded\nB,S1,,,\nA,S2\n")]

    assert [isinstance(one, Unreadable) for one in read] == [False, True]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "list.csv: empty; its first line must be the header"),
        (b"outage,nodes\n", "no column start, etr, discarded; it has outage, nodes"),
    ],
)
def test_a_table_without_its_columns_is_refused_whole(raw: bytes, said: str):
    with pytest.raises(InputRefused, match=said):
        list(csv_list(raw))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "not JSON in UTF-8"),
        (b"[]", "must be an object"),
        (b'{"outageMessages": 3}', "must be a list"),
    ],
)
def test_what_is_no_notification_is_refused_whole(raw: bytes, said: str):
    with pytest.raises(InputRefused, match=said):
        list(notifications(raw))


def test_notifications_name_their_system():
    assert intake_notifications.system(notice("")) == "NMS"
    with pytest.raises(InputRefused, match="externalSystem"):
        intake_notifications.system(b"{}")


def test_the_same_outage_in_other_spaces_is_one_document():
    with_prefix = next(odin(b'<o xmlns="urn:x"><Outage><mRID>A</mRID></Outage></o>'))
    without = next(odin(b"<o><Outage><mRID>A</mRID></Outage></o>"))

    assert isinstance(with_prefix, OutageMessage)
    assert isinstance(without, OutageMessage)
    assert with_prefix.content == without.content


@needs_corpora
@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.name)
def test_an_attack_by_xml_is_refused_at_once(path: Path):
    began = time.perf_counter()

    try:
        read = list(odin(path.read_bytes()))
    except InputRefused:
        read = []

    assert time.perf_counter() - began < SOON_S
    assert [one for one in read if isinstance(one, OutageMessage) and one.outage_ref] == []


@needs_corpora
@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.name)
def test_only_the_harmless_have_a_root(path: Path):
    if path.name in HARMLESS:
        assert safe_xml.root(path.read_bytes(), name=path.name) is not None
        return
    with pytest.raises(InputRefused, match=f"^{path.name}: "):
        safe_xml.root(path.read_bytes(), name=path.name)


@needs_corpora
def test_only_json_is_json():
    files = sorted((CORPORA / "jsontestsuite" / "test_parsing").glob("*.json"))

    read = {path.name: _is_json(path.read_bytes()) for path in files}

    assert {name for name, is_json in read.items() if name.startswith("n_") and is_json} == set()
    assert {
        name for name, is_json in read.items() if name.startswith("y_") and not is_json
    } == set()
    assert len(read) > 300


def _is_json(raw: bytes) -> bool:
    try:
        strict_json.parsed(raw)
    except ValueError:
        return False
    return True


@needs_corpora
def test_naughty_texts_are_read_or_refused():
    folder = CORPORA / "payloads"
    words = [
        line
        for name in ("csv_injection.txt", "directory_traversal.txt", "ssti.txt", "xxe_strings.txt")
        for line in (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    lines = "\n".join(
        json.dumps({"outage": word, "kind": "cause", "cause": word}) for word in words
    )

    read = list(oms(lines.encode()))

    assert len(read) == len(words)
    assert all(one.reason in {"bad_field", "missing_outage"} for one in read if isinstance(one, Unreadable))  # fmt: skip
