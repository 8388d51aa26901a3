"""A browser of the machine, and a server on loopback for it to look at; shared by the tests of a session."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any

import uvicorn

from outreach.entry.http.app import Front

NAMES = ("chromium", "chromium-browser", "google-chrome")
EVERY = {
    "type": "tag",
    "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
VIOLATIONS = """(rules) => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(
  found => found.violations.map(
  one => one.id + ": " + one.nodes.map(node => node.target.join(" ") + " " + node.failureSummary)))"""


def executable() -> str | None:
    """The first browser that there is."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def violations(page: Any) -> list[str]:
    """What axe-core finds wrong with the page as it stands."""
    page.evaluate(_axe())
    found: list[str] = page.evaluate(VIOLATIONS, EVERY)
    return found


@cache
def _axe() -> str:
    return (resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


@contextmanager
def served(app: Front) -> Iterator[str]:
    """The address of the application, on a free port of loopback."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        threading.Event().wait(0.01)  # another thread binds the port; nothing can pass it in
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=5)
