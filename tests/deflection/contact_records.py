"""What tests of contacts share: mappings, and records of our own making in each platform's shape."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

from tests.make import KEYRING

from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_reading import Seen, Terms
from outreach.deflection.contacts import FORMATS, Form
from outreach.model.calls import CallRow, merged

NOW = datetime(2026, 7, 12, 12, tzinfo=UTC)
CAME = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
PHONE = "+56961234567"
HASH = KEYRING.hash(PHONE)
ZONE = "America/Santiago"


def terms(**mapping: Any) -> Terms:
    given = {"zone": ZONE, "region": "CL", "outage_numbers": ("600 200 1111",), "source": "test"}
    return Terms(CallsMapping(**given | mapping), KEYRING, NOW)


def seen(form: Form, text: str, **mapping: Any) -> list[Seen]:
    pieces = text.splitlines(keepends=True) if FORMATS[form].in_lines else [text]
    return list(FORMATS[form].see(pieces, terms(**mapping)))


def calls(found: list[Seen]) -> list[CallRow]:
    assert [each.refusal for each in found if each.refusal] == []
    return [each.call for each in found if each.call]


def one(rows: list[CallRow]) -> CallRow:
    """The contact that all of them tell of, whatever their order."""
    results = {str(reduce(merged, order)) for order in permutations(rows[:5])}
    assert len(results) == 1
    return reduce(merged, rows)


def cdr(**changes: str) -> str:
    cells = {
        "accountcode": "", "src": "961234567", "dst": "6002001111", "dcontext": "from-trunk",
        "clid": '""961234567"" <961234567>', "channel": "PJSIP/trunk-1", "dstchannel": "",
        "lastapp": "Playback", "lastdata": "hello", "start": "2026-07-12 02:40:00",
        "answer": "2026-07-12 02:40:00", "end": "2026-07-12 02:40:30", "duration": "30",
        "billsec": "30", "disposition": "ANSWERED", "amaflags": "DOCUMENTATION",
        "uniqueid": "1783838400.1", "userfield": "", "peeraccount": "", "linkedid": "1783838400.1",
        "sequence": "1",
    }  # fmt: skip
    return ",".join(f'"{cell}"' for cell in (cells | changes).values()) + "\n"


def event(moment: str, second: int, *, bus: bool = False, **body: Any) -> dict[str, Any]:
    told = {
        "topicName": f"v2.detail.events.conversation.conv-1.{moment}",
        "eventBody": {
            "eventTime": int(CAME.timestamp() * 1000) + second * 1000, "conversationId": "conv-1",
            "participantId": "p", "sessionId": "s", "mediaType": "VOICE", "direction": "INBOUND",
            "ani": f"tel:{PHONE}", "dnis": "tel:+566002001111",
        } | body,
    }  # fmt: skip
    return {"version": "0", "source": "aws.partner/genesys", "detail": told} if bus else told


ANSWERED = [
    event("customer.start", 0),
    event("flow.start", 1, flowType="INBOUNDCALL"),
    event("acd.start", 20, queueId="q-9", bus=True),
    event("acd.end", 90, queueId="q-9", acdOutcome="ANSWERED", connectedDurationMs=70_400),
    event("user.end", 200, queueId="q-9", interactingDurationMs=95_000, heldDurationMs=0),
    event("customer.end", 200),
    event("acw", 230, wrapupCode="wrap-3"),
]


def session(**parts: Any) -> list[dict[str, Any]]:
    return [{"mediaType": "voice", "direction": "inbound"} | parts]


def conversation(**changes: Any) -> dict[str, Any]:
    return {
        "conversationId": "conv-1",
        "conversationStart": "2026-07-12T06:40:00.000Z",
        "conversationEnd": "2026-07-12T06:44:00.000Z",
        "originatingDirection": "inbound",
        "participants": [
            {"purpose": "customer", "sessions": session(ani=f"tel:{PHONE}", dnis="tel:+566002001111")},
            {"purpose": "ivr", "sessions": session()},
            {"purpose": "acd", "participantName": "Outages", "sessions": session(
                segments=[{"segmentType": "interact", "queueId": "q-9"}],
                metrics=[{"name": "nOffered", "value": 1}, {"name": "tAnswered", "value": 70_400}],
            )},
            {"purpose": "agent", "sessions": session(
                metrics=[{"name": "tTalk", "value": 60_000}, {"name": "tTalk", "value": 35_000}],
                segments=[{"segmentType": "interact"}, {"segmentType": "wrapup", "wrapUpCode": "wrap-3"}],
            )},
        ],
    } | changes  # fmt: skip


ARN = "arn:aws:connect:sa-east-1:111122223333:instance/i/queue/q-9"


def record(**changes: Any) -> dict[str, Any]:
    return {
        "AWSContactTraceRecordFormatVersion": "2017-03-10",
        "ContactId": "c-1", "InitialContactId": None, "NextContactId": None, "Channel": "VOICE",
        "InitiationMethod": "INBOUND", "InitiationTimestamp": "2026-07-12T06:40:00Z",
        "DisconnectTimestamp": "2026-07-12T06:44:00Z", "DisconnectReason": "CUSTOMER_DISCONNECT",
        "CustomerEndpoint": {"Address": PHONE, "Type": "TELEPHONE_NUMBER"},
        "SystemEndpoint": {"Address": "+566002001111", "Type": "TELEPHONE_NUMBER"},
        "Queue": {"ARN": ARN, "Name": "Outages", "EnqueueTimestamp": "2026-07-12T06:40:20Z",
                  "DequeueTimestamp": "2026-07-12T06:41:30Z", "Duration": 70},
        "Agent": {"ConnectedToAgentTimestamp": "2026-07-12T06:41:30Z", "AgentInteractionDuration": 95},
        "Attributes": {"wrap_up": "told"},
    } | changes  # fmt: skip


def contact_event(kind: str, **changes: Any) -> dict[str, Any]:
    return {
        "detail-type": "Amazon Connect Contact Event", "source": "aws.connect",
        "detail": {
            "eventType": kind, "contactId": "c-1", "channel": "VOICE", "initiationMethod": "INBOUND",
            "initiationTimestamp": "2026-07-12T06:40:00.000Z",
            "customerEndpoint": {"type": "TELEPHONE_NUMBER", "address": PHONE},
        } | changes,
    }  # fmt: skip
