"""Real processes of `outreach` on a workspace of a test; time there is real, and every wait is bounded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests import make, overheard, town

from outreach import clock
from outreach.addresses import write_keyring
from outreach.campaigns.engine import Engine
from outreach.entry import wiring
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.settings import load
from outreach.store.session import Database

_T = TypeVar("_T")
_START = "from outreach.entry.cli.main import main; main()"


def until(found: Callable[[], _T | None], *, seconds: float = 40.0) -> _T:
    """What `found` gives, asked again and again; AssertionError after so many seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if result := found():
            return result
        threading.Event().wait(0.02)  # another process needs real time: nothing can pass it in
    raise AssertionError(f"not within {seconds} s: {found}")


class Company:
    """A town on one feeder, its workspace, and the processes that serve it."""

    def __init__(self, folder: Path, database: Database, *, rate: float = 100) -> None:
        self.folder, self.database = folder, database
        town.workspace(folder)
        write_keyring(make.KEYRING, folder / "outreach.key")
        url = database.url.render_as_string(hide_password=False)
        (folder / "outreach.toml").write_text(
            f'database_url = {json.dumps(url)}\n[company]\noperator_language = "en"\n'
            "[delivery]\nonly_loopback = true\n[[lanes]]\nname = 'sms'\nchannel = 'sms'\n"
            f"sender = '+56900000000'\nrate = {rate}\n"
        )
        self.engine: Engine = wiring.engine(database, load(folder), make.KEYRING)

    @contextmanager
    def run(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """The process of a command; killed at the end if it still runs."""
        process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-c", _START, *words],
            cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            _out, error = process.communicate(timeout=30)
            overheard.listener.hears("a process's log", error)
            print(error)  # noqa: T201  pytest shows it where the test fails

    def launch(self) -> float:
        """Opens and launches now; the monotonic time at which its freeze was over."""
        now = clock.now()
        new = NewOccasion(
            kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
        )
        revision = revise.opened(
            Scope(nodes=(town.FEEDER,)), start_at=now, change=Change(), now=now
        )
        occasion = self.engine.open(new, revision, now=now).occasion
        self.engine.launch(occasion.id, "unplanned-outage", actor="ana", now=now)
        return time.monotonic()

    def asked(self, what: Any) -> Any:
        """The first row, or None."""
        with self.database.read() as session:
            return session.execute(what).first()
