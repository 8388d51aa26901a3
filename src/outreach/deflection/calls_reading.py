"""What a record of any source means in our words: its caller as a hash, its number, its queue, its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from outreach.addresses import Keyring, normalise_phone
from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_times import Instant, instants
from outreach.model.calls import CallRow
from outreach.model.numbering import PLANS, PhoneRefused

_NUMBERS_KEPT = 4_096
_CALLERS_KEPT = 16_384
"""In a storm people call again, and platforms tell of one call many times."""
_ID_LIMIT = 200
_TEXT_LIMIT = 200
_AHEAD = timedelta(minutes=2)
"""How far another clock may run before ours; no more, or a call would count before it came."""
MOST_SECONDS = 7 * 86_400


class Unfit(ValueError):
    """A record that tells nothing of use; its text is the reason in a word, without anything of the record."""


class Seen(NamedTuple):
    """One record of a source; without a call and a refusal it is no contact of a customer."""

    record: int
    line: int
    call: CallRow | None = None
    refusal: str = ""
    """A few words without anything of the record."""


class Terms:
    """Reads the parts of a record by its mapping. Unfit says in a word what is wrong."""

    def __init__(self, mapping: CallsMapping, keyring: Keyring, now: datetime) -> None:
        self.mapping = mapping
        self.passes(now)
        self.instant: Instant = instants(mapping.at_format, mapping.zone)
        self._keyring = keyring
        self._numbers = frozenset(plain_number(each) for each in mapping.outage_numbers)
        self.caller = lru_cache(_CALLERS_KEPT)(self._caller)
        """The hash of a caller; None for a withheld or unreadable one."""
        self.dialled = lru_cache(_NUMBERS_KEPT)(self._number)
        """A dialled number as digits; an outage number as the mapping writes it, with or without country."""
        self.queue = lru_cache(_NUMBERS_KEPT)(self._queue)
        """The queue by the name that the mapping gives it."""
        plan = PLANS.get(mapping.region)
        self._abroad = (plan.code, f"00{plan.code}") if plan else ()

    def passes(self, now: datetime) -> None:
        """Time goes on while a log is followed."""
        self._latest = now + _AHEAD

    def at(self, written: str) -> datetime:
        try:
            at = self.instant(written)
        except (ValueError, OverflowError):
            raise Unfit("time_unreadable") from None
        return self.past(at)

    def past(self, at: datetime) -> datetime:
        if at > self._latest:
            raise Unfit("time_in_the_future")
        return at

    def _caller(self, written: str) -> bytes | None:
        rules = self.mapping
        caller = plain_caller(written)
        if not caller or caller.casefold() in rules.hidden:
            return None
        phone = normalise_phone(
            caller, region=rules.region, countries=rules.countries, stand_ins=rules.stand_ins
        )
        return None if isinstance(phone, PhoneRefused) else self._keyring.hash(phone.e164)

    def kind(self, written: str) -> str | None:
        """call, chat, message or click; None where nothing is written."""
        if not written:
            return None
        known = self.mapping.kinds.get(written.casefold())
        if known is None:
            raise Unfit("kind_unknown")
        return known

    def to_outage(self, call: CallRow) -> bool:
        return not self._numbers or call.dnis in self._numbers

    def _queue(self, written: str) -> str:
        return text(self.mapping.queues.get(written, written))

    def _number(self, written: str) -> str:
        digits = text(plain_number(written))
        for code in self._abroad:
            if digits.removeprefix(code) in self._numbers:
                return digits.removeprefix(code)
        return digits


def named(written: object) -> str:
    """The id of a record, a text or a whole number; Unfit for none, and for what no platform writes."""
    is_number = isinstance(written, int) and not isinstance(written, bool)
    call_id = written.strip() if isinstance(written, str) else str(written) if is_number else ""
    if not call_id:
        raise Unfit("call_id_missing")
    if len(call_id) > _ID_LIMIT or not call_id.isprintable():
        raise Unfit("call_id_unreadable")
    return call_id


def text(written: object) -> str:
    """A short printable text; anything else counts as absent. Databases refuse NUL and half characters."""
    if not isinstance(written, str):
        return ""
    short = written.strip()[:_TEXT_LIMIT]
    return short if short.isprintable() else "".join(sign for sign in short if sign.isprintable())


def whole_seconds(seconds: float) -> int:
    """Seconds as stored; Unfit for what no call lasts."""
    if not 0 <= seconds <= MOST_SECONDS:
        raise Unfit("seconds_out_of_range")
    return int(seconds)


def plain_caller(written: str) -> str:
    """The number inside a caller field: without `sip:`, and without what follows `@` or `;`."""
    bare = written.strip().removeprefix("<").removesuffix(">")
    head, colon, rest = bare.partition(":")
    if colon and head.casefold() in {"sip", "sips", "tel"}:
        bare = rest
    return bare.partition("@")[0].partition(";")[0].strip()


def plain_number(written: str) -> str:
    """A dialled number as its digits alone, so that blanks and dashes make no other number."""
    digits = "".join(sign for sign in plain_caller(written) if sign.isdecimal())
    return digits or written.strip()
