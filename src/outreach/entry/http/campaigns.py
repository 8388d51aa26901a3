"""`/v1/campaigns`: what was launched and how its messages fare, and a launch by a machine, after a look at it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from outreach.entry.http import openapi, paging
from outreach.entry.http.context import WebContext
from outreach.entry.http.gate import caller
from outreach.entry.http.paging import Cursor, Limit
from outreach.entry.http.previews import Previewed, previewed
from outreach.entry.launches import Launched
from outreach.entry.shown import read_id, shown_id
from outreach.model.occasion import OccasionId
from outreach.store import occasions, runs, status
from outreach.store.runs import Run
from outreach.store.session import Session
from outreach.store.status import WaveStanding

RUN = "run"
_LISTING = "campaigns"
_HELD_S = 5
_NO_OCCASION = "no such occasion; GET /v1/outages lists the open ones"


class LaunchedCampaign(BaseModel):
    """One run of a campaign for one occasion."""

    id: str
    campaign: str
    occasion: str
    name: str
    """How people call the occasion."""
    state: str
    reason: str
    launched_by: str
    approved_by: str
    launched_at: datetime
    drill: bool


class Campaigns(BaseModel):
    """A page of runs, newest first."""

    campaigns: tuple[LaunchedCampaign, ...]
    next: str | None = None


class Wave(BaseModel):
    """One wave of a run; customers left out are counted by reason."""

    step: str
    version: int
    tier: str
    created_at: datetime
    messages: dict[str, int]
    left_out: dict[str, int]


class CampaignStanding(LaunchedCampaign):
    """A run with its messages by state: they add up to its audience."""

    messages: dict[str, int]
    waves: tuple[Wave, ...]


class Launch(BaseModel):
    """What to launch, and for which occasion."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    campaign: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$", description="name of its file")
    occasion: str = Field(max_length=32, description="its id, such as out_7kq2m4xa")


class Asked(BaseModel):
    """What became of it: a run (201 new, 200 there already), or an approval to be given (202)."""

    run: str | None = None
    approval: int | None = None
    detail: str


def router(context: WebContext) -> APIRouter:
    """The listing, one run, the launch, and a look before it."""
    routes = APIRouter(responses=openapi.PROBLEMS)

    @routes.get("/v1/campaigns")
    def campaigns(limit: Limit = 50, cursor: Cursor = "") -> Campaigns:
        """What was launched, newest first; counts are at `/v1/campaigns/{run}`."""
        before = paging.after_number(context.keyring, _LISTING, cursor)
        with context.database.read() as session:
            found = runs.every(session, limit + 1, before=before)
            page, following = paging.cut(
                found, limit, lambda run: paging.cursor(context.keyring, _LISTING, str(run.id))
            )
            shown = tuple(
                LaunchedCampaign.model_validate(_facts(context, session, each)) for each in page
            )
        return Campaigns(campaigns=shown, next=following)

    @routes.get("/v1/campaigns/{run}")
    def campaign(run: str, response: Response) -> CampaignStanding:
        """One run, its messages by state, and whom each wave left out."""
        response.headers["cache-control"] = f"private, max-age={_HELD_S}"
        number = context.keyring.read_public_id(RUN, run)
        with context.database.read() as session:
            found = runs.find(session, number) if number is not None else None
            if found is None:
                raise HTTPException(404, "no such run; GET /v1/campaigns lists them")
            waves = status.standings(session, found.id)
            return _standing(_facts(context, session, found), waves)

    @routes.post("/v1/campaigns/preview")
    def preview(wanted: Launch, response: Response) -> Previewed:
        """What this launch would send, cost and be refused for; nothing is written, and nobody is told."""
        response.headers["cache-control"] = "no-store"
        occasion = read_id(context.keyring, wanted.occasion)
        if context.preview is None or occasion is None:
            raise HTTPException(404, _NO_OCCASION)
        found = context.preview(occasion[1], wanted.campaign, context.now())
        return previewed(
            found,
            shown_id=shown_id(context.keyring, found.preview.occasion),
            currency=context.settings.company.currency,
        )

    @routes.post("/v1/campaigns", status_code=201)
    def launch(request: Request, wanted: Launch, response: Response) -> Asked:
        """Launches a campaign, once for each occasion; above its threshold a second person is asked."""
        occasion = read_id(context.keyring, wanted.occasion)
        if context.launch is None or occasion is None:
            raise HTTPException(404, _NO_OCCASION)
        actor = caller(request.scope).name
        done = context.launch(occasion[1], wanted.campaign, actor, context.now())
        response.status_code = _status(done)
        return _asked(context, done)

    return routes


def _facts(context: WebContext, session: Session, run: Run) -> dict[str, object]:
    occasion = occasions.get(session, OccasionId(run.occasion_id))
    return {
        "id": context.keyring.public_id(RUN, run.id),
        "campaign": run.campaign,
        "occasion": shown_id(context.keyring, occasion),
        "name": occasion.name,
        "state": run.state.value,
        "reason": run.reason,
        "launched_by": run.launched_by,
        "approved_by": run.approved_by,
        "launched_at": run.launched_at,
        "drill": run.drill,
    }


def _standing(facts: dict[str, object], waves: list[WaveStanding]) -> CampaignStanding:
    total: Counter[str] = Counter()
    for each in waves:
        total.update({state.value: count for state, count in each.states.items()})
    shown = tuple(
        Wave(
            step=each.wave.step,
            version=each.wave.version,
            tier=each.wave.tier.name.lower(),
            created_at=each.wave.created_at,
            messages={state.value: count for state, count in each.states.items()},
            left_out={reason.value: count for reason, count in each.left_out.items()},
        )
        for each in waves
    )
    return CampaignStanding.model_validate(facts | {"messages": dict(total), "waves": shown})


def _status(done: Launched) -> int:
    if done.approval is not None:
        return 202
    return 201 if done.is_new else 200


def _asked(context: WebContext, done: Launched) -> Asked:
    if done.run is None:
        detail = f"a second person says yes: outreach campaign approve {done.approval}"
        return Asked(approval=done.approval, detail=detail)
    said = "launched" if done.is_new else "it was launched before; nothing new is sent"
    return Asked(run=context.keyring.public_id(RUN, done.run), detail=said)
