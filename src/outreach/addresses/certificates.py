"""Certificates of others, as their PEM files hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One, with whose it is (its subject, RFC 4514) and when it holds."""

    name: str
    since: datetime
    until: datetime
    pem: str


def certificates(body: bytes) -> tuple[Certificate, ...]:
    """Those of a PEM file, in its order; ValueError if it holds none."""
    return tuple(
        Certificate(
            name=each.subject.rfc4514_string(),
            since=each.not_valid_before_utc,
            until=each.not_valid_after_utc,
            pem=each.public_bytes(Encoding.PEM).decode(),
        )
        for each in x509.load_pem_x509_certificates(body)
    )
