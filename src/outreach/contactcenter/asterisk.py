"""The answer for Asterisk and FreePBX: one form-encoded line that HASH() takes from CURL()."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from outreach.contactcenter.speakable import speakable, speech_tag
from outreach.model.contactcenter import IvrAnswer

TYPE = b"application/x-www-form-urlencoded; charset=utf-8"
LONGEST = 3_000
NOTHING = "none"


def document(answer: IvrAnswer) -> str:
    """`status=etr&expires=1784185200&…`: the order is fixed, every name is always there.

    Blanks are %20 and not +: with `hashcompat=yes` the PBX does not turn a + back. `expires` is
    in epoch seconds, to compare with ${EPOCH}. `audio` is the SHA-256 of language and text: the
    name under which the PBX keeps the sound of this sentence. Nothing of it names the caller.
    """
    text = speakable(answer.text)[:LONGEST]
    language = speech_tag(answer.locale)
    fields = {
        "status": answer.status.value if text else NOTHING,
        "expires": str(int(answer.expires_at.timestamp())),
        "priority": "high" if answer.priority == "high" else "normal",
        "skip": _digit(answer.skip_upfront),
        "sms": _digit(answer.offer_sms_link),
        "report": _digit(answer.offer_report),
        "callback": _digit(answer.offer_callback),
        "wait": answer.wait_band,
        "outage": answer.outage_id,
        "generation": str(answer.generation),
        "language": language,
        "audio": audio_name(text, language) if text else "",
        "text": text,
    }
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())


def audio_name(text: str, language: str) -> str:
    """SHA-256, in lower hex, of `language`, a line feed and the text in UTF-8."""
    return hashlib.sha256(f"{language}\n{text}".encode()).hexdigest()


def _digit(value: bool) -> str:  # noqa: FBT001  one word for the dialplan
    return "1" if value else "0"
