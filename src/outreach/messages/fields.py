"""The fields a template may use, each with its meaning, and their values for one notice."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from outreach.messages import plain, times
from outreach.messages.languages import language
from outreach.model.errors import InputRefused
from outreach.model.notice import Facts, Words
from outreach.model.words import Channel

FIELDS = {
    "s": "how the company signs an SMS, at most 12 characters",
    "company": "the company's full name",
    "zone": "the recipient's locality, or the area of the occasion; cut to 20 characters in an SMS",
    "service": "electricity, water, gas or telecom: for {% if service == 'gas' %}",
    "outage": "the service's words for an outage: corte de luz",
    "planned": "the service's words for a planned outage: corte programado",
    "supply": "what is supplied, with its article: la luz",
    "bare": "what is supplied, without article: luz",
    "report": "what to answer when still out: SIN LUZ",
    "check": "what to look at at home first: Revise su automático",
    "danger": "one sentence of safety for an outage; some services have none",
    "danger_planned": "one sentence of safety for planned works; some services have none",
    "start": "since when",
    "etr": "the public estimate of restoration",
    "window": "true when the estimate is a window: entre mar 08:00 y 10:00",
    "low": "true when the estimate is of low confidence",
    "old": "the estimate told before",
    "next": "when the next news comes",
    "asof": "when this was known",
    "date": "the day of planned works: mar 16 jul",
    "a": "the hour at which planned works start",
    "b": "the hour at which they end, with its weekday if that is another day",
    "until": "the end as a moment of its own: mar 16:00",
    "old_date": "the former day of moved works",
    "old_a": "the former start",
    "old_b": "the former end",
    "restored": "when supply came back",
    "cause": "the cause, as the revision says it",
    "fact": "the advisory's text, or what is correct in a correction",
    "sent": "when the notice was sent that this one corrects",
    "count": "affected customers to two significant digits; none below 50",
    "brief": "true in ivr.txt when the whole is longer than a caller listens: say less",
    "two_way": "true when an answer to this message reaches us",
    "link": "the status page, without https:// (in no spoken text)",
    "url": "the status page with https:// (in no spoken text)",
    "phone": "the company's telephone",
    "tel": "the priority line",
    "emergency": "the emergency number",
    "lang": "the language of the text: es-CL",
    "choices": "the numbers to answer with, each with its place; only in replies",
    "preferences": "the page where the person chooses what is sent to them; only in the answer to HELP",
    "subject": "the finished subject; only in email.txt and email.html",
}
"""A field without a value in a notice is absent: it tests false, and printing it is refused."""

PERSONAL = {
    "premises": "how many affected premises this address stands for",
    "several": "empty for one, else ' (3 direcciones)'",
    "places": "empty for one, else which: ' Direcciones: Calle 1, Providencia; Calle 2, Ñuñoa.'; only in e-mail",
    "link": "the recipient's own status link",
    "name": "the recipient's name",
}
"""{{ personal.… }}: filled in for each recipient after the text is composed."""

Fields = dict[str, str | bool]

ZONE_IN = {Channel.SMS: 20, Channel.SOCIAL: 60}
SENDER_IN_SMS = 12
_ENOUGH = 50


def fields(facts: Facts, words: Words, locale: str, channel: Channel | None = None) -> Fields:
    """The value of every field that this notice has; empty ones are left out.

    InputRefused for a line break in a name, an unknown zone or a link that is no web address.
    """
    values = names(facts, words, locale) | _times(facts, locale) | _places(facts, words, channel)
    values |= {"count": _count(facts.customers, locale), "low": facts.etr_confidence == "low"}
    if facts.etr_at and facts.etr_from:
        values |= {"etr": times.window(facts, facts.etr_from, facts.etr_at, locale), "window": True}
    return {name: value for name, value in values.items() if value}


def names(facts: Facts, words: Words, locale: str) -> Fields:
    """The fields that are the same for eye and ear."""
    return {
        **language(locale)["service"][facts.service.value],
        "service": facts.service.value,
        "company": plain.one_line(words.company, what="company name"),
        "two_way": facts.two_way,
        "lang": locale,
        "cause": plain.clean(facts.cause).rstrip(" ."),
        "fact": plain.clean(facts.fact).rstrip(" ."),
    }


def _places(facts: Facts, words: Words, channel: Channel | None) -> Fields:
    zone = plain.one_line(facts.area, what="area name")
    url = web_address(words.link)
    return {
        "s": plain.shorten(plain.one_line(words.sender, what="sender"), SENDER_IN_SMS),
        "zone": plain.shorten(zone, ZONE_IN.get(channel, len(zone)) if channel else len(zone)),
        "url": url,
        "link": url.split("://", 1)[-1],
        "phone": plain.one_line(words.phone, what="telephone"),
        "tel": plain.one_line(words.priority_line, what="priority line"),
        "emergency": plain.one_line(words.emergency, what="emergency number"),
    }


def _times(facts: Facts, locale: str) -> Fields:
    return {**_moments(facts, locale), **_works(facts, locale)}


def _moments(facts: Facts, locale: str) -> Fields:
    """A planned start is read long before: never without its date (see `date`)."""
    instants = {
        "start": facts.start_at,
        "etr": facts.etr_at,
        "old": facts.old_etr_at,
        "next": facts.next_update_at,
        "asof": facts.as_of,
        "until": facts.end_at,
        "restored": facts.restored_at,
        "sent": facts.sent_at,
    }
    return {name: _moment(facts, at, locale) for name, at in instants.items()}


def _moment(facts: Facts, at: datetime | None, locale: str) -> str:
    return times.moment(facts, at, locale) if at else ""


def _works(facts: Facts, locale: str) -> Fields:
    """Day and hours of planned works, now and before they were moved."""
    start, old = facts.start_at, facts.old_start_at
    return {
        "date": times.day(facts, start, locale),
        "a": times.clock(facts, start),
        "b": times.end(facts, start, facts.end_at, locale) if facts.end_at else "",
        "old_date": times.day(facts, old, locale) if old else "",
        "old_a": times.clock(facts, old) if old else "",
        "old_b": times.end(facts, old, facts.old_end_at, locale)
        if old and facts.old_end_at
        else "",
    }


def rounded(count: int) -> int:
    """Two significant digits; 0 below 50, where a number would say more than is known."""
    if count < _ENOUGH:
        return 0
    scale: int = 10 ** max(len(str(count)) - 2, 0)
    return (count + scale // 2) // scale * scale


def _count(customers: int, locale: str) -> str:
    return _written(rounded(customers), locale)


@lru_cache(maxsize=1_000)
def _written(few: int, locale: str) -> str:
    from babel.numbers import format_decimal  # noqa: PLC0415  babel

    return str(format_decimal(few, locale=locale.replace("-", "_"))) if few else ""


def web_address(link: str) -> str:
    """A link with its scheme; InputRefused unless it is http(s), for it stands in an href."""
    whole = plain.one_line(link, what="link")
    if "://" not in whole:
        whole = f"https://{whole}"
    if not whole.lower().startswith(("https://", "http://")) or " " in whole:
        raise InputRefused(f"link {link!r}: not a web address; it must start with https://")
    return whole
