"""What decides how a row is read: as long as it stays the same, an unchanged row need not be read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b

from outreach.record.mapping import Mapping

_VERSION = 1
"""Rises when the code reads rows otherwise than before."""
_OF_THE_DAY = {"as_of", "may_vanish"}
_OF_THE_PLACE = {
    "file", "format", "encoding", "delimiter", "footer", "list_key", "url", "query", "beginning",
    "batch", "statement_timeout_s",
}  # fmt: skip
"""Where rows come from is not what they mean."""


def of_mapping(mapping: Mapping) -> str:
    """Of every setting that decides what becomes of the rows; hexadecimal."""
    return _digest([_people(mapping), _places(mapping)]).hex()


def of_rows(mapping: Mapping, entity: str, columns: Sequence[str]) -> bytes:
    """The key with which rows of one entity are hashed."""
    part = _people(mapping) if entity == "account" else _places(mapping)
    return _digest([part, list(columns)])


def _people(mapping: Mapping) -> object:
    """Consent and the rule for addresses of many are among it: links are derived by them."""
    return mapping.model_dump(
        mode="json",
        include={"record": True, "consent": True, "phones": True, "customers": True},
        exclude={"record": _OF_THE_DAY, "customers": _OF_THE_PLACE},
    )


def _places(mapping: Mapping) -> object:
    return mapping.model_dump(
        mode="json",
        include={"record": {"zone", "dates"}, "premises": True},
        exclude={"premises": _OF_THE_PLACE},
    )


def _digest(said: object) -> bytes:
    text = json.dumps([_VERSION, said], sort_keys=True, ensure_ascii=True)
    return blake2b(text.encode(), digest_size=16).digest()
