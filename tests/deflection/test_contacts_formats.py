"""Each form of file is read as it is written: JSON lines, streams of JSON, and the records of an exchange."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.deflection.contact_records import (
    CAME,
    HASH,
    ZONE,
    calls,
    cdr,
    one,
    seen,
)

from outreach.deflection.calls_reading import Seen
from outreach.deflection.calls_times import instants
from outreach.deflection.contacts import Form
from outreach.deflection.contacts_asterisk import TIMES
from outreach.deflection.contacts_json import BROKEN, documents
from outreach.model.calls import CallRow
from outreach.model.errors import InputRefused

# ── JSON lines ───────────────────────────────────────────────────────────────────────────────

PATHS = {
    "call_id": "id", "at": "when", "ani": "caller.number", "dnis": "dialled", "queue": "q.name",
    "result": "end", "wait_s": "wait", "talk_s": "talk", "contained": "ivr", "kind": "medium",
    "wrap_up": "code",
}  # fmt: skip


def test_json_lines_are_read_by_paths():
    line = {
        "id": 7, "when": "2026-07-12T02:40:00-04:00", "caller": {"number": "sip:961234567@carrier"},
        "dialled": "+56 600 200 1111", "q": {"name": "q-9"}, "end": "Gone", "wait": 70.4, "talk": "0",
        "ivr": True, "medium": "WEBCHAT", "code": " told\x00 ",
    }  # fmt: skip

    [row] = calls(seen(
        Form.JSONL, json.dumps(line) + "\n\n", columns=PATHS, queues={"q-9": "OUTAGE"},
        abandoned=frozenset({"gone"}), kinds={"webchat": "chat"},
    ))  # fmt: skip

    assert row == CallRow(
        call_id="7", at=CAME, address_hash=HASH, dnis="6002001111", queue="OUTAGE", contained=True,
        abandoned=True, wait_s=70, talk_s=0, source="test", kind="chat", wrap_up="told",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not_json"),
        ("[" * 100_000, "not_json"),
        ("[]", "not_an_object"),
        ("{}", "call_id_missing"),
        ('{"id": "a\\ud800"}', "call_id_unreadable"),
        (json.dumps({"id": "x" * 300}), "call_id_unreadable"),
        ('{"id": true}', "call_id_missing"),
        ('{"id": "1"}', "at_missing"),
        ('{"id": "1", "when": "soon"}', "time_unreadable"),
        ('{"id": "1", "when": "2026-07-12T13:00:00Z"}', "time_in_the_future"),
        ('{"id": "1", "when": "2026-07-12T02:40:00", "wait": "x"}', "wait_s_not_seconds"),
        ('{"id": "1", "when": "2026-07-12T02:40:00", "wait": -1}', "seconds_out_of_range"),
        ('{"id": "1", "when": "2026-07-12T02:40:00", "wait": NaN}', "seconds_out_of_range"),
        ('{"id": "1", "when": "2026-07-12T02:40:00", "medium": "fax"}', "kind_unknown"),
    ],
)
def test_a_line_that_is_none_is_refused_in_a_word(line, reason):
    good = '{"id": 1, "when": "2026-07-12"}'

    refused, kept = seen(Form.JSONL, f"{line}\n{good}\n", columns=PATHS)

    assert (refused.refusal, kept.call is not None) == (reason, True)


# ── streams of JSON documents ────────────────────────────────────────────────────────────────

DOCUMENTS = [{"n": n, "text": 'a "quoted" ]}{ brace\n', "deep": [{"x": [n]}]} for n in range(5)]
STRINGS = [json.dumps(each) for each in DOCUMENTS]


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize(
    "stream",
    [
        pytest.param("".join(STRINGS), id="nothing between, as Firehose writes to a bucket"),
        pytest.param("\n".join(STRINGS), id="one a line"),
        pytest.param("\ufeff" + json.dumps(DOCUMENTS, indent=1), id="a list"),
        pytest.param(json.dumps({"conversations": DOCUMENTS, "totalHits": 5}), id="an answer"),
        pytest.param("\n".join(json.dumps({"conversations": part}) for part in (
            DOCUMENTS[:2], DOCUMENTS[2:])), id="answers"),
    ],
)  # fmt: skip
def test_documents_are_found_however_they_are_strung_together(stream, size):
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

    assert list(documents(pieces)) == DOCUMENTS


def test_a_broken_document_costs_its_line_alone():
    told = list(documents(['{"a": 1}\n{"b": nothing of the kind here}\n{"c": 2}\n{"d": ']))

    assert told == [{"a": 1}, BROKEN, {"c": 2}, BROKEN]


def test_a_document_without_end_is_refused():
    with pytest.raises(InputRefused, match="more than"):
        list(documents('{"a": "' + "x" * 100_000 for _ in range(50)))


# ── Asterisk ─────────────────────────────────────────────────────────────────────────────────


def asterisk(text: str, **mapping: Any) -> list[Seen]:
    return seen(Form.ASTERISK, text, at_format=TIMES, **mapping)


def test_a_call_that_hears_the_message_and_hangs_up_is_contained():
    [row] = calls(asterisk(cdr()))

    assert (row.call_id, row.at, row.address_hash) == ("1783838400.1", CAME, HASH)
    assert (row.dnis, row.queue, row.contained, row.abandoned) == ("6002001111", "", True, None)
    assert (row.wait_s, row.talk_s) == (None, None)


def test_the_records_of_one_call_are_merged_to_the_one_that_was_answered():
    rung = cdr(
        lastapp="Queue",
        lastdata="OUTAGE,t,,,90",
        dstchannel="PJSIP/a-1",
        disposition="NO ANSWER",
        billsec="0",
    )
    talked = cdr(
        lastapp="Queue", lastdata="OUTAGE,t", dstchannel="PJSIP/b-1", billsec="95", duration="120",
        uniqueid="1783838400.9", start="2026-07-12 02:40:20", sequence="2",
    )  # fmt: skip

    row = one(calls(asterisk(cdr() + rung + talked)))

    assert (row.queue, row.contained, row.abandoned, row.talk_s) == ("OUTAGE", False, False, 95)
    assert row.at == CAME


def test_who_hangs_up_in_the_queue_abandoned():
    [row] = calls(asterisk(cdr(lastapp="Queue", lastdata="OUTAGE|t", duration="75")))

    assert (row.queue, row.contained, row.abandoned, row.wait_s) == ("OUTAGE", False, True, 75)


def test_a_header_names_the_columns_and_a_did_is_the_number_dialled():
    header = "calldate,clid,src,dst,did,channel,lastapp,disposition,uniqueid,duration"
    row = "2026-07-12 02:40:00,x,961234567,s,+56 600 200 1111,PJSIP/1,Playback,ANSWERED,77.1,9"

    [found] = asterisk(f"{header}\n{row}\n")

    assert found.record == 2
    assert found.call is not None
    assert (found.call.call_id, found.call.dnis, found.call.at) == ("77.1", "6002001111", CAME)


def test_halves_of_a_call_inside_the_exchange_are_passed_over_and_odd_records_refused():
    short = "a,b,c\n"
    nameless = ",".join(["x"] * 16) + "\n"

    found = asterisk(
        cdr(channel="Local/1@queue-2;1") + short + nameless + cdr(duration="x", lastapp="Queue")
    )

    assert found[0] == Seen(1, 1)
    assert [each.refusal for each in found[1:]] == ["columns_missing", "call_id_missing", "duration_not_seconds"]  # fmt: skip


def test_a_mapping_can_name_another_column_for_the_number():
    [row] = calls(asterisk(cdr(dst="s", userfield="6002001111"), columns={"dnis": "userfield"}))

    assert row.dnis == "6002001111"


# ── times ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("zone", [ZONE, "America/Sao_Paulo", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("written", ["05-04-2025 00:30:00", "06-04-2025 01:45:00", "07-09-2025 00:10:00", "05-10-2025 02:15:00"])  # fmt: skip
def test_times_are_what_strptime_makes_of_them(zone, written):
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    shape = "%d-%m-%Y %H:%M:%S"
    slow = datetime.strptime(written, shape).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)

    assert instants(shape, zone)(written) == slow


@pytest.mark.parametrize(
    ("shape", "written"),
    [
        ("%Y-%m-%dT%H:%M:%S%z", "2026-07-12T02:40:00-0400"),
        ("%d/%m/%Y %I:%M:%S %p", "12/07/2026 02:40:00 AM"),
        ("%d-%m-%Y %H:%M:%S", "12-7-2026 2:40:00"),
        ("iso", "2026-07-12T06:40:00Z"),
        ("epoch", "1783838400"),
        ("epoch_ms", "1783838400000"),
    ],
)
def test_other_ways_of_writing_a_time(shape, written):
    assert instants(shape, ZONE)(written) == CAME
