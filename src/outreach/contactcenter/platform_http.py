"""One HTTP call to a contact-center platform, with a deadline for the whole of it."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from outreach.model.errors import InputRefused, OutreachError

CONNECT_S = 3.0
CALL_S = 5.0
"""No single call takes longer, however much time is left."""
MOST_BYTES = 4 * 1024 * 1024


class PlatformAway(OutreachError):
    """A platform did not answer in time, or asks us to wait; what stands there runs out by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class PlatformHttp:
    """Pooled connections to one platform. No redirects, no proxies; may be used by several threads.

    monotonic: seconds that never jump. only_loopback: refuses every other host (drills, tests).
    """

    def __init__(self, *, monotonic: Callable[[], float], only_loopback: bool = False) -> None:
        self.monotonic = monotonic
        self._only_loopback = only_loopback
        self._client: Any = None

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        until: float,
    ) -> Answer:
        """The answer, whatever its status; PlatformAway if none came before `until` (monotonic)."""
        import httpx2  # noqa: PLC0415  httpx2

        host = urlsplit(url).hostname or ""
        self._refuse_elsewhere(host)
        end = min(until, self.monotonic() + CALL_S)
        left = end - self.monotonic()
        if left <= 0:
            raise PlatformAway(f"{host}: no time left this minute; the rest follows in the next")
        limits = httpx2.Timeout(left, connect=min(left, CONNECT_S))
        pool = self._pool()
        # a head that drips satisfies every read timeout: at the end of the time the line is cut
        cut = threading.Timer(left, self._cut, [pool])
        cut.daemon = True
        cut.start()
        try:
            with pool.stream(
                method, url, headers=dict(headers), content=body or None, timeout=limits
            ) as answer:
                return self._whole(host, answer, end)
        except (httpx2.HTTPError, httpx2.StreamError, OSError, RuntimeError) as error:
            raise PlatformAway(f"{host}: no answer ({type(error).__name__}); is it up?") from None
        finally:
            cut.cancel()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _pool(self) -> Any:
        import httpx2  # noqa: PLC0415  httpx2

        if self._client is None:
            self._client = httpx2.Client(trust_env=False, follow_redirects=False)
        return self._client

    def _cut(self, pool: Any) -> None:
        if self._client is pool:
            self._client = None
        pool.close()

    def _whole(self, host: str, answer: Any, end: float) -> Answer:
        """A server that drips keeps no read timeout waiting: the clock is looked at, part by part."""
        body = bytearray()
        for part in answer.iter_bytes():
            body += part
            if len(body) > MOST_BYTES or self.monotonic() > end:
                raise PlatformAway(f"{host}: too slow or too long an answer; it is left for now")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(status=answer.status_code, headers=headers, body=bytes(body))

    def _refuse_elsewhere(self, host: str) -> None:
        if self._only_loopback and not _is_loopback(host):
            raise InputRefused(f"delivery.only_loopback is set; {host or 'the host'} is elsewhere")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
