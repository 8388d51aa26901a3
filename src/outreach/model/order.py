"""The random order of sending: a keyed rank per household, which is also the experiment.

Source: docs/architecture.md, "Deflection"; HMAC-SHA256(key=seed, message=household ref).
"""

from __future__ import annotations

import hashlib
import hmac

SEED_BYTES = 32
RANK_BITS = 63


def digest(seed: bytes, household: str) -> bytes:
    """32 bytes; ascending order of these, read big-endian, is the order inside a class."""
    return hmac.digest(seed, household.encode(), "sha256")


def rank(seed: bytes, household: str) -> int:
    """First 63 bits of the digest: fits a signed 64-bit column; equal only for equal households."""
    return int.from_bytes(digest(seed, household)[:8], "big") >> 1


def is_drawn(seed: bytes, word: str, household: str, *, share: float) -> bool:
    """Whether the seed draws a household for `word` (`tail`, `holdout`): HMAC(seed, word + household) below the share.

    Asked of the first 63 bits, as the databases have them; a share is a float, so that the answer is the same.
    """
    return rank(seed, word + household) < drawn_below(share)


def drawn_below(share: float) -> int:
    """The rank below which this share of all households lies."""
    return int(share * (1 << RANK_BITS))


def pads(seed: bytes) -> tuple[bytes, bytes]:
    """Inner and outer HMAC pads of a seed of at most 64 bytes, for databases that only have sha256."""
    block = seed.ljust(64, b"\0")
    return bytes(b ^ 0x36 for b in block), bytes(b ^ 0x5C for b in block)


def commitment(seed: bytes) -> str:
    """Hex SHA-256 of the seed, published before the first send."""
    return hashlib.sha256(seed).hexdigest()
