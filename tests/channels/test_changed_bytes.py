"""The vendors' own signatures: as published they are genuine, and no byte of the body may be another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from outreach.channels import sendgrid_email, twilio_sms

VECTORS = (
    Path(__file__).parents[2].parent / "shared" / "corpora" / "webhook-signatures" / "vectors.json"
)
pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason=f"{VECTORS} is not here")


@pytest.fixture(scope="module")
def vectors() -> Any:
    return json.loads(VECTORS.read_text())


def changed(body: bytes) -> list[bytes]:
    """The body with each of its bytes another one, and with each left out."""
    flipped = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in range(len(body))]
    return flipped + [body[:at] + body[at + 1 :] for at in range(len(body))]


def test_any_other_byte_of_sendgrids_body_is_refused(vectors: Any):
    vector = vectors["sendgrid"]
    raw = vector["payload"].encode()
    signed = (vector["signature"], vector["timestamp"], vector["public_key"])

    taken = [each for each in changed(raw) if sendgrid_email.is_genuine(each, *signed)]

    assert sendgrid_email.is_genuine(raw, *signed)
    assert taken == []


def test_any_other_byte_of_twilios_form_is_refused(vectors: Any):
    """By its meaning: %2B and %2b are one character.

    Twilio signs names and values run together, so that `Digits=1` and a field called `Digits1` are the
    same to it: what is lost that way is a field, and nothing can be put in its place.
    """
    vector = vectors["twilio"]
    raw = urlencode(vector["params"]).encode()
    said = set(vector["params"].items())

    def is_genuine(body: bytes) -> bool:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True)
        signed = vector["signature"], vector["auth_token"]
        return set(pairs) != said and twilio_sms.is_genuine(vector["uri"], pairs, *signed)

    assert twilio_sms.is_genuine(
        vector["uri"], parse_qsl(raw.decode()), vector["signature"], vector["auth_token"]
    )
    taken = [each for each in changed(raw) if is_genuine(each)]
    assert {raw.count(b"=") - each.count(b"=") for each in taken} == {1}
    assert len(taken) == len(vector["params"])
