"""Pages of a listing: `?limit=&cursor=`, and `next` in the answer, absent on the last page.

A cursor says after which row to go on. It is signed with the listing's name, so that none can be made up
or taken to another listing; it holds no personal data and does not expire.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import HTTPException, Query

from outreach.addresses import Keyring

Item = TypeVar("Item")

MOST = 500
_MAC = 8
_BAD = "cursor: not one of this listing; begin without one"

Limit = Annotated[int, Query(ge=1, le=MOST, description="most items of a page")]
Cursor = Annotated[str, Query(max_length=80, description="`next` of the page before")]


def cut(
    found: Sequence[Item], limit: int, make: Callable[[Item], str]
) -> tuple[Sequence[Item], str | None]:
    """The page, and the cursor of the next; `found` holds one item more than the page if there are more."""
    page = found[:limit]
    return page, make(page[-1]) if len(found) > limit else None


def cursor(keyring: Keyring, listing: str, after: str) -> str:
    """Goes on after the row that `after` names."""
    raw = after.encode()
    return base64.urlsafe_b64encode(_mac(keyring, listing, raw) + raw).decode().rstrip("=")


def after_number(keyring: Keyring, listing: str, text: str) -> int | None:
    """The number of the last row seen; None for the first page. HTTPException 400 for a foreign cursor."""
    if not text:
        return None
    try:
        return int(after(keyring, listing, text))
    except ValueError:
        raise HTTPException(400, _BAD) from None


def after(keyring: Keyring, listing: str, text: str) -> str:
    """As `after_number`, of a row that has a name; empty for the first page."""
    if not text:
        return ""
    try:
        packed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        mac, raw = packed[:_MAC], packed[_MAC:]
        found = raw.decode()
    except (binascii.Error, ValueError):
        raise HTTPException(400, _BAD) from None
    if not hmac.compare_digest(mac, _mac(keyring, listing, raw)):
        raise HTTPException(400, _BAD)
    return found


def _mac(keyring: Keyring, listing: str, raw: bytes) -> bytes:
    return hmac.digest(keyring.tokens, b"cursor." + listing.encode() + b"." + raw, "sha256")[:_MAC]
