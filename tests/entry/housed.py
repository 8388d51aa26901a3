"""The web side as `outreach web` would serve it, in this process, asked without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests import make, town

from outreach import settings
from outreach.addresses import write_keyring
from outreach.entry import wiring
from outreach.entry.http.app import Front, create_app
from outreach.entry.wiring import Installation
from outreach.store.session import Database

TOML = "[delivery]\nonly_loopback = true\n"


class FromHere:
    """Asks as a program on this machine would, which needs no key."""

    def __init__(self, front: Front) -> None:
        self._front = front

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            others = [each for each in scope["headers"] if each[0] != b"host"]
            scope["headers"] = [(b"host", b"127.0.0.1:8020"), *others]
            scope["client"] = ("127.0.0.1", 50_000)
        await self._front(scope, receive, send)


def installation(folder: Path, template: Path, toml: str = TOML) -> Installation:
    """A small town on SQLite with one outage that is open."""
    town.workspace(folder)
    (folder / "outreach.db").write_bytes(template.read_bytes())
    write_keyring(make.KEYRING, folder / "outreach.key")
    (folder / "outreach.toml").write_text(toml)
    database = Database(f"sqlite:///{folder / 'outreach.db'}", durable=False)
    with database.write() as session:
        make.make_message(session)
    return Installation(settings=settings.load(folder), database=database, keyring=make.KEYRING)


@contextmanager
def front(folder: Path, template: Path, toml: str = TOML) -> Iterator[Front]:
    """The application over a fresh installation in `folder`."""
    of = installation(folder, template, toml)
    made = create_app(wiring.web_context(of))
    made.board.refresh()
    try:
        yield made
    finally:
        made.close()
        of.database.close()


async def asked(
    app: Any, path: str, body: bytes = b"", *, method: str = "POST", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of one request; underscores in names of headers are dashes."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"",
        "root_path": "", "server": ("127.0.0.1", 8020), "client": ("127.0.0.1", 50_000),
        "state": {},
        "headers": [
            (b"host", b"127.0.0.1:8020"),
            (b"content-length", b"%d" % len(body)),
            *((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()),
        ],
    }  # fmt: skip
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    found = {key.decode().lower(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(each.get("body", b"") for each in sent[1:])
