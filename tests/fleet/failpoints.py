"""Places where a process of the fleet may die: hooks around the product's functions, set after the fork.

The product knows nothing of them. A transaction carries the names of what was done in it, so that it can
die just before and just after the commit of a claim, a settling, a lapse, a decision or a callback.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import re
import signal
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.fleet.history import History

from outreach import clock
from outreach.channels.transport import NotSent, Response, Transport
from outreach.delivery import receipts as applying
from outreach.store import attempts, claims, ledger, receipts, settle
from outreach.store.session import Database, Session

COMMITS: dict[str, Callable[..., Any]] = {
    "claim": claims.claim,
    "settle": settle.settle,
    "lapse": ledger.lapse,
    "decide": attempts.write,
    "callback": receipts.add,
    "apply": applying.apply,
}
"""What a transaction is named after, if the function did something in it."""
CALLS = ("send.before", "send.after", "reply.after")
NAMES = (*(f"{name}.{when}" for name in COMMITS for when in ("before", "after")), *CALLS)
OF_WORKER = tuple(name for name in NAMES if not name.startswith("callback"))
OF_WEB = ("callback.before", "callback.after")
_ON_THE_WIRE_S = 0.002
"""A request is under way, and not answered yet: the carrier takes 4 ms."""
_TOKEN = re.compile(rb"status%2F([0-9A-Za-z.]+)|\"attempt\": ?\"([0-9A-Za-z.]+)\"")
_LONG_S = 0.5


class Failpoints:
    """Kills this process at the `nth` hit of the one that is armed, and writes the history of calls."""

    def __init__(self, history: History, *, armed: str = "", nth: int = 1) -> None:
        self._history = history
        self._armed = armed
        self._nth = nth
        self._hits: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        self._hits[name] += 1
        if name == self._armed and self._hits[name] >= self._nth:
            self._history.note("killed", what=name)
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Sets the hooks into this process."""
        for name, function in COMMITS.items():
            put_everywhere(function, _noting(name, function))
        _set(Database, "write", self._transaction(Database.write))
        _set(Transport, "request", self._request(Transport.request))

    def _transaction(self, plain: Any) -> Any:
        points = self

        @contextmanager
        def write(database: Database) -> Iterator[Session]:
            began = clock.monotonic()
            with plain(database) as session:
                try:
                    yield session
                finally:
                    did = sorted(_DONE.pop(session, ()))
                for name in did:
                    points.hit(f"{name}.before")
            for name in did:
                points.hit(f"{name}.after")
            points.held(clock.monotonic() - began, did)

        return write

    def held(self, seconds: float, did: list[str]) -> None:
        if seconds >= _LONG_S:
            self._history.note("held", seconds=seconds, did=did)

    def _request(self, plain: Any) -> Any:
        points = self

        async def request(transport: Transport, method: str, url: str, **how: Any) -> Response:
            if method != "POST":
                answer: Response = await plain(transport, method, url, **how)
                return answer
            points.hit("send.before")
            tokens = [(one or two).decode() for one, two in _TOKEN.findall(how.get("body", b""))]
            points.calls("invoke", tokens)
            calling = asyncio.ensure_future(plain(transport, method, url, **how))
            if points.is_armed("send.after"):
                await asyncio.wait([calling], timeout=_ON_THE_WIRE_S)
                points.hit("send.after")
            try:
                answer = await calling
            except BaseException as error:
                points.calls(_ending(error), tokens)
                raise
            points.hit("reply.after")
            points.calls(_ended(answer.status), tokens)
            return answer

        return request

    def is_armed(self, name: str) -> bool:
        return self._armed == name

    def calls(self, event: str, tokens: list[str]) -> None:
        for token in tokens:
            self._history.note(event, what="call", token=token)


def _ending(error: BaseException) -> str:
    return "fail" if isinstance(error, NotSent) else "unknown"


def _ended(status: int) -> str:
    if 200 <= status < 300:
        return "ok"
    return "unknown" if status >= 500 else "fail"


_DONE: defaultdict[Session, set[str]] = defaultdict(set)
"""What each transaction under way did."""


def _noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which notes in its transaction that it did something."""

    def noted(session: Session, *args: Any, **more: Any) -> Any:
        done = function(session, *args, **more)
        if done:
            _DONE[session].add(name)
        return done

    return noted


def put_everywhere(function: Callable[..., Any], instead: Callable[..., Any]) -> None:
    """Wherever a module of the product holds this function under any name."""
    modules = [module for name, module in list(sys.modules.items()) if name.startswith("outreach")]
    for module in modules:
        for name, value in list(vars(module).items()):
            if value is function:
                setattr(module, name, instead)


def _set(owner: type, name: str, instead: Any) -> None:
    assert inspect.getattr_static(owner, name, None) is not None, f"{owner.__name__}.{name} is gone"
    setattr(owner, name, instead)
