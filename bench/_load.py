"""A load client of raw sockets in a process of its own: pipelines nothing, keeps connections."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _ask(
    stream: Stream, requests: Sequence[bytes], until: float, times: list[float], bad: list[bytes]
) -> None:
    reader, writer = stream
    number = 0
    while number == 0 or time.perf_counter() < until:
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
    streams = [await asyncio.open_connection("127.0.0.1", port) for _each in lists]
    began = time.perf_counter()
    until = began + seconds
    both = zip(streams, lists, strict=True)
    await asyncio.gather(*(_ask(stream, each, until, times, bad) for stream, each in both))
    took = time.perf_counter() - began
    times.sort()
    return {
        "answers": len(times),
        "rate": len(times) / took,
        "p99_ms": times[int(len(times) * 0.99)] * 1000,
        "bad": len(bad),
    }


def main() -> None:
    """stdin: {"port", "seconds", "connections": [[request, …], …]}; stdout: rate, p99_ms, bad."""
    task = json.load(sys.stdin)
    lists = [[each.encode("latin-1") for each in one] for one in task["connections"]]
    print(json.dumps(asyncio.run(_drive(task["port"], lists, task["seconds"]))))


if __name__ == "__main__" and sys.argv[1:] == ["-"]:
    main()
