"""Sign-in of people by the company's own provider, for the pages that show figures.

Without `http.sso` these pages are shown on the machine itself alone, as ever. With it, who is in one of
the named groups sees them from elsewhere for eight hours. Nothing is kept of a session: a sealed cookie
carries it, so that every web process knows it, and a new key file ends all of them.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from outreach.campaigns.people import Act, may
from outreach.entry import egress
from outreach.entry.egress import LOCAL, Rules
from outreach.entry.http.context import WebContext
from outreach.entry.http.oidc import Ask, Flow, Provider, over_http
from outreach.model.errors import InputRefused
from outreach.settings_access import Sso

log = structlog.get_logger()

SESSION = "__Host-outreach"
"""Browsers take this name only with Secure, for the whole host, and from nobody but it."""
FLOW = "__Host-outreach-in"
LOGIN, BACK, OUT = "/sso/login", "/sso/back", "/sso/out"
PAGES = ("/", "/outbox")
"""Where somebody may be led after the sign-in; an open redirect would serve phishers."""
_FLOW_FOR = timedelta(minutes=10)
_LONGEST_CODE = 2_000
_LONGEST_NAME = 80
_LEAST_BYTES = 30
"""Head, nonce and tag of a seal around nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Who is signed in, with the roles of their groups."""

    name: str
    roles: frozenset[str]


class Door:
    """Lets people in to the pages; `sso` off, it knows nobody."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._sso = context.settings.http.sso

    def look(self, request: Request, at_this_machine: Callable[[Request], None]) -> None:
        """Returns for who may look; leads others to the sign-in, or refuses them with 403."""
        try:
            at_this_machine(request)
        except HTTPException:
            if not self._sso.is_on:
                raise
            signed = self.signed(request)
            if signed is None:
                headers = {"location": f"{LOGIN}?to={_page(request.url.path)}"}
                raise HTTPException(303, "sign in", headers=headers) from None
            _refuse_stranger(self._context, signed)

    def signed(self, request: Request) -> Signed | None:
        """Who is signed in; None: nobody, or not any more."""
        kept = opened(self._context, request.cookies.get(SESSION, ""), "session")
        if kept is None:
            return None
        return Signed(name=str(kept["name"]), roles=frozenset(kept["roles"]))


def _rules(context: WebContext) -> Rules:
    """The company's rules of what may be asked; a provider on this machine is meant as it is named."""
    rules = egress.rules(context.settings)
    host = urlsplit(context.settings.http.sso.issuer).hostname or ""
    if host not in LOCAL:
        return rules
    return replace(rules, private_hosts=(*rules.private_hosts, host))


def router(context: WebContext, ask: Ask | None = None) -> APIRouter:
    """Sign in, come back, sign out; 404 while no provider is set."""
    routes = APIRouter(include_in_schema=False)
    sso = context.settings.http.sso
    asked = ask or over_http(_rules(context), context.monotonic)
    provider = Provider(sso, context.monotonic, asked)
    back = f"{context.settings.http.public_url.rstrip('/')}{BACK}"

    @routes.get(LOGIN)
    def login(to: str = "/") -> Response:
        """To the provider, with state, nonce and the challenge of PKCE."""
        _must_be_on(sso)
        flow = Flow(**{name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")})
        answer = _to(_reached(lambda: provider.address(flow, back)))
        kept = asdict(flow) | {"to": _page(to)}
        _set(answer, FLOW, sealed(context, kept, "flow", _FLOW_FOR), _FLOW_FOR)
        return answer

    @routes.get(BACK)
    def come_back(request: Request, code: str = "", state: str = "") -> Response:
        """From the provider: the code becomes a checked token, and the token a session."""
        _must_be_on(sso)
        kept = opened(context, request.cookies.get(FLOW, ""), "flow")
        if kept is None or not hmac.compare_digest(str(kept["state"]).encode(), state.encode()):
            raise HTTPException(
                400, f"this sign-in was not begun here, or too long ago; go to {LOGIN}"
            )
        if not 0 < len(code) <= _LONGEST_CODE:
            raise HTTPException(403, "the provider let nobody in; ask who keeps its groups")
        flow = Flow(state=state, nonce=str(kept["nonce"]), verifier=str(kept["verifier"]))
        claims = _reached(lambda: provider.claims(code, flow, back, now=context.now()))
        signed = _person(sso, claims)
        _refuse_stranger(context, signed)
        return _let_in(context, signed, str(kept["to"]))

    @routes.post(OUT)
    def out() -> Response:
        """Ends the session of this browser; the provider's own goes on."""
        answer = _to("/")
        answer.delete_cookie(SESSION, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    return routes


def _let_in(context: WebContext, signed: Signed, to: str) -> Response:
    held_for = timedelta(hours=context.settings.http.sso.session_h)
    session = {"name": signed.name, "roles": sorted(signed.roles)}
    answer = _to(to)
    _set(answer, SESSION, sealed(context, session, "session", held_for), held_for)
    answer.delete_cookie(FLOW, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _person(sso: Sso, claims: dict[str, Any]) -> Signed:
    given = claims.get(sso.groups_claim)
    groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    roles = {
        role for group in groups if isinstance(group, str) for role in sso.groups.get(group, ())
    }
    name = str(claims.get(sso.name_claim) or claims["sub"])[:_LONGEST_NAME]
    return Signed(name=name, roles=frozenset(roles))


def _refuse_stranger(context: WebContext, signed: Signed) -> None:
    refusal = may(signed.name, Act.LOOK, context.settings.roles, granted=signed.roles)
    if refusal is not None:
        raise HTTPException(403, str(refusal))


def _reached(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except InputRefused as error:
        log.warning("no sign-in", why=str(error))
        raise HTTPException(502, str(error)) from None


def _must_be_on(sso: Sso) -> None:
    if not sso.is_on:
        raise HTTPException(404, "nobody signs in here; set [http.sso] in outreach.toml")


def _page(path: str) -> str:
    return path if path in PAGES else "/"


def _to(address: str) -> Response:
    return RedirectResponse(address, status_code=303, headers={"cache-control": "no-store"})


def _set(answer: Response, name: str, value: str, held_for: timedelta) -> None:
    answer.set_cookie(
        name, value, max_age=int(held_for.total_seconds()), path="/", secure=True, httponly=True,
        samesite="lax",
    )  # fmt: skip


# ── cookies ─────────────────────────────────────────────────────────────────────────────────────


def sealed(context: WebContext, kept: dict[str, Any], kind: str, held_for: timedelta) -> str:
    """What a browser keeps for us: nobody else can read, make or change it."""
    until = (context.now() + held_for).isoformat()
    body = json.dumps(kept | {"kind": kind, "until": until})
    return base64.urlsafe_b64encode(context.keyring.seal(body)).decode().rstrip("=")


def opened(context: WebContext, cookie: str, kind: str) -> dict[str, Any] | None:
    """What we gave a browser to keep; None if it is none of ours, of another kind, or too old."""
    try:
        raw = base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
        kept = json.loads(context.keyring.open(raw)) if len(raw) > _LEAST_BYTES else None
    except (ValueError, InputRefused):
        return None
    if not isinstance(kept, dict):
        return None
    is_ours = kept.get("kind") == kind
    return kept if is_ours and context.now() < datetime.fromisoformat(kept["until"]) else None
