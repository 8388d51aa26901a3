"""Bounces told in plain words, by mail servers that send no report of parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from outreach.desk.lexicon import table
from outreach.desk.tokens import folded
from outreach.model.reply import Bounce

_ADDRESS = re.compile(
    r"[\w.+=%!#$&*/?^{|}~-][\w.+=%!#$&*/?^{|}~'-]{0,63}@[A-Za-z0-9.-]{1,255}\.[A-Za-z]{2,24}"
)
_CODE = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])(?:smtp;?\s*)?(5\d\d|4\d\d)[ -]")
_LONGEST = 20_000
_LONGEST_REASON = 600
_GONE = re.compile(r"5\.(?:1\.(?:[0-36]|10)|2\.1|4\.4)$")
_VAGUE = frozenset({"", "5.0.0", "5.5.0", "5.3.0", "5.7.1", "5.2.0"})
_SERVERS = ("mailer-daemon@", "postmaster@", "mail-daemon@")


def read(headers: Mapping[str, str], text: str, *, own: tuple[str, ...]) -> Iterator[Bounce]:
    """Each address above the returned message, with the code and the words that follow it.

    `own` are ours, which reports name as well.
    """
    above = _above(text[:_LONGEST])
    failed = {one.lower() for one in _ADDRESS.findall(headers.get("x-failed-recipients", ""))}
    ours = {one.lower() for one in own}
    reasons: dict[str, str] = {}
    named = list(_ADDRESS.finditer(above))
    for found, after in zip_longest(named, named[1:]):
        address = found[0].lower()
        if address in ours or address.startswith(_SERVERS) or (failed and address not in failed):
            continue
        reason = above[found.end() : after.start() if after else None][:_LONGEST_REASON]
        reasons[address] = f"{reasons.get(address, '')} {reason}"
    for address, reason in reasons.items():
        status = code(reason)
        if status.startswith("2"):
            continue
        yield Bounce(address=address, status=status, is_permanent=is_gone(status, reason))


def code(text: str) -> str:
    """The enhanced code in a text; for a bare SMTP 5xx `5.0.0`, for a 4xx `4.0.0`; else empty."""
    if found := _CODE.search(text):
        return found[1]
    plain = _REPLY.search(text.lower())
    return f"{plain[1][0]}.0.0" if plain else ""


def is_gone(status: str, diagnosis: str = "") -> bool:
    """Does a failure say that the mailbox does not exist? Then nothing should go there again.

    Not a full box (5.2.2), a size (5.3.4) or a policy (5.7.x): those say nothing of the address.
    Source: RFC 3463.
    """
    if _GONE.match(status):
        return True
    words = folded(diagnosis)
    return status in _VAGUE and any(phrase in words for phrase in table()["automatic"]["gone"])


def _above(text: str) -> str:
    kept: list[str] = []
    for line in text.splitlines():
        plain = folded(line)
        if any(phrase in plain for phrase in table()["automatic"]["returned"]) and kept:
            if _ADDRESS.search("\n".join(kept)):
                break
            continue
        kept.append(line)
    return "\n".join(kept)
