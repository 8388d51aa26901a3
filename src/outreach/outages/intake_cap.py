"""Reads CAP alerts: a file with one, or an Atom, RSS or EDXL-DE envelope with several.

What breaks a rule of the standard is refused with the element's name; what of its identity can be
read is kept, for a Cancel that breaks a rule may still be genuine. Where the feed names certificates,
a signed alert is read from what was signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from outreach.model.cap import CapAlert, CapArea, CapInfo, CapUnread, Pair, Reference
from outreach.model.errors import InputRefused
from outreach.outages import cap_envelopes, cap_schema, cap_signatures, safe_xml
from outreach.outages.cap_schema import NAMESPACES, SIGNATURE, Mistake
from outreach.outages.cap_signatures import Certificate

LARGEST = 5_000_000
"""Bytes of one file; national feeds in a bad night are a tenth of it."""
_KEPT = 20_000
"""Bytes kept of what is no XML, for a person to look at."""
_CANCEL = re.compile(rb"msgType>\s*cancel\b", re.IGNORECASE)
_NEEDS_REFERENCES = ("Update", "Cancel", "Ack", "Error")


def read(
    raw: bytes, *, name: str, trusted: tuple[Certificate, ...] = ()
) -> Iterator[CapAlert | CapUnread]:
    """Each alert of a file in its order, or why it is none; `name` is its file, as people know it.

    Signatures are held against `trusted`; without any, they are only noticed. Never raises, touches no
    network, and reads no document type.
    """
    try:
        found = _root(raw, name)
    except InputRefused as error:
        # Cut off or mangled on its way, a withdrawal is still recognised by its word.
        kind = "Cancel" if _CANCEL.search(raw[:LARGEST]) else ""
        body = raw[:_KEPT].decode("utf-8", errors="replace").replace("\0", "")
        yield CapUnread(place=name, element="alert", reason=str(error), msg_type=kind, body=body)
        return
    if found.tag.rpartition("}")[2] == "alert":
        yield _proven(_read(found, name, raw), raw, 1, trusted)
        return
    try:
        inside = cap_envelopes.alerts(found)
    except cap_envelopes.Broken as error:
        yield CapUnread(place=name, element=error.element, reason=error.reason)
        return
    for number, alert in enumerate(inside, start=1):
        yield _proven(_read(alert, f"{name}: alert {number}"), raw, number, trusted)


def _proven(
    read: CapAlert | CapUnread, raw: bytes, number: int, trusted: tuple[Certificate, ...]
) -> CapAlert | CapUnread:
    """With who has signed it, and then as it was signed; else with why that is not known."""
    if not isinstance(read, CapAlert) or not read.is_signed or not trusted:
        return read
    try:
        proof = cap_signatures.proof(raw, number, trusted)
        signed = _read(safe_xml.root(proof.signed, name=read.place), read.place)
    except InputRefused as error:
        return replace(read, unproven=str(error))
    if not isinstance(signed, CapAlert) or signed.identity != read.identity:
        return replace(read, unproven="its signature is of another alert")
    return replace(signed, is_signed=True, signer=proof.signer, body=read.body)


def _root(raw: bytes, name: str) -> Any:
    if len(raw) > LARGEST:
        raise InputRefused(f"{name}: larger than {LARGEST:,} bytes; fetch fewer alerts at once")
    return safe_xml.root(raw, name=name)


def _read(element: Any, place: str, raw: bytes = b"") -> CapAlert | CapUnread:
    space = element.tag.rpartition("}")[0].removeprefix("{")
    version = NAMESPACES.get(space)
    if version is None:
        known = ", ".join(sorted(NAMESPACES.values()))
        mistake: Mistake | None = Mistake(
            element="alert", reason=f"namespace {space[:60]!r}: CAP {known} are read"
        )
    else:
        mistake = cap_schema.first_mistake(element, version) or _at_odds(element)
    if mistake is not None:
        return _unread(element, place, mistake, raw)
    return _alert(element, place, raw)


def _at_odds(alert: Any) -> Mistake | None:
    """What single elements do not show: rules between them."""
    kind, scope = _text(alert, "msgType"), _text(alert, "scope")
    if kind in _NEEDS_REFERENCES and not _text(alert, "references"):
        return Mistake(element="alert.references", reason=f"missing: {kind} of what?")
    if scope == "Restricted" and not _text(alert, "restriction"):
        return Mistake(element="alert.restriction", reason="missing: the scope is Restricted")
    if scope == "Private" and not _text(alert, "addresses"):
        return Mistake(element="alert.addresses", reason="missing: the scope is Private")
    return next(_in_infos(alert), None)


def _in_infos(alert: Any) -> Iterator[Mistake]:
    sent_at = datetime.fromisoformat(_text(alert, "sent"))
    for number, info in enumerate(_children(alert, "info"), start=1):
        expires = _instant(info, "expires")
        if expires is not None and expires <= sent_at:
            yield Mistake(element=f"alert.info[{number}].expires", reason="not after sent")
        for place, area in enumerate(_children(info, "area"), start=1):
            if _text(area, "ceiling") and not _text(area, "altitude"):
                where = f"alert.info[{number}].area[{place}].altitude"
                yield Mistake(element=where, reason="missing: there is a ceiling")


def _unread(element: Any, place: str, mistake: Mistake, raw: bytes) -> CapUnread:
    identity = {
        ours: safe_xml.child_text(element, theirs)[:200]
        for ours, theirs in (
            ("identifier", "identifier"),
            ("sender", "sender"),
            ("sent", "sent"),
            ("msg_type", "msgType"),
            ("status", "status"),
        )
    }
    return CapUnread(
        place=place,
        element=mistake.element,
        reason=mistake.reason,
        references=_named(safe_xml.child_text(element, "references")),
        body=_body(element, raw),
        **identity,
    )


def _named(text: str) -> tuple[Reference, ...]:
    """The alerts that it names; none where it is written wrongly."""
    try:
        found = cap_schema.references(text)
    except ValueError:
        return ()
    return tuple(Reference(sender=a, identifier=b, sent=c) for a, b, c in found)


def _alert(element: Any, place: str, raw: bytes) -> CapAlert:
    sent = _text(element, "sent")
    return CapAlert(
        identifier=_text(element, "identifier"),
        sender=_text(element, "sender"),
        sent=sent,
        sent_at=datetime.fromisoformat(sent).astimezone(UTC),
        status=_text(element, "status"),
        msg_type=_text(element, "msgType"),
        scope=_text(element, "scope"),
        note=_text(element, "note"),
        references=_named(_text(element, "references")),
        incidents=_text(element, "incidents"),
        infos=tuple(_info(info) for info in _children(element, "info")),
        is_signed=element.find(SIGNATURE) is not None,
        body=_body(element, raw),
        place=place,
    )


def _info(info: Any) -> CapInfo:
    return CapInfo(
        language=_text(info, "language") or "en-US",
        categories=_texts(info, "category"),
        event=_text(info, "event"),
        responses=_texts(info, "responseType"),
        urgency=_text(info, "urgency"),
        severity=_text(info, "severity"),
        certainty=_text(info, "certainty"),
        event_codes=_pairs(info, "eventCode"),
        effective=_instant(info, "effective"),
        onset=_instant(info, "onset"),
        expires=_instant(info, "expires"),
        sender_name=_text(info, "senderName"),
        headline=_text(info, "headline"),
        description=_text(info, "description"),
        instruction=_text(info, "instruction"),
        web=_text(info, "web"),
        contact=_text(info, "contact"),
        areas=tuple(_area(area) for area in _children(info, "area")),
    )


def _area(area: Any) -> CapArea:
    return CapArea(
        description=_text(area, "areaDesc"),
        polygons=tuple(cap_schema.corners(text) for text in _texts(area, "polygon")),
        circles=tuple(cap_schema.circle(text) for text in _texts(area, "circle")),
        geocodes=_pairs(area, "geocode"),
    )


def _children(element: Any, name: str) -> list[Any]:
    found: list[Any] = element.findall(f"{element.tag.rpartition('}')[0]}}}{name}")
    return found


def _texts(element: Any, name: str) -> tuple[str, ...]:
    return tuple((child.text or "").strip() for child in _children(element, name))


def _text(element: Any, name: str) -> str:
    return next(iter(_texts(element, name)), "")


def _instant(element: Any, name: str) -> datetime | None:
    text = _text(element, name)
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _pairs(element: Any, name: str) -> tuple[Pair, ...]:
    return tuple(
        (_text(child, "valueName"), _text(child, "value")) for child in _children(element, name)
    )


def _body(element: Any, raw: bytes) -> str:
    """The alert as it came; inside an envelope, or in another encoding, the same written anew."""
    from xml.etree.ElementTree import tostring  # noqa: PLC0415  it writes, and parses nothing

    try:
        return raw.decode("utf-8") if raw else str(tostring(element, encoding="unicode"))
    except UnicodeDecodeError:
        return str(tostring(element, encoding="unicode"))
    except RecursionError:
        return ""
