"""A call log as CSV: a header, and the columns that a mapping names."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_reading import Seen, Terms, Unfit, named, text, whole_seconds
from outreach.model.calls import CallRow
from outreach.model.errors import InputRefused

Read = Callable[[list[str]], CallRow]


def seen(lines: Iterable[str], terms: Terms) -> Iterator[Seen]:
    """One Seen a row, as they come; InputRefused if the header lacks a column. Record 1 is the header."""
    mapping = terms.mapping
    reader = csv.reader(lines, delimiter=mapping.delimiter)
    read = reading(places(next(reader, []), mapping), terms)
    line = reader.line_num + 1
    for record, cells in enumerate(reader, start=2):
        if cells:
            try:
                yield Seen(record, line, read(cells))
            except Unfit as error:
                yield Seen(record, line, refusal=str(error))
        line = reader.line_num + 1


def places(header: Sequence[str], mapping: CallsMapping) -> dict[str, int]:
    """Our names -> places of the columns."""
    titles = [title.strip().removeprefix("\ufeff") for title in header]
    missing = [theirs for theirs in mapping.columns.values() if theirs not in titles]
    if missing:
        raise InputRefused(f"no column {missing[0]!r}; mend the mapping's [columns]")
    return {ours: titles.index(theirs) for ours, theirs in mapping.columns.items()}


def reading(at: dict[str, int], terms: Terms) -> Read:
    """Cells -> row; Unfit says in a few words why they are none. The cells get one more, empty."""
    mapping = terms.mapping
    width = max(at.values(), default=0) + 1
    pick = itemgetter(*(at.get(name, -1) for name in _ORDER))  # -1: the empty cell at the end
    is_contained, is_abandoned = mapping.contained, mapping.abandoned

    def read(cells: list[str]) -> CallRow:
        cells += [""] * max(1, width + 1 - len(cells))
        (call_id, when, ani, dnis, queue, result, contained, waited, talked, kind, wrap_up) = map(
            str.strip, pick(cells)
        )
        call_id = named(call_id)
        if not when:
            raise Unfit("at_missing")
        return CallRow(
            call_id=call_id,
            at=terms.at(when),
            address_hash=terms.caller(ani),
            dnis=terms.dialled(dnis),
            queue=terms.queue(queue),
            contained=contained.casefold() in is_contained if contained else None,
            abandoned=result.casefold() in is_abandoned if result else None,
            wait_s=_seconds(waited, "wait_s") if waited else None,
            talk_s=_seconds(talked, "talk_s") if talked else None,
            source=mapping.source,
            kind=terms.kind(kind) if kind else None,
            wrap_up=text(wrap_up) if wrap_up else "",
        )

    return read


_ORDER = (
    "call_id", "at", "ani", "dnis", "queue", "result", "contained", "wait_s", "talk_s", "kind",
    "wrap_up",
)  # fmt: skip


def _seconds(written: str, name: str) -> int:
    if not written.isdecimal():
        raise Unfit(f"{name}_not_seconds")
    return whole_seconds(int(written))
