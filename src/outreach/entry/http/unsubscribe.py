"""`/u/…`: stops e-mail by one POST (RFC 8058); looking at it, as scanners of mail do, changes nothing."""

from __future__ import annotations

import structlog
from fastapi import Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.entry.http.context import WebContext
from outreach.entry.http.person_frame import Frame, ending
from outreach.entry.http.wire import BodyTooLarge, BodyTooSlow, read_body
from outreach.model.errors import OutreachError
from outreach.model.words import Purpose
from outreach.store import preferences
from outreach.store.preferences import Addressed

log = structlog.get_logger()

BODY_LIMIT = 4 * 1024
_FIELD, _VALUE = b"List-Unsubscribe", b"One-Click"
"""RFC 8058, 3.1: the whole of what a mail client posts, as a form of either encoding."""


class Unsubscribing:
    """The routes of `/u/{token}`."""

    def __init__(self, context: WebContext, frame: Frame) -> None:
        self._context = context
        self._frame = frame

    def show(self, request: Request, token: str) -> Response:
        """A page with the button."""
        return self._answered(request, token, acts=False)

    async def act(self, request: Request, token: str) -> Response:
        """Stops it, after the commit; a POST that does not say the words of RFC 8058 stops nothing."""
        try:
            body = await read_body(request.scope, request.receive, limit=BODY_LIMIT)
        except (BodyTooLarge, BodyTooSlow):
            body = b""
        acts = _FIELD in body and _VALUE in body
        return await run_in_threadpool(self._answered, request, token, acts=acts, bad=not acts)

    def _answered(self, request: Request, token: str, *, acts: bool, bad: bool = False) -> Response:
        now = self._context.now()
        named = page_links.read(self._context.keyring, Page.UNSUBSCRIBE, token, now=now)
        if named is None or (named.is_expired and not acts):
            return self._frame.gone(request, expired=named is not None)
        # Past its day the page is shown no more, but who says stop is never refused.
        try:
            found = self._stopped(named.number) if acts else self._addressed(named.number)
        except OutreachError:
            language = self._frame.language(request)
            return self._frame.page("report", request, language, status=503, outcome="failed")
        if found is None:
            return self._frame.gone(request, expired=True)
        return self._shown(request, found, done=acts, bad=bad)

    def _stopped(self, message: int) -> Addressed | None:
        with self._context.database.write() as session:
            found = preferences.unsubscribe(session, message, now=self._context.now())
        log.info("unsubscribed by one click", known=found is not None)
        return found

    def _addressed(self, message: int) -> Addressed | None:
        with self._context.database.read() as session:
            return preferences.addressed(session, message)

    def _shown(self, request: Request, found: Addressed, *, done: bool, bad: bool) -> Response:
        keyring, now = self._context.keyring, self._context.now()
        own = ""
        if found.customer:
            own = f"/{Page.PREFERENCES}/" + page_links.token(
                keyring, Page.PREFERENCES, found.customer, now=now
            )
        return self._frame.page(
            "unsubscribe", request, self._frame.language(request, found.locale),
            status=400 if bad else 200, done=done, bad=bad,
            commercial=found.purpose is Purpose.COMMERCIAL,
            end=ending(found.channel, keyring.open(found.address_sealed)),
            preferences=own,
        )  # fmt: skip
