"""Reads a row of the accounts: normalised, judged, classed, and sealed for the stage."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import available_timezones

from outreach.addresses import Keyring, normalise_email, normalise_phone
from outreach.model.numbering import Phone
from outreach.model.record import Contact
from outreach.model.words import Channel, LifeSupportState, PriorityClass
from outreach.record import bodies
from outreach.record.bodies import Body, Note
from outreach.record.cells import Row
from outreach.record.identity import READERS
from outreach.record.mapping import Customers, LifeSupport, Mapping
from outreach.record.words import Cells, Words, cell, fold, parsed_day, trimmed

__all__ = ["AccountReader", "Tallies", "fold", "life_support_state", "wanted"]

_CHANNELS = {channel.value for channel in Channel}
_EMAIL, _SMS, _VOICE = Channel.EMAIL, Channel.SMS, Channel.VOICE
_TAGS = re.compile(r"[,;|]")


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was seen in the accounts that were taken, by the words of the mapping file."""

    identities: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)
    unknown_zones: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    life_support: Counter[str] = field(default_factory=Counter)
    refused_phones: Counter[str] = field(default_factory=Counter)
    refused_emails: Counter[str] = field(default_factory=Counter)


def life_support_state(text: str, day: date | None, today: date, rule: LifeSupport) -> str:
    """`valid`, `expired`, `no_date`, `bad_date` or `future_date`, for an account that is flagged."""
    if rule.valid_for is None and not text.strip():
        return "valid"
    if not text.strip():
        return "no_date"
    if day is None:
        return "bad_date"
    if day > today:
        return "future_date"
    return "valid" if today <= rule.ends_on(day) else "expired"


