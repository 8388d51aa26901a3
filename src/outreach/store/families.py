"""What headcounts count, and the blocks of places whose counts are summed up beforehand."""

from __future__ import annotations

from enum import IntEnum


class Family(IntEnum):
    """Each counts distinct ones of its kind; the bucket says which sort of it."""

    PREMISE = 1
    """Bucket: number of the locality (`locality_number`)."""
    ACCOUNT = 2
    CUSTOMER = 3
    """Bucket: the set of channels, as CHANNEL_BITS."""
    HOUSEHOLD = 4
    CLASS_A = 5
    """Customers of class A at one of these premises."""
    REGISTERED = 6
    """Customers of class A, and those whose entry in the register has lapsed."""
    MESSAGE = 7
    """Contact points to which an SMS and e-mail step writes. Bucket: bit of the channel."""


RECURRING = tuple(family for family in Family if family is not Family.PREMISE)
"""A premise stands at one place; all others may occur at several."""
_BLOCK_BITS = 40
"""256 nodes, as they are first numbered, share a block."""


def block(place: int) -> int:
    return place >> _BLOCK_BITS


def whole_blocks(low: int, high: int) -> tuple[int, int]:
    """First and last block that lie whole inside [low, high]; last < first if none does."""
    return -(-low >> _BLOCK_BITS), ((high + 1) >> _BLOCK_BITS) - 1


def bounds(first: int, last: int) -> tuple[int, int]:
    """The lowest and the highest place of these blocks."""
    return first << _BLOCK_BITS, ((last + 1) << _BLOCK_BITS) - 1
