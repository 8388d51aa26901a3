"""What Twilio posts when somebody writes to our number, by SMS or WhatsApp, and the TwiML that answers.

Source: Twilio, "Twilio's request to your incoming message webhook URL" and "TwiML Message".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from xml.sax.saxutils import escape

from outreach.model.errors import InputRefused
from outreach.model.reply import InboundReply

PROVIDER = "twilio"
LONGEST = 10_000
OPT_OUT_TYPE = "x-opt-out-type"
_SID = re.compile(r"[A-Za-z0-9]{2,64}")
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SHORT = re.compile(r"\d{3,8}")
_WHATSAPP = "whatsapp:"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_EMPTY = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


def reply(form: Mapping[str, str], *, now: datetime) -> InboundReply:
    """One text; InputRefused where it names no message or no sender that could be answered.

    Pictures have no words: a body that is empty beside media stays empty.
    """
    sid = form.get("MessageSid") or form.get("SmsMessageSid") or form.get("SmsSid") or ""
    sender = form.get("From", "")
    address = sender.removeprefix(_WHATSAPP)
    if not _SID.fullmatch(sid):
        raise InputRefused("MessageSid: missing or odd")
    if not (_E164.fullmatch(address) or _SHORT.fullmatch(address)):
        raise InputRefused("From: not a number")
    return InboundReply(
        channel="whatsapp" if sender.startswith(_WHATSAPP) else "sms",
        provider=PROVIDER,
        provider_ref=sid,
        address=address,
        to=form.get("To", "").removeprefix(_WHATSAPP)[:64],
        body=form.get("Body", "")[:LONGEST],
        headers=_said(form.get("OptOutType", "")),
        at=now,
        in_reply_to=form.get("OriginalRepliedMessageSid") or None,
    )


def _said(opt_out_type: str) -> Mapping[str, str]:
    return {OPT_OUT_TYPE: opt_out_type[:16]} if opt_out_type else {}


def answer(text: str | None) -> str:
    """The TwiML document: one message, or none."""
    if not text:
        return _EMPTY
    clean = escape(_CONTROL.sub("", text))
    return f'<?xml version="1.0" encoding="UTF-8"?><Response><Message>{clean}</Message></Response>'
