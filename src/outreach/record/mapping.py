"""The mapping file: how the exports of one company become our record, every mistake told at once."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, ValidationError

from outreach.addresses import is_region
from outreach.model.errors import InputRefused
from outreach.record.source_form import Part, SourceForm


def _known_zone(name: str) -> str:
    if name in available_timezones():
        return name
    raise ValueError(f"unknown zone `{name}`{near(name, available_timezones())}")


def _known_region(name: str) -> str:
    if is_region(name):
        return name
    raise ValueError(f"unknown region `{name}`; two capital letters, such as CL, AR, BR")


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return text


def _date_format(text: str) -> str:
    if all(part in text for part in ("%d", "%m", "%Y")):
        return text
    raise ValueError(f"`{text}` must name %d, %m and %Y, such as %d/%m/%Y")


def _validity(text: str) -> str:
    if re.fullmatch(r"[1-9]\d{0,3} (day|year)s?", text):
        return text
    raise ValueError(f"`{text}`; allowed: `1 year`, `365 days`")


def near(word: str, allowed: Any) -> str:
    """`; did you mean `x`?` for the nearest allowed word, or nothing."""
    folded = {str(candidate).casefold(): str(candidate) for candidate in allowed}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean `{folded[found[0]]}`?" if found else ""


Zone = Annotated[str, AfterValidator(_known_zone)]
Region = Annotated[str, AfterValidator(_known_region)]
Pattern = Annotated[str, AfterValidator(_pattern)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
Words = tuple[str, ...]


class Installation(Part):
    """What holds for all files."""

    region: Region
    """Country whose telephone habits the files follow."""
    zone: Zone
    locale: str = Field(default="es", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    as_of: date | None = None
    """The day to compare dates with; left out: today."""
    dates: tuple[DateFormat, ...] = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y")
    shared_by_more_than: int = Field(default=10, ge=1)
    shared: Literal["one_message", "ignore"] = "one_message"
    """What an address of more customers than that is: it joins nobody; `ignore`: it is no address at all."""
    may_vanish: float = Field(default=0.05, ge=0, le=1)
    """Share of the customers or premises of the last load that may be missing before we refuse."""


class Consent(Part):
    """Words of consent, and the channels that need it; an explicit no always holds."""

    yes: Words = ("1", "Y", "YES")
    no: Words = ("0", "N", "NO")
    sms_needs_consent: bool = True
    email_needs_consent: bool = True
    voice_needs_consent: bool = True


class Phones(Part):
    """How telephone fields are filled."""

    separators: Words = ("/", ";")
    countries: tuple[Region, ...] = ()
    """Accepted countries; empty: all."""
    stand_ins: Words = ()
    """National numbers that people type for `none`."""


CsvForm = SourceForm
"""The name from when there was nothing but CSV."""


class CustomerColumns(Part):
    """Names of the columns; those left out do not exist in the file."""

    account: str
    identity: str = ""
    name: Words
    """Joined by a blank."""
    type: str = ""
    language: str = ""
    emails: Words = ()
    phones: Words = ()
    sms_consent: str = ""
    email_consent: str = ""
    voice_consent: str = ""
    preferred: str = ""
    life_support: str = ""
    life_support_date: str = ""
    zone: str = ""
    state: str = ""
    updated: str = ""
    changed: str = ""
    """When the row last changed, for reading only what is newer."""
    tags: Words = ()
    """A cell may hold several, separated by `,` `;` or `|`."""


class LifeSupport(Part):
    """When an entry of the register holds."""

    yes: Words = ("1", "Y", "YES")
    valid_for: Annotated[str, AfterValidator(_validity)] | None = None
    """`1 year`, `365 days`; left out: for ever, with or without a date."""

    def ends_on(self, registered: date) -> date:
        """The last day on which the entry holds; the anniversary itself is one."""
        if self.valid_for is None:
            return date.max
        count, unit = self.valid_for.split()
        if unit.startswith("day"):
            return registered + timedelta(days=int(count))
        try:
            return registered.replace(year=registered.year + int(count))
        except ValueError:  # 29 February; the next day is the generous reading
            return date(registered.year + int(count), 3, 1)


class Customers(SourceForm):
    """The accounts."""

    entity: ClassVar[str] = "customers"

    columns: CustomerColumns
    account_drop: Pattern = r"\s"
    """What is removed from an account number before it is judged."""
    account_pattern: Pattern = ".+"
    identity: Literal["none", "plain", "rut_cl"] = "none"
    states: dict[str, Literal["active", "closed", "deceased"]] = Field(default_factory=dict)
    languages: dict[str, str] = Field(default_factory=dict)
    zones: dict[str, Zone] = Field(default_factory=dict)
    channels: dict[str, Literal["sms", "email", "voice", "none"]] = Field(default_factory=dict)
    ordinary_types: Words = ()
    """Customer types of class C; every other type is B. Empty: nobody is B."""
    life_support: LifeSupport = LifeSupport()


class PremiseColumns(Part):
    premise: str
    holder: str
    occupant: str = ""
    transformer: str = ""
    locality: str = ""
    postal_code: str = ""
    street: str = ""
    latitude: str = ""
    longitude: str = ""
    zone: str = ""
    updated: str = ""
    changed: str = ""
    """When the row last changed, for reading only what is newer."""


class Bounds(Part):
    """Coordinates outside are warned about, in degrees."""

    south: float = -90
    north: float = 90
    west: float = -180
    east: float = 180


class Premises(SourceForm):
    """The supply points."""

    entity: ClassVar[str] = "premises"

    columns: PremiseColumns
    account_drop: Pattern = r"\s"
    bounds: Bounds = Bounds()


class NodeColumns(Part):
    ref: str
    kind: str
    name: str = ""


class EdgeColumns(Part):
    ref: str
    node_a: str
    node_b: str
    state: str = ""


Kind = Literal["substation", "feeder", "section", "transformer", "other"]


class Network(Part):
    """The network: one JSON file with two lists, or two sources of any form."""

    file: str = ""
    nodes: str = "nodes"
    """Key of the list of nodes in the JSON file."""
    edges: str = "edges"
    nodes_csv: SourceForm | None = None
    """Any source, in spite of the name."""
    edges_csv: SourceForm | None = None
    node_columns: NodeColumns
    edge_columns: EdgeColumns
    kinds: dict[str, Kind]
    open: Words = ()
    """Words of an edge's state that mean normally open."""


