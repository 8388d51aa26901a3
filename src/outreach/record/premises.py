"""Reads the file of supply points: where each stands, who holds it, which transformer feeds it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from zoneinfo import available_timezones

from outreach.model.record import Premise, RowRefused
from outreach.record.accounts import parsed_day
from outreach.record.csv_file import CsvFile, Row
from outreach.record.mapping import Mapping
from outreach.record.newest import Newest


@dataclass(frozen=True, slots=True, kw_only=True)
class PremisesRead:
    """What the file of supply points gave."""

    premises: dict[str, Premise]
    records: int
    refused: tuple[RowRefused, ...]
    duplicates: dict[str, tuple[int, ...]]
    warnings: tuple[RowRefused, ...]
    """Rows that were taken all the same, and what is wrong with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What supply points may refer to."""

    accounts: Container[str]
    transformers: Container[str]
    connected: Container[str]
    """Nodes that a substation feeds."""


def read_premises(mapping: Mapping, known: Known) -> PremisesRead:
    """Reads the file; InputRefused if it is unusable, one refused row costs nothing but itself."""
    columns = mapping.premises.columns
    file = CsvFile(mapping.folder, mapping.premises, columns.model_dump().values())
    reader = _PremiseReader(mapping, file)
    newest, refused = Newest(), []
    for row in file:
        if isinstance(row, RowRefused):
            refused.append(row)
        elif ref := reader.cell(row, columns.premise):
            newest.offer(
                ref, row, parsed_day(reader.cell(row, columns.updated), mapping.record.dates)
            )
        else:
            refused.append(_about(file, row, "missing_premise_id"))
    rows = newest.winners()
    premises = _with_one_spelling({ref: reader.premise(ref, row) for ref, row in rows.items()})
    warnings = [
        _about(file, rows[ref], reason)
        for ref, premise in premises.items()
        for reason in _doubts(premise, known, mapping)
    ]
    return PremisesRead(
        premises=premises,
        records=file.records,
        refused=tuple(refused),
        duplicates=newest.losers(),
        warnings=tuple(warnings),
    )


class _PremiseReader:
    def __init__(self, mapping: Mapping, file: CsvFile) -> None:
        self.mapping = mapping
        self._place = {name: place for place, name in enumerate(file.columns)}
        self._zones = available_timezones()

    def cell(self, row: Row, column: str) -> str:
        return row.fields[self._place[column]].strip() if column else ""

    def premise(self, ref: str, row: Row) -> Premise:
        columns = self.mapping.premises.columns
        latitude, longitude = self._coordinates(row)
        zone = self.cell(row, columns.zone)
        return Premise(
            ref=ref,
            holder=self._account(row, columns.holder),
            occupant=self._account(row, columns.occupant) or None,
            transformer=self.cell(row, columns.transformer).upper(),
            locality=" ".join(self.cell(row, columns.locality).split()),
            street=self.cell(row, columns.street),
            latitude=latitude,
            longitude=longitude,
            zone=zone if zone in self._zones else self.mapping.record.zone,
        )

    def _account(self, row: Row, column: str) -> str:
        return re.sub(self.mapping.premises.account_drop, "", self.cell(row, column))

    def _coordinates(self, row: Row) -> tuple[float | None, float | None]:
        """Both, with decimal comma or point, or neither."""
        columns, bounds = self.mapping.premises.columns, self.mapping.premises.bounds
        try:
            latitude = float(self.cell(row, columns.latitude).replace(",", "."))
            longitude = float(self.cell(row, columns.longitude).replace(",", "."))
        except ValueError:
            return None, None
        inside = (
            bounds.south <= latitude <= bounds.north and bounds.west <= longitude <= bounds.east
        )
        return (latitude, longitude) if inside else (None, None)


def _about(file: CsvFile, row: Row, reason: str) -> RowRefused:
    return RowRefused(file=file.path.name, record=row.record, line=row.line, reason=reason)


def _doubts(premise: Premise, known: Known, mapping: Mapping) -> Iterable[str]:
    if premise.holder not in known.accounts:
        yield "unknown_customer"
    if mapping.premises.columns.latitude and premise.latitude is None:
        yield "bad_coordinates"
    if mapping.network is None:
        return
    if not premise.transformer:
        yield "no_transformer"
    elif premise.transformer not in known.transformers:
        yield "unknown_transformer"
    elif premise.transformer not in known.connected:
        yield "unconnected_transformer"


def _with_one_spelling(premises: dict[str, Premise]) -> dict[str, Premise]:
    """Localities that differ in case or accents only take their most frequent spelling."""
    spellings: dict[str, Counter[str]] = {}
    for premise in premises.values():
        spellings.setdefault(folded_place(premise.locality), Counter())[premise.locality] += 1
    chosen = {
        place: min(found, key=lambda spelling: (-found[spelling], spelling))
        for place, found in spellings.items()
    }
    return {
        ref: replace(premise, locality=chosen[folded_place(premise.locality)])
        for ref, premise in premises.items()
    }


def folded_place(name: str) -> str:
    """A place name without case and accents, for comparing."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
