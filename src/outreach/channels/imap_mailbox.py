"""New e-mails of one IMAP mailbox, by their numbers, without marking or moving anything there."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from outreach.channels.mailbox import LARGEST
from outreach.model.errors import InputRefused
from outreach.settings_replies import Imap

AT_ONCE = 50
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_VALIDITY = re.compile(rb"(\d{1,10})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a mailbox was read: its UIDVALIDITY, and the last UID. `7:120` as text."""

    validity: int = 0
    uid: int = 0

    def __str__(self) -> str:
        return f"{self.validity}:{self.uid}"


def mark(text: str) -> Mark:
    """The mark of a text; the beginning where it is none."""
    validity, _colon, uid = text.partition(":")
    if not (validity.isdigit() and uid.isdigit()):
        return Mark()
    return Mark(validity=int(validity), uid=int(uid))


def new_mails(
    settings: Imap, after: Mark, *, only_loopback: bool = False
) -> Iterator[tuple[Mark, bytes]]:
    """(mark, raw e-mail) of at most fifty that came after the mark, oldest first; read-only.

    A mailbox whose numbers were given anew is read from its beginning: what was read is known by its
    bytes. InputRefused names the host and what it said, never the password.
    """
    if only_loopback and settings.host not in _LOOPBACK:
        raise InputRefused(f"imap.host {settings.host}: delivery.only_loopback forbids it")
    try:
        with _open(settings) as box:
            yield from _after(box, settings, after)
    except (imaplib.IMAP4.error, OSError) as error:
        raise InputRefused(f"imap.host {settings.host}: {type(error).__name__}") from None


@contextmanager
def _open(settings: Imap) -> Iterator[imaplib.IMAP4]:
    box = _connected(settings)
    try:
        box.login(settings.username, settings.password.get_secret_value())
        yield box
    finally:
        box.shutdown()


def _connected(settings: Imap) -> imaplib.IMAP4:
    safe = ssl.create_default_context()
    if settings.tls == "tls":
        return imaplib.IMAP4_SSL(
            settings.host, settings.port, ssl_context=safe, timeout=settings.timeout_s
        )
    box = imaplib.IMAP4(settings.host, settings.port, timeout=settings.timeout_s)
    if settings.tls == "starttls":
        box.starttls(ssl_context=safe)
    return box


def _after(box: imaplib.IMAP4, settings: Imap, after: Mark) -> Iterator[tuple[Mark, bytes]]:
    status, _count = box.select(f'"{settings.folder}"', readonly=True)
    if status != "OK":
        raise InputRefused(f"imap.folder {settings.folder}: no such folder; name one that exists")
    validity = _validity(box)
    last = after.uid if after.validity == validity else 0
    for uid in _uids(box, last)[:AT_ONCE]:
        # At most a byte more than is read: a huge attachment is neither fetched nor held.
        _status, parts = box.uid("FETCH", str(uid), f"(BODY.PEEK[]<0.{LARGEST + 1}>)")
        raw = next((part[1] for part in parts or [] if isinstance(part, tuple)), None)
        if isinstance(raw, bytes):
            yield Mark(validity=validity, uid=uid), raw


def _validity(box: imaplib.IMAP4) -> int:
    _status, found = box.response("UIDVALIDITY")
    value = found[0] if found and isinstance(found[0], bytes) else b""
    number = _VALIDITY.search(value)
    return int(number[1]) if number else 0


def _uids(box: imaplib.IMAP4, last: int) -> list[int]:
    """Above `last`; `n:*` names the newest even where it is older."""
    _status, found = box.uid("SEARCH", f"UID {last + 1}:*")
    line = found[0] if found and isinstance(found[0], bytes) else b""
    return sorted(int(one) for one in line.split() if one.isdigit() and int(one) > last)
