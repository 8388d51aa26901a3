"""The one gate to addresses that settings or others name: https, allowed hosts, never our own network by mistake.

A name is resolved once, every address of it is looked at, and the one that was looked at is the one that is
asked, under the host's own name for TLS and `Host`: an answer of DNS that changes afterwards changes nothing.
Redirects are not followed, proxies of the environment not used. Attacks: OWASP's SSRF prevention cheat sheet.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from outreach.model.errors import InputRefused
from outreach.settings import Settings

CONNECT_S = 5.0
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)\.?")
"""A last label that is a number: the whole host is an IPv4 address, in one of too many spellings (WHATWG URL)."""
_SECRETS = frozenset(
    map(
        ipaddress.ip_address,
        ("169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254"),
    )
)
"""Where clouds keep the secrets of their machines: refused whatever the settings say."""
_CARRYING_V4 = (
    ipaddress.IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    ipaddress.IPv6Network("::/96"),  # IPv4-compatible, RFC 4291
    ipaddress.IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765
)

Resolve = Callable[[str, int], Iterable[str]]
"""(host, port) -> its addresses; OSError if it has none."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a question goes: the address that was looked at is the one that is asked."""

    url: str
    host: str
    port: int
    address: str

    @property
    def host_header(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port in _PORTS.values() else f"{shown}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the settings allow."""

    hosts: tuple[str, ...] = ()
    """The only ones that are asked; `.luz.example` stands for all below it. Empty: any that is public."""
    private_hosts: tuple[str, ...] = ()
    """Those inside our own network; they need no certificate, so http is allowed as well."""
    only_loopback: bool = False
    """Nothing but this machine: a drill, or a test."""
    hint: str = "name it in egress.private_hosts"
    """How the operator allows a host of our own network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A whole answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, and how much may come back within which time."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    most_bytes: int
    """0: the body is not read."""
    deadline_s: float


def rules(settings: Settings) -> Rules:
    """For a URL that somebody else sent us, or that the settings hold."""
    egress = settings.egress
    return Rules(
        hosts=egress.hosts,
        private_hosts=egress.private_hosts,
        only_loopback=settings.delivery.only_loopback,
    )


def resolved(host: str, port: int) -> list[str]:
    """Every address of a host, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def guarded(url: str, allowed: Rules, *, what: str, resolve: Resolve = resolved) -> Target:
    """Where this URL may be asked; asks DNS once.

    what: who wants it, such as `feed oms`; opens the error. InputRefused, without the address itself, which
    may hold a secret: no web address, a host that is not allowed, or one that leads inside.
    """
    parts, host, port = _parsed(url, what)
    is_private = _is_named(host, allowed.private_hosts)
    if allowed.hosts and not is_private and not _is_named(host, allowed.hosts):
        raise InputRefused(f"{what}: {host} is not among egress.hosts; add it if that is meant")
    try:
        addresses = [*resolve(host, port)]
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        raise InputRefused(f"{what}: {host} has no address; check the name")
    for address in addresses:
        why = _forbidden(address, host, allowed, is_private=is_private)
        if why:
            raise InputRefused(f"{what}: {why}")
    if parts.scheme != "https" and not (is_private or allowed.only_loopback):
        raise InputRefused(f"{what}: {host} is asked without TLS; write https://")
    shown = f"[{addresses[0]}]" if ":" in addresses[0] else addresses[0]
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    return Target(
        url=f"{parts.scheme}://{shown}:{port}{path}", host=host, port=port, address=addresses[0]
    )


def ask(
    goal: Target, question: Question, *, what: str, monotonic: Callable[[], float]
) -> Answered:  # fmt: skip
    """What it answers, its redirects too, as they are. InputRefused: nothing, too much, or too slowly."""
    import httpx2  # noqa: PLC0415  httpx2

    limits = httpx2.Timeout(question.deadline_s, connect=min(CONNECT_S, question.deadline_s))
    try:
        with httpx2.Client(timeout=limits, trust_env=False, follow_redirects=False) as client:
            return _asked(client, goal, question, what=what, monotonic=monotonic)
    except (httpx2.ReadTimeout, httpx2.WriteTimeout):  # one silence as long as the whole deadline
        raise _late(question, what) from None
    except httpx2.HTTPError as error:
        raise InputRefused(
            f"{what}: {goal.host} did not answer ({type(error).__name__}); is it up?"
        ) from None


def _asked(
    client: Any, goal: Target, question: Question, *, what: str, monotonic: Callable[[], float]
) -> Answered:
    until = monotonic() + question.deadline_s
    own = {"host": goal.host_header, "accept-encoding": "identity", "user-agent": "outreach"}
    body = bytearray()
    with client.stream(
        question.method, goal.url, content=question.content, headers={**question.headers, **own},
        extensions={"sni_hostname": goal.host},
    ) as answer:  # fmt: skip
        for part in answer.iter_raw() if question.most_bytes else ():
            body += part
            if len(body) > question.most_bytes:
                raise InputRefused(f"{what}: more than {question.most_bytes} bytes; ask for less")
            if monotonic() > until:
                break
        if monotonic() > until:
            raise _late(question, what)
        return Answered(status=answer.status_code, headers=dict(answer.headers), body=bytes(body))


def _late(question: Question, what: str) -> InputRefused:
    return InputRefused(f"{what}: took over {question.deadline_s:g} s")


def _parsed(url: str, what: str) -> tuple[SplitResult, str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise InputRefused(f"{what}: url is no address; write https://host/path") from None
    is_odd = any(char <= " " or char in '\\^`{|}<>"' or char > "~" for char in url)
    is_web = parts.scheme in _PORTS and port and _HOST.fullmatch(host) and not _is_disguised(host)
    if not is_web or is_odd or parts.username or parts.password or parts.fragment:
        raise InputRefused(f"{what}: url is no web address; write https://host/path")
    return parts, host, port


def _is_disguised(host: str) -> bool:
    """An IPv4 address as one number, in octal, in hexadecimal or cut short; nobody writes these in good faith."""
    if ":" in host or not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False


def _is_named(host: str, names: Iterable[str]) -> bool:
    """Whether it is one of the names, or below one that begins with a dot."""
    plain = host.casefold().rstrip(".")
    wanted = [name.casefold() for name in names]
    return any(plain == one or (one.startswith(".") and plain.endswith(one)) for one in wanted)


def _forbidden(address: str, host: str, allowed: Rules, *, is_private: bool) -> str:
    """Why this address is not asked; empty: it may be."""
    ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
    if ip in _SECRETS or ip.is_link_local:
        return f"{host} leads into a network of our own, where a cloud keeps its secrets"
    if allowed.only_loopback:
        return (
            "" if ip.is_loopback else f"delivery.only_loopback is set; {host} is elsewhere"
        )  # fmt: skip
    if ip.is_unspecified or ip.is_multicast:
        return f"{host} leads into a network of our own, to no machine of it"
    if ip.is_global or is_private:
        return ""
    return f"{host} leads into a network of our own; if that is meant, {allowed.hint}"


def _inner(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one carries, else itself."""
    if ip.version == 4:  # noqa: PLR2004  IPv4
        return ip
    carried = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if carried is not None:
        return carried
    is_own = ip.is_loopback or ip.is_unspecified
    if not is_own and any(ip in network for network in _CARRYING_V4):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip
