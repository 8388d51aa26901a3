"""E-mails that came in, as bytes or in a mailbox file: bounded, read without believing anything they say."""

from __future__ import annotations

import email
import hashlib
import mailbox as boxes
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from email import policy
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from html import unescape
from pathlib import Path

from outreach.channels import mail_origins
from outreach.model.errors import InputRefused
from outreach.model.reply import InboundReply

LARGEST = 1024 * 1024
MOST_PARTS = 100
MOST_DEEP = 10
LONGEST_HEADER = 2_000
LONGEST_TEXT = 20_000
MOST_MAILS = 100_000

Normalise = Callable[[str], str | None]
"""An address as written -> as the record has it; None if it is none. `addresses.normalise_email`."""

_KEPT = (
    "auto-submitted", "precedence", "list-id", "list-unsubscribe", "x-auto-response-suppress",
    "x-autoreply", "x-autorespond", "x-auto-reply", "return-path", "content-type", "from",
    "x-failed-recipients", "feedback-type", "subject", "x-mailer", "references",
)  # fmt: skip
_ANGLED = re.compile(r"<[^<>\s]{3,250}>")
_TAG = re.compile(r"<(?:br|/p|/div|/tr|/li)\b[^>]{0,200}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^>]{0,2000}>")
_UNSEEN = re.compile(r"<(style|script|head)\b.{0,100000}?</\1\s*>", re.IGNORECASE | re.DOTALL)


def reply(
    raw: bytes,
    *,
    provider: str,
    normalise: Normalise,
    ref: str = "",
    authserv_id: str = "",
    now: datetime,
) -> InboundReply:
    """One e-mail, of at most a mebibyte. InputRefused: too large, too many parts, or nobody wrote it.

    `ref`: the provider's own number of it; empty: the hash of its bytes. `authserv_id`: of the server whose
    Authentication-Results are believed; empty: nobody's.
    """
    if len(raw) > LARGEST:
        raise InputRefused(f"an e-mail of more than {LARGEST} bytes; it is not read")
    if raw.count(b"\n--") > 2 * MOST_PARTS:
        raise InputRefused(f"an e-mail of more than {MOST_PARTS} parts; it is not read")
    try:
        message = email.message_from_bytes(raw, policy=policy.compat32)
        read = _read(message, raw, provider, normalise, ref, now)
        stated = [str(each) for each in message.get_all("authentication-results", [])]
        return replace(read, origin=mail_origins.of_headers(stated, authserv_id, read.address))
    except InputRefused:
        raise
    except Exception as error:  # noqa: BLE001  hostile MIME raises whatever it can inside the library
        raise InputRefused(f"an e-mail that cannot be read ({type(error).__name__})") from None


def _read(
    message: Message, raw: bytes, provider: str, normalise: Normalise, ref: str, now: datetime
) -> InboundReply:
    sender = _sender(message, normalise)
    if sender is None:
        raise InputRefused("an e-mail without a sender that could be answered; it is not read")
    named = _header(message, "in-reply-to") or _header(message, "references")
    found = _ANGLED.findall(named)
    return InboundReply(
        channel="email",
        provider=provider,
        provider_ref=ref or hashlib.sha256(raw).hexdigest(),
        address=sender,
        to=_first_address(_header(message, "to")),
        subject=_header(message, "subject"),
        body=without_quotes(_text(message)),
        headers={name: value for name in _KEPT if (value := _header(message, name))},
        at=now,
        in_reply_to=found[-1] if found else None,
        message_id=_own_id(_header(message, "message-id")),
        raw=raw,
    )


def _sender(message: Message, normalise: Normalise) -> str | None:
    """Who wrote; the postmaster's reports come from an empty path, so theirs is any address they name."""
    for name in ("from", "sender", "return-path"):
        for _shown, address in getaddresses([_header(message, name)])[:5]:
            if address and (found := normalise(address)) is not None:
                return found
    is_report = message.get_content_type() == "multipart/report"
    return "mailer-daemon@invalid.example" if is_report else None


