"""Reads contact lists: good rows are kept, bad ones reported by their number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outreach.addresses import Keyring, normalise_email, normalise_phone, prefix
from outreach.audience import spelling
from outreach.model.numbering import Phone
from outreach.model.record import RowRefused
from outreach.model.spelling import plain
from outreach.model.stakeholder import ContactList, NewStakeholder
from outreach.model.words import Channel
from outreach.record.csv_file import CsvFile
from outreach.record.source_form import SourceForm
from outreach.settings import Settings
from outreach.store import audit, record, rotations, stakeholders
from outreach.store.session import Database

COLUMNS = ("list", "name", "channel", "address")
"""Those that must be there; `locality` and `language` may."""
CHANNELS = (Channel.SMS, Channel.EMAIL)
PREFIX = "stk"
_LOCALE = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_ANYWHERE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of the rows of a file."""

    read: int
    kept: int
    """New, or changed."""
    unchanged: int
    refused: tuple[RowRefused, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one row as this company writes it; `localities`: the record's, by their plain spelling."""

    keyring: Keyring
    country: str
    locale: str
    zone: str
    localities: Mapping[str, str]

    def read(self, cells: Mapping[str, str]) -> NewStakeholder | tuple[str, str]:
        """An entry, or why there is none: a reason and its detail, which never hold the address."""
        try:
            chosen = ContactList(cells["list"].casefold())
        except ValueError:
            return "unknown_list", f"{cells['list']!r}; one of {', '.join(ContactList)}"
        if not cells["name"]:
            return "missing_name", ""
        address = self._address(cells["channel"].casefold(), cells["address"])
        if isinstance(address, tuple):
            return address
        locality = self._locality(cells.get("locality", ""))
        if isinstance(locality, tuple):
            return locality
        locale = cells.get("language", "") or self.locale
        if not _LOCALE.fullmatch(locale):
            return "unknown_language", f"{locale!r}; write es, pt, en or es-CL"
        return NewStakeholder(
            list=chosen,
            name=cells["name"],
            locality=locality,
            channel=address.channel,
            address_hash=self.keyring.hash(address.text),
            address_sealed=self.keyring.seal(address.text),
            country=address.country,
            prefix=prefix(address.text),
            locale=locale,
            zone=self.zone,
        )

    def _address(self, channel: str, typed: str) -> _Address | tuple[str, str]:
        if channel == Channel.EMAIL:
            email = normalise_email(typed)
            if email is None:
                return "bad_address", "not an e-mail address"
            return _Address(channel=Channel.EMAIL, text=email, country=_ANYWHERE)
        if channel != Channel.SMS:
            return "unknown_channel", f"{channel!r}; sms or email"
        phone = normalise_phone(typed, region=self.country)
        if not isinstance(phone, Phone):
            return "bad_address", f"not a telephone number: {phone.reason}"
        return _Address(channel=Channel.SMS, text=phone.e164, country=phone.country)

    def _locality(self, typed: str) -> str | tuple[str, str]:
        """In the record's own spelling: else a town would never hear of what touches it."""
        if not typed:
            return ""
        known = self.localities.get(plain(typed))
        if known is not None:
            return known
        near = ", ".join(spelling.near(typed, self.localities.values()))
        return "unknown_locality", f"{typed!r}; near: {near}" if near else f"{typed!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    channel: Channel
    text: str
    country: str


def take_in(
    database: Database,
    keyring: Keyring,
    settings: Settings,
    path: Path,
    *,
    author: str,
    now: datetime,
) -> Imported:
    """Reads a CSV of `list,name,locality,channel,address,language`; the same file twice changes nothing.

    InputRefused: no such file, not UTF-8, or a column is missing. Reasons of refusal: unknown_list,
    missing_name, unknown_channel, bad_address, unknown_locality, unknown_language, and those of the CSV.
    """
    with database.read() as session:
        localities = {plain(name): name for name in record.localities(session)}
    company = settings.company
    reader = Reader(
        keyring=keyring,
        country=company.country,
        locale=company.locale,
        zone=company.zone,
        localities=localities,
    )
    found, refused = _rows(path, reader)
    with database.write() as session:
        rotations.adopt(session, keyring, (keyring.open(one.address_sealed) for one in found))
        kept = sum(stakeholders.keep(session, one, now=now) for one in found)
        audit.write(
            session, author, "stakeholder.import", path.name, now=now, kept=kept, read=len(found)
        )
    return Imported(
        read=len(found) + len(refused),
        kept=kept,
        unchanged=len(found) - kept,
        refused=tuple(refused),
    )


def _rows(path: Path, reader: Reader) -> tuple[list[NewStakeholder], list[RowRefused]]:
    form = SourceForm(file=path.name, encoding="auto", delimiter="auto")
    file = CsvFile(path.parent, form, COLUMNS)
    found: list[NewStakeholder] = []
    refused: list[RowRefused] = []
    for row in file:
        if isinstance(row, RowRefused):
            refused.append(row)
            continue
        cells = {name: cell.strip() for name, cell in zip(file.columns, row.fields, strict=True)}
        entry = reader.read(cells)
        if isinstance(entry, NewStakeholder):
            found.append(entry)
        else:
            reason, detail = entry
            refused.append(
                RowRefused(
                    file=path.name, record=row.record, line=row.line, reason=reason, detail=detail
                )
            )
    return found, refused


def remove(database: Database, number: int, *, author: str, shown: str, now: datetime) -> bool:
    """Takes an entry off its list; False: there is none of this number."""
    with database.write() as session:
        gone = stakeholders.remove(session, number, now=now)
        if gone:
            audit.write(session, author, "stakeholder.remove", shown, now=now)
    return gone
