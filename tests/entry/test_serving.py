"""`outreach serve` in its own process: it serves, sends, and stops quietly when told."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
from tests import make, town

from outreach.addresses import write_keyring

_TRIES = 100


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


def answered(url: str, process: subprocess.Popen[str]) -> str:
    """The body of the first answer; waits for the server for a bounded number of tries."""
    for _look in range(_TRIES):
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310  our own loopback
                body: str = answer.read().decode()
                return body
        except OSError:
            if process.poll() is not None:
                break
            process_waits()
    pytest.fail(f"no answer; exit {process.poll()}")


def process_waits() -> None:
    """Another process needs real time to come up; nothing here can pass it in."""
    threading.Event().wait(0.2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_serve_answers_and_ends_quietly(tmp_path, sqlite_template, number):
    port = free_port()
    folder = workspace(tmp_path, sqlite_template, port)
    process = subprocess.Popen(
        [sys.executable, "-c", "from outreach.entry.cli.main import main; main()", "serve"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    assert answered(f"http://127.0.0.1:{port}/healthz", process) == "ok\n"
    started = time.monotonic()
    process.send_signal(number)
    _out, error = process.communicate(timeout=30)

    assert process.returncode == 0, error
    assert "error" not in error
    assert time.monotonic() - started < 20


def workspace(folder: Path, template: Path, port: int) -> Path:
    town.workspace(folder)
    (folder / "outreach.db").write_bytes(template.read_bytes())
    write_keyring(make.KEYRING, folder / "outreach.key")
    (folder / "outreach.toml").write_text(
        f'[http]\nport = {port}\n[company]\noperator_language = "en"\n[delivery]\nonly_loopback = true\n'
    )
    return folder
