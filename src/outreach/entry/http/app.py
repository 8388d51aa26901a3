"""The web side as one ASGI application: plain routes for machines in a hurry, FastAPI for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from outreach.entry.http import (
    campaigns,
    cap,
    contacts,
    directives,
    forecast,
    messages,
    mutes,
    openapi,
    outages,
    pages,
    person_pages,
    problems,
    sso,
)
from outreach.entry.http.context import WebContext
from outreach.entry.http.gate import Gate
from outreach.entry.http.ivr import PRESSED, IvrRoutes
from outreach.entry.http.live import Board, LaterClock
from outreach.entry.http.metrics import registry
from outreach.entry.http.pressed import PressedRoutes
from outreach.entry.http.problems import problem
from outreach.entry.http.questions import Recognition
from outreach.entry.http.receipts import SENDGRID, TWILIO, GroupCommit, ReceiptRoutes
from outreach.entry.http.replies import SENDGRID_INBOUND, TWILIO_INBOUND, ReplyRoutes
from outreach.entry.http.voice import VOICE, VoiceRoutes
from outreach.entry.http.wire import SAFE_HEADERS, Receive, Reply, Scope, Send, reply
from outreach.model.errors import OutreachError
from outreach.store import changes
from outreach.store.ivr import Callers

Fast = Callable[[Scope, Receive], Awaitable[Reply]]
Next = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Parts:
    board: Board
    recognition: Recognition
    group: GroupCommit
    pressed: PressedRoutes

    def close(self) -> None:
        self.board.stop()
        self.group.close()
        self.recognition.close()
        self.pressed.close()


class Front:
    """Sends the few fast paths to plain functions and everything else to FastAPI."""

    def __init__(self, context: WebContext, parts: _Parts, rest: FastAPI) -> None:
        self.board = parts.board
        self.recognition = parts.recognition
        self.rest = rest
        ivr = IvrRoutes(context, parts.board, parts.recognition)
        receipts = ReceiptRoutes(context, parts.group)
        self._receipts = receipts
        self._voice = VoiceRoutes(context)
        self._replies = ReplyRoutes(context)
        self._parts = parts
        self.gate = Gate(self._routed, context)
        self._fast: dict[str, tuple[frozenset[str], Fast]] = {
            "/v1/ivr/answer": (frozenset({"GET", "POST"}), ivr.answer),
            "/v1/ivr/twiml": (frozenset({"POST"}), ivr.twiml),
            "/v1/ivr/vxml": (frozenset({"GET", "POST"}), ivr.vxml),
            "/v1/ivr/vxml/data": (frozenset({"GET", "POST"}), ivr.data),
            "/v1/ivr/connect": (frozenset({"GET", "POST"}), ivr.connect),
            "/v1/ivr/asterisk": (frozenset({"GET", "POST"}), ivr.asterisk),
            "/v1/ivr/studio": (frozenset({"GET", "POST"}), ivr.studio),
            PRESSED: (frozenset({"POST"}), parts.pressed.pressed),
            SENDGRID: (frozenset({"POST"}), receipts.sendgrid),
            TWILIO_INBOUND: (frozenset({"POST"}), self._replies.twilio),
        }

    def close(self) -> None:
        """Ends threads and connections; for an application whose lifespan never ran."""
        self._parts.close()
        self._replies.close()
        self.gate.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.gate(scope, receive, send)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._route(scope) if scope["type"] == "http" else None
        if found is None:
            await self.rest(scope, receive, send)
            return
        methods, fast = found
        if scope["method"] in methods:
            await reply(send, await fast(scope, receive))
        else:
            await reply(send, _not_allowed(methods))

    def _route(self, scope: Scope) -> tuple[frozenset[str], Fast] | None:
        path: str = scope["path"]
        if (found := self._fast.get(path)) is not None:
            return found
        if path.startswith(TWILIO):
            return frozenset({"POST"}), self._receipts.twilio
        if path.startswith(VOICE):
            return frozenset({"POST"}), self._voice.key
        if path.startswith(SENDGRID_INBOUND):
            return frozenset({"POST"}), self._replies.sendgrid
        return None


def _not_allowed(methods: frozenset[str]) -> Reply:
    allowed = ", ".join(sorted(methods))
    refused = problem(405, f"use {allowed}")
    return Reply(
        status=405,
        body=refused.body,
        content_type=refused.content_type,
        headers=(*refused.headers, (b"allow", allowed.encode())),
    )


def create_app(context: WebContext) -> Front:
    """The application for one installation; starting it starts the refreshing of live truth."""
    board = Board(
        context.database,
        context.load_live,
        monotonic=context.monotonic,
        clock=LaterClock(context.now, context.monotonic),
        large_from=context.rules.large_from,
        load_held=context.held,
    )
    recognition = Recognition(
        Callers(context.database),
        keyring=context.keyring,
        normalise=context.normalise,
        locale=context.settings.company.locale,
        zone_keys=context.settings.contactcenter.zone_keys,
    )
    pressed = PressedRoutes(context, recognition)
    parts = _Parts(board, recognition, GroupCommit(context), pressed)
    return Front(context, parts, _rest(context, board, _lifespan(parts)))


def _lifespan(parts: _Parts) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lives(_app: FastAPI) -> AsyncIterator[None]:
        parts.board.start()
        yield
        parts.close()

    return lives


def _rest(context: WebContext, board: Board, lifespan: Any) -> FastAPI:
    app = FastAPI(
        title="outreach",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # its scripts come from a foreign host
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(directives.router(context))
    app.include_router(_machines(context, board))
    app.include_router(mutes.router(context))
    app.include_router(contacts.router(context))
    app.include_router(forecast.router(context))
    app.include_router(outages.router(context))
    app.include_router(campaigns.router(context))
    app.include_router(messages.router(context))
    app.include_router(pages.router(context, board))
    app.include_router(sso.router(context))
    app.include_router(person_pages.router(context, board))
    app.include_router(cap.router(context))
    app.middleware("http")(_with_safe_headers)
    openapi.describe(app)
    return app


async def _with_safe_headers(request: Request, call_next: Next) -> Response:
    response = await call_next(request)
    for name, value in SAFE_HEADERS:
        response.headers.setdefault(name.decode(), value.decode())
    return response


def _machines(context: WebContext, board: Board) -> APIRouter:
    """Health and figures."""
    routes = APIRouter()
    figures = registry(context, board)

    @routes.get("/healthz", response_class=PlainTextResponse)
    def healthz() -> str:
        """Whether the process lives; it asks nobody."""
        return "ok\n"

    @routes.get("/readyz", responses=openapi.PROBLEMS)
    def readyz() -> JSONResponse:
        """Whether the database can be read and live truth is being refreshed; 503 if not."""
        checks = {"database": _can_read(context), "live_truth": not board.is_away}
        return JSONResponse(checks, status_code=200 if all(checks.values()) else 503)

    @routes.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """Figures for Prometheus, without anything personal."""
        return Response(generate_latest(figures), media_type=CONTENT_TYPE_LATEST)

    return routes


def _can_read(context: WebContext) -> bool:
    try:
        with context.database.read() as session:
            changes.counters(session)
    except OutreachError:
        return False
    return True
