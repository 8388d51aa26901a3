"""The one case table of every outage format: a document in, what is read of it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from outreach.model.intake import MessageKind, OutageMessage, Unreadable
from outreach.outages import intake_csv, intake_notifications, intake_odin, intake_oms
from outreach.outages.intake_mapping import FeedMapping

Read = Callable[[bytes], Iterator[OutageMessage | Unreadable]]
START = datetime(2026, 6, 12, 22, 18, 57, tzinfo=UTC)
ETR = datetime(2026, 6, 13, 1, 40, tzinfo=UTC)
_K = MessageKind


@dataclass(frozen=True, kw_only=True)
class Case:
    """Reads `raw`; the first message has this kind, outage, sequence and fields, or is unreadable so."""

    name: str
    read: Read
    raw: bytes
    kind: MessageKind = _K.STANDS
    ref: str = "RC-1"
    seq: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    detail: str = ""


def oms(raw: bytes, **mapping: Any) -> Iterator[OutageMessage | Unreadable]:
    return intake_oms.read(BytesIO(raw), FeedMapping(**mapping))


EVENTS = ("event_key", "outage", "kind", "seq", "nodes", "etr")
LIST = ("outage", "nodes", "start", "etr", "discarded")


def csv_events(raw: bytes) -> Iterator[OutageMessage | Unreadable]:
    mapping = FeedMapping(fields={name: name for name in EVENTS}, delimiter=";")
    return intake_csv.read(raw, mapping, name="a/events.csv")


def csv_list(raw: bytes) -> Iterator[OutageMessage | Unreadable]:
    mapping = FeedMapping(
        fields={name: name for name in LIST}, whole_list=True, zone="America/Santiago"
    )
    return intake_csv.read(raw, mapping, name="list.csv")


def notifications(raw: bytes) -> Iterator[OutageMessage | Unreadable]:
    return intake_notifications.read(raw)


def odin(raw: bytes) -> Iterator[OutageMessage | Unreadable]:
    return intake_odin.read(raw, name="odin.xml")


def notice(details: str, people: str = "{}") -> bytes:
    return (
        f'{{"externalSystem": "NMS", "outageMessages": [{{"eventDetails": {{{details}}},'
        f' "customerInformation": {people}}}]}}'
    ).encode()


def outage_xml(inner: str, *, name: str = "Outage") -> bytes:
    return (
        '<?xml version="1.0"?><m:Outages xmlns:m="http://iec.ch/TC57/2014/FROutages#">'
        f"<m:{name}><m:mRID>RC-1</m:mRID>{inner}</m:{name}></m:Outages>"
    ).encode()


JSONL = [
    Case(
        name="created", read=oms, kind=_K.CREATED, seq=1,
        raw=b'{"event_key":"E1","outage":"RC-1","kind":"created","seq":1,"start":"2026-06-12T18:18:57-04:00",'
        b'"nodes":["S3","S1","S3"],"etr":"2026-06-12T21:40:00-04:00","cause":null,"plan":"ignored"}',
        fields={"start": START, "nodes": ("S1", "S3"), "etr": ETR, "cause": ""},
    ),
    Case(
        name="etr_withdrawn", read=oms, kind=_K.ETR, seq=4,
        raw=b'{"outage":"RC-1","kind":"etr","seq":"4","etr":null}', fields={"etr": None},
    ),
    Case(
        name="numbers_as_text", read=oms, kind=_K.CREW, ref="17", seq=0,
        raw=b'{"outage":17,"kind":"crew","seq":0,"crew":"ON_SITE"}', fields={"crew": "ON_SITE"},
    ),
    Case(
        name="snapshot", read=oms, kind=_K.SNAPSHOT, ref="",
        raw=b'{"kind":"snapshot","active":["B","A"]}', fields={"active": ("A", "B")},
    ),
    Case(name="cut_off", read=oms, raw=b'{"outage":"RC-1","kind":"etr"', reason="malformed_line"),
    Case(name="no_object", read=oms, raw=b"[1]", reason="malformed_line"),
    Case(name="not_a_number", read=oms, raw=b'{"outage":NaN}', reason="malformed_line"),
    Case(name="latin_1", read=oms, raw='{"cause":"árbol"}'.encode("latin-1"), reason="malformed_line"),
    Case(
        name="unknown_kind", read=oms, raw=b'{"outage":"RC-1","kind":"PLAN","seq":3}',
        reason="unknown_type", detail="not among [kinds] of the mapping", seq=3,
    ),
    Case(name="no_outage", read=oms, raw=b'{"kind":"etr"}', reason="missing_outage", ref=""),
    Case(
        name="time_without_offset", read=oms,
        raw=b'{"outage":"RC-1","kind":"etr","etr":"2026-06-12T21:40:00"}',
        reason="bad_field", detail="etr: must be a time with its offset (or give the mapping a zone)",
    ),
    Case(
        name="no_time_at_all", read=oms, raw=b'{"outage":"RC-1","kind":"etr","etr":"soon"}',
        reason="bad_field", detail="etr: must be an ISO 8601 time",
    ),
    Case(
        name="year_of_a_typo", read=oms, raw=b'{"outage":"RC-1","kind":"etr","etr":"0206-06-12T21:40Z"}',
        reason="bad_field", detail="etr: must be a time from 2000 to 2099",
    ),
    Case(
        name="nodes_of_another_kind", read=oms, raw=b'{"outage":"RC-1","kind":"scope","nodes":[["A"]]}',
        reason="bad_field", detail="nodes: must be text of at most 500 characters",
    ),
    Case(
        name="control_characters", read=oms, raw=rb'{"outage":"RC-1","kind":"cause","cause":"a\u0000b"}',
        reason="bad_field", detail="cause: must be text of at most 500 characters",
    ),
    Case(
        name="sequence_below_zero", read=oms, raw=b'{"outage":"RC-1","kind":"etr","seq":-1}',
        reason="bad_field", detail="seq: must be a whole number from 0",
    ),
]  # fmt: skip
CSV = [
    Case(
        name="event", read=csv_events, kind=_K.SCOPE, seq=2, fields={"nodes": ("S1", "S2")},
        raw=b"event_key;outage;kind;seq;nodes;etr\nE2;RC-1;scope;2;S2+S1;\n",
    ),
    Case(
        name="taken_back", read=csv_events, kind=_K.ETR, seq=3, fields={"etr": None},
        raw=b"event_key;outage;kind;seq;nodes;etr\nE3;RC-1;etr;3;;null\n",
    ),
    Case(
        name="row_of_a_list", read=csv_list,
        raw=b"outage,nodes,start,etr,discarded\nRC-1,S1,2026-06-12 18:18:57,,false\n",
        fields={"nodes": ("S1",), "start": START, "discarded": False},
    ),
    Case(
        name="too_few_cells", read=csv_events, raw=b"event_key;outage;kind;seq;nodes;etr\nE3;RC-1\n",
        reason="wrong_column_count", detail="2 of 6", ref="",
    ),
    Case(
        name="other_encoding", read=csv_events,
        raw="event_key;outage;kind;seq;nodes;etr\nE3;RÍO;etr;3;;\n".encode("latin-1"),
        reason="undecodable", detail="not utf-8-sig; set file.encoding", ref="",
    ),
]  # fmt: skip
NOTIFICATIONS = [
    Case(
        name="in_full", read=notifications, seq=12,
        raw=notice(
            '"externalOutageId":"RC-1","outageType":"C1UP","messageReference":"12","impactedCustomers":2,'
            '"startDateTime":"2026-06-12T18:18:57-04:00","estimatedRestorationTime":"2026-06-12T21:40:00-04:00"',
            '{"customers":[{"premiseId":"P2"},{"accountId":"C1"},{"premiseId":"P1","accountId":"C9"}],'
            '"incrementalUpdate":false}',
        ),
        fields={"start": START, "etr": ETR, "accounts": ("C1",), "premises": ("P1", "P2"), "adds": False},
    ),
    Case(
        name="in_addition", read=notifications,
        raw=notice('"externalOutageId":"RC-1"', '{"customers":[{"premiseId":"P3"}],"incrementalUpdate":true}'),
        fields={"accounts": (), "premises": ("P3",), "adds": True},
    ),
    Case(
        name="completed", read=notifications,
        raw=notice('"externalOutageId":"RC-1","completionDateTime":"2026-06-13T01:40:00Z"'),
        fields={"restored_at": ETR},
    ),
    Case(
        name="discarded", read=notifications, raw=notice('"externalOutageId":"RC-1","discarded":true'),
        fields={"discarded": True},
    ),
    Case(
        name="reference_is_a_time", read=notifications, seq=1781314800000000,
        raw=notice('"externalOutageId":"RC-1","messageReference":"2026-06-13T01:40:00Z"'),
    ),
    Case(
        name="planned", read=notifications, raw=notice('"externalOutageId":"RC-1","outageType":"C1PL"'),
        reason="planned", detail="outageType: only C1UP; import works by `outreach planned import`",
    ),
    Case(
        name="no_reference_that_rises", read=notifications,
        raw=notice('"externalOutageId":"RC-1","messageReference":"abc"'),
        reason="bad_field", detail="messageReference: must be a rising whole number, or a time",
    ),
    Case(name="no_outage", read=notifications, raw=notice(""), reason="missing_outage", ref=""),
    Case(
        name="customer_of_no_name", read=notifications,
        raw=notice('"externalOutageId":"RC-1"', '{"customers":[{"name":"x"}]}'), reason="bad_field",
        detail="customers: each needs one of premiseId, servicePointId, accountId, customerId",
    ),
]  # fmt: skip
ODIN = [
    Case(
        name="outage", read=odin,
        raw=outage_xml(
            "<m:reportedStartTime>2026-06-12T22:18:57Z</m:reportedStartTime><m:metersAffected>4</m:metersAffected>"
            "<m:EstimatedRestorationTime><m:ert>2026-06-13T01:40:00Z</m:ert></m:EstimatedRestorationTime>"
            "<m:causeKind>weather</m:causeKind><m:utilityDisclaimer>kept out</m:utilityDisclaimer>"
            "<m:Equipments><m:mRID>S1</m:mRID></m:Equipments><m:UsagePoints><m:mRID>P1</m:mRID></m:UsagePoints>"
            "<m:OutageArea><m:outageAreaKind>zipcode</m:outageAreaKind><m:Names><m:name>7500000</m:name></m:Names>"
            "</m:OutageArea>",
        ),
        fields={
            "start": START, "etr": ETR, "cause": "weather", "nodes": ("S1",), "premises": ("P1",),
            "postal_codes": ("7500000",),
        },
    ),
    Case(
        name="over", read=odin, fields={"start": START, "restored_at": ETR},
        raw=outage_xml(
            "<m:actualPeriod><m:start>2026-06-12T22:18:57Z</m:start><m:end>2026-06-13T01:40:00Z</m:end></m:actualPeriod>"
        ),
    ),
    Case(
        name="cancelled", read=odin, raw=outage_xml("<m:statusKind>cancelled</m:statusKind>"),
        fields={"discarded": True},
    ),
    Case(
        name="planned", read=odin, raw=outage_xml("", name="PlannedOutage"), reason="planned",
        detail="import works by `outreach planned import`",
    ),
    Case(
        name="odd_time", read=odin, raw=outage_xml("<m:reportedStartTime>then</m:reportedStartTime>"),
        reason="bad_field", detail="reportedStartTime: must be an ISO 8601 time",
    ),
]  # fmt: skip
CASES = {
    f"{form}-{case.name}": case
    for form, cases in (("jsonl", JSONL), ("csv", CSV), ("oracle", NOTIFICATIONS), ("odin", ODIN))
    for case in cases
}
