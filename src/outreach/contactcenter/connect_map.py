"""The answer for Amazon Connect: the flat map of strings that a Lambda returns and a flow reads at $.External.

Source: Amazon Connect administrator guide, "Invoke Lambda functions": a STRING_MAP has no nested
objects and no numbers, and its response stays within 32 kB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from html import escape
from typing import Any

from outreach.contactcenter.speakable import phrases, speakable
from outreach.model.contactcenter import IvrAnswer

MOST_BYTES = 32 * 1024
_LONGEST = 3_000
"""Characters of one value: a sentence has 300, and 20 of these stay within the limit in ASCII."""


def flat(answer: IvrAnswer) -> dict[str, str]:
    """Every field of the answer as a string: true and false in words, instants in ISO 8601.

    `expires` repeats the expiry in epoch seconds, which a flow can compare as a number.
    """
    found = {each.name: _short(_string(getattr(answer, each.name))) for each in fields(answer)}
    expires = str(int(answer.expires_at.timestamp()))
    return found | {"text_ssml": _ssml(answer), "expires": expires}


def asked(event: Mapping[str, Any]) -> dict[str, str]:
    """The question in the event that a flow hands its Lambda; absent and odd parts are left out.

    Details.ContactData.CustomerEndpoint.Address is the caller; Details.Parameters holds what the
    flow passes on: account, postal, locality, zone, lang, digit, outage_id.
    """
    details = _part(event, "Details")
    contact, given = _part(details, "ContactData"), _part(details, "Parameters")
    named = {
        "ani": _part(contact, "CustomerEndpoint").get("Address"),
        "dnis": _part(contact, "SystemEndpoint").get("Address"),
        "call_id": contact.get("ContactId"),
        "lang": contact.get("LanguageCode"),
    }
    passed = {name: value for name, value in given.items() if value not in (None, "")}
    every = named | passed
    return {name: value for name, value in every.items() if isinstance(value, str)}


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, Mapping) else {}


def _short(value: str) -> str:
    said = speakable(value)
    return said[:_LONGEST] if said.isascii() else said[: _LONGEST // 3]


def _ssml(answer: IvrAnswer) -> str:
    """Whole whatever the notice brought: a voice given torn SSML says nothing at all."""
    parts = [
        f"<s>{escape(found['text'], quote=True)}</s>"
        for name, found in phrases(answer.text_ssml, answer.text)
        if name == "s"
    ]
    whole = f"<speak><p>{''.join(parts)}</p></speak>" if parts else ""
    fits = len(whole) <= (_LONGEST if whole.isascii() else _LONGEST // 3)
    return whole if fits else f"<speak>{escape(_short(answer.text)[:600], quote=True)}</speak>"


def _string(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, datetime) else str(value)
