"""What the two web benchmarks share: a seeded database, a server process, a load, a table."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from outreach.addresses import Keyring
from outreach.entry.http.patience import PatientProtocol
from outreach.settings import carried
from outreach.store import migrations
from outreach.store.session import Database

KEYRING = Keyring(seals={1: b"s" * 32}, hashing=b"h" * 32, tokens=b"t" * 32, ids=b"i" * 32)
LOAD = Path(__file__).parent / "_load.py"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """The limit: the least that this server can answer."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await receive()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def fresh_database(path: Path) -> Database:
    database = Database(f"sqlite:///{path}", create=True)
    migrations.upgrade(database, carried("alembic"))
    return database


def _serve(make_app: Callable[..., Any], arguments: tuple[Any, ...], port: int) -> None:
    app = make_app(*arguments)
    gc.collect()
    gc.freeze()  # as `serving` does, for ours and for hello-world
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        http=PatientProtocol,  # the server that we ship, for both
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


class Served:
    """One application in a process of its own; `cpu_s` is what that process has used."""

    def __init__(self, make_app: Callable[..., Any], *arguments: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        self._process = context.Process(target=_serve, args=(make_app, arguments, self.port))
        self._process.start()
        self._wait()

    def _wait(self) -> None:
        for _ in range(400):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise SystemExit("the server did not start")

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def load(self, connections: list[list[bytes]], seconds: float) -> dict[str, float]:
        """rate, p99_ms, and per_cpu: answers for each second of the server's own processor time."""
        task = {
            "port": self.port,
            "seconds": seconds,
            "connections": [[each.decode("latin-1") for each in one] for one in connections],
        }
        before = self.cpu_s()
        ran = subprocess.run(  # noqa: S603  our own script
            [sys.executable, str(LOAD), "-"],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            check=True,
        )
        found: dict[str, float] = json.loads(ran.stdout)
        used = max(0.01, self.cpu_s() - before)
        if found["bad"]:
            raise SystemExit(f"{found['bad']:.0f} answers were not 2xx")
        return found | {"per_cpu": found["answers"] / used}

    def stop(self) -> None:
        self._process.terminate()
        self._process.join(2)
        self._process.kill()
        self._process.join()
