"""Calls the API of Genesys Cloud: with a token, at its pace, once more where that is harmless."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from outreach.contactcenter.genesys_auth import Credentials, Token
from outreach.contactcenter.genesys_pace import Pace
from outreach.contactcenter.platform_http import Answer, PlatformAway, PlatformHttp
from outreach.model.errors import InputRefused
from outreach.settings_contactcenter import Genesys as Settings

AGAIN_AFTER_S = 0.5
UNAUTHORISED, FORBIDDEN, NOT_FOUND, CONFLICT, LATER = 401, 403, 404, 409, 429
_GOOD = range(200, 300)
_TROUBLE = 500


class Genesys:
    """One OAuth client at work. Every call has the minute's deadline; nothing waits beyond it.

    All that we call is safe to repeat: GET, and PUT, POST and DELETE whose second time is told
    apart (409, 404) or changes nothing.
    """

    def __init__(
        self, settings: Settings, http: PlatformHttp, *, sleep: Callable[[float], None]
    ) -> None:
        self.settings = settings
        self.http = http
        self._sleep = sleep
        self._pace = Pace(settings.requests_a_minute)
        self._turn = threading.Lock()
        self._token = Token(
            Credentials(
                login_url=settings.login,
                client_id=settings.client_id,
                client_secret=settings.client_secret.get_secret_value(),
            ),
            http,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        until: float,
        fine: tuple[int, ...] = (),
    ) -> tuple[int, Any]:
        """(status, JSON or None). `fine`: statuses the caller tells apart itself, such as 404.

        PlatformAway: not now. InputRefused: never, until a person mends settings or permissions.
        """
        answer = self._call(method, path, body, until)
        if answer.status == UNAUTHORISED:
            self._token.forget()
            answer = self._call(method, path, body, until)
        if answer.status >= _TROUBLE:
            self._wait(AGAIN_AFTER_S, until)
            answer = self._call(method, path, body, until)
        if answer.status not in _GOOD and answer.status not in fine:
            raise _refusal(method, path, answer)
        return answer.status, _json(answer.body)

    def _call(self, method: str, path: str, body: object, until: float) -> Answer:
        self._take_turn(until)
        headers = {"authorization": self._token.bearer(until=until), "accept": "application/json"}
        raw = b""
        if body is not None:
            headers["content-type"] = "application/json"
            raw = json.dumps(body, ensure_ascii=False).encode()
        answer = self.http.send(
            method, self.settings.api + path, headers=headers, body=raw, until=until
        )
        self._pace.heed(answer.status, answer.headers, self.http.monotonic())
        return answer

    def _take_turn(self, until: float) -> None:
        with self._turn:
            self._wait(self._pace.wait(self.http.monotonic()), until)
            self._pace.spend(self.http.monotonic())

    def _wait(self, seconds: float, until: float) -> None:
        if seconds <= 0:
            return
        if self.http.monotonic() + seconds >= until:
            raise PlatformAway(
                f"genesys: {round(seconds)} s to wait for its limit; the rest follows in the next minute"
            )
        self._sleep(seconds)


def _refusal(method: str, path: str, answer: Answer) -> Exception:
    """The path holds our own ids and zones, never a person; the body of an answer is not shown."""
    what = f"genesys: {method} {path.partition('?')[0]}: {answer.status}"
    if answer.status == LATER or answer.status >= _TROUBLE:
        return PlatformAway(f"{what}; it is tried again in the next minute")
    if answer.status in {UNAUTHORISED, FORBIDDEN}:
        return InputRefused(f"{what}; give the client's role this permission (docs/platforms.md)")
    if answer.status == NOT_FOUND:
        return InputRefused(f"{what}; check the id in [contactcenter.genesys]")
    return InputRefused(f"{what}; see docs/platforms.md for what it must hold")


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        raise PlatformAway("genesys: an answer that is no JSON; is api_url right?") from None
