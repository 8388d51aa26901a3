"""Reads a row of the supply points: where each stands, who holds it, which transformer feeds it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from zoneinfo import available_timezones

from outreach.addresses import Keyring
from outreach.model.spelling import plain
from outreach.record.cells import Row
from outreach.record.mapping import Mapping
from outreach.record.words import Cells, cell, parsed_day, trimmed

_MOST_SPELLINGS = 200_000
"""A column that holds more different words than this is no locality."""


class PremiseReader:
    """The columns of one mapping, ready for millions of rows."""

    entity = "premise"

    def __init__(self, mapping: Mapping, columns: Sequence[str], keyring: Keyring) -> None:
        self.keyring = keyring
        self._mapping = mapping
        self._formats = mapping.record.dates
        self._drop = re.compile(mapping.premises.account_drop)
        self._zones = available_timezones()
        self._at = _Places(mapping, Cells(columns))
        self.spellings: Counter[str] = Counter()
        """How often each locality stands in the rows, as written."""

    def ref(self, row: Row) -> str:
        return cell(row, self._at.premise)

    def refusal(self, row: Row, ref: str) -> str:
        """Why this row is no supply point; empty if it is one. Its locality is counted."""
        if not ref:
            return "missing_premise_id"
        place = self._at.locality
        if place >= 0:
            written = row.fields[place]
            if written in self.spellings or len(self.spellings) < _MOST_SPELLINGS:
                self.spellings[written] += 1
        return ""

    def day(self, row: Row) -> date | None:
        return parsed_day(cell(row, self._at.updated), self._formats)

    def staged(self, ref: str, row: Row, digest: int) -> tuple[tuple[object, ...], str]:
        """The row in the order of store.staging.PREMISE_NAMES, and what is to be sealed."""
        cells, at = trimmed(row), self._at
        zone = cells[at.zone]
        open_ = (
            ref,
            row.record,
            parsed_day(cells[at.updated], self._formats),
            digest,
            self._account(cells[at.holder]),
            self._account(cells[at.occupant]),
            cells[at.transformer].upper(),
            tidy(cells[at.locality]),
            cells[at.postal_code],
            *self._coordinates(cells),
            zone if zone in self._zones else self._mapping.record.zone,
        )
        return open_, cells[at.street]

    def forget(self, sealed: Iterable[bytes]) -> None:
        """Nothing is counted that a newer row would take back."""

    def _account(self, text: str) -> str:
        return self._drop.sub("", text) if text else ""

    def _coordinates(self, cells: Sequence[str]) -> tuple[float | None, float | None]:
        """Both, with decimal comma or point, or neither."""
        bounds = self._mapping.premises.bounds
        try:
            latitude = float(cells[self._at.latitude].replace(",", "."))
            longitude = float(cells[self._at.longitude].replace(",", "."))
        except ValueError:
            return None, None
        inside = (
            bounds.south <= latitude <= bounds.north and bounds.west <= longitude <= bounds.east
        )
        return (latitude, longitude) if inside else (None, None)


class _Places:
    """Where the columns of the supply points stand."""

    def __init__(self, mapping: Mapping, cells: Cells) -> None:
        columns = mapping.premises.columns
        self.premise, self.holder = cells.place(columns.premise), cells.place(columns.holder)
        self.occupant, self.street = cells.place(columns.occupant), cells.place(columns.street)
        self.transformer = cells.place(columns.transformer)
        self.locality = cells.place(columns.locality)
        self.postal_code = cells.place(columns.postal_code)
        self.latitude, self.longitude = (
            cells.place(columns.latitude),
            cells.place(columns.longitude),
        )
        self.zone, self.updated = cells.place(columns.zone), cells.place(columns.updated)


def tidy(name: str) -> str:
    """A place name without superfluous blanks."""
    return " ".join(name.split())


def chosen_spellings(written: Counter[str], known: Iterable[str] = ()) -> dict[str, str]:
    """Folded place -> its one spelling: the known one, else the most frequent, the first of equals."""
    spellings: dict[str, Counter[str]] = {}
    for name, count in written.items():
        spelling = tidy(name)
        spellings.setdefault(plain(spelling), Counter())[spelling] += count
    chosen = {
        place: min(found, key=lambda spelling: (-found[spelling], spelling))
        for place, found in spellings.items()
    }
    return chosen | {plain(name): name for name in known}
