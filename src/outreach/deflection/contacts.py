"""The forms in which contacts come as files or streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from outreach.deflection import (
    contacts_asterisk,
    contacts_connect,
    contacts_csv,
    contacts_genesys,
    contacts_jsonl,
)
from outreach.deflection.calls_mapping import CallsMapping, read_calls_mapping
from outreach.deflection.calls_reading import Seen, Terms
from outreach.deflection.calls_times import ISO
from outreach.settings import Settings

See = Callable[[Iterable[str], Terms], Iterator[Seen]]


class Form(StrEnum):
    """A form by the name that people type."""

    CSV = "csv"
    JSONL = "jsonl"
    ASTERISK = "asterisk"
    GENESYS = "genesys"
    CONNECT = "connect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How one form is read."""

    see: See
    needs_mapping: bool = False
    """Without a file that names its columns it says nothing."""
    has_header: bool = False
    """The first line of each file may name the columns."""
    in_lines: bool = True
    """Cut at line ends; the others are read in any pieces."""


FORMATS = {
    Form.CSV: Format(see=contacts_csv.seen, needs_mapping=True, has_header=True),
    Form.JSONL: Format(see=contacts_jsonl.seen, needs_mapping=True),
    Form.ASTERISK: Format(see=contacts_asterisk.seen, has_header=True),
    Form.GENESYS: Format(see=contacts_genesys.seen, in_lines=False),
    Form.CONNECT: Format(see=contacts_connect.seen, in_lines=False),
}


def mapping_of(settings: Settings, form: Form, path: Path | None = None) -> CallsMapping:
    """What the settings say of a source, and the file `path` above them; a platform's form needs no file.

    The ids of queues go by our names as [contactcenter.genesys] and [contactcenter.connect] have them.
    """
    if path is not None and FORMATS[form].needs_mapping:
        return read_calls_mapping(path)
    center, company = settings.contactcenter, settings.company
    queues = {Form.GENESYS: center.genesys.queues, Form.CONNECT: center.connect.queues}
    plain = CallsMapping(
        source=form.value,
        at_format=contacts_asterisk.TIMES if form is Form.ASTERISK else ISO,
        zone=company.zone,
        region=company.country,
        outage_numbers=center.outage_numbers,
        queues={theirs: ours for ours, theirs in queues.get(form, {}).items()},
    )
    return read_calls_mapping(path, plain=plain) if path else plain
