"""Reads outage event notifications: how each outage stands, with its customers in full or in addition.

The shape is that of Oracle's service REST API for outage event notifications (docs.oracle.com): an
`externalSystem`, and `outageMessages` with `customerInformation` and `eventDetails`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from outreach.model.errors import InputRefused
from outreach.model.intake import MessageKind, OutageFields, OutageMessage, Unreadable
from outreach.outages import strict_json
from outreach.outages.intake_fields import (
    LONGEST_REF,
    NotReadable,
    content,
    instant,
    is_plain,
)
from outreach.outages.intake_mapping import FeedMapping

MOST_MESSAGES = 10_000
MOST_CUSTOMERS = 200_000
LONGEST_SYSTEM = 30
PLANNED, UNPLANNED = "C1PL", "C1UP"
ACCOUNT_KEYS = ("accountId", "customerId")
PREMISE_KEYS = ("premiseId", "servicePointId")
"""Names under which systems identify a customer of an outage."""
_OURS = FeedMapping()


def read(raw: bytes, *, name: str = "body") -> Iterator[OutageMessage | Unreadable]:
    """Each outage message of the document, or what is wrong with it.

    InputRefused: no such document. Reasons: missing_outage, bad_field, planned.
    """
    for number, one in enumerate(messages(raw, name=name), start=1):
        place = f"outageMessages[{number}]"
        try:
            yield _message(one, place)
        except NotReadable as error:
            details = one.get("eventDetails") if isinstance(one, dict) else None
            ref = details.get("externalOutageId") if isinstance(details, dict) else None
            yield Unreadable(
                place=place,
                reason=error.reason,
                detail=error.detail,
                outage_ref=ref if isinstance(ref, str) and len(ref) <= LONGEST_REF else "",
            )


def messages(raw: bytes, *, name: str = "body") -> list[Any]:
    """The document's messages, unread; InputRefused if it is none."""
    document = _document(raw, name)
    found = document.get("outageMessages", [])
    if not isinstance(found, list) or len(found) > MOST_MESSAGES:
        raise InputRefused(f"{name}: outageMessages: must be a list of at most {MOST_MESSAGES}")
    return found


def system(raw: bytes, *, name: str = "body") -> str:
    """Which outage system speaks; InputRefused where it does not say."""
    found = _document(raw, name).get("externalSystem")
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST_SYSTEM or not is_plain(found):
        raise InputRefused(
            f"{name}: externalSystem: must name the system, in at most {LONGEST_SYSTEM} characters"
        )
    return found


def _document(raw: bytes, name: str) -> dict[str, Any]:
    try:
        document = strict_json.parsed(raw)
    except ValueError:
        raise InputRefused(f"{name}: not JSON in UTF-8; check what was sent") from None
    if not isinstance(document, dict):
        raise InputRefused(f"{name}: must be an object with externalSystem and outageMessages")
    return document


def _message(one: Any, place: str) -> OutageMessage:
    if not isinstance(one, dict):
        raise NotReadable("bad_field", "must be an object")
    details, people = _part(one, "eventDetails"), _part(one, "customerInformation")
    ref = _text(details, "externalOutageId")
    if not ref:
        raise NotReadable("missing_outage", "eventDetails.externalOutageId says not which outage")
    if _text(details, "outageType") not in {"", UNPLANNED}:
        raise NotReadable(
            "planned", f"outageType: only {UNPLANNED}; import works by `outreach planned import`"
        )
    return OutageMessage(
        event_key="",
        seq=_reference(details),
        outage_ref=ref,
        kind=MessageKind.STANDS,
        fields=_fields(details, people),
        content=content(one),
        place=place,
    )


def _fields(details: dict[str, Any], people: dict[str, Any]) -> OutageFields:
    found: dict[str, Any] = {}
    for ours, theirs in (
        ("start", "startDateTime"),
        ("etr", "estimatedRestorationTime"),
        ("restored_at", "completionDateTime"),
    ):
        text = _text(details, theirs)
        if text:
            found[ours] = instant(theirs, text)
        elif ours == "etr" and theirs in details:
            found[ours] = None
    found |= _flags(details) | _places(people)
    return cast(OutageFields, found)


def _flags(details: dict[str, Any]) -> dict[str, bool]:
    value = details.get("discarded", False)
    if not isinstance(value, bool):
        raise NotReadable("bad_field", "discarded: must be true or false")
    return {"discarded": True} if value else {}


def _places(people: dict[str, Any]) -> dict[str, Any]:
    if "customers" not in people:
        return {}
    customers, adds = people["customers"], people.get("incrementalUpdate", False)
    if not isinstance(customers, list) or len(customers) > MOST_CUSTOMERS:
        raise NotReadable("bad_field", f"customers: must be a list of at most {MOST_CUSTOMERS}")
    if not isinstance(adds, bool):
        raise NotReadable("bad_field", "incrementalUpdate: must be true or false")
    accounts, premises = set[str](), set[str]()
    for customer in customers:
        kind, ref = _customer(customer)
        (premises if kind in PREMISE_KEYS else accounts).add(ref)
    return {
        "accounts": tuple(sorted(accounts)),
        "premises": tuple(sorted(premises)),
        "adds": adds,
    }


def _customer(customer: Any) -> tuple[str, str]:
    """Which key identifies this customer, and how: the supply rather than the account."""
    if isinstance(customer, dict):
        for key in (*PREMISE_KEYS, *ACCOUNT_KEYS):
            ref = _text(customer, key)
            if ref:
                return key, ref
    wanted = ", ".join((*PREMISE_KEYS, *ACCOUNT_KEYS))
    raise NotReadable("bad_field", f"customers: each needs one of {wanted}")


def _part(one: dict[str, Any], name: str) -> dict[str, Any]:
    part = one.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise NotReadable("bad_field", f"{name}: must be an object")
    return part


def _text(part: dict[str, Any], name: str) -> str:
    value = part.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_REF or not is_plain(value):
        raise NotReadable("bad_field", f"{name}: must be text of at most {LONGEST_REF} characters")
    return value.strip()


def _reference(details: dict[str, Any]) -> int | None:
    """Rises with every update of an outage; a time as reference rises too."""
    text = _text(details, "messageReference")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 18:  # noqa: PLR2004  fits 63 bits
        return int(text)
    try:
        return int(instant("messageReference", text).timestamp() * 1_000_000)
    except NotReadable:
        raise NotReadable(
            "bad_field", "messageReference: must be a rising whole number, or a time"
        ) from None
