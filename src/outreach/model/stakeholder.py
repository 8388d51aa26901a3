"""Who hears of outages without being a customer: municipalities, regulator, press, hospitals, duty staff."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from outreach.model.words import Channel


class ContactList(StrEnum):
    """A list of stakeholders that a step may name in `lists`."""

    MUNICIPALITY = "municipality"
    REGULATOR = "regulator"
    EMERGENCY = "emergency"
    HOSPITAL = "hospital"
    SCHOOL = "school"
    PRESS = "press"
    DUTY = "duty"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStakeholder:
    """One entry as it is kept: the address sealed."""

    list: ContactList
    name: str
    locality: str
    """In the record's spelling; hears only of what touches it. Empty: of everything."""
    channel: Channel
    address_hash: bytes
    address_sealed: bytes
    country: str
    prefix: str
    locale: str
    zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stakeholder:
    """One entry of a contact list, its address still sealed."""

    id: int
    list: ContactList
    name: str
    locality: str
    channel: Channel
    address_sealed: bytes
    locale: str
    zone: str
    added_at: datetime
