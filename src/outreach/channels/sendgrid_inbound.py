"""What SendGrid's Inbound Parse posts for each e-mail: a form of parts, with the raw e-mail or its fields.

Source: Twilio SendGrid, "Inbound Email Parse Webhook" and "Securing your Inbound Parse Webhooks": a security
policy signs it with the same headers as the event webhook. Set "POST the raw, full MIME message": bounces are
read from their parts.
"""

from __future__ import annotations

import email
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from email import policy
from email.message import Message

from outreach.channels import mail_origins, mailbox
from outreach.channels.mailbox import Normalise
from outreach.model.errors import InputRefused
from outreach.model.reply import InboundReply

PROVIDER = "sendgrid"
MOST_FIELDS = 60
_NAMED = ("to", "from", "subject", "text", "html", "headers", "email", "SPF", "dkim", "envelope")


def fields(body: bytes, content_type: str) -> dict[str, bytes]:
    """The named parts of a multipart/form-data body; files among them are left aside. InputRefused: it is none."""
    if body.count(b"\r\n--") > 2 * MOST_FIELDS:
        raise InputRefused(f"more than {MOST_FIELDS} fields")
    if "\r" in content_type or "\n" in content_type or len(content_type) > 300:  # noqa: PLR2004
        raise InputRefused("an odd content type")
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    try:
        whole = email.message_from_bytes(head + body, policy=policy.compat32)
        payload = whole.get_payload()
        parts = [part for part in payload if isinstance(part, Message)][:MOST_FIELDS]
        found = dict(_field(part) for part in parts if _name(part) in _NAMED)
    except Exception as error:  # noqa: BLE001  whatever the library meets in a hostile body
        raise InputRefused(f"a form that cannot be read ({type(error).__name__})") from None
    if not found:
        raise InputRefused("not a form of parts, or none that we know")
    return found


def _field(part: Message) -> tuple[str, bytes]:
    payload = part.get_payload(decode=True)
    return _name(part), payload if isinstance(payload, bytes) else b""


def _name(part: Message) -> str:
    if part.get_filename():
        return ""
    return str(part.get_param("name", "", header="content-disposition"))


def reply(named: Mapping[str, bytes], *, normalise: Normalise, now: datetime) -> InboundReply:
    """The e-mail in a form; InputRefused where nobody wrote it. Known by what it is: the same again is the same.

    Who it is from SendGrid says in fields of its own; of headers any may be the sender's.
    """
    raw = named.get("email") or _assembled(named)
    # SendGrid has no number of its own for it, and its spam scores may differ from try to try.
    ref = hashlib.sha256(raw).hexdigest()
    read = mailbox.reply(raw, provider=PROVIDER, normalise=normalise, ref=ref, now=now)
    return replace(read, origin=mail_origins.of_form(named, read.address))


def _assembled(named: Mapping[str, bytes]) -> bytes:
    """An e-mail out of its fields, where the raw one is not posted: its own headers, and one text."""
    head = named.get("headers", b"").strip()
    lines = [
        line
        for line in head.replace(b"\r\n", b"\n").split(b"\n")
        if line.strip()
        and not line.lower().startswith((b"content-type:", b"content-transfer-encoding:"))
    ]
    if not any(line.lower().startswith(b"from:") for line in lines):
        lines.append(b"From: " + _flat(named.get("from", b"")))
    if not any(line.lower().startswith(b"to:") for line in lines):
        lines.append(b"To: " + _flat(named.get("to", b"")))
    if not any(line.lower().startswith(b"subject:") for line in lines):
        lines.append(b"Subject: " + _flat(named.get("subject", b"")))
    text = named.get("text", b"")
    kind = b"plain" if text else b"html"
    lines += [
        b"Content-Type: text/" + kind + b"; charset=utf-8",
        b"Content-Transfer-Encoding: 8bit",
    ]
    return b"\n".join(lines) + b"\n\n" + (text or named.get("html", b""))


def _flat(value: bytes) -> bytes:
    return b" ".join(value.split())
