"""Signed, expiring links to the pages of one person: preferences, status, unsubscribe."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from urllib.parse import urlsplit

from outreach.addresses import Keyring
from outreach.settings import Settings

_MAC, _DAY, _NUMBER = 8, 2, 5
_SPELT = re.compile(r"[a-z2-7]{24}")
_DAYS_FROM = datetime(1970, 1, 1, tzinfo=UTC)


class Page(StrEnum):
    """A page of one person; its letter stands in the path, and a token opens no other page."""

    PREFERENCES = "p"
    """Named: a customer."""
    STATUS = "s"
    """Named: a customer."""
    UNSUBSCRIBE = "u"
    """Named: a message, and by it the address that it went to."""


VALID_FOR = {
    Page.PREFERENCES: timedelta(days=30),
    Page.STATUS: timedelta(days=30),
    Page.UNSUBSCRIBE: timedelta(days=90),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a genuine token names."""

    number: int
    is_expired: bool


def token(keyring: Keyring, page: Page, number: int, *, now: datetime) -> str:
    """24 characters of a-z and 2-7, which name `number` on this page until VALID_FOR from `now`.

    Number and day are sealed by the MAC over them, so that equal ones give equal tokens and
    nothing can be read from or counted in them. 7 µs.
    """
    day = (now + VALID_FOR[page] - _DAYS_FROM).days
    clear = day.to_bytes(_DAY, "big") + number.to_bytes(_NUMBER, "big")
    mac = _mac(keyring, page, clear)
    sealed = _xored(clear, _pad(keyring, page, mac))
    return base64.b32encode(mac + sealed).decode("ascii").lower()


def read(keyring: Keyring, page: Page, shown: str, *, now: datetime) -> Named | None:
    """What the token names; None if it is none of ours for this page. It has one spelling."""
    if not _SPELT.fullmatch(shown):
        return None
    raw = base64.b32decode(shown.upper())
    mac, sealed = raw[:_MAC], raw[_MAC:]
    clear = _xored(sealed, _pad(keyring, page, mac))
    if not hmac.compare_digest(mac, _mac(keyring, page, clear)):
        return None
    last_day = int.from_bytes(clear[:_DAY], "big")
    return Named(
        number=int.from_bytes(clear[_DAY:], "big"), is_expired=(now - _DAYS_FROM).days > last_day
    )


def has_pages(settings: Settings) -> bool:
    """Whether people can open our pages: https, or this machine itself in a demo."""
    where = urlsplit(settings.http.public_url)
    return where.scheme == "https" or (
        where.scheme == "http" and _is_loopback(where.hostname or "")
    )


def status_link(settings: Settings, keyring: Keyring, customer: int, *, now: datetime) -> str:
    """The customer's own status page; the company's where ours cannot be opened."""
    return link(settings, keyring, Page.STATUS, customer, now=now) or settings.company.link


def preferences_link(settings: Settings, keyring: Keyring, customer: int, *, now: datetime) -> str:
    """The customer's preferences; empty where our pages cannot be opened.

    Goes to the customer's own address only: whoever holds it may change what is sent to them.
    """
    return link(settings, keyring, Page.PREFERENCES, customer, now=now)


def unsubscribe_link(settings: Settings, keyring: Keyring, message: int, *, now: datetime) -> str:
    """Stops e-mail to the address of a message; empty where our pages cannot be opened."""
    return link(settings, keyring, Page.UNSUBSCRIBE, message, now=now)


def link(settings: Settings, keyring: Keyring, page: Page, number: int, *, now: datetime) -> str:
    """The whole address, or empty."""
    if not has_pages(settings):
        return ""
    base = settings.http.public_url.rstrip("/")
    return f"{base}/{page}/{token(keyring, page, number, now=now)}"


def _mac(keyring: Keyring, page: Page, clear: bytes) -> bytes:
    number = int.from_bytes(clear[_DAY:], "big")
    key = keyring.naming(number, of_customer=page is not Page.UNSUBSCRIBE)
    return _keyed(key, b"mac" + page.encode() + clear, _MAC)


def _pad(keyring: Keyring, page: Page, mac: bytes) -> bytes:
    return _keyed(keyring.tokens, b"pad" + page.encode() + mac, _DAY + _NUMBER)


def _keyed(key: bytes, data: bytes, size: int) -> bytes:
    state = _begun(key, size).copy()
    state.update(data)
    return state.digest()


@lru_cache(maxsize=8)
def _begun(key: bytes, size: int) -> blake2b:
    """With the key taken in: half of the cost of a short hash."""
    return blake2b(digest_size=size, key=key, person=b"outreach pages")


def _xored(left: bytes, right: bytes) -> bytes:
    size = len(left)
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(size, "big")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
