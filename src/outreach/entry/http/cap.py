"""CAP alerts as a public feed: Atom at `/cap`, each alert at `/cap/{identifier}.xml`. Nothing of a person is in it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from outreach.campaigns.cap_publishing import Publisher
from outreach.entry.http.context import WebContext
from outreach.entry.shown import shown_id
from outreach.model.cap import CapAlert
from outreach.outages import intake_cap
from outreach.store import alerts, changes
from outreach.store.alerts import Kept

ATOM = "application/atom+xml; charset=utf-8"
CAP = "application/cap+xml; charset=utf-8"
_MINUTE = 60


def router(context: WebContext) -> APIRouter:
    """Both routes; 404 while the company has not said how alerts name it."""
    feed = _Feed(context)
    routes = APIRouter(include_in_schema=False)
    routes.add_api_route("/cap", feed.index)
    routes.add_api_route("/cap/{identifier}.xml", feed.alert)
    return routes


@dataclass(frozen=True, slots=True)
class _Index:
    """The feed as it stood at a count of the truth and a minute: works come near without a change."""

    counter: int
    minute: int
    body: bytes
    etag: str


class _Feed:
    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._publisher = Publisher(
            settings=context.settings, public_id=lambda each: shown_id(context.keyring, each)
        )
        self._index: _Index | None = None
        self._one_at_a_time = threading.Lock()

    def index(self, request: Request) -> Response:
        """The newest alert of everything that is open, and of what ended less than a day ago."""
        self._must_be_on()
        found = self._current(self._context.now())
        headers = {"etag": found.etag, "cache-control": f"public, max-age={_MINUTE}"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        return Response(found.body, media_type=ATOM, headers=headers)

    def alert(self, identifier: str) -> Response:
        """One alert as it left; it never changes."""
        self._must_be_on()
        with self._context.database.read() as session:
            found = alerts.of_identifier(session, identifier, "out")
        if not found:
            raise HTTPException(404, "no alert of this identifier has left")
        headers = {"cache-control": "public, max-age=86400, immutable"}
        return Response(found[-1].body.encode(), media_type=CAP, headers=headers)

    def _must_be_on(self) -> None:
        if not self._publisher.is_on:
            raise HTTPException(404, "no CAP alerts are published here")

    def _current(self, now: datetime) -> _Index:
        minute = int(now.timestamp()) // _MINUTE
        with self._one_at_a_time:  # a crowd of readers composes once
            with self._context.database.read() as session:
                counter = changes.counters(session).get("truth", 0)
            known = self._index
            if known is None or (known.counter, known.minute) != (counter, minute):
                kept = self._publisher.current(self._context.database, now=now)
                body = _atom(kept, self._context)
                known = _Index(counter, minute, body, f'"{hashlib.sha256(body).hexdigest()[:20]}"')
                self._index = known
            return known


def _atom(kept: Sequence[Kept], context: WebContext) -> bytes:
    base = context.settings.http.public_url.rstrip("/")
    company = context.settings.company.name
    newest = max((each.at for each in kept), default=datetime(1970, 1, 1, tzinfo=UTC))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<feed xmlns="http://www.w3.org/2005/Atom">',
        f"  <id>{escape(base)}/cap</id>",
        f"  <title>{escape(company)}: CAP</title>",
        f"  <updated>{_instant(newest)}</updated>",
        f"  <author><name>{escape(company)}</name></author>",
        f'  <link rel="self" type="application/atom+xml" href={quoteattr(f"{base}/cap")}/>',
    ]
    for each in kept:
        lines += [f"  {line}" for line in _entry(each, base)]
    return "\n".join([*lines, "</feed>", ""]).encode()


def _entry(kept: Kept, base: str) -> Iterator[str]:
    address = f"{base}/cap/{kept.identifier}.xml"
    title = kept.identifier
    alert = next(intake_cap.read(kept.body.encode(), name=kept.identifier))
    if isinstance(alert, CapAlert) and alert.infos:
        title = alert.infos[0].headline
    yield "<entry>"
    yield f"  <id>{escape(address)}</id>"
    yield f"  <title>{escape(f'{kept.msg_type}: {title}')}</title>"
    yield f"  <updated>{_instant(kept.at)}</updated>"
    yield f'  <link rel="alternate" type="application/cap+xml" href={quoteattr(address)}/>'
    yield "</entry>"


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat()
