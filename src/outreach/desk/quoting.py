"""The words that a person wrote in an e-mail, without what their program quoted and signed below.

Our own footer speaks of opting out: read as theirs, every answer would be one.
"""

from __future__ import annotations

import re
from functools import cache

from outreach.desk.lexicon import table
from outreach.desk.tokens import folded
from outreach.model.reply import InboundReply

MOST_LINES = 400
_RULE = re.compile(r"\s*[-_=*\u2013\u2014]{5,}\s*$")
_LONGEST_LINE = 300
_INTRODUCED_IN = 3
"""Lines that an introduction is wrapped over: `On … at … <a@b>` / `wrote:`."""


def said(reply: InboundReply) -> str:
    """The text of a reply that is to be read: of an e-mail what they wrote, else its own subject.

    A subject that answers (`Re:`) is ours: `Re: power outage in Centro` reports nothing.
    """
    if reply.channel != "email":
        return reply.body
    words = own_words(reply.body)
    answers = reply.in_reply_to or folded(reply.subject).lstrip().startswith(_words("answering"))
    return words if words or answers else reply.subject


def own_words(text: str) -> str:
    """What stands above the first quoted line, introduction, divider or signature; may be empty.

    Somebody who answers below the quotation is read there: what no `>` marks between and after.
    """
    lines = [line[:_LONGEST_LINE] for line in text.splitlines()[:MOST_LINES]]
    above = "\n".join(lines[: _end(lines)]).strip()
    return above or _below(lines)


def _end(lines: list[str]) -> int:
    for at, line in enumerate(lines):
        if line.lstrip().startswith(">") or _is_divider(line) or _is_introduction(lines, at):
            return at
        if _is_headers(lines, at) or line.rstrip() == "--" or _is_signature(line):
            return at
        if _RULE.match(line) and at + 1 < len(lines):
            return at
    return len(lines)


def _below(lines: list[str]) -> str:
    """Text under a quotation that is marked line by line; nothing where the mark is missing."""
    marked = [at for at, line in enumerate(lines) if line.lstrip().startswith(">")]
    if not marked:
        return ""
    rest = lines[marked[-1] + 1 :]
    return "\n".join(rest[: _end(rest)]).strip()


def _is_divider(line: str) -> bool:
    plain = folded(line).strip(" -_*=")
    return any(plain.startswith(one) for one in _words("dividers"))


def _is_introduction(lines: list[str], at: int) -> bool:
    """`El lun, 22 nov 2026 a las 3:40, Luz Sur (<avisos@…>) escribió:`, on up to three lines."""
    if not _names_somebody(lines[at]):
        return False
    for until in range(at + 1, at + 1 + _INTRODUCED_IN):
        window = lines[at:until]
        plain = " ".join(folded(" ".join(window)).split())
        if not all(line.strip() for line in window):
            return False
        if plain.endswith(":"):
            return any(_opens(plain, *both, lines[at]) for both in _introductions())
    return False


def _opens(plain: str, begins: str, ends: str, first: str) -> bool:
    """A line that begins with the name alone may be their own: then it must carry the address."""
    if not plain.startswith(begins) or not f" {plain}".endswith(ends):
        return False
    return bool(begins) or "@" in first or len(plain) <= len(first) + 1


def _names_somebody(plain: str) -> bool:
    """A date or an address: `mi vecino escribió:` alone is theirs."""
    return "@" in plain or any(letter.isdigit() for letter in plain)


def _is_headers(lines: list[str], at: int) -> bool:
    starts = tuple(_words("headers"))
    here = [folded(line).strip(" *\t").startswith(starts) for line in lines[at : at + 2]]
    return len(here) > 1 and all(here)


def _is_signature(line: str) -> bool:
    return folded(line).strip().startswith(tuple(_words("signatures")))


@cache
def _words(name: str) -> tuple[str, ...]:
    return tuple(table()["quoting"][name])


@cache
def _introductions() -> tuple[tuple[str, str], ...]:
    return tuple((begins, ends) for begins, ends in table()["quoting"]["introductions"])
