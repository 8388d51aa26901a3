"""Call detail records of Asterisk and FreePBX: `Master.csv` as cdr_csv writes it, or any CDR file with a header.

Field order and meaning: docs.asterisk.org, "CDR Specification" and cdr_csv. One call has several records (a
party B each); they share `linkedid`, and are merged. The call is contained if none of them reached a queue or
rang a telephone. CDRs know no wait of their own: it is told for calls that were not answered, with the time in
the menu.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from outreach.deflection.calls_reading import Seen, Terms, Unfit, named, text, whole_seconds
from outreach.model.calls import CallRow

COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata",
    "start", "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid",
    "userfield", "peeraccount", "linkedid", "sequence",
)  # fmt: skip
"""Of Master.csv; what follows amaflags only as cdr.conf asks for it (loguniqueid, newcdrcolumns)."""
TIMES = "%Y-%m-%d %H:%M:%S"
_LEAST = COLUMNS.index("amaflags") + 1
_SIGNS = {"src", "dst", "disposition"}
"""Columns by which a header is known."""
_AGENTS = frozenset({"queue", "dial", "retrydial"})
_OURS = {
    "ani": ("src",),
    "dnis": ("did", "dst"),
    "at": ("start", "calldate"),
    "queue": (),
    "wrap_up": (),
}
"""Ours -> the first of these columns that there is; the mapping's [columns] come before."""


def seen(lines: Iterable[str], terms: Terms) -> Iterator[Seen]:
    """One Seen a record; halves of calls inside the exchange (Local/ channels) are no contacts."""
    reader = csv.reader(lines, delimiter=terms.mapping.delimiter)
    first = next(reader, [])
    has_header = names_columns(",".join(first))
    header = [title.strip().lower() for title in first] if has_header else COLUMNS
    rest = reader if has_header else chain([first], reader)
    for record, cells in enumerate(rest, start=1 + has_header):
        if cells:
            yield _seen(record, dict(zip(header, map(str.strip, cells), strict=False)), terms)


def names_columns(line: str) -> bool:
    """Whether a line is a header."""
    return {title.strip(' "').lower() for title in re.split("[,;\t]", line.strip())} >= _SIGNS


def _seen(record: int, cells: dict[str, str], terms: Terms) -> Seen:
    if cells.get("channel", "").startswith("Local/"):
        return Seen(record, record)
    try:
        return Seen(record, record, _call(cells, terms))
    except Unfit as error:
        return Seen(record, record, refusal=str(error))


def _call(cells: dict[str, str], terms: Terms) -> CallRow:
    if len(cells) < _LEAST and "disposition" not in cells:
        raise Unfit("columns_missing")
    call_id = named(cells.get("linkedid") or cells.get("uniqueid") or "")
    answered = cells.get("disposition", "").upper() == "ANSWERED" and bool(cells.get("dstchannel"))
    reached = cells.get("lastapp", "").casefold() in _AGENTS or bool(cells.get("dstchannel"))
    waited = not answered and reached
    return CallRow(
        call_id=call_id,
        at=terms.at(_first(cells, "at", terms)),
        address_hash=terms.caller(_first(cells, "ani", terms)),
        dnis=terms.dialled(_first(cells, "dnis", terms)),
        queue=terms.queue(_first(cells, "queue", terms) or _queue(cells)),
        contained=not reached,
        abandoned=not answered if reached else None,
        wait_s=_seconds(cells, "duration") if waited else None,
        talk_s=_seconds(cells, "billsec") if answered else None,
        source=terms.mapping.source,
        wrap_up=text(_first(cells, "wrap_up", terms)),
    )


def _first(cells: dict[str, str], name: str, terms: Terms) -> str:
    named_so = terms.mapping.columns.get(name, "").lower()
    columns: Sequence[str] = (named_so,) if named_so else _OURS[name]
    return next((cells[column] for column in columns if cells.get(column)), "")


def _queue(cells: dict[str, str]) -> str:
    """`Queue(cortes,t,,,90)` leaves `cortes,t,,,90`; releases before 1.6 wrote a bar for the comma."""
    if cells.get("lastapp", "").casefold() != "queue":
        return ""
    return cells.get("lastdata", "").replace("|", ",").partition(",")[0].strip()


def _seconds(cells: dict[str, str], name: str) -> int | None:
    written = cells.get(name, "")
    if not written:
        return None
    if not written.isdecimal():
        raise Unfit(f"{name}_not_seconds")
    return whole_seconds(int(written))
