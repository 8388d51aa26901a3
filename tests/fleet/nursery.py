"""Forks the processes of a fleet from one parent that has loaded everything and opened nothing.

    python -m tests.fleet.nursery

Reads one JSON command a line: {"fork": role, "fleet": …, "life": …}, {"signal": pid, "number": 9},
{"exits": true}, {"rest": seconds}; answers each with one line. At the end of its input it kills all that it
forked.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any, Self

from tests.fleet.terms import Fleet, fleet_of

_PARENT_DEATH = 1
_ROOT = Path(__file__).parents[2]


class Nursery:
    """The nursery as the one who drives the fleet sees it."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fleet.nursery"],
            cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def fork(self, role: str, fleet: Fleet, life: dict[str, Any]) -> int:
        """A new process of this role; its id."""
        return int(self._ask({"fork": role, "fleet": fleet.to_json(), "life": life})["pid"])

    def signal(self, pid: int, number: signal.Signals) -> bool:
        """Sent, unless the process has ended."""
        return bool(self._ask({"signal": pid, "number": int(number)})["sent"])

    def exits(self) -> dict[int, int]:
        """Processes that ended since the last question: id -> exit code, negative for a signal."""
        return {int(pid): code for pid, code in self._ask({"exits": True})["exits"].items()}

    def rest(self, seconds: float) -> None:
        """Waits until a process of the fleet ends, at most so long."""
        self._ask({"rest": seconds})

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery is gone; its error stands above")
        found: dict[str, Any] = json.loads(answer)
        return found


def main() -> None:
    """Serves commands until the input ends."""
    from tests.fleet import workers  # noqa: PLC0415  loads the whole product, once for all children

    workers.preload()
    # Blocked, an end of a child stays pending for `rest` to see.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    gc.collect()
    gc.freeze()
    alive: set[int] = set()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_answer(json.loads(line), alive, workers.ROLES)) + "\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)
        os.kill(pid, signal.SIGCONT)
    while alive:
        alive.discard(os.wait()[0])


def _answer(command: dict[str, Any], alive: set[int], roles: dict[str, Any]) -> dict[str, Any]:
    if "fork" in command:
        pid = _fork(roles[command["fork"]], command)
        alive.add(pid)
        return {"pid": pid}
    if "signal" in command:
        sent = command["signal"] in alive
        if sent:
            os.kill(command["signal"], command["number"])
        return {"sent": sent}
    if "rest" in command:
        return {"ended": signal.sigtimedwait({signal.SIGCHLD}, command["rest"]) is not None}
    return {"exits": _exits(alive)}


def _exits(alive: set[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    while alive:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            break
        alive.discard(pid)
        found[pid] = os.waitstatus_to_exitcode(status)
    return found


def _fork(role: Any, command: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
        fleet = fleet_of(command["fleet"])
        _redirect(fleet.folder / "logs", f"{command['fork']}-{os.getpid()}.log")
        role(fleet, command["life"])
        code = 0
    except BaseException:  # noqa: BLE001  the log of the child is all that is left of it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _redirect(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


if __name__ == "__main__":
    main()
