"""A TCP proxy between workers and carrier that misbehaves by the schedule: one listener a channel."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any

from tests.fleet.terms import Fleet, Window

from outreach import clock

_CHUNK = 65_536
_LATENCY_S = 0.08
_LIMIT = 40
"""Bytes of an answer that get through before the connection closes."""
_DRIP_S = 1.0
"""Between two bytes: at any scale, for what is proven is that the deadline is a total."""
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """What one listener does to the connections that it carries."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self._fleet = fleet
        self._name = name

    async def serve(self) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", self._fleet.ports[self._name])
        async with server:
            await server.serve_forever()

    def _now(self) -> str:
        """What the schedule wants at this moment, or nothing."""
        at = clock.monotonic() - self._fleet.epoch
        return next((each.what for each in self._fleet.windows if self._applies(each, at)), "")

    def _applies(self, window: Window, at: float) -> bool:
        return window.start <= at < window.end and window.port in {"", self._name}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._fleet.ports["carrier"])
        except OSError:
            _reset(writer)
            return
        ways = (self._up(reader, there[1], writer), self._down(there[0], writer))
        with contextlib.suppress(OSError):
            await asyncio.gather(*ways)
        writer.close()
        there[1].close()

    async def _up(
        self, reader: asyncio.StreamReader, carrier: asyncio.StreamWriter, us: asyncio.StreamWriter
    ) -> None:
        """Requests; a reset comes after the carrier has them, the worst moment."""
        while data := await reader.read(_CHUNK):
            carrier.write(data)
            if self._now() == "reset":
                await asyncio.sleep(0.002)
                _reset(us)
                return
        carrier.close()

    async def _down(self, carrier: asyncio.StreamReader, us: asyncio.StreamWriter) -> None:
        """Answers."""
        while data := await carrier.read(_CHUNK):
            match self._now():
                case "latency":
                    await asyncio.sleep(_LATENCY_S)
                    us.write(data)
                case "half_open":
                    continue
                case "drip":
                    await _drip(us, data)
                case "limit":
                    us.write(data[:_LIMIT])
                    break
                case _:
                    us.write(data)
        us.close()


async def _drip(us: asyncio.StreamWriter, data: bytes) -> None:
    for at in range(len(data)):
        us.write(data[at : at + 1])
        await us.drain()
        await asyncio.sleep(_DRIP_S)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock: Any = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def misbehave(fleet: Fleet, _life: dict[str, Any]) -> None:
    """Serves until killed."""

    async def main() -> None:
        await asyncio.gather(*(Proxy(fleet, name).serve() for name in ("sms", "email")))

    asyncio.run(main())
