"""The home of addresses: normalised, sealed at rest, found by a keyed hash, and the ids people see."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from outreach.model.errors import InputRefused
from outreach.model.numbering import PLANS, NumberPlan, Phone, PhoneRefused

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
        return self.seal_each([clear])[0]

    def seal_each(self, clears: Sequence[str]) -> list[bytes]:
        """Many at once, each with a nonce of its own; these are drawn together."""
        key_id = max(self.seals)
        head, encrypt = _HEAD.pack(_VERSION, key_id), _cipher(self.seals[key_id]).encrypt
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
        if key_id not in self.seals:
            raise InputRefused(f"the key file lacks key {key_id}, with which addresses were sealed")
        try:
            return _cipher(self.seals[key_id]).decrypt(nonce, body, head).decode()
        except InvalidTag:
            raise InputRefused(
                "the key file is not the one this database was sealed with; put the right one back"
            ) from None

    def hash(self, address: str) -> bytes:
        """16 bytes by which a normalised address is found; same address, same hash."""
        mac = _keyed(self.hashing).copy()
        mac.update(address.encode())
        return mac.digest()[:16]

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


_NO_PLAN = NumberPlan(code="", mobile="", fixed="", extension=r"ext")
_NOTE = re.compile(r"\([^)]*[^\W\d_][^)]*\)")
_SPREADSHEET_ZERO = re.compile(r"[.,]0$")
_NO_DIGIT = re.compile(r"[^0-9]")
_NO_LETTER = re.compile(r"[\x00-@\[-`{-\x7f]*")
"""ASCII without a letter, as nearly every number is."""
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = re.compile(
    rf"(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{1,63}",
    re.ASCII,
)


def normalise_email(text: str) -> str | None:
    """Lower case, or None if it is no address: RFC 5322 atoms, a domain of two labels or more; no repair."""
    address = text.strip()
    if not address.isascii():
        return None
    address = address.lower()
    return address if _EMAIL.fullmatch(address) else None


def normalise_phone(
    text: str,
    *,
    region: str,
    countries: frozenset[str] = frozenset(),
    stand_ins: frozenset[str] = frozenset(),
) -> Phone | PhoneRefused:
    """Reads one telephone number as people of `region` type it; model.numbering has the national rules.

    countries: ISO codes that are accepted; empty: every country. stand_ins: national digits that stand for
    "none" in this company. Whatever is accepted also passes libphonenumber's is_valid_number.
    """
    plan = PLANS.get(region, _NO_PLAN)
    clean = _without_notes(text, plan)
    if not _NO_LETTER.fullmatch(clean) and any(letter.isalpha() for letter in clean):
        return PhoneRefused(reason="letters")
    digits = _NO_DIGIT.sub("", clean)
    if not digits:
        return PhoneRefused(reason="empty")
    international = _international(clean, digits, plan, region)
    if not international:
        return PhoneRefused(reason="length")
    if international.removeprefix(plan.code) in stand_ins:
        return PhoneRefused(reason="placeholder")
    phone = _line(international)
    if phone is not None and (not countries or phone.country in countries):
        return phone
    ours = plan.code and international.startswith(plan.code)
    return PhoneRefused(reason=f"not_a_number_of_{region}" if ours else "country_or_length")


def prefix(address: str) -> str:
    """What stands in clear of a telephone: country code and two digits; empty for an e-mail."""
    if not address.startswith("+"):
        return ""
    codes = _calling_codes()
    code = next((size for size in (1, 2, 3) if address[1 : 1 + size] in codes), 3)
    return address[: 1 + code + 2]


@cache
def _calling_codes() -> frozenset[str]:
    import phonenumbers  # noqa: PLC0415  phonenumbers

    return frozenset(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


def is_region(region: str) -> bool:
    """Whether telephone numbers of this ISO country are known."""
    import phonenumbers  # noqa: PLC0415  phonenumbers

    return region in phonenumbers.SUPPORTED_REGIONS


def _without_notes(text: str, plan: NumberPlan) -> str:
    """Less the extension, remarks in parentheses, and the .0 that a spreadsheet adds."""
    line = text.replace("\N{NO-BREAK SPACE}", " ")
    if _NO_LETTER.fullmatch(line):  # an extension is named, and a remark has words
        return _SPREADSHEET_ZERO.sub("", line.strip())
    if plan.extension:
        line = re.split(plan.extension, line, maxsplit=1, flags=re.IGNORECASE)[0]
    return _SPREADSHEET_ZERO.sub("", _NOTE.sub("", line).strip())


def _international(clean: str, digits: str, plan: NumberPlan, region: str) -> str:
    """Digits with country code; empty if no number of the region is written like this."""
    if "+" in clean[: clean.index(digits[0])]:
        return _as_dialled(digits, plan, region)
    if digits.startswith("00"):
        return _as_dialled(digits[2:], plan, region)
    if plan.bare and re.fullmatch(plan.bare, digits):
        return digits
    for pattern, rewritten in plan.rewrites:
        if match := re.fullmatch(pattern, digits.removeprefix("0")):
            return rewritten.replace(r"\1", match[1])  # Match.expand parses it each time, for 10 µs
    return "" if plan.rewrites else _read_by_library(clean, region)


def _as_dialled(digits: str, plan: NumberPlan, region: str) -> str:
    """People put +54 before what they dial at home, 011 15 …; whoever opted out is the same person."""
    at_home = plan.code and digits.startswith(plan.code) and not plan.rewrites
    if not at_home or re.fullmatch(f"{plan.mobile}|{plan.fixed}", digits):
        return digits
    return _read_by_library(digits.removeprefix(plan.code), region) or digits


def _read_by_library(clean: str, region: str) -> str:
    import phonenumbers  # noqa: PLC0415  phonenumbers

    try:
        number = phonenumbers.parse(clean, region)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)[1:]


def _line(digits: str) -> Phone | None:
    """The line behind international digits, if it exists and is no premium, toll-free or service number."""
    for country, plan in PLANS.items():
        if digits.startswith(plan.code):
            mobile = re.fullmatch(plan.mobile, digits) is not None
            if not (mobile or re.fullmatch(plan.fixed, digits)):
                return None
            is_valid = _is_valid(digits, country, plan.code)
            return Phone(e164=f"+{digits}", country=country, mobile=mobile) if is_valid else None
    return _line_abroad(digits)


def _line_abroad(digits: str) -> Phone | None:
    """Of a country without a plan of ours: by the library alone."""
    import phonenumbers  # noqa: PLC0415  phonenumbers

    try:
        number = phonenumbers.parse(f"+{digits}")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    kinds = phonenumbers.PhoneNumberType
    kind = phonenumbers.number_type(number)
    if kind not in {kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE, kinds.FIXED_LINE, kinds.VOIP}:
        return None
    return Phone(
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        country=phonenumbers.region_code_for_number(number) or "",
        mobile=kind in {kinds.MOBILE, kinds.FIXED_LINE_OR_MOBILE},
    )


def _is_valid(digits: str, country: str, code: str) -> bool:
    """What the library's is_valid_number says, by its own patterns: 2 µs instead of 60."""
    rules = _rules(country)
    national = digits[len(code) :]
    if rules is None or rules.rewritten.match(national):
        return _library_is_valid(digits)
    return _fits(national, rules.general) and any(_fits(national, kind) for kind in rules.kinds)


