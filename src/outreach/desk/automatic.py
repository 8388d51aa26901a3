"""What a machine wrote: auto-replies, lists, bounces and complaints; none of it is an answer.

Sources: RFC 3834 (Auto-Submitted), RFC 3464 (delivery status), RFC 3463 (status codes), RFC 5965
(feedback reports), and the headers that mail programs set in practice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import Message
from email.parser import BytesHeaderParser

from outreach.desk import plain_bounces, words
from outreach.desk.lexicon import table
from outreach.desk.tokens import folded
from outreach.model.reply import Bounce, InboundReply, Meaning

MOST_READ = 1_000_000
"""Bytes of an e-mail that are looked at; a report of a bounce stands in its first parts."""

MOST_HEADERS = 100_000
MOST_OPENING = 400

MOST_BOUNCES = 100
"""Addresses taken from one report."""

_PRESENT = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from", "list-id",
            "list-post", "x-apple-action", "x-ms-exchange-inbox-rules-loop",
            "x-auto-reply")  # fmt: skip
_PRECEDENCE = frozenset({"bulk", "list", "junk", "auto_reply", "auto-reply", "auto_reply_bulk"})
_DAEMONS = ("mailer-daemon@", "postmaster@", "post_master@", "mail-daemon@", "bounce@", "bounces@")
_NO_REPLY = (
    "noreply@",
    "no-reply@",
    "donotreply@",
    "do-not-reply@",
    "nao-responda@",
    "no-responder@",
)
_ADDRESS = re.compile(r"[^\s<>;:,\"'()]{1,64}@[^\s<>;:,\"'()]{1,255}")


def is_automatic(reply: InboundReply) -> Meaning | None:
    """`BOUNCE`, `AUTOMATIC`, or None for what a person may have written.

    SMS and WhatsApp are judged by their words alone, e-mail by headers first.
    """
    if reply.channel == "email":
        headers = _headers(reply)
        if _is_bounce(reply, headers):
            return Meaning.BOUNCE
        if _says_so(reply, headers):
            return Meaning.AUTOMATIC
    return Meaning.AUTOMATIC if _reads_so(reply) else None


def bounces(reply: InboundReply) -> tuple[Bounce, ...]:
    """The addresses that a report of non-delivery or a complaint is about; empty for all else.

    Read from the parts of `reply.raw` where it is there (RFC 3464, RFC 5965), else from the words
    of the body as mail servers write them. Only failures: a delay is none.
    """
    headers = _headers(reply)
    if reply.channel != "email" or not _is_bounce(reply, headers):
        return ()
    try:
        whole = message_from_bytes(reply.raw[:MOST_READ])
        found, text = list(_of_parts(whole)), _first_text(whole)
    except RecursionError:  # messages within messages without end: nobody's bounce
        return ()
    if not found:
        text = text or reply.body
        found = list(plain_bounces.read(headers, text, own=(reply.to, reply.address)))
    unique = {bounce.address: bounce for bounce in reversed(found[:MOST_BOUNCES])}
    return tuple(unique.values())


def _headers(reply: InboundReply) -> Mapping[str, str]:
    """Those given, and where the whole mail is at hand all of them."""
    if not reply.raw:
        return reply.headers
    parsed = BytesHeaderParser().parsebytes(reply.raw[:MOST_HEADERS])
    return {name.lower(): str(value) for name, value in parsed.items()} | dict(reply.headers)


def _phrases(name: str) -> tuple[str, ...]:
    return tuple(table()["automatic"][name])


def _is_bounce(reply: InboundReply, headers: Mapping[str, str]) -> bool:
    kind = headers.get("content-type", "").lower()
    if kind.startswith("multipart/report") and "disposition-notification" not in kind:
        return True
    if headers.get("x-failed-recipients"):
        return True
    subject = folded(reply.subject)
    known = any(phrase in subject for phrase in _phrases("bounce_subjects"))
    from_daemon = reply.address.lower().startswith(_DAEMONS) or not reply.address
    empty_path = headers.get("return-path", "").strip() == "<>"
    if from_daemon and not _says_so(reply, headers):
        return True
    return known and (from_daemon or empty_path)


def _says_so(reply: InboundReply, headers: Mapping[str, str]) -> bool:
    submitted = headers.get("auto-submitted", "no").partition(";")[0].strip().lower()
    if submitted not in {"no", ""} or any(name in headers for name in _PRESENT):
        return True
    if headers.get("precedence", "").strip().lower() in _PRECEDENCE:
        return True
    if headers.get("content-type", "").lower().startswith("multipart/report"):
        return True
    suppress = headers.get("x-auto-response-suppress", "").lower()
    return "all" in suppress or reply.address.lower().startswith(_NO_REPLY)


def _reads_so(reply: InboundReply) -> bool:
    """By its words: a subject that says so, or a body that opens by saying it."""
    subject = folded(reply.subject).strip()
    if any(subject.startswith(phrase) for phrase in _phrases("subjects")):
        return True
    opening = " ".join(folded(reply.body[:MOST_OPENING]).split())
    if not any(phrase in opening for phrase in _phrases("phrases")):
        return False
    return words.read(reply.body, locale="").meaning not in _PLAIN


_PLAIN = frozenset({Meaning.OPT_OUT, Meaning.OPT_IN, Meaning.OUT, Meaning.STILL_OUT})
"""A person who says such a thing is heard, whatever phrase of a machine stands beside it."""


def _first_text(whole: Message) -> str:
    for part in whole.walk():
        payload = part.get_payload(decode=True)
        if part.get_content_type() == "text/plain" and isinstance(payload, bytes):
            return payload[:MOST_HEADERS].decode("latin-1")
    return ""


def _of_parts(whole: Message) -> Iterator[Bounce]:
    sent = _message_id(whole)
    for part in whole.walk():
        kind = part.get_content_type()
        if kind == "message/delivery-status":
            yield from _of_status(part, sent)
        if kind == "message/feedback-report":
            yield from _of_feedback(part, whole, sent)


def _of_status(part: Message, sent: str | None) -> Iterator[Bounce]:
    """A block of fields for each recipient, after one about the report itself."""
    for block in _blocks(part):
        address = _address(block.get("final-recipient", "")) or _address(
            block.get("original-recipient", "")
        )
        action = block.get("action", "failed").strip().lower()
        if not address or action != "failed" or block.get("status", "").startswith("2"):
            continue
        original = _address(block.get("original-recipient", ""))
        status = _status(block)
        yield Bounce(
            address=(original or address).lower(),
            status=status,
            is_permanent=plain_bounces.is_gone(status, block.get("diagnostic-code", "")),
            in_reply_to=sent,
        )


def _of_feedback(part: Message, whole: Message, sent: str | None) -> Iterator[Bounce]:
    """Somebody pressed `this is spam`. Who they are often stands in the returned message alone."""
    for block in _blocks(part):
        named = block.get("original-rcpt-to", "") or _returned_to(whole)
        address = _address(named)
        if address and block.get("feedback-type", "abuse").strip().lower() != "not-spam":
            yield Bounce(address=address.lower(), is_complaint=True, in_reply_to=sent)


def _blocks(part: Message) -> Iterator[Mapping[str, str]]:
    payload = part.get_payload()
    for block in payload if isinstance(payload, list) else [part]:
        if isinstance(block, Message):
            yield {name.lower(): str(value) for name, value in block.items()}
            yield _fields(str(block.get_payload())[:MOST_HEADERS])


def _fields(text: str) -> Mapping[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {name.strip().lower(): value.strip() for name, colon, value in lines if colon}


def _address(field: str) -> str:
    """`rfc822; <someone@example.org>` is someone@example.org."""
    found = _ADDRESS.search(field.rpartition(";")[2])
    return found[0] if found else ""


def _status(block: Mapping[str, str]) -> str:
    """The code of the field, or a more telling one of the diagnosis."""
    stated = plain_bounces.code(block.get("status", ""))
    told = plain_bounces.code(block.get("diagnostic-code", ""))
    return told if told and (not stated or stated.endswith(".0.0")) else stated


def _returned_to(whole: Message) -> str:
    for part in whole.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            return _returned_headers(part).get("to", "")
    return ""


def _message_id(whole: Message) -> str | None:
    for part in whole.walk():
        if part.get_content_type() in {"message/rfc822", "text/rfc822-headers"}:
            named = _returned_headers(part).get("message-id", "").strip()
            return named or None
    return None


def _returned_headers(part: Message) -> Mapping[str, str]:
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return {name.lower(): str(value) for name, value in payload[0].items()}
    return _fields(str(payload)[:20_000])
