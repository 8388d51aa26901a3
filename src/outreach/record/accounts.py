"""Reads the file of accounts into Accounts: one a number, normalised, judged and classed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import available_timezones

from outreach.addresses import Keyring, normalise_email, normalise_phone
from outreach.model.numbering import Phone
from outreach.model.record import Account, Contact, RowRefused
from outreach.model.words import Channel, PriorityClass
from outreach.record.csv_file import CsvFile, Row
from outreach.record.identity import READERS
from outreach.record.mapping import LifeSupport, Mapping
from outreach.record.newest import Newest


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsRead:
    """What the file of accounts gave. Counters are by the words of the mapping file."""

    accounts: dict[str, Account]
    records: int
    refused: tuple[RowRefused, ...]
    duplicates: dict[str, tuple[int, ...]]
    tallies: Tallies


@dataclass(frozen=True, slots=True)
class Tallies:
    """What was seen in the accounts that were taken."""

    identities: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)
    zones: Counter[str] = field(default_factory=Counter)
    unknown_zones: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    life_support: Counter[str] = field(default_factory=Counter)
    refused_phones: Counter[str] = field(default_factory=Counter)
    refused_emails: Counter[str] = field(default_factory=Counter)


def read_accounts(mapping: Mapping, keyring: Keyring, today: date) -> AccountsRead:
    """Reads the file; one refused row costs nothing but itself. InputRefused if the file is unusable."""
    form = mapping.customers
    file = CsvFile(mapping.folder, form, _wanted(mapping))
    newest, refused = Newest(), []
    reader = _AccountReader(mapping, file, keyring, today)
    for row in file:
        if isinstance(row, RowRefused):
            refused.append(row)
            continue
        ref = reader.ref(row)
        if reason := reader.refusal(row, ref):
            refused.append(
                RowRefused(file=file.path.name, record=row.record, line=row.line, reason=reason)
            )
            continue
        newest.offer(ref, row, reader.day(row, form.columns.updated))
    return AccountsRead(
        accounts={ref: reader.account(ref, row) for ref, row in newest.winners().items()},
        records=file.records,
        refused=tuple(refused),
        duplicates=newest.losers(),
        tallies=reader.tallies,
    )


def fold(word: str) -> str:
    """How words of a file are compared: trimmed, in any case."""
    return word.strip().casefold()


@lru_cache(maxsize=20_000)  # strptime costs 10 µs, and the same days come again and again
def parsed_day(text: str, formats: tuple[str, ...]) -> date | None:
    """The day by the first format that fits; None if none does."""
    for form in formats:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
    return None


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


class _AccountReader:
    """The columns and words of one mapping, ready for many rows."""

    def __init__(self, mapping: Mapping, file: CsvFile, keyring: Keyring, today: date) -> None:
        self.mapping, self.file, self.keyring, self.today = mapping, file, keyring, today
        self.tallies = Tallies()
        self._columns = mapping.customers.columns
        self._place = {name: place for place, name in enumerate(file.columns)}
        self._yes = {fold(word) for word in mapping.consent.yes}
        self._no = {fold(word) for word in mapping.consent.no}
        self._registered = {fold(word) for word in mapping.customers.life_support.yes}
        self._ordinary = {fold(word) for word in mapping.customers.ordinary_types}
        self._states = _folded(mapping.customers.states)
        self._languages = _folded(mapping.customers.languages)
        self._zones = _folded(mapping.customers.zones)
        self._channels = _folded(mapping.customers.channels)
        self._all_zones = available_timezones()
        self._between = re.compile(
            "|".join(map(re.escape, mapping.phones.separators)) or r"\Z", re.IGNORECASE
        )
        self._countries = frozenset(mapping.phones.countries)
        self._stand_ins = frozenset(mapping.phones.stand_ins)

    def cell(self, row: Row, column: str) -> str:
        """The trimmed cell; empty if the mapping names no such column."""
        return row.fields[self._place[column]].strip() if column else ""

    def day(self, row: Row, column: str) -> date | None:
        return parsed_day(self.cell(row, column), self.mapping.record.dates)

    def ref(self, row: Row) -> str:
        return re.sub(
            self.mapping.customers.account_drop, "", self.cell(row, self._columns.account)
        )

    def state(self, row: Row) -> str:
        return self._states.get(fold(self.cell(row, self._columns.state)), "active")

    def refusal(self, row: Row, ref: str) -> str:
        """Why this row is no account of ours; empty if it is one."""
        if not ref:
            return "missing_customer_number"
        if not re.fullmatch(self.mapping.customers.account_pattern, ref):
            return "bad_customer_number"
        return "closed_account" if self.state(row) == "closed" else ""

    def account(self, ref: str, row: Row) -> Account:
        columns, deceased = self._columns, self.state(row) == "deceased"
        self.tallies.states["deceased" if deceased else "active"] += 1
        register = self._life_support(row, deceased=deceased)
        kind = self.cell(row, columns.type)
        return Account(
            ref=ref,
            customer_key=self._customer_key(row) or ref,
            name=" ".join(filter(None, (self.cell(row, name) for name in columns.name))),
            customer_type=kind,
            locale=self._locale(row),
            zone=self._zone(row),
            preferred=self._preferred(row),
            priority=self._priority(register, kind),
            priority_expired=register not in {"", "valid"},
            contacts=tuple(self._contacts(row, usable=not deceased)),
            updated_on=self.day(row, columns.updated),
        )

    def _customer_key(self, row: Row) -> str:
        text = self.cell(row, self._columns.identity)
        identity = READERS[self.mapping.customers.identity](text)
        if identity is None:
            self.tallies.identities["invalid" if text else "blank"] += 1
            return ""
        self.tallies.identities["valid"] += 1
        return f"C-{self.keyring.hash(f'identity {identity}').hex()[:20]}"

    def _life_support(self, row: Row, *, deceased: bool) -> str:
        columns, rule = self._columns, self.mapping.customers.life_support
        if fold(self.cell(row, columns.life_support)) not in self._registered:
            return ""
        text = self.cell(row, columns.life_support_date)
        day = self.day(row, columns.life_support_date)
        state = "deceased" if deceased else life_support_state(text, day, self.today, rule)
        self.tallies.life_support[state] += 1
        return state

    def _priority(self, register: str, kind: str) -> PriorityClass:
        if register == "valid":
            return PriorityClass.A
        is_ordinary = not self._ordinary or fold(kind) in self._ordinary
        return PriorityClass.C if is_ordinary else PriorityClass.B

    def _locale(self, row: Row) -> str:
        word = self.cell(row, self._columns.language)
        default = self.mapping.record.locale
        locale = self._languages.get(fold(word)) if word else default
        self.tallies.languages[locale or f"{default} (unknown value)"] += 1
        return locale or default

    def _zone(self, row: Row) -> str:
        word = self.cell(row, self._columns.zone)
        zone = self._zones.get(fold(word), self.mapping.record.zone)
        if "/" in word and word in self._all_zones:
            zone = word
        elif word and fold(word) not in self._zones:
            self.tallies.unknown_zones[word] += 1
        self.tallies.zones[zone] += 1
        return zone

    def _preferred(self, row: Row) -> Channel | None:
        word = self._channels.get(fold(self.cell(row, self._columns.preferred)), "none")
        return None if word == "none" else Channel(word)

    def _consent(self, row: Row, column: str, *, usable: bool) -> bool | None:
        """Consent fields of an account that gives no usable contact are ignored."""
        word = fold(self.cell(row, column)) if usable else ""
        return True if word in self._yes else False if word in self._no else None

    def _contacts(self, row: Row, *, usable: bool) -> Iterator[Contact]:
        columns = self._columns
        mail = self._consent(row, columns.email_consent, usable=usable)
        text = self._consent(row, columns.sms_consent, usable=usable)
        call = self._consent(row, columns.voice_consent, usable=usable)
        for address in self._emails(row):
            yield Contact(
                channel=Channel.EMAIL, address=address, country="", consent=mail, usable=usable
            )
        for phone in self._phones(row):
            given = ((Channel.SMS, text), (Channel.VOICE, call))
            for channel, consent in given if phone.mobile else given[1:]:
                yield Contact(
                    channel=channel,
                    address=phone.e164,
                    country=phone.country,
                    consent=consent,
                    usable=usable,
                )

    def _emails(self, row: Row) -> Iterator[str]:
        for column in self._columns.emails:
            if text := self.cell(row, column):
                if address := normalise_email(text):
                    yield address
                else:
                    self.tallies.refused_emails["no_address"] += 1

    def _phones(self, row: Row) -> Iterator[Phone]:
        for column in self._columns.phones:
            text = self.cell(row, column).replace("\N{NO-BREAK SPACE}", " ")
            for piece in self._between.split(text) if text else ():
                phone = normalise_phone(
                    piece,
                    region=self.mapping.record.region,
                    countries=self._countries,
                    stand_ins=self._stand_ins,
                )
                if isinstance(phone, Phone):
                    yield phone
                else:
                    self.tallies.refused_phones[phone.reason] += 1


def _folded(words: Dictionary[str, str]) -> dict[str, str]:
    return {fold(word): meaning for word, meaning in words.items()}


def _wanted(mapping: Mapping) -> list[str]:
    """Every column that the mapping names."""
    named = mapping.customers.columns.model_dump().values()
    return [column for value in named for column in ([value] if isinstance(value, str) else value)]
