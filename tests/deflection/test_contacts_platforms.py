"""Conversations and contact records of platforms; the documents here are of our own making."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.deflection.contact_records import (
    ANSWERED,
    ARN,
    CAME,
    HASH,
    calls,
    contact_event,
    conversation,
    event,
    one,
    record,
    seen,
)

from outreach.deflection.calls_reading import Seen
from outreach.deflection.contacts import Form
from outreach.model.calls import merged

# ── Genesys Cloud ────────────────────────────────────────────────────────────────────────────


def genesys(*told: Any, **mapping: Any) -> list[Seen]:
    return seen(Form.GENESYS, "\n".join(map(json.dumps, told)), queues={"q-9": "OUTAGE"}, **mapping)


def test_the_moments_of_a_conversation_make_one_call():
    row = one(calls(genesys(*ANSWERED)))

    assert (row.call_id, row.at, row.address_hash, row.dnis) == ("conv-1", CAME, HASH, "6002001111")
    assert (row.queue, row.contained, row.abandoned) == ("OUTAGE", False, False)
    assert (row.wait_s, row.talk_s, row.kind, row.wrap_up) == (70, 95, "call", "wrap-3")


def test_a_conversation_that_never_reached_a_queue_is_contained():
    row = one(calls(genesys(event("customer.start", 0), event("customer.end", 40))))

    assert (row.contained, row.abandoned) == (True, None)


@pytest.mark.parametrize(
    "told",
    [
        event("customer.start", 0, direction="OUTBOUND"),
        event("acd.start", 0, mediaType="CALLBACK"),
        {"conversationId": "c", "conversationStart": "2026-07-12T06:40:00Z", "originatingDirection": "outbound", "participants": []},
    ],
)  # fmt: skip
def test_what_no_customer_began_is_passed_over(told):
    assert genesys(told) == [Seen(1, 1)]


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (event("acd.end", 0, eventTime="noon"), "time_unreadable"),
        (event("acd.end", 0, eventTime=10**400), "time_unreadable"),
        (event("acd.end", 0, connectedDurationMs=10**400), "seconds_out_of_range"),
        (event("acd.end", 86_400), "time_in_the_future"),
        (event("acd.end", 0, conversationId=None), "call_id_missing"),
        ({"topicName": "v2.users.x.presence", "eventBody": {}}, "not_a_detail_event"),
        (7, "not_an_object"),
    ],
)
def test_an_event_that_is_none_is_refused_in_a_word(told, reason):
    assert [each.refusal for each in genesys(told)] == [reason]


def test_the_document_afterwards_says_what_the_events_said():
    [row] = calls(genesys({"conversations": [conversation()], "totalHits": 1}))

    live = one(calls(genesys(*ANSWERED)))
    assert (row.wait_s, row.talk_s, row.wrap_up, row.queue) == (70, 95, "wrap-3", "OUTAGE")
    assert (row.contained, row.abandoned, row.at) == (False, False, CAME)
    assert [fact for fact, _at in merged(live, row).told] == ["wrap_up"]


@pytest.mark.parametrize(
    ("kept", "metrics", "ended", "expected"),
    [
        pytest.param(3, [{"name": "tAbandon", "value": 12_000}], True, (False, True, 12), id="abandoned"),
        pytest.param(3, [{"name": "tFlowOut", "value": 12_000}], True, (False, None, None), id="left for a flow"),
        pytest.param(2, [], True, (True, False, None), id="contained"),
        pytest.param(2, [], False, (None, None, None), id="still in the menu"),
    ],
)  # fmt: skip
def test_how_a_conversation_ended(kept, metrics, ended, expected):
    told = conversation(conversationEnd="2026-07-12T06:44:00Z" if ended else None)
    told["participants"] = told["participants"][:kept]
    if kept == 3:
        told["participants"][2]["sessions"][0]["metrics"] = metrics

    [row] = calls(genesys(told))

    assert (row.contained, row.abandoned, row.wait_s) == expected


def test_a_chat_is_kept_as_a_chat():
    [row] = calls(genesys(event("customer.start", 0, mediaType="CHAT", ani=None)))

    assert (row.kind, row.address_hash) == ("chat", None)


# ── Amazon Connect ───────────────────────────────────────────────────────────────────────────


def connect(*told: Any, **mapping: Any) -> list[Seen]:
    return seen(Form.CONNECT, "".join(map(json.dumps, told)), **mapping)


def test_a_contact_record_is_a_call():
    [row] = calls(connect(record()))

    assert (row.call_id, row.at, row.address_hash, row.dnis) == ("c-1", CAME, HASH, "6002001111")
    assert (row.queue, row.contained, row.abandoned) == ("Outages", False, False)
    assert (row.wait_s, row.talk_s, row.kind, row.wrap_up) == (70, 95, "call", "told")


def test_a_queue_goes_by_the_name_of_the_mapping():
    [row] = calls(connect(record(), queues={"q-9": "OUTAGE"}))

    assert row.queue == "OUTAGE"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"Queue": None, "Agent": None}, (True, False, None), id="contained"),
        pytest.param({"Agent": None}, (False, True, 70), id="abandoned"),
        pytest.param({"Agent": None, "NextContactId": "c-2"}, (False, None, 70), id="goes on as a call back"),
        pytest.param({"Queue": None, "Agent": None, "DisconnectTimestamp": None}, (None, None, None), id="open"),
    ],
)  # fmt: skip
def test_how_a_contact_ended(changes, expected):
    [row] = calls(connect(record(**changes)))

    assert (row.contained, row.abandoned, row.wait_s) == expected


def test_a_transfer_belongs_to_the_first_contact():
    later = record(
        ContactId="c-2", InitialContactId="c-1", InitiationMethod="TRANSFER",
        InitiationTimestamp="2026-07-12T06:43:00Z", Queue={"Name": "Second", "Duration": 9},
    )  # fmt: skip

    row = one(calls(connect(later, record())))

    assert (row.call_id, row.at, row.queue, row.wait_s) == ("c-1", CAME, "Outages", 70)


def test_contact_events_make_the_same_call():
    queued = {"queueInfo": {"queueArn": ARN, "enqueueTimestamp": "2026-07-12T06:40:20Z"}}
    agent = {"agentInfo": {"agentArn": "a", "connectedToAgentTimestamp": "2026-07-12T06:41:30Z"}}
    over = {"disconnectTimestamp": "2026-07-12T06:43:05Z"}

    row = one(calls(connect(
        contact_event("INITIATED"), contact_event("QUEUED", **queued),
        contact_event("CONNECTED_TO_AGENT", **queued, **agent),
        contact_event("DISCONNECTED", **queued, **agent, **over),
    )))  # fmt: skip

    assert (row.queue, row.wait_s, row.talk_s) == ("q-9", 70, 95)
    assert (row.contained, row.abandoned, row.address_hash) == (False, False, HASH)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"Channel": "CHAT", "InitiationMethod": "API"}, "chat"),
        ({"Channel": "EMAIL"}, "message"),
        ({"Channel": "CHAT", "SegmentAttributes": {"connect:Subtype": {"ValueString": "connect:SMS"}}}, "message"),
        ({"Channel": "TASK"}, None),
        ({"InitiationMethod": "OUTBOUND"}, None),
        ({"InitiationMethod": "CALLBACK"}, None),
        ({"InitiationMethod": "API"}, None),
    ],
)  # fmt: skip
def test_channels_keep_their_kind_and_ours_are_passed_over(changes, kind):
    [found] = connect(record(**changes))

    assert (found.call and found.call.kind, found.refusal) == (kind, "")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"detail": 3}, "not_a_contact"),
        ({"what": "else"}, "not_a_contact"),
        ([[1]], "not_an_object"),
        (record(InitiationTimestamp="noon"), "time_unreadable"),
        (record(ContactId=""), "call_id_missing"),
    ],
)
def test_a_record_that_is_none_is_refused_in_a_word(told, reason):
    assert {each.refusal for each in connect(told)} == {reason}
