"""The access token of Genesys Cloud: asked for with client credentials, kept, renewed in time."""

from __future__ import annotations

import base64
import json
import threading
from dataclasses import dataclass

from outreach.contactcenter.platform_http import Answer, PlatformAway, PlatformHttp
from outreach.model.errors import InputRefused

EARLY_S = 300.0
"""A token is renewed this long before it ends."""
_OK = 200
_SERVER_TROUBLE = 500
_LATER = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An OAuth client of the grant type client credentials; the secret never prints."""

    login_url: str
    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return f"Credentials(login_url={self.login_url!r})"


class Token:
    """Holds one token; `bearer` asks for a new one when there is none that lasts."""

    def __init__(self, credentials: Credentials, http: PlatformHttp) -> None:
        self._credentials = credentials
        self._http = http
        self._held = ""
        self._until = 0.0
        self._lock = threading.Lock()

    def bearer(self, *, until: float) -> str:
        """The header's value. InputRefused if the client is not accepted, PlatformAway for now."""
        with self._lock:
            if not self._held or self._http.monotonic() >= self._until:
                self._renew(until)
            return f"Bearer {self._held}"

    def forget(self) -> None:
        """The platform refused it before its time: revoked, or the client's roles changed."""
        with self._lock:
            self._held = ""

    def _renew(self, until: float) -> None:
        given = self._credentials
        pair = f"{given.client_id}:{given.client_secret}".encode()
        headers = {
            "authorization": "Basic " + base64.b64encode(pair).decode(),
            "content-type": "application/x-www-form-urlencoded",
        }
        asked_at = self._http.monotonic()
        answer = self._http.send(
            "POST",
            f"{given.login_url}/oauth/token",
            headers=headers,
            body=b"grant_type=client_credentials",
            until=until,
        )
        self._held, lasts = _read(answer)
        self._until = asked_at + max(lasts - EARLY_S, lasts / 2)


def _read(answer: Answer) -> tuple[str, float]:
    if answer.status == _LATER or answer.status >= _SERVER_TROUBLE:
        raise PlatformAway(f"genesys: no token for now ({answer.status}); it is tried again")
    if answer.status != _OK:
        raise InputRefused(
            f"contactcenter.genesys.client_id: not accepted ({answer.status}); check client, secret, region"
        )
    try:
        body = json.loads(answer.body)
        return str(body["access_token"]), float(body.get("expires_in", 3600))
    except (ValueError, KeyError, TypeError):
        raise PlatformAway("genesys: its answer holds no token; is login_url right?") from None
