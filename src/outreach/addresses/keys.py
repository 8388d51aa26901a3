"""The keys of an installation: addresses are sealed, hashed and named with them."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import secrets
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach import clock
from outreach.model.errors import InputRefused

_VERSION = 1
_NONCE = 12
_HEAD = struct.Struct(">BB")
_ROUNDS = 4
_HALF_BITS = 20
_HALF = (1 << _HALF_BITS) - 1
_ID_LENGTH = 8
_TOKEN = re.compile(r"[0-9]{1,18}\.[0-9]{1,5}", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """The keys of an installation. Never printed; `repr` shows none of it.

    seals: key id -> 32 bytes; the highest id seals, all open. hashing, tokens, ids: 32 bytes each.
    former: lookup keys before `hashing`, newest first: a suppression whose address is nowhere in clear
    stays under its own for ever. moving: rows are being moved from the former to the present one.
    restored: of each restore, the last message and the last customer of the copy: numbers above them are
    given away a second time, and what named the first holder must not name the second.
    file: where it was read from; keys that are added there are taken up within a second.
    """

    seals: dict[int, bytes]
    hashing: bytes
    tokens: bytes
    ids: bytes
    former: tuple[bytes, ...] = ()
    moving: bool = False
    restored: tuple[tuple[int, int], ...] = ()
    file: KeyFile | None = field(default=None, compare=False)

    def seal(self, clear: str) -> bytes:
        """AES-256-GCM: version, key id, 12 bytes of nonce, ciphertext and tag."""
        return self.seal_each([clear])[0]

    def seal_each(self, clears: Sequence[str]) -> list[bytes]:
        """Many at once, each with a nonce of its own; these are drawn together."""
        seals = self.live.seals
        key_id = max(seals)
        head, encrypt = _HEAD.pack(_VERSION, key_id), _cipher(seals[key_id]).encrypt
        drawn = os.urandom(_NONCE * len(clears))
        nonces = [drawn[at : at + _NONCE] for at in range(0, len(drawn), _NONCE)]
        return [
            head + nonce + encrypt(nonce, clear.encode(), head)
            for nonce, clear in zip(nonces, clears, strict=True)
        ]

    def open(self, sealed: bytes) -> str:
        """The clear text; InputRefused if it was sealed with a key that we do not hold."""
        head, nonce, body = sealed[:2], sealed[2 : 2 + _NONCE], sealed[2 + _NONCE :]
        _version, key_id = _HEAD.unpack(head)
        key = self.seals.get(key_id) or self._taken_up(key_id)
        try:
            return _cipher(key).decrypt(nonce, body, head).decode()
        except InvalidTag:
            raise InputRefused(
                "the key file is not the one this database was sealed with; put the right one back"
            ) from None

    def hash(self, address: str) -> bytes:
        """16 bytes by which a normalised address is found; same address, same hash."""
        return _hashed(self.live.hashing, address)

    def forms(self, address: str) -> tuple[bytes, ...]:
        """Its hash under every lookup key, the present one first."""
        live = self.live
        return tuple(_hashed(key, address) for key in (live.hashing, *live.former))

    def standing(self, address: str) -> tuple[bytes, ...]:
        """Under what a contact point may stand now, in the order to ask for it: whoever looks somebody up asks by this.

        Two while rows are moved, the former first: they move one way, so that neither who looks in this order nor
        who asks for both in one statement misses any. `hash` alone is for what is written, after `rotations.adopt`.
        """
        live = self.live
        now = _hashed(live.hashing, address)
        return (_hashed(live.former[0], address), now) if live.moving else (now,)

    def lasting(self, text: str) -> bytes:
        """A hash that no rotation changes, for refs that are made of it: under the first lookup key."""
        live = self.live
        return _hashed((live.hashing, *live.former)[-1], text)

    @property
    def live(self) -> Keyring:
        """These keys, or what their file holds since."""
        return self if self.file is None else self.file.newest(self)

    def _taken_up(self, key_id: int) -> bytes:
        """A key that another process has just added; its file is looked at, at once."""
        held = self.file.newest(self, at_once=True) if self.file else self
        if key_id not in held.seals:
            raise InputRefused(f"the key file lacks key {key_id}, with which addresses were sealed")
        return held.seals[key_id]

    def token(self, message: int, try_: int) -> str:
        """Names one try in callback URLs: `<message>.<try>.<mac>`; carries nothing personal."""
        named = f"{message}.{try_}"
        return f"{named}.{_mac(self.naming(message), named)}"

    def read_token(self, token: str) -> tuple[int, int] | None:
        """(message, try) of a genuine token, else None."""
        named, _dot, mac = token.rpartition(".")
        if not _TOKEN.fullmatch(named):
            return None
        message, try_ = map(int, named.split("."))
        if not hmac.compare_digest(mac.encode(), _mac(self.naming(message), named).encode()):
            return None
        return message, try_

    def naming(self, number: int, *, of_customer: bool = False) -> bytes:
        """The key under which a message, or a customer, is named in links and callbacks."""
        live = self.live
        passed = sum(last[of_customer] < number for last in live.restored)
        return _after(live.tokens, passed) if passed else live.tokens

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

    def sign(self, data: bytes) -> str:
        """Ed25519 in hex, always the same: 32 bytes of public key, which follows from ours, then 64 of signature."""
        key = Ed25519PrivateKey.from_private_bytes(hmac.digest(self.tokens, b"sign", "sha256"))
        return (key.public_key().public_bytes_raw() + key.sign(data)).hex()

    def _round(self, prefix: str, turn: int, half: int) -> int:
        block = hmac.digest(self.ids, f"{prefix}.{turn}.{half}".encode(), "sha256")
        return int.from_bytes(block[:3], "big") & _HALF

    def __repr__(self) -> str:
        return "Keyring(…)"


class KeyFile:
    """The key file of a running process: a look at its date a second, and a read when it changed."""

    REREAD_S = 1.0

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: Keyring | None = None
        self._mark = _mark(path)
        self._next = clock.monotonic() + self.REREAD_S

    def newest(self, first: Keyring, *, at_once: bool = False) -> Keyring:
        """What the file holds; `first`, or the last that could be read, where it is away or damaged."""
        at = clock.monotonic()
        if at_once or at >= self._next:
            self._next = at + self.REREAD_S
            mark = _mark(self._path)
            if mark != self._mark and mark is not None:
                with suppress(InputRefused):
                    self._held = replace(read_keyring(self._path), file=None)
                    self._mark = mark
        return self._held or first


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _mac(key: bytes, text: str) -> str:
    """By a copy, which holds the interpreter: `hmac.digest` lets go of it, and waits for a busy thread each time."""
    return _begun(key, text).hexdigest()[:20]


@lru_cache(maxsize=64)
def _after(key: bytes, restores: int) -> bytes:
    return hmac.digest(key, b"restored.%d" % restores, "sha256")


def _hashed(key: bytes, text: str) -> bytes:
    return _begun(key, text).digest()[:16]


def _begun(key: bytes, text: str) -> hmac.HMAC:
    mac = _keyed(key).copy()
    mac.update(text.encode())
    return mac


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hmac.HMAC:
    """HMAC-SHA256 before its first byte: a copy costs half of what a new one does."""
    return hmac.new(key, digestmod="sha256")


@lru_cache(maxsize=8)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def new_keyring() -> Keyring:
    """Fresh random keys."""
    fresh = [secrets.token_bytes(32) for _ in range(4)]
    return Keyring(seals={1: fresh[0]}, hashing=fresh[1], tokens=fresh[2], ids=fresh[3])


def with_new_seal(keyring: Keyring) -> Keyring:
    """The same with a fresh encryption key on top; all before it go on opening."""
    return replace(keyring, seals=keyring.seals | {max(keyring.seals) + 1: secrets.token_bytes(32)})


def with_new_lookup(keyring: Keyring) -> Keyring:
    """The same with a fresh lookup key, towards which rows are to be moved."""
    former = (keyring.hashing, *keyring.former)
    return replace(keyring, hashing=secrets.token_bytes(32), former=former, moving=True)


def with_restore(keyring: Keyring, *, messages: int, customers: int) -> Keyring:
    """The same after a copy was put back whose last numbers are these."""
    return replace(keyring, restored=(*keyring.restored, (messages, customers)))


def write_keyring(keyring: Keyring, path: Path) -> None:
    """Writes the key file, readable by its owner only; never over an existing one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(_written(keyring), file, indent=1)
        file.flush()
        os.fsync(file.fileno())


