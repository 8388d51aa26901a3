"""Honest callers of the IVR beside a flood, against `outreach serve` in a process of its own.

    python -m tests.entry.siege [SECONDS]

Prints the p99 of 32 honest callers, first alone, then beside 50 connections that drip their headers and others
that push bodies of 2 MiB without reading the answers.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

HONEST = 32
SLOW = 50
LARGE = 8
_ASKED = b'{"ani": "+56911112222"}'
_ASK = (
    b"POST /v1/ivr/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_ASKED), _ASKED)
)
_PUSH = b"POST /webhooks/sendgrid HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2097152\r\n\r\n"
_DRIP = b"POST /v1/ivr/answer HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 100_000
_APART_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Siege:
    """Seconds at the 99th percentile, and how many answers each part had."""

    alone: float
    beside: float
    answers: int
    pushed: int


def besieged(port: int, seconds: float) -> Siege:
    """Runs both parts, each for so long."""
    return asyncio.run(_besieged(port, seconds))


async def _besieged(port: int, seconds: float) -> Siege:
    alone = await _honest(port, seconds)
    stop = asyncio.Event()
    tries: list[int] = []
    attackers = [
        asyncio.create_task(_again(act, port, stop, tries))
        for act, count in ((_drips, SLOW), (_pushes, LARGE))
        for _each in range(count)
    ]
    beside = await _honest(port, seconds)
    stop.set()
    for attacker in attackers:
        attacker.cancel()
    await asyncio.gather(*attackers, return_exceptions=True)
    return Siege(alone=_p99(alone), beside=_p99(beside), answers=len(beside), pushed=len(tries))


async def _honest(port: int, seconds: float) -> list[float]:
    took = await asyncio.gather(*(_caller(port, seconds) for _each in range(HONEST)))
    return [each for one in took for each in one]


async def _caller(port: int, seconds: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    took: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        writer.write(_ASK)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(head.decode())
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        took.append(time.perf_counter() - began)
        await asyncio.sleep(_APART_S)
    writer.close()
    return took


Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _again(act: Attack, port: int, stop: asyncio.Event, tries: list[int]) -> None:
    while not stop.is_set():
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            tries.append(1)
            try:
                await act(reader, writer)
            finally:
                writer.close()


async def _drips(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for each in _DRIP:
        writer.write(bytes([each]))
        await asyncio.sleep(_APART_S)


async def _pushes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_PUSH)
    for _block in range(32):
        writer.write(b"x" * 65_536)
        await writer.drain()
        await asyncio.sleep(0.001)


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def main() -> None:
    """The table."""
    from tests.entry import test_siege  # noqa: PLC0415  it uses this module

    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    with tempfile.TemporaryDirectory() as folder, test_siege.served(Path(folder)) as port:
        found = besieged(port, seconds)
    print(f"p99 alone   {found.alone * 1000:7.1f} ms")  # noqa: T201  a script
    print(f"p99 beside  {found.beside * 1000:7.1f} ms  (goal: 300 ms)")  # noqa: T201
    print(f"answers     {found.answers:7,}   connections of the flood {found.pushed:,}")  # noqa: T201


if __name__ == "__main__":
    main()
