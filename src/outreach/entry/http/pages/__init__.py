"""The pages people look at: readable on a phone, without JavaScript, on this machine only."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from outreach.channels.outbox import masked
from outreach.entry.http.context import WebContext
from outreach.entry.http.live import Board
from outreach.entry.http.sso import Door
from outreach.model.errors import OutreachError
from outreach.model.words import Channel
from outreach.store import figures

HERE = Path(__file__).parent
REFRESH_S = 5
SHOWN = 200
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def router(context: WebContext, board: Board) -> APIRouter:
    """`/`, `/outbox` and their style sheet."""
    pages = _Pages(context, board)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/", pages.status, response_class=HTMLResponse)
    routes.add_api_route("/outbox", pages.outbox, response_class=HTMLResponse)
    routes.add_api_route("/style.css", pages.style)
    return routes


class _Pages:
    def __init__(self, context: WebContext, board: Board) -> None:
        self._context = context
        self._board = board
        self._door = Door(context)
        self._environment = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
        )
        self._environment.filters |= {"masked": masked, "local": self._local}
        self._css = (HERE / "style.css").read_bytes()

    def status(self, request: Request) -> HTMLResponse:
        """Open outages, runs and the states of their messages."""
        self._door.look(request, must_be_at_this_machine)
        lookup = self._board.lookup()
        return self._page(
            "status",
            truths=lookup.live if lookup else (),
            runs=self._runs(),
            away=self._board.is_away,
            left_s=int(self._board.left_for().total_seconds()),
        )

    def outbox(self, request: Request, channel: str = "") -> HTMLResponse:
        """What the outbox holds, newest first."""
        self._door.look(request, must_be_at_this_machine)
        channels = ("", *(each.value for each in Channel))
        if channel not in channels:
            raise HTTPException(404, f"no such channel; there are {', '.join(channels[1:])}")
        messages = self._context.outbox(Channel(channel) if channel else None, SHOWN)
        return self._page("outbox", messages=messages, channel=channel, channels=channels)

    def style(self) -> Response:
        return Response(self._css, media_type="text/css")

    def _runs(self) -> list[figures.RunFigures]:
        try:
            with self._context.database.read() as session:
                return figures.runs(session)
        except OutreachError:
            return []  # the page says above that the database is away

    def _page(self, name: str, **values: Any) -> HTMLResponse:
        company = self._context.settings.company
        body = self._environment.get_template(f"{name}.html").render(
            page=name,
            company=company.name,
            language="en",
            now=self._context.now(),
            refresh_s=REFRESH_S,
            **values,
        )
        return HTMLResponse(body, headers={"cache-control": "no-store"})

    def _local(self, instant: datetime | None, zone: str = "") -> str:
        if instant is None:
            return ""
        there = ZoneInfo(zone or self._context.settings.company.zone)
        return instant.astimezone(there).strftime("%Y-%m-%d %H:%M")


def must_be_at_this_machine(request: Request) -> None:
    """403 unless the browser is on this machine, itself: no proxy, no borrowed host name."""
    peer = request.client.host if request.client else ""
    is_direct = not any(name in request.headers for name in _FORWARDED)
    if not (is_direct and _is_loopback(peer) and _is_loopback(request.url.hostname or "")):
        raise HTTPException(403, "this page is shown on the machine itself only: open it there")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