class AccountReader:
    """The columns and words of one mapping, ready for millions of rows."""

    entity = "account"

    def __init__(
        self, mapping: Mapping, columns: Sequence[str], keyring: Keyring, today: date
    ) -> None:
        self.keyring = keyring
        self._mapping, self._today = mapping, today
        form, cells = mapping.customers, Cells(columns)
        self._formats = mapping.record.dates
        self._at = _Places(form, cells)
        self._drop = re.compile(form.account_drop)
        self._pattern = re.compile(form.account_pattern)
        self._identity = READERS[form.identity]
        self._states = Words(form.states, "active")
        self._contacts = _ContactReader(mapping, cells)
        self._words = _AccountWords(mapping)
        self._counted: dict[str, Counter[str]] = {}
        self._rows = 0

    def ref(self, row: Row) -> str:
        return self._drop.sub("", cell(row, self._at.account))

    def refusal(self, row: Row, ref: str) -> str:
        """Why this row is no account of ours; empty if it is one."""
        if not ref:
            return "missing_customer_number"
        if not self._pattern.fullmatch(ref):
            return "bad_customer_number"
        return "closed_account" if self._state(row) == "closed" else ""

    def day(self, row: Row) -> date | None:
        return parsed_day(cell(row, self._at.updated), self._formats)

    def staged(self, ref: str, row: Row, digest: int) -> tuple[tuple[object, ...], str]:
        """The row in the order of store.staging.ACCOUNT_NAMES, and what is to be sealed; it is counted."""
        cells, notes = trimmed(row), list[Note]()
        deceased = self._state(row) == "deceased"
        if deceased:
            notes.append(("states", "deceased"))
        register, since, until = self._life_support(cells, deceased=deceased)
        if register:
            notes.append(("life_support", register.value))
        kind = cells[self._at.type]
        base = self._words.base_priority(kind)
        is_valid = register is LifeSupportState.VALID
        key = self._customer_key(cells, notes) or ref
        body = self._body(cells, notes, usable=not deceased)
        self._count(notes, 1)
        open_ = (
            ref,
            row.record,
            parsed_day(cells[self._at.updated], self._formats),
            digest,
            key,
            kind,
            (PriorityClass.A if is_valid else base).value,
            bool(register) and not is_valid,
            base.value,
            register.value,
            since,
            until,
        )
        return open_, bodies.written(body)

    def forget(self, sealed: Iterable[bytes]) -> None:
        """Rows that were counted and then lost to a newer one of their number."""
        for body in sealed:
            self._count(bodies.unseal(self.keyring, body).notes, -1)

    def tallies(self) -> Tallies:
        """What was seen so far: what is noted, and for all others what is usual."""
        tallies = Tallies(
            **{name: Counter(self._counted.get(name, {})) for name in Tallies.__dataclass_fields__}
        )
        usual = {
            "identities": "valid",
            "languages": self._mapping.record.locale,
            "zones": self._mapping.record.zone,
            "states": "active",
        }
        for name, word in usual.items():
            counter = getattr(tallies, name)
            if rest := self._rows - counter.total():
                counter[word] += rest
        return tallies

    def _body(self, cells: Sequence[str], notes: list[Note], *, usable: bool) -> Body:
        """What the account says of its person."""
        at, words = self._at, self._words
        return Body(
            name=" ".join([part for place in at.name if (part := cells[place])]),
            locale=words.locale(cells[at.language], notes),
            zone=words.zone(cells[at.zone], notes),
            preferred=words.preferred(cells[at.preferred]),
            contacts=tuple(self._contacts.read(cells, notes, usable=usable)),
            tags=self._tags(cells) if at.tags else (),
            notes=tuple(notes),
        )

    def _count(self, notes: Iterable[Note], one: int) -> None:
        self._rows += one
        for name, word in notes:
            counter = self._counted.setdefault(name, Counter())
            counter[word] += one
            if not counter[word]:
                del counter[word]

    def _state(self, row: Row) -> str:
        place = self._at.state
        return self._states[row.fields[place]] if place >= 0 else "active"

    def _customer_key(self, cells: Sequence[str], notes: list[Note]) -> str:
        text = cells[self._at.identity]
        identity = self._identity(text)
        if identity is None:
            notes.append(("identities", "invalid" if text else "blank"))
            return ""
        return f"C-{self.keyring.lasting(f'identity {identity}').hex()[:20]}"

    def _life_support(
        self, cells: Sequence[str], *, deceased: bool
    ) -> tuple[LifeSupportState, date | None, date | None]:
        """(state, registered on, holds until); nothing for an account that is not flagged."""
        place = self._at.life_support
        if place < 0 or not self._words.registered[cells[place]]:
            return LifeSupportState.NONE, None, None
        rule = self._mapping.customers.life_support
        text = cells[self._at.life_support_date]
        day = parsed_day(text, self._formats) if text else None
        state = life_support_state(text, day, self._today, rule)
        until = _last_day(day, rule) if day and rule.valid_for is not None else None
        return LifeSupportState("deceased" if deceased else state), day, until

    def _tags(self, cells: Sequence[str]) -> tuple[str, ...]:
        said = [cells[place] for place in self._at.tags]
        pieces = [piece.strip() for text in said if text for piece in _TAGS.split(text)]
        return tuple(sorted({piece for piece in pieces if piece}))


def _last_day(day: date, rule: LifeSupport) -> date:
    try:
        return rule.ends_on(day)
    except (ValueError, OverflowError):  # some registers write 31/12/9999
        return date.max


class _Places:
    """Where the columns of the accounts stand."""

    def __init__(self, form: Customers, cells: Cells) -> None:
        columns = form.columns
        self.account, self.identity = cells.place(columns.account), cells.place(columns.identity)
        self.name, self.tags = cells.places(columns.name), cells.places(columns.tags)
        self.type, self.language = cells.place(columns.type), cells.place(columns.language)
        self.preferred, self.zone = cells.place(columns.preferred), cells.place(columns.zone)
        self.life_support = cells.place(columns.life_support)
        self.life_support_date = cells.place(columns.life_support_date)
        self.state, self.updated = cells.place(columns.state), cells.place(columns.updated)


