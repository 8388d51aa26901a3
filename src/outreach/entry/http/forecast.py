"""`/v1/forecast`: calls of the next four quarter-hours by queue, with the agents they need."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException, Response

from outreach.campaigns import forecasting
from outreach.entry import forecasts
from outreach.entry.http import openapi, paging
from outreach.entry.http.context import WebContext
from outreach.entry.http.paging import Cursor, Limit
from outreach.store import expected

_HELD_S = 30
_LISTING = "forecast"


def router(context: WebContext) -> APIRouter:
    """GET, of all queues or of one; made once a minute, so that asking more often brings nothing new."""
    routes = APIRouter(responses=openapi.PROBLEMS)

    @routes.get("/v1/forecast")
    def forecast(
        response: Response, queue: str = "", limit: Limit = paging.MOST, cursor: Cursor = ""
    ) -> dict[str, Any]:
        """The newest forecast of each queue; look at `made_at`, and at `status` for what it stands on."""
        response.headers["cache-control"] = f"private, max-age={_HELD_S}"
        page, following = _newest(context, queue, limit, cursor)
        return {"now": context.now(), "forecasts": page, "next": following}

    return routes


def _newest(
    context: WebContext, name: str, limit: int, cursor: str
) -> tuple[list[dict[str, object]], str | None]:
    """The page of queues as the settings name them; one that was forecast never is left out."""
    given = context.settings.contactcenter.forecast.queues
    chosen = [each for each in given if name in {"", each.name}]
    if not chosen:
        raise HTTPException(404, f"no such queue; there is: {', '.join(q.name for q in given)}")
    begin = paging.after_number(context.keyring, _LISTING, cursor) or 0
    page, following = paging.cut(
        [*enumerate(chosen, 1)][begin : begin + limit + 1],
        limit,
        lambda one: paging.cursor(context.keyring, _LISTING, str(one[0])),
    )
    with context.database.read() as session:
        found = [(each, expected.newest(session, each.name)) for _place, each in page]
    shown = [
        forecasts.facts(each, desk=forecasting.desk(context.settings, queue), skills=queue.skills)
        for queue, each in found
        if each is not None
    ]
    return shown, following
