"""The home of addresses: normalised, sealed at rest, found by a keyed hash, and the ids people see."""

from __future__ import annotations

from outreach.addresses.keys import (
    Keyring,
    new_keyring,
    read_keyring,
    replace_keyring,
    with_new_lookup,
    with_new_seal,
    with_restore,
    write_keyring,
)
from outreach.addresses.written import is_region, normalise_email, normalise_phone, prefix

__all__ = [
    "Keyring",
    "is_region",
    "new_keyring",
    "normalise_email",
    "normalise_phone",
    "prefix",
    "read_keyring",
    "replace_keyring",
    "with_new_lookup",
    "with_new_seal",
    "with_restore",
    "write_keyring",
]
