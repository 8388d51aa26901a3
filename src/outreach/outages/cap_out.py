"""Writes CAP 1.2: an occasion's revision as Alert, Update or Cancel. The same revision gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from outreach.model.cap import CapAlert, CapArea, CapInfo, Corner, Pair, Reference
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind, OccasionState

KEPT_FOR = timedelta(hours=24)
"""How long news that something is over holds."""
_WITHDRAWN = {OccasionState.CANCELLED, OccasionState.DISCARDED, OccasionState.MERGED,
              OccasionState.ENDED}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CapSource:
    """Who speaks."""

    sender: str
    """Identifies the company to machines: no space, comma, < or & in it."""
    name: str
    web: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapText:
    """What is said, in one language."""

    language: str
    event: str
    headline: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Degree:
    category: str
    urgency: str
    severity: str
    certainty: str
    response: str


_OVER = _Degree(
    category="Infra", urgency="Past", severity="Minor", certainty="Observed", response="AllClear"
)
_DEGREES = {
    OccasionKind.OUTAGE: _Degree(
        category="Infra", urgency="Immediate", severity="Moderate", certainty="Observed",
        response="Monitor",
    ),
    OccasionKind.PLANNED: _Degree(
        category="Infra", urgency="Future", severity="Minor", certainty="Likely",
        response="Prepare",
    ),
    OccasionKind.ADVISORY: _Degree(
        category="Other", urgency="Expected", severity="Moderate", certainty="Likely",
        response="Prepare",
    ),
}  # fmt: skip


def identifier(public_id: str, version: int) -> str:
    """`out_7kq2m4xa-3`: an alert is one version of one occasion."""
    return f"{public_id}-{version}"


def composed(
    occasion: Occasion,
    *,
    public_id: str,
    source: CapSource,
    texts: Sequence[CapText],
    area: CapArea,
    earlier: Sequence[Reference] = (),
) -> CapAlert:
    """The alert of the newest revision; `earlier` are those of this occasion that left before it.

    Without texts it says only that the earlier ones hold no more.
    """
    revision = occasion.revision
    zone = ZoneInfo(occasion.zone)
    return CapAlert(
        identifier=identifier(public_id, revision.version),
        sender=source.sender,
        sent=_time(revision.recorded_at, zone),
        sent_at=revision.recorded_at.astimezone(UTC).replace(microsecond=0),
        status="Exercise" if occasion.drill else "Actual",
        msg_type=_kind(occasion, earlier),
        scope="Public",
        note=_clean(occasion.name) if occasion.drill else "",
        references=tuple(earlier),
        incidents=public_id,
        infos=tuple(_info(occasion, text, source, area) for text in texts),
    )


def _kind(occasion: Occasion, earlier: Sequence[Reference]) -> str:
    if not earlier:
        return "Alert"
    return "Cancel" if occasion.revision.state in _WITHDRAWN else "Update"


def _info(occasion: Occasion, text: CapText, source: CapSource, area: CapArea) -> CapInfo:
    revision = occasion.revision
    degree = _DEGREES[occasion.kind] if revision.state.is_open else _OVER
    return CapInfo(
        language=text.language,
        categories=(degree.category,),
        event=_clean(text.event),
        responses=(degree.response,),
        urgency=degree.urgency,
        severity=degree.severity,
        certainty=degree.certainty,
        onset=_second(revision.start_at),
        expires=expires(occasion),
        sender_name=_clean(source.name),
        headline=_clean(text.headline),
        description=_clean(text.description),
        web=_clean(source.web),
        contact=_clean(source.contact),
        areas=(area,),
    )


def expires(occasion: Occasion) -> datetime:
    """Until when it may be believed: the last instant that it promises, else a day; after sent."""
    revision = occasion.revision
    sent = _second(revision.recorded_at)
    if not revision.state.is_open:
        return sent + KEPT_FOR
    promised = [revision.public_etr, revision.next_update_at, revision.end_at]
    ahead = [_second(at) for at in promised if at is not None and _second(at) > sent]
    return max(ahead, default=sent + KEPT_FOR)


# ── As XML ───────────────────────────────────────────────────────────────────────────────────


def written(alert: CapAlert, *, zone: str) -> bytes:
    """The alert as a document, its times in the zone of the area."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append('<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">')
    lines += [f"  {line}" for line in _lines(alert, ZoneInfo(zone))]
    lines.append("</alert>\n")
    return "\n".join(lines).encode()


def _lines(alert: CapAlert, zone: ZoneInfo) -> Iterator[str]:
    yield from _element("identifier", alert.identifier)
    yield from _element("sender", alert.sender)
    yield from _element("sent", alert.sent)
    yield from _element("status", alert.status)
    yield from _element("msgType", alert.msg_type)
    yield from _element("scope", alert.scope)
    yield from _element("note", alert.note)
    yield from _element("references", " ".join(str(each) for each in alert.references))
    yield from _element("incidents", alert.incidents)
    for info in alert.infos:
        yield from _group("info", _info_lines(info, zone))


def _info_lines(info: CapInfo, zone: ZoneInfo) -> Iterator[str]:
    yield from _element("language", info.language)
    yield from _elements("category", info.categories)
    yield from _element("event", info.event)
    yield from _elements("responseType", info.responses)
    yield from _element("urgency", info.urgency)
    yield from _element("severity", info.severity)
    yield from _element("certainty", info.certainty)
    yield from _pairs("eventCode", info.event_codes)
    for name in ("effective", "onset", "expires"):
        at: datetime | None = getattr(info, name)
        yield from _element(name, _time(at, zone) if at else "")
    yield from _element("senderName", info.sender_name)
    yield from _element("headline", info.headline)
    yield from _element("description", info.description)
    yield from _element("instruction", info.instruction)
    yield from _element("web", info.web)
    yield from _element("contact", info.contact)
    for area in info.areas:
        yield from _group("area", _area_lines(area))


def _area_lines(area: CapArea) -> Iterator[str]:
    yield from _element("areaDesc", area.description)
    yield from _elements("polygon", [" ".join(map(_corner, each)) for each in area.polygons])
    yield from _elements("circle", [f"{_corner(at)} {radius:g}" for at, radius in area.circles])
    yield from _pairs("geocode", area.geocodes)


def _element(name: str, text: str) -> Iterator[str]:
    """One line; none where there is nothing to say."""
    if text:
        yield f"<{name}>{escape(text)}</{name}>"


def _elements(name: str, texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        yield from _element(name, text)


def _pairs(name: str, pairs: Sequence[Pair]) -> Iterator[str]:
    for value_name, value in pairs:
        named = [*_element("valueName", value_name), f"<value>{escape(value)}</value>"]
        yield from _group(name, iter(named))


def _group(name: str, inside: Iterator[str]) -> Iterator[str]:
    yield f"<{name}>"
    yield from (f"  {line}" for line in inside)
    yield f"</{name}>"


def _corner(corner: Corner) -> str:
    latitude, longitude = (f"{degrees:.6f}".rstrip("0").rstrip(".") for degrees in corner)
    return f"{latitude},{longitude}"


def _time(at: datetime, zone: ZoneInfo) -> str:
    """`2026-07-16T02:43:00-04:00`; UTC is written -00:00 (CAP 1.2, 3.3.2)."""
    text = at.astimezone(zone).replace(microsecond=0).isoformat()
    return text.replace("+00:00", "-00:00")


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _clean(text: str) -> str:
    """On one line, without what XML 1.0 may not hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