class Mapping(Part):
    """A checked mapping file. Words of the files are compared trimmed, in any case."""

    source: str
    folder: Path
    record: Installation
    consent: Consent = Consent()
    phones: Phones = Phones()
    customers: Customers
    premises: Premises
    network: Network | None = None


def read_mapping(path: Path, *, folder: Path | None = None) -> Mapping:
    """Reads a mapping file; the files it names lie in `folder`, by default beside it.

    Raises InputRefused with one line for each mistake: file, key, what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        body = tomllib.loads(text)
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such mapping file") from None
    except OSError as error:
        raise InputRefused(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputRefused(f"{path}: not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputRefused(f"{path}: not TOML: {error}") from None
    mistakes = [
        f"{path}: {key}: set by the program; remove it"
        for key in ("source", "folder")
        if key in body
    ]
    try:
        mapping = Mapping(**{**body, "source": path.name, "folder": folder or path.parent})
    except ValidationError as error:
        mistakes += [_mistake(path, one) for one in error.errors()]
    else:
        mistakes += [f"{path}: {mistake}" for mistake in _contradictions(mapping)]
        if not mistakes:
            return mapping
    raise InputRefused("\n".join(mistakes))


def _contradictions(mapping: Mapping) -> list[str]:
    """What each key allows and both together do not."""
    columns, network, wrong = mapping.customers.columns, mapping.network, []
    if (mapping.customers.identity == "none") != (columns.identity == ""):
        wrong.append(
            "customers.identity: needs customers.columns.identity, and the other way round"
        )
    if columns.life_support_date and not columns.life_support:
        wrong.append("customers.columns.life_support_date: needs customers.columns.life_support")
    if network is not None and bool(network.file) == bool(network.nodes_csv and network.edges_csv):
        wrong.append("network: give either file (JSON), or both nodes_csv and edges_csv")
    wrong += [f"{key}: {mistake}" for key, form in _forms(mapping) for mistake in _unclear(form)]
    return wrong


def _forms(mapping: Mapping) -> Iterator[tuple[str, SourceForm]]:
    yield "customers", mapping.customers
    yield "premises", mapping.premises
    if mapping.network is not None and mapping.network.nodes_csv is not None:
        yield "network.nodes_csv", mapping.network.nodes_csv
    if mapping.network is not None and mapping.network.edges_csv is not None:
        yield "network.edges_csv", mapping.network.edges_csv


def _unclear(form: SourceForm) -> Iterator[str]:
    """Why it does not say from where."""
    if bool(form.file) == bool(form.url):
        yield "give either file, or url and query"
    elif bool(form.url) != bool(form.query):
        yield "url and query belong together"


def _mistake(path: Path, error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        allowed = _keys_beside(error["loc"])
        return f"{path}: {key}: unknown key{near(str(error['loc'][-1]), allowed)}"
    said = error["msg"].removeprefix("Value error, ")
    return f"{path}: {key}: {said[0].lower()}{said[1:]}"


def _keys_beside(place: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed where an unknown one stands."""
    part: Any = Mapping
    for step in place[:-1]:
        part = part.model_fields[str(step)].annotation
        part = next((one for one in get_args(part) if isinstance(one, type)), part)
    return [name for name in part.model_fields if name not in {"source", "folder"}]
