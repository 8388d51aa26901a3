"""The transport: what was sent and what was not, and where it refuses to go."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.fakes.http import HttpFake, Reply, Request

from outreach.channels import replies
from outreach.channels.transport import CallFailed, Lost, NotSent, Response, Transport
from outreach.model.message import Delayed, InDoubt


class Echo(HttpFake):
    """Answers with what it got."""

    def accept(self, request: Request) -> Reply:
        return Reply(body=request.body or request.method.encode(), headers={"X-One": "a"})


def using(use: Callable[[Transport], Awaitable[Any]], **options: Any) -> Any:
    async def whole() -> Any:
        transport = Transport(**{"only_loopback": True, **options})
        try:
            return await use(transport)
        finally:
            await transport.close()

    return asyncio.run(whole())


def post(transport: Transport, url: str, body: bytes = b"hello", deadline: float = 2) -> Any:
    return transport.request("POST", url, headers={"X-Is": "here"}, body=body, deadline=deadline)


def failure(url: str, **options: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        using(lambda transport: post(transport, url), **options)
    return caught.value


def test_a_request_comes_and_its_answer_comes_back_whole() -> None:
    body = bytes(range(256)) * 1000
    with Echo() as echo:
        answer: Response = using(lambda transport: post(transport, f"{echo.url}/a?b=1", body))

        request = echo.requests[0]
    assert (answer.status, answer.body, answer.headers["x-one"]) == (200, body, "a")
    assert (request.method, request.path, request.query) == ("POST", "/a", {"b": "1"})
    assert request.headers["x-is"] == "here"
    assert "expect" not in request.headers


def test_connections_are_reused_and_never_more_than_allowed() -> None:
    async def many(transport: Transport) -> None:
        for _ in range(3):
            await asyncio.gather(*(post(transport, echo.url) for _ in range(50)))

    with Echo() as echo:
        using(many, connections=5)

        assert len(echo.requests) == 150
        assert echo.connections <= 5


def test_get_and_post_may_take_turns_on_one_handle() -> None:
    async def turns(transport: Transport) -> list[bytes]:
        first = await post(transport, echo.url)
        second = await transport.request("GET", echo.url, headers={}, deadline=2)
        third = await post(transport, echo.url, b"again")
        return [first.body, second.body, third.body]

    with Echo() as echo:
        assert using(turns) == [b"hello", b"GET", b"again"]


@pytest.mark.parametrize(
    "url",
    [
        "http://192.0.2.1:9/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://[2001:db8::1]/",
        "http://0.0.0.0/",
    ],
)
def test_only_loopback_refuses_every_other_machine(url: str) -> None:
    assert isinstance(failure(url), NotSent)


def test_a_name_is_judged_by_what_it_resolves_to() -> None:
    with Echo() as echo:
        port = echo.url.rpartition(":")[2]

        answer = using(lambda transport: post(transport, f"http://localhost:{port}"))

    assert answer.status == 200


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "nonsense://", ""]
)
def test_only_http_is_spoken(url: str) -> None:
    assert isinstance(failure(url), NotSent)


def test_an_unknown_name_was_not_sent() -> None:
    error = failure("http://nowhere.invalid/")

    assert isinstance(error, NotSent)
    assert "nowhere" not in str(error)


def test_a_server_without_tls_was_not_sent() -> None:
    with Echo() as echo:
        assert isinstance(failure(echo.url.replace("http:", "https:")), NotSent)


def test_a_server_whose_certificate_nobody_vouches_for_is_told_nothing(tmp_path: Path) -> None:
    with Echo(tls=_own_certificate(tmp_path)) as echo:
        error = failure(echo.url)

        assert isinstance(error, NotSent)
        assert "certificate" in str(error)
        assert echo.requests == []


def test_a_server_that_never_accepts_the_connection_was_not_sent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)  # noqa: FBT003
            filler.connect_ex(("127.0.0.1", port))

        error = failure(f"http://127.0.0.1:{port}/", connect_s=0.2)

        for filler in fillers:
            filler.close()
    assert isinstance(error, NotSent)


def test_a_request_that_waited_for_a_connection_until_its_deadline_was_not_sent() -> None:
    async def two(transport: Transport) -> list[Any]:
        calls = (post(transport, echo.url, deadline=seconds) for seconds in (0.4, 0.2))
        return list(await asyncio.gather(*calls, return_exceptions=True))

    with Echo() as echo:
        echo.always(then="hang")

        first, second = using(two, connections=1)

    assert isinstance(first, Lost)
    assert isinstance(second, NotSent)


def test_an_answer_over_the_limit_is_lost() -> None:
    with Echo() as echo, pytest.raises(Lost, match="too long"):
        using(lambda transport: post(transport, echo.url, b"x" * 2000), max_reply=1000)


def test_closing_ends_what_is_under_way_as_lost() -> None:
    async def cut(transport: Transport) -> Any:
        under_way = asyncio.ensure_future(post(transport, echo.url, deadline=30))
        await asyncio.to_thread(echo.came.wait, 5)
        await transport.close()
        return await asyncio.gather(under_way, return_exceptions=True)

    with Echo() as echo:
        echo.always(then="hang")

        (ended,) = asyncio.run(cut(Transport(only_loopback=True)))

    assert isinstance(ended, Lost)


def test_a_cancelled_request_leaves_the_transport_usable() -> None:
    async def cancel(transport: Transport) -> Any:
        under_way = asyncio.ensure_future(post(transport, echo.url, deadline=30))
        await asyncio.to_thread(echo.came.wait, 5)
        under_way.cancel()
        await asyncio.gather(under_way, return_exceptions=True)
        return await post(transport, echo.url)

    with Echo() as echo:
        echo.next(then="hang")

        assert using(cancel).status == 200


def test_without_the_guard_other_settings_are_the_same() -> None:
    with Echo() as echo:
        answer = using(lambda transport: post(transport, echo.url), only_loopback=False)

    assert answer.status == 200


def test_failures_name_neither_address_nor_body(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Echo() as echo:
        echo.always(then="drop")

        error = failure(f"{echo.url}/secret-place")

    assert "secret" not in f"{error}{caplog.text}"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 1),
        ({"retry-after": "-5"}, 1),
        ({"retry-after": "99999"}, 300),
        ({"retry-after": "1e400"}, 10),
        ({"retry-after": "nan"}, 10),
        ({"retry-after": "soon"}, 10),
        ({}, 10),
        (
            {
                "retry-after": "Tue, 04 Aug 2026 06:44:00 GMT",
                "date": "Tue, 04 Aug 2026 06:43:30 GMT",
            },
            30,
        ),
        ({"retry-after": "Tue, 04 Aug 2026 06:44:00 GMT"}, 10),
    ],
)
def test_the_wait_is_what_the_provider_asks_within_five_minutes(
    headers: dict[str, str], seconds: int
) -> None:
    assert replies.retry_after(headers) == timedelta(seconds=seconds)


def test_what_was_not_sent_is_delayed_and_what_was_lost_is_in_doubt() -> None:
    assert isinstance(replies.of_failure(1, NotSent("x")), Delayed)
    assert isinstance(replies.of_failure(1, Lost("x")), InDoubt)


def _own_certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "own.pem").write_bytes(plain + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem")
    return context
