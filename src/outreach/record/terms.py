"""On which terms a load is merged: keys, consent, what an address of many is, sources, and the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from outreach.addresses import Keyring
from outreach.record.mapping import Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What every slice of one merge goes by."""

    keyring: Keyring
    consent: Consent
    many: int
    """An address of more customers than this joins nobody."""
    ignores_many: bool
    """Such an address is no address at all: kept, but never written to."""
    touches_all: bool
    """The mapping has changed: also whoever stays as they were is looked at again."""
    now: datetime
    sources: dict[str, int] = field(default_factory=dict)
    """`account` and `premise` -> id of the source."""
    spellings: dict[str, str] = field(default_factory=dict)
    """Folded locality -> its one spelling."""
