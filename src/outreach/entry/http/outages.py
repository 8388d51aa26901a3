"""`/v1/outages`: an outage system tells us how its outages stand, and others ask which are open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from outreach.entry.http import openapi, paging
from outreach.entry.http.context import WebContext
from outreach.entry.http.paging import Cursor, Limit
from outreach.entry.http.wire import BodyTooLarge, BodyTooSlow, media_type, read_body
from outreach.entry.shown import read_id, shown_id
from outreach.model.contactcenter import LiveTruth
from outreach.model.intake import Taken
from outreach.model.occasion import OccasionId, Revision
from outreach.model.words import OccasionKind, OccasionState
from outreach.store import ivr, listings, occasions

BODY_LIMIT = 8 * 1024 * 1024
MOST_SHOWN = 1_000
_LISTING = "outages"


class Ignored(BaseModel):
    """A message that changed nothing, and why."""

    place: str
    outcome: str
    outage: str
    detail: str


class Receipt(BaseModel):
    """What became of the messages; sending them again changes nothing."""

    messages: int
    outcomes: dict[str, int]
    not_applied: tuple[Ignored, ...]


State = Literal["open", "all", "suspected", "active", "partial", "restored", "merged", "discarded"]


class OpenOutage(BaseModel):
    """One outage, as people are told of it."""

    id: str
    source_ref: str | None
    name: str
    service: str
    state: str
    version: int
    areas: tuple[str, ...]
    customers: int
    start_at: datetime
    etr_from: datetime | None
    etr_at: datetime | None
    """The public estimate while it lies ahead; null: not known."""
    next_update_at: datetime | None
    cause: str
    as_of: datetime


class OpenOutages(BaseModel):
    """A page of outages, oldest first."""

    generated_at: datetime
    outages: tuple[OpenOutage, ...]
    next: str | None = None


class Version(BaseModel):
    """One version of the truth about an outage."""

    version: int
    state: str
    etr_from: datetime | None
    etr_at: datetime | None
    """As people were told, whether or not it still lies ahead."""
    cause: str
    as_of: datetime


class OneOutage(OpenOutage):
    """One outage with all that was said of it."""

    restored_at: datetime | None
    versions: tuple[Version, ...]


def router(context: WebContext) -> APIRouter:
    """The three routes; each has its scope in `gate.SCOPES`."""
    routes = APIRouter(responses=openapi.PROBLEMS)

    @routes.post("/v1/outages/events", openapi_extra=_BODY)
    async def events(request: Request) -> Receipt:
        """Takes outage event notifications in; a message reference that came before changes nothing."""
        raw = await _body(request)
        taken = await run_in_threadpool(_taken, context, raw)
        return _receipt(taken)

    @routes.get("/v1/outages")
    def outages(
        state: State = "open",
        locality: Annotated[str, Query(max_length=80)] = "",
        since: datetime | None = None,
        limit: Limit = paging.MOST,
        cursor: Cursor = "",
    ) -> OpenOutages:
        """Outages with their areas, customers and public estimates, oldest first; drills are left out.

        state: `open`, `all`, or one state. since: whose newest word is not older, with its offset.
        locality: one that the outage touches; a page of these may hold fewer than `limit`, and go on.
        """
        now = context.now()
        wanted = _Wanted(
            state, _instant(since), paging.after_number(context.keyring, _LISTING, cursor)
        )
        page, following = paging.cut(
            _found(context, wanted, limit + 1),
            limit,
            lambda one: paging.cursor(context.keyring, _LISTING, str(one.occasion.id)),
        )
        shown = tuple(_shown(one, now) for one in page if _touches(one, locality))
        return OpenOutages(generated_at=now, outages=shown, next=following)

    @routes.get("/v1/outages/{id}")
    def outage(id: str) -> OneOutage:  # noqa: A002  the name in the path
        """One outage, open or over, with every version of what was said of it."""
        named = read_id(context.keyring, id)
        with context.database.read() as session:
            found = occasions.some(session, [named[1]]) if named else []
            if not found or found[0].drill or found[0].kind is not OccasionKind.OUTAGE:
                raise HTTPException(404, "no such outage; GET /v1/outages?state=all lists them")
            one = ivr.truth(session, found[0], shown_id=id)
            versions = occasions.history(session, found[0].id)
        return _whole(_shown(one, context.now()), one, versions)

    return routes


@dataclass(frozen=True, slots=True)
class _Wanted:
    state: State
    since: datetime | None
    after: int | None


def _instant(since: datetime | None) -> datetime | None:
    if since is not None and since.tzinfo is None:
        raise HTTPException(400, "since: give its offset, such as 2026-07-12T06:40:00Z")
    return since


def _found(context: WebContext, wanted: _Wanted, limit: int) -> list[LiveTruth]:
    """The open ones are held in memory; others are counted when they are asked for."""
    live = {one.occasion.id: one for one in context.load_live() if _is_open(one)}
    if wanted.state == "open":
        after, since = wanted.after or 0, wanted.since
        newer = [live[number] for number in sorted(live) if number > after]
        return [one for one in newer if since is None or _said_at(one) >= since][:limit]
    states = [] if wanted.state == "all" else [OccasionState(wanted.state)]
    with context.database.read() as session:
        numbers = listings.outages(
            session, states=states, since=wanted.since, after=wanted.after, limit=limit
        )
        others = occasions.some(session, [each for each in numbers if each not in live])
        counted = {
            each.id: ivr.truth(session, each, shown_id=shown_id(context.keyring, each))
            for each in others
        }
    return [(live | counted)[OccasionId(number)] for number in numbers]


def _said_at(one: LiveTruth) -> datetime:
    return one.occasion.revision.recorded_at


def _touches(one: LiveTruth, locality: str) -> bool:
    wanted = locality.strip().casefold()
    return not wanted or any(area.casefold() == wanted for area in one.areas)


def _whole(shown: OpenOutage, one: LiveTruth, versions: Sequence[Revision]) -> OneOutage:
    said = tuple(
        Version(
            version=each.version,
            state=each.state.value,
            etr_from=each.etr_from,
            etr_at=each.public_etr,
            cause=each.cause,
            as_of=each.recorded_at,
        )
        for each in versions
    )
    restored = one.occasion.revision.restored_at
    return OneOutage(**shown.model_dump(), restored_at=restored, versions=said)


async def _body(request: Request) -> bytes:
    if media_type(request.scope) != "application/json":
        raise HTTPException(415, "send application/json in UTF-8")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "send it uncompressed")
    try:
        return await read_body(request.scope, request.receive, limit=BODY_LIMIT)
    except BodyTooLarge as error:
        raise HTTPException(413, f"{error}; send it in parts") from None
    except BodyTooSlow as error:
        raise HTTPException(408, str(error)) from None


def _taken(context: WebContext, raw: bytes) -> Taken:
    if context.take_outages is None:
        raise HTTPException(503, "this process takes no outages in")
    return context.take_outages(raw, context.now())


def _receipt(taken: Taken) -> Receipt:
    return Receipt(
        messages=taken.messages,
        outcomes={outcome.value: count for outcome, count in taken.counts.items()},
        not_applied=tuple(
            Ignored(
                place=one.place,
                outcome=one.outcome.value,
                outage=one.outage_ref,
                detail=one.detail,
            )
            for one in taken.not_applied[:MOST_SHOWN]
        ),
    )


def _is_open(one: LiveTruth) -> bool:
    occasion = one.occasion
    is_outage = occasion.kind is OccasionKind.OUTAGE and not occasion.drill
    return is_outage and occasion.revision.state.is_open


def _shown(one: LiveTruth, now: datetime) -> OpenOutage:
    occasion, revision = one.occasion, one.occasion.revision
    is_ahead = revision.public_etr is not None and revision.public_etr > now
    return OpenOutage(
        id=one.shown_id,
        source_ref=occasion.source_ref,
        name=occasion.name,
        service=occasion.service.value,
        state=revision.state.value,
        version=revision.version,
        areas=one.areas,
        customers=one.customers,
        start_at=revision.start_at,
        etr_from=revision.etr_from if is_ahead else None,
        etr_at=revision.public_etr if is_ahead else None,
        next_update_at=revision.next_update_at,
        cause=revision.cause,
        as_of=revision.recorded_at,
    )


_DETAILS = {
    "externalOutageId": {"type": "string", "maxLength": 254},
    "outageType": {"enum": ["C1UP"]},
    "startDateTime": {"type": "string", "format": "date-time"},
    "estimatedRestorationTime": {"type": ["string", "null"], "format": "date-time"},
    "completionDateTime": {"type": "string", "format": "date-time"},
    "discarded": {"type": "boolean"},
    "messageReference": {"type": "string", "description": "rises with every update"},
}
_CUSTOMER = {"type": "object", "properties": {"premiseId": {"type": "string"}, "accountId": {"type": "string"}}}  # fmt: skip
_MESSAGE = {
    "type": "object",
    "properties": {
        "eventDetails": {
            "type": "object",
            "properties": _DETAILS,
            "required": ["externalOutageId"],
        },
        "customerInformation": {
            "type": "object",
            "properties": {
                "customers": {"type": "array", "items": _CUSTOMER},
                "incrementalUpdate": {"type": "boolean"},
            },
        },
    },
    "required": ["eventDetails"],
}
_DOCUMENT = {
    "type": "object",
    "properties": {
        "externalSystem": {"type": "string", "maxLength": 30},
        "outageMessages": {"type": "array", "items": _MESSAGE},
    },
    "required": ["externalSystem"],
}
_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _DOCUMENT}}}
}