class _AccountWords:
    """What the words of the cells mean."""

    def __init__(self, mapping: Mapping) -> None:
        form = mapping.customers
        self._locale, self._zone = mapping.record.locale, mapping.record.zone
        self._languages = Words(form.languages)
        self._zones = Words(form.zones)
        self._channels = Words(form.channels, "none")
        self._ordinary = Words.one_of(form.ordinary_types)
        self._all_are_ordinary = not form.ordinary_types
        self._all_zones = available_timezones()
        self.registered = Words.one_of(form.life_support.yes)

    def base_priority(self, kind: str) -> PriorityClass:
        if self._all_are_ordinary or self._ordinary[kind]:
            return PriorityClass.C
        return PriorityClass.B

    def preferred(self, word: str) -> str | None:
        """A channel."""
        channel = self._channels[word]
        return channel if channel in _CHANNELS else None

    def locale(self, word: str, notes: list[Note]) -> str:
        locale = self._languages[word] if word else self._locale
        if not locale:
            notes.append(("languages", f"{self._locale} (unknown value)"))
        elif locale != self._locale:
            notes.append(("languages", locale))
        return locale or self._locale

    def zone(self, word: str, notes: list[Note]) -> str:
        named = self._zones[word]
        zone = named or self._zone
        if "/" in word and word in self._all_zones:
            zone = word
        elif word and not named:
            notes.append(("unknown_zones", word))
        if zone != self._zone:
            notes.append(("zones", zone))
        return zone


class _ContactReader:
    """Reads the addresses of an account, each with the consent of its channel."""

    def __init__(self, mapping: Mapping, cells: Cells) -> None:
        columns = mapping.customers.columns
        self._emails, self._phones = cells.places(columns.emails), cells.places(columns.phones)
        self._mail, self._text, self._call = map(
            cells.place, (columns.email_consent, columns.sms_consent, columns.voice_consent)
        )
        said = dict.fromkeys(mapping.consent.no, "no") | dict.fromkeys(mapping.consent.yes, "yes")
        self._said = Words(said)
        self._region = mapping.record.region
        self._between = re.compile(
            "|".join(map(re.escape, mapping.phones.separators)) or r"\Z", re.IGNORECASE
        )
        self._countries = frozenset(mapping.phones.countries)
        self._stand_ins = frozenset(mapping.phones.stand_ins)

    def read(self, cells: Sequence[str], notes: list[Note], *, usable: bool) -> list[Contact]:
        """Consent fields of an account that gives no usable contact are ignored."""
        mail, text, call = (
            self._consent(cells, place) if usable else None
            for place in (self._mail, self._text, self._call)
        )
        found = [
            Contact(_EMAIL, address, "", mail, usable)
            for address in self._read_emails(cells, notes)
        ]
        for phone in self._read_phones(cells, notes):
            if phone.mobile:
                found.append(Contact(_SMS, phone.e164, phone.country, text, usable))
            found.append(Contact(_VOICE, phone.e164, phone.country, call, usable))
        return found

    def _consent(self, cells: Sequence[str], place: int) -> bool | None:
        said = self._said[cells[place]] if place >= 0 else ""
        return said == "yes" if said else None

    def _read_emails(self, cells: Sequence[str], notes: list[Note]) -> list[str]:
        found = []
        for place in self._emails:
            if text := cells[place]:
                if address := normalise_email(text):
                    found.append(address)
                else:
                    notes.append(("refused_emails", "no_address"))
        return found

    def _read_phones(self, cells: Sequence[str], notes: list[Note]) -> list[Phone]:
        found = []
        for place in self._phones:
            text = cells[place].replace("\N{NO-BREAK SPACE}", " ")
            for piece in self._between.split(text) if text else ():
                phone = normalise_phone(
                    piece,
                    region=self._region,
                    countries=self._countries,
                    stand_ins=self._stand_ins,
                )
                if isinstance(phone, Phone):
                    found.append(phone)
                else:
                    notes.append(("refused_phones", phone.reason))
        return found


def wanted(form: Customers) -> list[str]:
    """Every column that the mapping names."""
    named = form.columns.model_dump().values()
    return [column for value in named for column in ([value] if isinstance(value, str) else value)]
