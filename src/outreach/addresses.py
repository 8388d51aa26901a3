"""The home of addresses: sealed at rest, found by a keyed hash, and the ids people see."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import struct
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.model.errors import InputRefused

_VERSION = 1
_NONCE = 12
_HEAD = struct.Struct(">BB")
_ROUNDS = 4
_HALF_BITS = 20
_HALF = (1 << _HALF_BITS) - 1
_ID_LENGTH = 8


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The keys of an installation. Never printed; `repr` shows none of it.

    seals: key id -> 32 bytes; the highest id seals, all open. hashing, tokens, ids: 32 bytes each.
    """

    seals: dict[int, bytes]
    hashing: bytes
    tokens: bytes
    ids: bytes

    def seal(self, clear: str) -> bytes:
        """AES-256-GCM: version, key id, 12 bytes of nonce, ciphertext and tag."""
        key_id = max(self.seals)
        nonce = os.urandom(_NONCE)
        head = _HEAD.pack(_VERSION, key_id)
        return head + nonce + AESGCM(self.seals[key_id]).encrypt(nonce, clear.encode(), head)

    def open(self, sealed: bytes) -> str:
        """The clear text; InputRefused if it was sealed with a key that we do not hold."""
        head, nonce, body = sealed[:2], sealed[2 : 2 + _NONCE], sealed[2 + _NONCE :]
        _version, key_id = _HEAD.unpack(head)
        if key_id not in self.seals:
            raise InputRefused(f"the key file lacks key {key_id}, with which addresses were sealed")
        try:
            return AESGCM(self.seals[key_id]).decrypt(nonce, body, head).decode()
        except InvalidTag:
            raise InputRefused(
                "the key file is not the one this database was sealed with; put the right one back"
            ) from None

    def hash(self, address: str) -> bytes:
        """16 bytes by which a normalised address is found; same address, same hash."""
        return hmac.digest(self.hashing, address.encode(), "sha256")[:16]

    def token(self, message: int, try_: int) -> str:
        """Names one try in callback URLs: `<message>.<try>.<mac>`; carries nothing personal."""
        return f"{message}.{try_}.{self._mac(f'{message}.{try_}')}"

    def read_token(self, token: str) -> tuple[int, int] | None:
        """(message, try) of a genuine token, else None."""
        named, _dot, mac = token.rpartition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(named).encode()):
            return None
        message, _dot, try_ = named.partition(".")
        return int(message), int(try_)

    def public_id(self, prefix: str, number: int) -> str:
        """A short stable id such as `out_7kq2m4xa`, that neither counts nor stands in a column."""
        left, right = number >> _HALF_BITS, number & _HALF
        for turn in range(_ROUNDS):
            left, right = right, left ^ self._round(prefix, turn, right)
        packed = ((left << _HALF_BITS) | right).to_bytes(5, "big")
        return f"{prefix}_{base64.b32encode(packed).decode().lower()}"

    def read_public_id(self, prefix: str, shown: str) -> int | None:
        """The number behind an id of this prefix, or None if it is none."""
        head, _sep, body = shown.partition("_")
        if head != prefix or len(body) != _ID_LENGTH:
            return None
        try:
            packed = int.from_bytes(base64.b32decode(body.upper()), "big")
        except ValueError:
            return None
        left, right = packed >> _HALF_BITS, packed & _HALF
        for turn in reversed(range(_ROUNDS)):
            left, right = right ^ self._round(prefix, turn, left), left
        return (left << _HALF_BITS) | right

    def _mac(self, text: str) -> str:
        return hmac.new(self.tokens, text.encode(), hashlib.sha256).hexdigest()[:20]

    def _round(self, prefix: str, turn: int, half: int) -> int:
        block = hmac.digest(self.ids, f"{prefix}.{turn}.{half}".encode(), "sha256")
        return int.from_bytes(block[:3], "big") & _HALF

    def __repr__(self) -> str:
        return "Keyring(…)"


def new_keyring() -> Keyring:
    """Fresh random keys."""
    fresh = [secrets.token_bytes(32) for _ in range(4)]
    return Keyring(seals={1: fresh[0]}, hashing=fresh[1], tokens=fresh[2], ids=fresh[3])


def write_keyring(keyring: Keyring, path: Path) -> None:
    """Writes the key file, readable by its owner only; never over an existing one."""
    body = {
        "seals": {str(number): key.hex() for number, key in keyring.seals.items()},
        "hashing": keyring.hashing.hex(),
        "tokens": keyring.tokens.hex(),
        "ids": keyring.ids.hex(),
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(body, file, indent=1)


def read_keyring(path: Path) -> Keyring:
    """Reads the key file; InputRefused if it is missing, damaged, or readable by others."""
    try:
        mode = path.stat().st_mode
        body = json.loads(path.read_text())
        keyring = Keyring(
            seals={int(number): bytes.fromhex(key) for number, key in body["seals"].items()},
            hashing=bytes.fromhex(body["hashing"]),
            tokens=bytes.fromhex(body["tokens"]),
            ids=bytes.fromhex(body["ids"]),
        )
    except FileNotFoundError:
        raise InputRefused(
            f"{path}: no key file; restore it, or run `outreach init` for a new workspace"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputRefused(f"{path}: not a key file of outreach; restore the right one") from None
    if mode & 0o077:
        raise InputRefused(f"{path}: readable by others; run `chmod 600 {path}`")
    return keyring