def replace_keyring(keyring: Keyring, path: Path) -> None:
    """Puts the key file in the place of the one there, whole or not at all."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    write_keyring(keyring, beside)
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(
            folder
        )  # without it a power cut could bring the old file back, without the new key
    finally:
        os.close(folder)


def _written(keyring: Keyring) -> dict[str, Any]:
    """`former`, `moving` and `restored` only where there are any: an untouched file stays as it always was."""
    body: dict[str, Any] = {
        "seals": {str(number): key.hex() for number, key in keyring.seals.items()},
        "hashing": keyring.hashing.hex(),
        "tokens": keyring.tokens.hex(),
        "ids": keyring.ids.hex(),
    }
    if keyring.former:
        body |= {"former": [key.hex() for key in keyring.former], "moving": keyring.moving}
    if keyring.restored:
        body["restored"] = [list(each) for each in keyring.restored]
    return body


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
            former=tuple(bytes.fromhex(key) for key in body.get("former", ())),
            moving=bool(body.get("moving", False)),
            restored=tuple((int(each[0]), int(each[1])) for each in body.get("restored", ())),
            file=KeyFile(path),
        )
    except FileNotFoundError:
        raise InputRefused(
            f"{path}: no key file; restore it, or run `outreach init` for a new workspace"
        ) from None
    except (LookupError, TypeError, ValueError, AttributeError):
        raise InputRefused(f"{path}: not a key file of outreach; restore the right one") from None
    if mode & 0o077:
        raise InputRefused(f"{path}: readable by others; run `chmod 600 {path}`")
    return keyring
