"""`/v1/messages/{id}`: how one message fares; never whom it is for, nor what it says."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

from outreach.entry.http import openapi
from outreach.entry.http.campaigns import RUN
from outreach.entry.http.context import WebContext
from outreach.entry.shown import PREFIXES
from outreach.store import explain, listings
from outreach.store.explain import Heard
from outreach.store.listings import SentMessage

MESSAGE = "msg"


class Word(BaseModel):
    """One word of a provider: a receipt, or a try that was delayed or left in doubt."""

    kind: str
    says: str
    code: str
    at: datetime | None


class Message(BaseModel):
    """One message, and where it stands."""

    id: str
    campaign: str
    run: str
    occasion: str
    step: str
    version: int
    """Of the truth that it tells."""
    channel: str
    state: str
    reason: str
    provider: str
    tries: int
    segments: int | None
    created_at: datetime
    accepted_at: datetime | None
    delivered_at: datetime | None
    heard: tuple[Word, ...]


def router(context: WebContext) -> APIRouter:
    """One route, by the id that outgoing events and `outreach message list` show."""
    routes = APIRouter(responses=openapi.PROBLEMS)

    @routes.get("/v1/messages/{id}")
    def message(id: str) -> Message:  # noqa: A002  the name in the path
        """The state of a message and what its provider said; for the person, `outreach message explain`."""
        number = context.keyring.read_public_id(MESSAGE, id)
        if number is None:
            raise HTTPException(404, "no such message; an id looks like msg_7kq2m4xa")
        with context.database.read() as session:
            found = listings.message(session, number)
            heard = explain.heard_of(session, [number]) if found else []
        if found is None:
            raise HTTPException(404, "no such message; the record of it may have been deleted")
        return _shown(context, found, heard)

    return routes


def _shown(context: WebContext, one: SentMessage, heard: list[Heard]) -> Message:
    name = context.keyring.public_id
    return Message(
        id=name(MESSAGE, one.id),
        campaign=one.campaign,
        run=name(RUN, one.run_id),
        occasion=name(PREFIXES[one.occasion_kind], one.occasion_id),
        step=one.step,
        version=one.version,
        channel=one.channel,
        state=one.state.value,
        reason=one.reason,
        provider=one.provider,
        tries=one.tries,
        segments=one.segments,
        created_at=one.created_at,
        accepted_at=one.accepted_at,
        delivered_at=one.delivered_at,
        heard=tuple(
            Word(kind=each.kind, says=each.says, code=each.code, at=each.at) for each in heard
        ),
    )
