"""The frame of the pages that people open from their messages: their words, their style, their headers."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from outreach.entry.http.context import WebContext
from outreach.model.words import Channel

HERE = Path(__file__).parent / "pages"
LANGUAGES = ("es", "pt", "en")
CACHED = "public, max-age=30, stale-while-revalidate=60, stale-if-error=300"
"""A truth may be shown again for as long as an IVR may repeat it."""
NOT_CACHED = "no-store"
_SHOWN = 4
"""Last digits of a telephone: its holder knows it again, nobody else can call it."""

Words = dict[str, Any]


@cache
def words(language: str) -> Words:
    """What the pages say in a language; nested tables, one for each page."""
    return tomllib.loads((HERE / "words" / f"{language}.toml").read_text(encoding="utf-8"))


def code_of(locale: str, main: str = "es") -> str:
    """`es` of `es-CL`; the company's own language, else Spanish, where we have no words."""
    for each in (locale, main):
        code = each.replace("_", "-").partition("-")[0].lower()
        if code in LANGUAGES:
            return code
    return LANGUAGES[0]


def ending(channel: Channel, address: str) -> str:
    """Enough of an address for its holder: `4321`, or `a•••@g•••.com`."""
    name, at, domain = address.partition("@")
    if channel is Channel.EMAIL and at:
        host, _dot, top = domain.rpartition(".")
        return f"{name[:1]}•••@{host[:1]}•••.{top}"
    return address[-_SHOWN:]


class Frame:
    """Renders pages of one installation."""

    def __init__(self, context: WebContext) -> None:
        self._company = context.settings.company
        self._now = context.now
        self._environment = Environment(
            loader=FileSystemLoader(HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        css = " ".join((HERE / "person.css").read_text(encoding="utf-8").split())
        self._css = Markup(css)  # noqa: S704  our own file
        digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
        self._headers = {
            # The style stands in the page: on a bad network a second request costs more than 3 kB.
            "content-security-policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
            "x-robots-tag": "noindex, nofollow",
            "referrer-policy": "no-referrer",
        }

    def language(self, request: Request, locale: str = "") -> str:
        """What the visitor asked for by `lang`, else the person's own, else the browser's first that we have."""
        asked = request.query_params.get("lang", "")
        if asked in LANGUAGES:
            return asked
        return code_of(locale or _accepted(request), self._company.locale)

    def page(
        self,
        name: str,
        request: Request,
        language: str,
        *,
        status: int = 200,
        cached: bool = False,
        zone: str = "",
        **values: Any,
    ) -> Response:
        """One whole page; 304 where the visitor's copy is the same."""
        said = words(language)
        body = self._environment.get_template(f"person_{name}.html").render(
            w=said,
            mine=said[name] if name in said else said["gone"],
            language=language,
            languages=[(code, words(code)["name"]) for code in LANGUAGES],
            path=request.url.path,
            query=request.query_params.get("q", ""),
            company=self._company,
            css=self._css,
            asof=self.clock(self._now(), zone),
            **values,
        )
        headers = self._headers | {
            "cache-control": CACHED if cached else NOT_CACHED,
            "content-language": language,
        }
        if not cached:
            return HTMLResponse(body, status_code=status, headers=headers)
        etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:24]}"'
        headers |= {"etag": etag, "vary": "accept-language"}
        if request.headers.get("if-none-match", "").removeprefix("W/") == etag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(body, status_code=status, headers=headers)

    def gone(self, request: Request, *, expired: bool) -> Response:
        """A link that names nobody: 410 once it has expired, 404 if it never was one of ours."""
        return self.page(
            "gone", request, self.language(request), status=410 if expired else 404, expired=expired
        )

    def clock(self, at: datetime, zone: str = "") -> str:
        """`02:40` on the wall there."""
        return f"{at.astimezone(ZoneInfo(zone or self._company.zone)):%H:%M}"


def _accepted(request: Request) -> str:
    """The first language of Accept-Language that we have; weights are mostly in order."""
    for each in request.headers.get("accept-language", "")[:200].split(","):
        code = each.partition(";")[0].strip()[:2].lower()
        if code in LANGUAGES:
            return code
    return ""
