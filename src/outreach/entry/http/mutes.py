"""`/v1/mutes`: other systems ask whether bills, offers and price notices have to be silent for somebody now."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from outreach.entry.http import openapi
from outreach.entry.http.context import WebContext
from outreach.store import mutes
from outreach.store.mutes import Muted
from outreach.store.session import Session

PURPOSES = ("commercial", "billing", "price", "usage")
"""What has to be silent; a notice of safety never is."""
_BY_POST = "an account or a phone number goes in the body of a POST; a URL is written into logs"
_ONE = "name one of premise, account and phone"
_HELD_S = 30


class Whom(BaseModel):
    """Whom it is about: exactly one of the three."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    premise: str = Field(default="", max_length=64, description="ref of the record")
    account: str = Field(default="", max_length=64, description="account number")
    phone: str = Field(default="", max_length=64, description="E.164, or as written at home")


class Silence(BaseModel):
    """The answer. While it is unknown when supply returns, `until` is null: ask again."""

    muted: bool
    until: datetime | None = None
    purposes: tuple[str, ...] = ()


def router(context: WebContext) -> APIRouter:
    """GET with a premise, POST with any of the three."""
    routes = APIRouter(responses=openapi.PROBLEMS)

    @routes.get("/v1/mutes")
    def of_premise(request: Request, response: Response, premise: str = "") -> Silence:
        """Whether a premise is in the dark, or was within two hours; account and phone only by POST."""
        if set(request.query_params) - {"premise"}:
            raise HTTPException(400, _BY_POST)
        response.headers["cache-control"] = f"private, max-age={_HELD_S}"
        return _silence(context, Whom(premise=premise[:64]))

    @routes.post("/v1/mutes")
    def of_somebody(whom: Whom, response: Response) -> Silence:
        """The same of a premise, an account, or whoever answers to a phone number."""
        response.headers["cache-control"] = "no-store"
        return _silence(context, whom)

    return routes


def _silence(context: WebContext, whom: Whom) -> Silence:
    if sum(map(bool, (whom.premise, whom.account, whom.phone))) != 1:
        raise HTTPException(400, _ONE)
    with context.database.read() as session:
        found = _muted(context, session, whom, now=context.now())
    return Silence(muted=found.muted, until=found.until, purposes=PURPOSES if found.muted else ())


def _muted(context: WebContext, session: Session, whom: Whom, *, now: datetime) -> Muted:
    if whom.premise:
        return mutes.of_premise(session, whom.premise, now=now)
    if whom.account:
        return mutes.of_account(session, whom.account, now=now)
    number = context.normalise(whom.phone)
    if number is None:
        raise HTTPException(400, "phone: not a telephone number; write it as +56987654321")
    return mutes.of_address(session, context.keyring.standing(number), now=now)