def _own_id(header: str) -> str:
    found = _ANGLED.search(header)
    return found[0] if found and found[0].isascii() else ""


def _first_address(header: str) -> str:
    found = getaddresses([header])
    return found[0][1][:254] if found else ""


def _header(message: Message, name: str) -> str:
    """Decoded, on one line, cut; an unknown charset is read as Latin-1."""
    value = message.get(name)
    if value is None:
        return ""
    parts = decode_header(str(value)[: 2 * LONGEST_HEADER])
    text = "".join(
        part if isinstance(part, str) else _decoded(part, charset) for part, charset in parts
    )
    return " ".join(text.split())[:LONGEST_HEADER]


def _decoded(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, UnicodeError, ValueError):
        return data.decode("latin-1")


def _text(message: Message) -> str:
    """The first plain text; where there is none the first HTML without its tags. Attachments are not read."""
    html = ""
    for part in _parts(message):
        kind = part.get_content_type()
        if kind == "text/plain":
            return _body(part)
        if kind == "text/html" and not html:
            html = _body(part)
    bare = _ANY_TAG.sub(" ", _TAG.sub("\n", _UNSEEN.sub(" ", html)))
    return unescape(bare)


def _parts(message: Message) -> Iterator[Message]:
    """Leaves that are not attached, the outermost first; bounded in number and depth."""
    waiting, seen = [(message, 0)], 0
    while waiting:
        part, depth = waiting.pop(0)
        seen += 1
        if seen > MOST_PARTS or depth > MOST_DEEP:
            raise InputRefused(f"an e-mail of more than {MOST_PARTS} parts; it is not read")
        payload = part.get_payload()
        if isinstance(payload, list):
            is_ours = part.get_content_maintype() == "multipart"
            waiting += [(one, depth + 1) for one in payload if isinstance(one, Message) and is_ours]
        elif part.get_content_disposition() != "attachment":
            yield part


def _body(part: Message) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    return _decoded(data[: 4 * LONGEST_TEXT], part.get_content_charset())[:LONGEST_TEXT]


def without_quotes(text: str) -> str:
    """What was written on top: quoted lines go with the line that introduces them, and all below."""
    kept: list[str] = []
    for line in text.splitlines():
        bare = line.strip()
        if bare == "--" or bare.startswith((">", "-----", "_____")):
            while kept and not kept[-1].strip():
                kept.pop()
            if bare.startswith(">") and kept and kept[-1].rstrip().endswith(":"):
                kept.pop()
            break
        kept.append(line)
    return "\n".join(kept).strip()


def mails(path: Path) -> Iterator[bytes]:
    """The raw e-mails of an mbox file, a Maildir folder, or one .eml; InputRefused for anything else.

    One that is too large is given as its first bytes, and refused where it is read.
    """
    if path.is_dir():
        if not any((path / name).is_dir() for name in ("cur", "new")):
            raise InputRefused(f"{path}: not a Maildir: it has neither cur nor new")
        yield from _of(boxes.Maildir(path, create=False))
        return
    if not path.is_file():
        raise InputRefused(f"{path}: no such file; give an mbox file, a Maildir or an .eml")
    with path.open("rb") as file:
        is_mbox = file.read(5) == b"From "
        if not is_mbox:
            file.seek(0)
            yield file.read(LARGEST + 1)
            return
    yield from _of(boxes.mbox(path, create=False))


def _of(box: boxes.mbox | boxes.Maildir) -> Iterator[bytes]:
    try:
        for number, key in enumerate(sorted(box.keys())):
            if number >= MOST_MAILS:
                raise InputRefused(f"more than {MOST_MAILS} e-mails in one mailbox; split it")
            with box.get_file(key) as file:
                yield file.read(LARGEST + 1)
    finally:
        box.close()
