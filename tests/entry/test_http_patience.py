"""A caller that drips its request in is let go; the others notice nothing."""

from __future__ import annotations

import asyncio
import re
from asyncio import selector_events
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from outreach.entry.http import patience
from outreach.entry.http.patience import PatientProtocol

WHOLE = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
    monkeypatch.setattr(patience, "REQUEST_WITHIN_S", 0.2)
    monkeypatch.setattr(patience, "ANSWER_WITHIN_S", 0.3)
    monkeypatch.setattr(patience, "LOOK_EVERY_S", 0.02)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/at-once":
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})  # fmt: skip
        await send({"type": "http.response.body", "body": b""})
        return
    if scope["path"] == "/empty":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    if scope["path"] == "/piecemeal":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        return
    if scope["path"] == "/long":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _part in range(1_000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        return
    message = await receive()
    while message.get("more_body"):
        message = await receive()
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def served() -> Any:
    config = uvicorn.Config(app, log_config=None, http=PatientProtocol)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: PatientProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()


def run(story: Callable[[int], Awaitable[None]]) -> None:
    async def told() -> None:
        async with served() as port:
            async with asyncio.timeout(20):
                await story(port)

    asyncio.run(told())


@pytest.mark.parametrize(
    "piece",
    [
        b"",
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab",
    ],
)
def test_a_request_that_never_ends_is_closed(piece):
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(piece)

        assert await reader.read() == b""
        writer.close()

    run(story)


def test_whoever_asks_in_time_keeps_the_connection():
    async def story(port: int) -> None:
        quick, slow = [await asyncio.open_connection("127.0.0.1", port) for _each in range(2)]
        slow[1].write(WHOLE[:20])
        answers = []
        while not slow[0].at_eof():
            quick[1].write(WHOLE)
            answers.append((await quick[0].readuntil(b"ok"))[:15])
            reading = asyncio.ensure_future(slow[0].read(1))
            await asyncio.wait([reading], timeout=0.02)
            reading.cancel()

        quick[1].write(WHOLE)

        assert (await quick[0].readuntil(b"ok"))[:15] == b"HTTP/1.1 200 OK"
        assert set(answers) == {b"HTTP/1.1 200 OK"}
        quick[1].close()
        slow[1].close()

    run(story)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="request line"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"".join(b"x-%d: 1\r\n" % each for each in range(101)) + b"\r\n", id="count"),
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n", id="size"),
    ],
)  # fmt: skip
def test_a_head_beyond_the_limits_is_refused(head):
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)

        assert (await reader.read())[:12] == b"HTTP/1.1 400"
        writer.close()

    run(story)


def test_a_header_without_an_end_is_refused_before_it_fills_the_memory():
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nx: ")
        answer = asyncio.ensure_future(reader.read(12))
        sent = 0
        while not answer.done() and sent < 10_000_000:
            writer.write(b"a" * 10_000)
            sent += 10_000
            await asyncio.sleep(0)

        assert await answer == b"HTTP/1.1 400"
        assert sent < 10_000_000
        writer.close()

    run(story)


def test_an_answer_leaves_in_one_piece(monkeypatch):
    pieces: list[bytes] = []
    transport = vars(selector_events)["_SelectorSocketTransport"]
    write = transport.write

    def noted(self: Any, data: bytes) -> None:
        pieces.append(bytes(data))
        write(self, data)

    monkeypatch.setattr(transport, "write", noted)

    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _each in range(2):
            writer.write(WHOLE)
            await reader.readuntil(b"ok")
        writer.close()

    run(story)

    asked, first, again, second = pieces
    assert asked == again == WHOLE
    assert first == second
    assert first.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        pytest.param(
            b"HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            rb"HTTP/1.1 200 OK\r\n.*content-length: 2\r\n.*\r\n\r\n",
            id="a head without a body",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n"
            b"Content-Length: 2\r\n\r\nab",
            rb"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n.*\r\n\r\nok",
            id="told to go on",
        ),
        pytest.param(
            b"GET /piecemeal HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            rb"HTTP/1.1 200 OK\r\n.*\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
            id="in parts",
        ),
        pytest.param(
            b"GET /empty HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            rb"HTTP/1.1 204 No Content\r\n.*\r\n\r\n",
            id="empty",
        ),
        pytest.param(WHOLE * 2 + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", rb"(HTTP/1.1 200 OK\r\n.*?\r\n\r\nok){3}", id="asked ahead"),
    ],
)  # fmt: skip
def test_whatever_is_answered_arrives_whole(request_, answer):
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)

        assert re.fullmatch(answer, await reader.read(), re.DOTALL)
        writer.close()

    run(story)


def test_what_still_comes_after_the_answer_is_not_read():
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /at-once HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\nab")

        assert (await reader.read())[:12] == b"HTTP/1.1 413"
        writer.close()

    run(story)


def test_an_answer_that_nobody_reads_is_held_no_longer():
    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
        writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.read(10)
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        gone = asyncio.ensure_future(writer.wait_closed())
        got = 0
        await asyncio.wait([gone], timeout=1)
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        with suppress(ConnectionResetError):
            while piece := await reader.read(100_000):
                got += len(piece)

        assert got < 100_000_000
        gone.cancel()
        writer.close()

    run(story)


def test_a_flood_of_silent_connections_pushes_out_itself(monkeypatch):
    monkeypatch.setattr(patience, "_most", 20)
    monkeypatch.setattr(patience, "REQUEST_WITHIN_S", 60)

    async def story(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        await reader.readuntil(b"ok")
        silent = [await asyncio.open_connection("127.0.0.1", port) for _each in range(60)]
        first = asyncio.ensure_future(silent[0][0].read())
        writer.write(WHOLE)

        assert (await reader.readuntil(b"ok"))[:15] == b"HTTP/1.1 200 OK"
        with suppress(ConnectionResetError):
            assert await first == b""
        for _reader, each in [*silent, (reader, writer)]:
            each.close()

    run(story)