def _library_is_valid(digits: str) -> bool:
    import phonenumbers  # noqa: PLC0415  phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


_Kind = tuple[tuple[int, ...], re.Pattern[str]]
"""(possible lengths, pattern) of national numbers of one kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The library's patterns of one country, compiled."""

    rewritten: re.Pattern[str]
    """National numbers that begin like this are rewritten before they are judged."""
    general: _Kind
    kinds: tuple[_Kind, ...]


@cache
def _rules(country: str) -> _Rules | None:
    """None where countries share a calling code: there the library has to look."""
    import phonenumbers  # noqa: PLC0415  phonenumbers

    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
    if metadata is None:
        return None
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(metadata.country_code or 0, ())
    if len(regions) != 1:
        return None
    kinds = (
        metadata.mobile, metadata.fixed_line, metadata.voip, metadata.toll_free,
        metadata.premium_rate, metadata.shared_cost, metadata.personal_number, metadata.pager,
        metadata.uan, metadata.voicemail,
    )  # fmt: skip
    return _Rules(
        rewritten=re.compile(metadata.national_prefix_for_parsing or r"(?!)"),
        general=_kind(metadata.general_desc),
        kinds=tuple(
            _kind(kind) for kind in kinds if kind is not None and kind.national_number_pattern
        ),
    )


def _fits(national: str, kind: _Kind) -> bool:
    lengths, pattern = kind
    return (not lengths or len(national) in lengths) and pattern.fullmatch(national) is not None


def _kind(description: Any) -> _Kind:
    return tuple(description.possible_length), re.compile(description.national_number_pattern)
