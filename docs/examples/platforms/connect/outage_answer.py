# ruff: noqa: INP001, TID251  one file that stands alone in AWS, with its own environment
"""AWS Lambda for an Amazon Connect flow: what this caller hears now, or nothing, always within two seconds.

Standard library only. Handler: `outage_answer.handler`. Environment: OUTREACH_URL, such as
`https://avisos.luz.example`; OUTREACH_TOKEN, if the address asks for a bearer. In the flow: response
type STRING_MAP, time limit 3 s, and an error branch that leads where the default flow begins. The
answer stands at `$.External`. Nothing of the caller is logged or kept longer than 30 seconds.

Parameters of the flow, all optional: account, postal, zone, lang. With `by` = `zone` the caller is
left out: everybody of a zone hears the same, and one question in 30 seconds serves them all.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_S = 2.0
CACHE_S = 30.0
MOST_KEPT = 1_000
MOST_BYTES = 32 * 1024
FALLBACK = {
    "status": "none",
    "text": "",
    "priority": "normal",
    "skip_upfront": "false",
    "offer_sms_link": "false",
    "expires": "0",
}
"""Status none: the flow goes on as if outreach were not there."""

_kept: dict[str, tuple[float, dict[str, str]]] = {}


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Flat strings for $.External; never raises."""
    key, now = _key(event), time.monotonic()
    held = _kept.get(key)
    if held is not None and now < held[0] and not _is_over(held[1]):
        return held[1]
    answer = _within(event)
    if answer is None or _is_over(answer):
        return dict(FALLBACK)
    if len(_kept) >= MOST_KEPT:
        _kept.clear()
    _kept[key] = (now + CACHE_S, answer)
    return answer


def _within(event: dict[str, Any]) -> dict[str, str] | None:
    """None after the deadline, whatever the server does: a head that drips outwits a socket's timeout."""
    answers: list[dict[str, str] | None] = []
    asking = threading.Thread(target=lambda: answers.append(_asked(event)), daemon=True)
    asking.start()
    asking.join(TIMEOUT_S)
    return answers[0] if answers else None


def _asked(event: dict[str, Any]) -> dict[str, str] | None:
    try:
        return _ask(event)
    except Exception:  # noqa: BLE001  somebody waits on the line
        return None


def _ask(event: dict[str, Any]) -> dict[str, str] | None:
    """The caller's number goes in the body, never in the address."""
    where = urlsplit(os.environ["OUTREACH_URL"])
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    headers = {"content-type": "application/json"}
    if token := os.environ.get("OUTREACH_TOKEN"):
        headers["authorization"] = f"Bearer {token}"
    connection = kind(where.netloc, timeout=TIMEOUT_S)
    try:
        path = f"{where.path.rstrip('/')}/v1/ivr/connect"
        connection.request("POST", path, body=json.dumps(_reduced(event)), headers=headers)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            return None
        body = answer.read(MOST_BYTES + 1)
        return _flat(body) if len(body) <= MOST_BYTES else None
    finally:
        connection.close()


def _flat(body: bytes) -> dict[str, str] | None:
    found = json.loads(body)
    is_flat = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if is_flat and "status" in found else None


def _reduced(event: dict[str, Any]) -> dict[str, Any]:
    """What the answer needs of the event, and no attribute of the contact beside it."""
    details = event.get("Details") or {}
    contact = details.get("ContactData") or {}
    given = details.get("Parameters") or {}
    of_caller = ("ContactId", "CustomerEndpoint") if given.get("by") != "zone" else ()
    wanted = (*of_caller, "SystemEndpoint", "LanguageCode", "Channel")
    kept = {name: contact[name] for name in wanted if name in contact}
    return {"Details": {"ContactData": kept, "Parameters": given}}


def _key(event: dict[str, Any]) -> str:
    return json.dumps(_reduced(event), sort_keys=True)


def _is_over(answer: dict[str, str]) -> bool:
    """Past its expiry nothing is said; an answer without one says nothing either."""
    expires = answer.get("expires", "")
    return not expires.isdigit() or int(expires) <= time.time()
