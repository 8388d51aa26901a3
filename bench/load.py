"""A load client of raw sockets in a process of its own: pipelines nothing, keeps connections."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence


async def _connection(
    port: int, requests: Sequence[bytes], until: float, times: list[float], bad: list[bytes]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(requests[number % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if length:
            await reader.readexactly(length)
        times.append(time.perf_counter() - began)
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 204")):
            bad.append(head[:20])
        number += 1
    writer.close()


async def _drive(port: int, lists: list[list[bytes]], seconds: float) -> dict[str, float]:
    times: list[float] = []
    bad: list[bytes] = []
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(_connection(port, each, until, times, bad) for each in lists))
    took = time.perf_counter() - began
    times.sort()
    return {
        "rate": len(times) / took,
        "p99_ms": times[int(len(times) * 0.99)] * 1000 if times else 0.0,
        "bad": len(bad),
    }


def main() -> None:
    """stdin: {"port", "seconds", "connections": [[request, …], …]}; stdout: rate, p99_ms, bad."""
    task = json.load(sys.stdin)
    lists = [[each.encode("latin-1") for each in one] for one in task["connections"]]
    print(json.dumps(asyncio.run(_drive(task["port"], lists, task["seconds"]))))


if __name__ == "__main__":
    main()
