"""A mail server on loopback that can be told what to answer, and when to fall silent."""

from __future__ import annotations

import asyncio
import socket
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self


class SmtpFake:
    """Use as a context manager. `ledger` has every mail whose text was taken, replied to or not.

    script(verb, reply): what to say the next times to CONNECT, EHLO, MAIL, RCPT, DATA or TEXT (its end):
    a line such as `550 no such user`, or `drop` or `hang`; TEXT takes the mail first on `drop` and `hang`.
    """

    def __init__(self) -> None:
        self.ledger: list[EmailMessage] = []
        self.connections = 0
        self.port = 0
        self._scripts: dict[str, list[str]] = {}
        self._open: set[asyncio.StreamWriter] = set()

    def script(self, verb: str, *replies: str) -> None:
        self._scripts.setdefault(verb, []).extend(replies)

    def close_idle(self) -> None:
        """Closes all connections, as a server does after a while of silence."""
        asyncio.run_coroutine_threadsafe(self._close_all(), self._loop).result(5)

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _shut(self) -> None:
        self._server.close()
        await self._close_all()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _close_all(self) -> None:
        for writer in list(self._open):
            writer.close()
        self._open.clear()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections += 1
        self._open.add(writer)
        try:
            if await self._say(writer, "CONNECT", "220 fake"):
                while await self._turn(reader, writer):
                    pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _turn(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line = await reader.readline()
        verb = line[:4].decode("ascii", "replace").upper().strip()
        if not line or verb == "QUIT":
            return False
        if verb != "DATA":
            return await self._say(writer, verb, "250 ok")
        if self._scripts.get("DATA"):
            return await self._say(writer, "DATA", "")
        writer.write(b"354 go on\r\n")
        text = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
        planned = self._scripts.get("TEXT", [])
        if not planned or not planned[0][:1].isdigit() or planned[0].startswith("2"):
            parsed = message_from_bytes(text.replace(b"\r\n..", b"\r\n."), policy=policy.default)
            self.ledger.append(parsed)
        return await self._say(writer, "TEXT", "250 taken")

    async def _say(self, writer: asyncio.StreamWriter, verb: str, usual: str) -> bool:
        planned = self._scripts.get(verb)
        reply = planned.pop(0) if planned else usual
        if reply == "drop":
            return False
        if reply == "hang":
            await asyncio.Event().wait()
        if reply.startswith("drip "):
            await self._drip(writer, reply[5:])
        writer.write(reply.encode() + b"\r\n")
        return True

    async def _drip(self, writer: asyncio.StreamWriter, reply: str) -> None:
        for letter in reply:
            writer.write(letter.encode())
            await asyncio.sleep(0.05)
