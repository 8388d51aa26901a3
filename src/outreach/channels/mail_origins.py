"""Whether an e-mail is from whom it says, as the server that took it in has found: SPF, DKIM and DMARC.

Nothing is looked up here: what a trusted server wrote down is read. Sources: RFC 8601 (Authentication-Results),
RFC 7489 section 3.1 (alignment), and the fields of Twilio SendGrid's "Inbound Email Parse Webhook".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from outreach.model.reply import Origin

LONGEST = 20_000
"""Characters of one header or field; of a longer one nothing is read, for what is cut may say another thing."""

_FAILS = frozenset({"fail", "softfail", "hardfail"})
_DOMAIN_IN = {
    "dkim": ("header.d", "header.i"),
    "spf": ("smtp.mailfrom", "smtp.mail"),
    "dmarc": ("header.from",),
}
"""The properties that name the domain a method speaks of, the surer first."""

_OUTSIDE = re.compile(r'[^"()\\;]+|"(?:[^"\\]|\\.)*"|[;(]', re.DOTALL)
_IN_COMMENT = re.compile(r"[^()\\]+|\\.|[()]", re.DOTALL)
_METHOD = re.compile(
    r"\s*([a-z][a-z0-9-]{0,30})(?:\s*/\s*\d{1,3})?\s*=\s*([a-z]{1,20})\b", re.IGNORECASE
)
_PROPERTY = re.compile(
    r'"(?:[^"\\]|\\.)*"|([a-z][a-z0-9_.-]{0,60})\s{0,9}=\s{0,9}("(?:[^"\\]|\\.)*"[^\s"]*|[^\s"]+)',
    re.IGNORECASE | re.DOTALL,
)
_SIGNED = re.compile(r"[^\s@]{0,64}@([a-z0-9._-]{1,253})\s*:\s*([a-z]{1,20})", re.IGNORECASE)
_BETWEEN = re.compile(r"[{},]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one method (dkim, spf, dmarc) came to; `domain` is whose, empty where it is not said."""

    method: str
    result: str
    domain: str = ""


def origin(address: str, findings: Iterable[Finding]) -> Origin:
    """What these say of an e-mail that names `address` as its sender.

    DMARC's own failure outweighs the rest: it is the wish of the domain. After it any aligned pass proves, and
    where none does, a failed SPF disowns: a forwarder breaks SPF, and leaves DKIM as it was.
    """
    found = tuple(findings)
    if any(each.method == "dmarc" and each.result in _FAILS for each in found):
        return Origin.FORGED
    domain = _domain(address)
    if any(each.result == "pass" and is_aligned(each.domain, domain) for each in found):
        return Origin.PROVEN
    if any(each.method == "spf" and each.result in _FAILS for each in found):
        return Origin.FORGED
    return Origin.UNKNOWN


def is_aligned(one: str, other: str) -> bool:
    """Whether two domains are equal, or one lies below the other; one of a single label is nobody's."""
    shorter, longer = sorted((one, other), key=len)
    return "." in shorter and (longer == shorter or longer.endswith(f".{shorter}"))


# ── the fields of Inbound Parse ─────────────────────────────────────────────────────────────────


def of_form(named: Mapping[str, bytes], address: str) -> Origin:
    """By the fields `SPF`, `dkim` and `envelope` of SendGrid's form, whose SPF is about the envelope's sender."""
    spf = Finding(
        method="spf",
        result=next(iter(_read(named, "SPF").split()), "").lower(),
        domain=_domain(_envelope_sender(_read(named, "envelope"))),
    )
    return origin(address, (spf, *_signatures(_read(named, "dkim"))))


def _read(named: Mapping[str, bytes], name: str) -> str:
    value = named.get(name, b"")
    return value.decode("utf-8", "replace") if len(value) <= LONGEST else ""


def _signatures(field: str) -> Iterator[Finding]:
    """`{@one.example : pass, @two.example : fail}`, also as several braces; no JSON, whatever the manual says."""
    for part in _BETWEEN.split(field):
        if found := _SIGNED.fullmatch(part.strip()):
            yield Finding(method="dkim", result=found[2].lower(), domain=_domain(found[1]))


def _envelope_sender(field: str) -> str:
    try:
        envelope = json.loads(field)
    except (ValueError, RecursionError):
        return ""
    sender = envelope.get("from") if isinstance(envelope, dict) else None
    return sender if isinstance(sender, str) else ""


# ── Authentication-Results ──────────────────────────────────────────────────────────────────────


def of_headers(headers: Iterable[str], authserv_id: str, address: str) -> Origin:
    """By the Authentication-Results of our own server; `headers` are their values, the topmost first.

    Only the first that bears `authserv_id` counts: a server writes above what it was handed, and all below may
    be the sender's own. One that cannot be read ends the search, for it may have been ours.
    """
    if not authserv_id:
        return Origin.UNKNOWN
    for header in headers:
        pieces = _pieces(header)
        if pieces is None:
            return Origin.UNKNOWN
        if _server(pieces[0]) == authserv_id.lower():
            return origin(address, filter(None, map(_finding, pieces[1:])))
    return Origin.UNKNOWN


def _pieces(header: str) -> list[str] | None:
    """What stands between the semicolons, without comments; None: a quote or comment never ends."""
    pieces, depth, at = [""], 0, 0
    if len(header) > LONGEST:
        return None
    while at < len(header):
        found = (_IN_COMMENT if depth else _OUTSIDE).match(header, at)
        if found is None:
            return None
        read, at = found[0], found.end()
        if depth or read == "(":
            depth += {"(": 1, ")": -1}.get(read, 0)
            pieces[-1] += "" if depth else " "
        elif read == ";":
            pieces.append("")
        else:
            pieces[-1] += read
    return None if depth else pieces


def _server(piece: str) -> str:
    """The authserv-id, without the version that may follow it."""
    return next(iter(piece.split()), "").strip('"').lower()


def _finding(piece: str) -> Finding | None:
    """`spf=fail smtp.mailfrom=a@b.example`; None: a method that is not ours to judge by, or no statement."""
    stated = _METHOD.match(piece)
    if stated is None or stated[1].lower() not in _DOMAIN_IN:
        return None
    method = stated[1].lower()
    said = {
        found[1].lower(): found[2]
        for found in _PROPERTY.finditer(piece, stated.end())
        if found[1] is not None
    }
    if method == "spf" and "smtp.helo" in said and not said.keys() & set(_DOMAIN_IN["spf"]):
        return None  # of the greeting alone: it says nothing about who wrote
    named = next((said[name] for name in _DOMAIN_IN[method] if name in said), "")
    return Finding(method=method, result=stated[2].lower(), domain=_domain(named))


def _domain(address: str) -> str:
    """What stands after the last @, or all of it."""
    return address.strip(' "<>').rpartition("@")[2].rstrip(".").lower()
