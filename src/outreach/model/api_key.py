"""A machine's key: what it looks like, what it may do, and until when."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

PREFIX = "or_"
RANDOM_BYTES = 32
HINT = 4
_BODY = re.compile(r"or_([A-Za-z0-9_-]{43})([A-Za-z0-9_-]{6})")
LENGTH = len(PREFIX) + 43 + 6


class Scope(StrEnum):
    """What a key may be used for; one key may have several."""

    IVR = "ivr"
    CONTACTS_WRITE = "contacts:write"
    OUTAGES_READ = "outages:read"
    OUTAGES_WRITE = "outages:write"
    DIRECTIVES_READ = "directives:read"
    FORECAST_READ = "forecast:read"
    MUTES_READ = "mutes:read"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    MESSAGES_READ = "messages:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """One key as it is kept: its secret is not in here, and nowhere else."""

    id: int
    name: str
    digest: bytes = field(repr=False)
    hint: str
    scopes: frozenset[str]
    per_minute: int | None
    """Requests; None: `http.per_minute` of the settings."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    replaces: int | None
    """The key that it was rotated from."""

    def is_good(self, now: datetime) -> bool:
        """Neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_secret(random_bytes: Callable[[int], bytes]) -> str:
    """`or_`, 32 random bytes and a checksum, in base64url: 52 characters.

    The checksum is no secret. It tells a torn or mistyped key, and a scanner of files our keys from noise.
    """
    body = _text(random_bytes(RANDOM_BYTES))
    return f"{PREFIX}{body}{_checksum(body)}"


def digest_of(secret: str) -> bytes | None:
    """SHA-256 by which a key is looked up; None for what cannot be one of ours.

    Of 256 random bits a plain hash is enough: there is nothing to guess. Whoever times the lookup learns
    of a digest, never of the secret behind it.
    """
    match = _BODY.fullmatch(secret)
    if match is None or _checksum(match[1]) != match[2]:
        return None
    return hashlib.sha256(secret.encode()).digest()


def holds_secret(text: str) -> bool:
    """Whether one of our keys stands in a text, such as a URL, where it must not."""
    return PREFIX in text and any(
        _checksum(body) == check for body, check in _BODY.findall(text)
    )  # fmt: skip


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _checksum(body: str) -> str:
    return _text(zlib.crc32(body.encode()).to_bytes(4, "big"))
