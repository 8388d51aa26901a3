"""SendGrid on loopback: takes mail, and makes signed event webhooks."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.fakes.http import HttpFake, Reply, Request

API_KEY = "SG.test-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One recipient of one accepted request."""

    to: str
    token: str
    message_id: str
    subject: str
    text: str
    headers: dict[str, str]


class SendGridFake(HttpFake):
    """`ledger` has a row for each recipient."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger: list[Taken] = []
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._accepted = 0

    @property
    def public_key(self) -> str:
        raw = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(raw).decode()

    def accept(self, request: Request) -> Reply:
        mail = json.loads(request.body)
        self._accepted += 1
        message_id = f"msg{self._accepted}"
        for person in mail["personalizations"]:
            self.ledger.append(
                Taken(
                    to=person["to"][0]["email"],
                    token=person["custom_args"]["attempt"],
                    message_id=message_id,
                    subject=mail["subject"],
                    text=mail["content"][0]["value"],
                    headers=person.get("headers", {}),
                )
            )
        return Reply(status=202, headers={"X-Message-Id": message_id})

    def events(self, *events: dict[str, Any], timestamp: str = "1785826980") -> tuple[bytes, str]:
        """(raw body, signature) of one event webhook; the trailing CRLF is signed."""
        raw = json.dumps(events).encode() + b"\r\n"
        signature = self._key.sign(timestamp.encode() + raw, ec.ECDSA(hashes.SHA256()))
        return raw, base64.b64encode(signature).decode()


def event(taken: Taken, kind: str, number: int = 1, **more: object) -> dict[str, Any]:
    """One event about one recipient."""
    return {
        "event": kind, "email": taken.to, "attempt": taken.token, "timestamp": 1785826980,
        "sg_event_id": f"event{number}", "sg_message_id": f"{taken.message_id}.filter-1", **more,
    }  # fmt: skip
