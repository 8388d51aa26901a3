"""OpenID Connect, as far as a sign-in needs it: where the provider is, a code for a token, and the token checked.

OpenID Connect Core 1.0 §3.1 (authorization code), RFC 7636 (PKCE, S256), RFC 9700 (current practice).
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from outreach.entry import egress
from outreach.entry.egress import LOCAL, Question, Rules
from outreach.model.errors import InputRefused
from outreach.settings_access import Sso

Ask = Callable[[str, Mapping[str, str] | None, Mapping[str, str]], bytes]
"""(address, form or None for GET, headers) -> the body of a 200; InputRefused for anything else."""

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")  # fmt: skip
"""Signed by a key pair: never `none`, and never by a shared secret."""
HELD_S = 3600.0
AGAIN_S = 60.0
"""A key that we do not know makes us ask for the provider's keys again, once a minute at most."""
LEEWAY_S = 60
MOST_BYTES = 256 * 1024
DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What has to come back as it went out; kept by the browser, sealed."""

    state: str
    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def over_http(rules: Rules, monotonic: Callable[[], float]) -> Ask:
    """Asks within the company's rules for what may be asked: five seconds, 256 KiB, no redirect."""

    def asked(address: str, form: Mapping[str, str] | None, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in LOCAL:
            raise InputRefused("sign-in: the provider names an address without https")
        kind = {} if form is None else {"content-type": "application/x-www-form-urlencoded"}
        question = Question(
            method="GET" if form is None else "POST",
            headers={**headers, **kind},
            content=None if form is None else urlencode(form).encode(),
            most_bytes=MOST_BYTES,
            deadline_s=DEADLINE_S,
        )
        goal = egress.guarded(address, rules, what="sign-in")
        answer = egress.ask(goal, question, what="sign-in", monotonic=monotonic)
        if answer.status != 200:  # noqa: PLR2004
            raise InputRefused(f"sign-in: {goal.host} answered {answer.status}")
        return answer.body

    return asked


class Provider:
    """The company's provider: its addresses and keys are asked for once an hour."""

    def __init__(self, sso: Sso, monotonic: Callable[[], float], ask: Ask) -> None:
        self._sso = sso
        self._monotonic = monotonic
        self._ask = ask
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, dict[str, Any]]] = {}

    def address(self, flow: Flow, back: str) -> str:
        """Where the browser is sent to sign in."""
        query = {
            "response_type": "code",
            "client_id": self._sso.client_id,
            "redirect_uri": back,
            "scope": " ".join(self._sso.scopes),
            "state": flow.state,
            "nonce": flow.nonce,
            "code_challenge": flow.challenge,
            "code_challenge_method": "S256",
        }
        there = self._described("authorization_endpoint")
        return f"{there}{'&' if '?' in there else '?'}{urlencode(query)}"

    def claims(self, code: str, flow: Flow, back: str, *, now: datetime) -> dict[str, Any]:
        """What the provider says of the person behind a code; InputRefused unless every check holds."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "code_verifier": flow.verifier,
        }
        headers = self._shown(form)
        given = _document(self._ask(self._described("token_endpoint"), form, headers))
        token = given.get("id_token")
        if not isinstance(token, str):
            raise InputRefused(
                "sign-in: the provider gave no id_token; is openid among the scopes?"
            )
        return self._checked(token, flow.nonce, now=now)

    def _shown(self, form: dict[str, str]) -> dict[str, str]:
        """How we say who we are: by Basic, as all providers take it unless they say otherwise."""
        secret = self._sso.client_secret.get_secret_value()
        methods = self._described_as("token_endpoint_auth_methods_supported", [])
        if secret and (not methods or "client_secret_basic" in methods):
            pair = f"{quote(self._sso.client_id, safe='')}:{quote(secret, safe='')}"
            return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        form["client_id"] = self._sso.client_id
        if secret:
            form["client_secret"] = secret
        return {}

    def _checked(self, token: str, nonce: str, *, now: datetime) -> dict[str, Any]:
        from joserfc import jwt  # noqa: PLC0415  joserfc
        from joserfc.errors import JoseError  # noqa: PLC0415

        rules = jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self._sso.issuer},
            aud={"essential": True, "value": self._sso.client_id},
            exp={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = self._opened(token)
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise InputRefused(
                f"sign-in: the token does not hold ({type(error).__name__})"
            ) from None
        if claims.get("azp", self._sso.client_id) != self._sso.client_id:
            raise InputRefused("sign-in: the token is for another client")
        return claims

    def _opened(self, token: str) -> dict[str, Any]:
        """By the keys we hold, or, where these do not fit, by those of a minute later."""
        from joserfc import jwt  # noqa: PLC0415  joserfc
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        for held_s in (HELD_S, AGAIN_S):
            keys = self._document(self._described("jwks_uri"), held_s)
            try:
                found = KeySet.import_key_set({"keys": _for_signing(keys)})
                return dict(jwt.decode(token, found, algorithms=ALGORITHMS).claims)
            except (JoseError, ValueError):
                if held_s == AGAIN_S:
                    raise
        raise AssertionError  # the second turn returned or raised

    def _described(self, name: str) -> str:
        found = self._described_as(name, "")
        if not isinstance(found, str) or not found:
            raise InputRefused(f"sign-in: the provider does not say its {name}")
        return found

    def _described_as(self, name: str, default: Any) -> Any:
        issuer = self._sso.issuer
        described = self._document(f"{issuer.rstrip('/')}/.well-known/openid-configuration", HELD_S)
        if described.get("issuer") != issuer:
            raise InputRefused("sign-in: http.sso.issuer is not what the provider calls itself")
        return described.get(name, default)

    def _document(self, address: str, held_s: float) -> dict[str, Any]:
        with self._lock:
            at, document = self._held.get(address, (0.0, {}))
            if not document or self._monotonic() - at >= held_s:
                document = _document(self._ask(address, None, {}))
                self._held[address] = (self._monotonic(), document)
            return document


def _for_signing(keys: Mapping[str, Any]) -> list[Any]:
    found = keys.get("keys")
    return [
        each
        for each in (found if isinstance(found, list) else [])
        if isinstance(each, dict) and each.get("use", "sig") == "sig" and each.get("kty") != "oct"
    ]


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputRefused("sign-in: the provider's answer is no JSON object")
    return found
