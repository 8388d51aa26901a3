"""`/v1/directives`: the contact center asks what to do, or waits until that changes; nobody's thread waits with it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from outreach.contactcenter.directives import as_bytes
from outreach.entry.http import openapi
from outreach.entry.http.context import WebContext

LOOK_EVERY_S = 0.5
"""A change is seen within a second; all who wait share one look."""
LONGEST_S = 25
"""Below the half minute after which proxies give up on a silent answer."""
MOST_WAITERS = 1000
_CACHE = "private, no-cache"
"""Kept by nobody without asking: whoever has it asks with its ETag."""

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Shown:
    """The document as it stands."""

    body: bytes
    etag: str


class Desk:
    """Holds the newest document: one look at the database every half second, however many ask."""

    def __init__(
        self,
        load: Callable[[], bytes],
        monotonic: Callable[[], float],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._load, self._monotonic, self._sleep = load, monotonic, sleep
        self._shown: Shown | None = None
        self._looked_at = 0.0
        self._looking = asyncio.Lock()
        self.waiters = 0

    async def newest(self) -> Shown:
        """Not older than half a second."""
        async with self._looking:
            is_old = self._monotonic() - self._looked_at >= LOOK_EVERY_S
            if self._shown is None or is_old:
                self._shown = _shown(await asyncio.to_thread(self._load))
                self._looked_at = self._monotonic()
            return self._shown

    async def changed(self, etag: str, *, within_s: float) -> Shown:
        """The document once it is another one than `etag`, or after so many seconds as it stands."""
        until = self._monotonic() + within_s
        self.waiters += 1
        try:
            found = await self.newest()
            while found.etag == etag and self._monotonic() < until and self.has_room:
                await self._sleep(LOOK_EVERY_S)
                found = await self.newest()
        finally:
            self.waiters -= 1
        return found

    @property
    def has_room(self) -> bool:
        """Who comes when too many wait is answered at once."""
        return self.waiters <= MOST_WAITERS


def _shown(body: bytes) -> Shown:
    return Shown(body=body, etag=f'"{hashlib.sha256(body).hexdigest()[:20]}"')


def router(context: WebContext, *, sleep: Sleep = asyncio.sleep) -> APIRouter:
    """The route, over what the installation decided last."""
    routes = APIRouter()
    desk = Desk(
        lambda: as_bytes(dict(context.directives(context.now()))), context.monotonic, sleep
    )  # fmt: skip

    @routes.get("/v1/directives", responses=openapi.PROBLEMS)
    async def directives(
        request: Request, wait: Annotated[int, Query(ge=0, le=LONGEST_S)] = 0
    ) -> Response:
        """Instructions in force for the contact center; absent or expired means its default flow.

        wait: with If-None-Match, seconds to wait for another document before answering 304.
        """
        known = request.headers.get("if-none-match", "").removeprefix("W/")
        found = await desk.changed(known, within_s=wait)
        headers = {"etag": found.etag, "cache-control": _CACHE}
        if known == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type="application/json", headers=headers)

    return routes
