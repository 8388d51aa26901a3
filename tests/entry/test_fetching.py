"""Asking an address: never inside by mistake, never further than asked."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.fakes.http import HttpFake

from outreach import clock
from outreach.campaigns.feeds import Fetched
from outreach.entry import fetching
from outreach.entry.egress import Rules, Target
from outreach.entry.fetching import Fetcher, target
from outreach.model.errors import InputRefused
from outreach.settings import Feed

SSRF = Path(__file__).parents[2].parent / "shared" / "corpora" / "payloads" / "ssrf_urls.txt"
PUBLIC = "93.184.215.14"


def feed(url: str, **given) -> Feed:
    return Feed(name="oms", kind="jsonl", url=url, **given)


def goal(url: str, *addresses: str, **given) -> Target:
    return target(feed(url, **given), resolve=lambda _host, _port: addresses, rules=Rules())


def test_the_address_that_was_looked_at_is_the_one_that_is_asked():
    found = goal("https://oms.example/feed?x=1", PUBLIC)

    assert found.url == f"https://{PUBLIC}:443/feed?x=1"
    assert (found.host, found.host_header) == ("oms.example", "oms.example")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fe80::1%eth0", "0.0.0.0",  # noqa: S104  the address is the point
     "224.0.0.1", "2002:7f00:1::"],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused_after_it_was_resolved(address: str):
    with pytest.raises(InputRefused, match=r"oms\.example leads into a network of our own"):
        goal("https://oms.example/feed", PUBLIC, address)


def test_a_host_inside_is_asked_where_the_settings_name_it():
    assert goal("http://oms.lan:8080/", "10.1.2.3", hosts=("OMS.lan",)).address == "10.1.2.3"


@pytest.mark.skipif(not SSRF.exists(), reason=f"no corpora at {SSRF}")
def test_no_address_of_the_corpus_gets_through():
    urls = [line.strip() for line in SSRF.read_text(encoding="utf-8").splitlines() if line.strip()]
    through: list[str] = []
    for url in urls:
        try:
            target(feed(url), resolve=_as_the_system_does, rules=Rules())
        except InputRefused:
            continue
        through.append(url)

    assert through == []
    assert len(urls) > 40


def _as_the_system_does(host: str, port: int) -> list[str]:
    """Forms of loopback and private addresses; names are not looked up anywhere."""
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        pass
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        return ["127.0.0.1"] if host.startswith(("localhost", "ip6-")) else []


def fetcher(**given) -> Fetcher:
    return Fetcher(monotonic=clock.monotonic, rules=Rules(only_loopback=True), **given)


def asked(server: HttpFake, mark: str = "", **given) -> Fetched:
    here = feed(f"{server.url}/feed", hosts=("127.0.0.1",), **given)
    return fetcher()(here, mark)


def test_an_answer_comes_with_its_mark_and_what_is_the_same_without_a_body():
    with HttpFake() as server:
        server.next(body=b"{}", headers={"etag": '"7"'})
        server.next(304)

        first, again = asked(server, token="secret"), asked(server, 'etag:"7"')

    assert first == Fetched(body=b"{}", mark='etag:"7"')
    assert again == Fetched(body=None, mark='etag:"7"')
    assert server.requests[0].headers["authorization"] == "Bearer secret"
    assert server.requests[1].headers["if-none-match"] == '"7"'


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ({"status": 302, "headers": {"location": "http://169.254.169.254/"}}, r"it has moved \(302\)"),
        ({"status": 503}, "answered 503"),
        ({"headers": {"content-encoding": "gzip"}, "body": b"x"}, "answered compressed"),
        ({"then": "drop"}, "did not answer"),
    ],
)  # fmt: skip
def test_any_other_answer_is_refused_in_one_line(reply: dict[str, Any], said: str):
    with HttpFake() as server:
        server.next(**reply)

        with pytest.raises(InputRefused, match=f"^feed oms: .*{said}"):
            asked(server)


def test_an_answer_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(fetching, "MOST_BYTES", 10)
    with HttpFake() as server:
        server.next(body=b"x" * 11)

        with pytest.raises(InputRefused, match="more than 10 bytes"):
            asked(server)


def test_an_answer_that_drips_is_cut_off():
    with HttpFake() as server:
        server.next(body=b"x" * 16, then="drip")
        here = feed(f"{server.url}/feed", hosts=("127.0.0.1",))

        with pytest.raises(InputRefused, match=r"took over 0\.2 s"):
            fetcher(deadline_s=0.2)(here, "")
