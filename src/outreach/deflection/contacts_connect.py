"""Contacts of Amazon Connect: contact records, and the contact events of EventBridge.

Shapes: "Contact records data model" and "Contact events" of the Connect administrator guide. Records come at least
once and again when more is known; of several contacts of one call the first has no InitialContactId, and names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from outreach.deflection.calls_reading import Seen, Terms, Unfit, named, text, whole_seconds
from outreach.deflection.contacts_json import BROKEN, documents
from outreach.deflection.contacts_jsonl import found
from outreach.model.calls import CallRow, ContactKind

_KINDS = {
    "VOICE": ContactKind.CALL,
    "CHAT": ContactKind.CHAT,
    "EMAIL": ContactKind.MESSAGE,
}
"""Channels; a task is work of the company's own."""
_SMS = "connect:SMS"
_OURS = frozenset({"OUTBOUND", "EXTERNAL_OUTBOUND", "CALLBACK", "MONITOR", "AGENT_REPLY"})
"""Ways of beginning that are no contact of a customer."""
_WRAP_UP = "Attributes.wrap_up"


def seen(pieces: Iterable[str], terms: Terms) -> Iterator[Seen]:
    """One Seen a record or event; outbound contacts and tasks are passed over."""
    for record, document in enumerate(documents(pieces), start=1):
        yield of_document(document, terms, record=record)


def of_document(document: Any, terms: Terms, *, record: int) -> Seen:
    """What one contact record or contact event says."""
    if document is BROKEN:
        return Seen(record, record, refusal="not_json")
    try:
        return Seen(record, record, _call(document, terms))
    except Unfit as error:
        return Seen(record, record, refusal=str(error))


def _call(document: Any, terms: Terms) -> CallRow | None:
    if not isinstance(document, dict):
        raise Unfit("not_an_object")
    told = document.get("detail", document)
    if not isinstance(told, dict):
        raise Unfit("not_a_contact")
    fields = told if "ContactId" in told else _as_record(told)
    began = text(fields.get("InitiationMethod")).upper()
    kind = _kind(fields)
    if kind is None or began in _OURS or (began == "API" and kind is ContactKind.CALL):
        return None
    return _contact(fields, kind, terms)


def _contact(fields: dict[str, Any], kind: ContactKind, terms: Terms) -> CallRow:
    queued, agent = _part(fields, "Queue"), _part(fields, "Agent")
    ended = _time(fields.get("DisconnectTimestamp"))
    connected = _time(agent.get("ConnectedToAgentTimestamp"))
    began = _time(fields.get("InitiationTimestamp"))
    if began is None:
        raise Unfit("time_unreadable")
    return CallRow(
        call_id=named(fields.get("InitialContactId") or fields.get("ContactId")),
        at=terms.past(began),
        address_hash=terms.caller(_address(fields, "CustomerEndpoint")),
        dnis=terms.dialled(_address(fields, "SystemEndpoint")),
        queue=_queue(queued, terms),
        contained=False if queued or connected else (True if ended else None),
        abandoned=_is_abandoned(fields, is_queued=bool(queued), connected=connected, ended=ended),
        wait_s=_span(queued, "Duration", _time(queued.get("EnqueueTimestamp")), connected or ended),
        talk_s=_span(agent, "AgentInteractionDuration", connected, ended),
        source=terms.mapping.source,
        kind=kind.value,
        wrap_up=text(found(fields, terms.mapping.columns.get("wrap_up", _WRAP_UP).split("."))),
    )


def _as_record(event: dict[str, Any]) -> dict[str, Any]:
    """A contact event by the names of a contact record; Unfit for what is neither."""
    fields = {name[:1].upper() + name[1:]: value for name, value in event.items()}
    if "ContactId" not in fields:
        raise Unfit("not_a_contact")
    for ours, theirs in (("Queue", "QueueInfo"), ("Agent", "AgentInfo")):
        inner = fields.pop(theirs, None)
        if isinstance(inner, dict):
            fields[ours] = {name[:1].upper() + name[1:]: value for name, value in inner.items()}
    for end in ("CustomerEndpoint", "SystemEndpoint"):
        inner = fields.get(end)
        if isinstance(inner, dict):
            fields[end] = {name.capitalize(): value for name, value in inner.items()}
    return fields


def _kind(fields: dict[str, Any]) -> ContactKind | None:
    subtype = found(fields, ("SegmentAttributes", "connect:Subtype"))
    said = (
        subtype.get("ValueString", subtype.get("valueString")) if isinstance(subtype, dict) else ""
    )
    if said == _SMS:
        return ContactKind.MESSAGE
    return _KINDS.get(text(fields.get("Channel")).upper())


def _part(fields: dict[str, Any], name: str) -> dict[str, Any]:
    part = fields.get(name)
    return part if isinstance(part, dict) else {}


def _address(fields: dict[str, Any], name: str) -> str:
    return text(_part(fields, name).get("Address"))


def _queue(queued: dict[str, Any], terms: Terms) -> str:
    """By the mapping's name for its id, else as the record names it."""
    arn = text(queued.get("ARN") or queued.get("QueueArn"))
    number = arn.rpartition("/")[2]
    return terms.mapping.queues.get(number) or terms.queue(text(queued.get("Name")) or number)


def _is_abandoned(
    fields: dict[str, Any], *, is_queued: bool, connected: datetime | None, ended: datetime | None
) -> bool | None:
    """None for what goes on as another contact: a transfer, or a call back."""
    if connected:
        return False
    goes_on = fields.get("NextContactId") or fields.get("TransferCompletedTimestamp")
    return is_queued if ended and not goes_on else None


def _span(
    part: dict[str, Any], name: str, since: datetime | None, until: datetime | None
) -> int | None:
    """The seconds that the record names, else those between two moments."""
    told = part.get(name)
    if isinstance(told, int) and not isinstance(told, bool):
        return whole_seconds(told)
    return whole_seconds((until - since).total_seconds()) if since and until else None


def _time(written: Any) -> datetime | None:
    """ISO 8601 in UTC; None where there is none."""
    try:
        at = datetime.fromisoformat(text(written))
    except ValueError:
        return None
    return at if at.tzinfo else None
