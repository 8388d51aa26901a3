"""Posting: never into our own network, never after a redirect, never longer than the deadline."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from outreach.entry.egress import Rules
from outreach.entry.posting import Poster, target
from outreach.model.errors import InputRefused
from outreach.settings_contactcenter import Endpoint

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PUBLIC = "203.0.113.7"


class _Hook(BaseHTTPRequestHandler):
    """Answers with the status in the path and keeps what it was sent."""

    got: ClassVar[list[tuple[str, bytes, str]]] = []

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        self.got.append((self.path, body, self.headers.get("webhook-id", "")))
        status = int(self.path.strip("/") or 204)
        self.send_response(status)
        self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.send_header("retry-after", "7")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def endpoint(url: str, **changes: Any) -> Endpoint:
    return Endpoint(**{"name": "wfm", "url": url, "secret": SECRET} | changes)


def poster(**changes: Any) -> Poster:
    return Poster(**{"monotonic": itertools.count().__next__} | changes)


@pytest.mark.parametrize(
    ("status", "is_taken", "said"),
    [
        (204, True, "204"),
        (500, False, "500"),
        (302, False, "302: it has moved; give its new address in url"),
    ],
)
def test_the_status_is_the_answer_and_a_redirect_is_not_followed(hook, status, is_taken, said):
    _Hook.got.clear()

    answer = poster()(endpoint(f"{hook}/{status}"), b"{}", {"webhook-id": "msg_1"})

    assert (answer.status, answer.is_taken, answer.shown) == (status, is_taken, said)
    assert _Hook.got == [(f"/{status}", b"{}", "msg_1")]


def test_how_long_it_asks_us_to_wait_is_read(hook):
    assert poster()(endpoint(f"{hook}/429"), b"{}", {}).retry_after_s == 7


def test_who_does_not_answer_is_said_in_a_few_words():
    answer = poster()(endpoint("http://127.0.0.1:1/x"), b"{}", {})

    assert (answer.status, answer.said) == (
        0, "127.0.0.1 did not answer (ConnectError); is it up?",
    )  # fmt: skip


def test_an_answer_after_the_deadline_is_none(hook):
    late = poster(monotonic=iter([0.0, 10.5, 11.0]).__next__)(endpoint(f"{hook}/204"), b"{}", {})

    assert (late.status, late.said) == (0, "took over 10 s")


@pytest.mark.parametrize(
    ("address", "changes"),
    [
        pytest.param("10.1.2.3", {}, id="private"),
        pytest.param("127.0.0.1", {}, id="loopback behind a name"),
        pytest.param("169.254.169.254", {"private": True}, id="link-local, always"),
        pytest.param("::ffff:10.1.2.3", {}, id="private, mapped"),
        pytest.param("0.0.0.0", {"private": True}, id="nowhere"),  # noqa: S104  an address to refuse
    ],
)
def test_an_address_of_our_own_network_is_refused(address, changes):
    guarded = poster(resolve=lambda _host, _port: [PUBLIC, address])

    answer = guarded(endpoint("https://wfm.example/hook", **changes), b"{}", {})

    assert answer.status == 0
    assert "network of our own" in answer.said


def test_a_private_address_is_allowed_where_the_settings_say_so():
    goal = target(
        endpoint("https://wfm.example/hook?x=1", private=True),
        resolve=lambda _host, _port: ["10.1.2.3"],
        rules=Rules(),
    )

    assert goal.url == "https://10.1.2.3:443/hook?x=1"
    assert goal.host_header == "wfm.example"


def test_a_drill_reaches_nobody_but_this_machine():
    with pytest.raises(InputRefused, match="only_loopback"):
        target(
            endpoint("https://wfm.example/"),
            resolve=lambda _host, _port: ["8.8.8.8"],
            rules=Rules(only_loopback=True),
        )


def test_a_name_without_an_address_is_refused():
    def nothing(_host: str, _port: int) -> list[str]:
        raise OSError

    with pytest.raises(InputRefused, match="has no address"):
        target(endpoint("https://wfm.example/"), resolve=nothing, rules=Rules())
