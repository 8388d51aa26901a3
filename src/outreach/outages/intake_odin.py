"""Reads outages in the ODIN profile of IEC 61968-3: a whole list, each outage as it stands.

Namespace http://iec.ch/TC57/2014/FROutages#, or another: elements go by their local names. What the
profile has and we do not use is passed over. Its counts of meters and customers are not believed:
the scope says who is out, by equipment, usage points, postal codes or localities of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast
from xml.etree.ElementTree import Element

from outreach.model.intake import MessageKind, OutageFields, OutageMessage, Unreadable
from outreach.outages import safe_xml
from outreach.outages.intake_csv import snapshot
from outreach.outages.intake_fields import (
    LONGEST_REF,
    LONGEST_TEXT,
    NotReadable,
    content,
    instant,
    is_plain,
)
from outreach.outages.intake_mapping import FeedMapping
from outreach.outages.safe_xml import child_text, local

MOST_OUTAGES = 50_000
_OUTAGES = frozenset({"Outage", "UnplannedOutage"})
_TAKEN_BACK = frozenset({"cancelled", "canceled", "discarded"})
_POSTAL = frozenset({"zip", "zipcode", "postalcode"})
_LOCALITIES = frozenset({"city", "town", "township", "municipality", "comuna", "county", "borough"})
_PLACED = {
    "Equipments": "nodes",
    "Equipment": "nodes",
    "OutageIsolationEquipment": "nodes",
    "UsagePoints": "premises",
    "UsagePoint": "premises",
}


def read(
    raw: bytes, mapping: FeedMapping | None = None, *, name: str
) -> Iterator[OutageMessage | Unreadable]:
    """Each outage of the document, then what it lists. InputRefused: no XML that we read.

    Reasons: missing_outage, bad_field, too_many, planned.
    """
    words = mapping or FeedMapping()
    outages = [one for one in safe_xml.root(raw, name=name).iter() if _is_outage(one)]
    listed: list[str] = []
    for number, element in enumerate(outages[:MOST_OUTAGES], start=1):
        one = _read(element, words, f"Outage {number}")
        if isinstance(one, OutageMessage):
            listed.append(one.outage_ref)
        yield one
    if len(outages) > MOST_OUTAGES:
        yield Unreadable(place=name, reason="too_many", detail=f"more than {MOST_OUTAGES} outages")
    if len(listed) == len(outages):  # a list with holes says nothing about what is absent
        yield snapshot(tuple(listed), place=name)


def _is_outage(element: Element) -> bool:
    return local(element) in {*_OUTAGES, "PlannedOutage"} and len(element) > 0


def _read(element: Element, mapping: FeedMapping, place: str) -> OutageMessage | Unreadable:
    ref = child_text(element, "mRID")
    try:
        _refuse_other(element, ref)
        return OutageMessage(
            event_key="",
            outage_ref=ref,
            kind=MessageKind.STANDS,
            fields=_fields(element, mapping),
            content=content({"xml": [*_flat(element)]}),
            place=place,
        )
    except NotReadable as error:
        return Unreadable(
            place=place,
            reason=error.reason,
            detail=error.detail,
            outage_ref=ref if len(ref) <= LONGEST_REF and is_plain(ref) else "",
        )


def _refuse_other(element: Element, ref: str) -> None:
    if not ref or len(ref) > LONGEST_REF or not is_plain(ref):
        raise NotReadable("missing_outage", "mRID says not which outage")
    if local(element) == "PlannedOutage" or child_text(element, "isPlanned") == "true":
        raise NotReadable("planned", "import works by `outreach planned import`")


def _flat(element: Element) -> Iterator[tuple[str, str]]:
    for one in element.iter():
        yield local(one), (one.text or "").strip()


def _fields(element: Element, mapping: FeedMapping) -> OutageFields:
    found: dict[str, Any] = {}
    for ours, paths in _TIMES.items():
        for path in paths:
            text = child_text(element, *path)
            if text:
                found.setdefault(ours, instant(".".join(path), text, zone=mapping.zone))
    cause = child_text(element, "cause") or child_text(element, "causeKind")
    if len(cause) > LONGEST_TEXT or not is_plain(cause):
        raise NotReadable("bad_field", f"cause: must be text of at most {LONGEST_TEXT} characters")
    if cause:
        found["cause"] = mapping.causes.get(cause, cause)
    if child_text(element, "statusKind").casefold() in _TAKEN_BACK:
        found["discarded"] = True
    for kind, refs in _scope(element).items():
        found[kind] = tuple(sorted(refs))
    return cast(OutageFields, found)


_TIMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "start": (("actualPeriod", "start"), ("reportedStartTime",)),
    "etr": (
        ("EstimatedRestorationTime", "ert"),
        ("EstimatedRestorationTime",),
        ("estimatedRestorationTime",),
        ("estimatedPeriod", "end"),
    ),
    "restored_at": (("actualPeriod", "end"),),
}
"""Our field -> where the profile says it, the first that does."""


def _scope(element: Element) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in element.iter():
        kind = _PLACED.get(local(one))
        if kind is not None:
            _add(found, kind, one, lambda part: child_text(part, "mRID"))
        elif local(one) == "OutageArea" and (kind := _area_kind(one)):
            _add(found, kind, one, _area_name)
    return found


def _add(
    found: dict[str, set[str]], kind: str, element: Element, name: Callable[[Element], str]
) -> None:
    ref = name(element)
    if len(ref) > LONGEST_REF or not is_plain(ref):
        raise NotReadable("bad_field", f"{local(element)}: its name is too long")
    if ref:
        found.setdefault(kind, set()).add(ref)


def _area_kind(area: Element) -> str:
    word = child_text(area, "outageAreaKind").casefold().replace("_", "")
    if word in _POSTAL:
        return "postal_codes"
    return "localities" if word in _LOCALITIES else ""


def _area_name(area: Element) -> str:
    return child_text(area, "Names", "name") or child_text(area, "mRID")
