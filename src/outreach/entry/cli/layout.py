"""What a new workspace holds: its settings file with comments, its .gitignore, the next steps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused

SENDER_LENGTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A country's defaults; each can be changed in outreach.toml."""

    country: str
    zone: str
    locale: str
    emergency: str
    calling: str


_PLACES = {
    place.country: place
    for place in (
        Place(
            country=country,
            zone=zone,
            locale=locale,
            emergency=tel,
            calling=code,
        )
        for country, zone, locale, tel, code in (
            ("AR", "America/Argentina/Buenos_Aires", "es", "911", "+54"),
            ("BO", "America/La_Paz", "es", "110", "+591"),
            ("BR", "America/Sao_Paulo", "pt", "193", "+55"),
            ("CL", "America/Santiago", "es", "133", "+56"),
            ("CO", "America/Bogota", "es", "123", "+57"),
            ("CR", "America/Costa_Rica", "es", "911", "+506"),
            ("DO", "America/Santo_Domingo", "es", "911", "+1"),
            ("EC", "America/Guayaquil", "es", "911", "+593"),
            ("GT", "America/Guatemala", "es", "123", "+502"),
            ("HN", "America/Tegucigalpa", "es", "911", "+504"),
            ("MX", "America/Mexico_City", "es", "911", "+52"),
            ("NI", "America/Managua", "es", "118", "+505"),
            ("PA", "America/Panama", "es", "911", "+507"),
            ("PE", "America/Lima", "es", "105", "+51"),
            ("PY", "America/Asuncion", "es", "911", "+595"),
            ("SV", "America/El_Salvador", "es", "911", "+503"),
            ("US", "America/New_York", "en", "911", "+1"),
            ("UY", "America/Montevideo", "es", "911", "+598"),
            ("VE", "America/Caracas", "es", "911", "+58"),
        )
    )
}

GITIGNORE = """\
# secret
outreach.key
.env
secrets/
# personal
*.db
*.db-wal
*.db-shm
*.db-journal
rejected/
*.rejected.csv
exports/
outbox/
*.log
"""


def place(country: str) -> Place:
    """The defaults of a country; InputRefused names those that have some."""
    if country not in _PLACES:
        raise InputRefused(
            _("{country!r}: no such country here; one of {known}").format(
                country=country, known=" ".join(_PLACES)
            )
        )
    return _PLACES[country]


def settings_text(company: str, place: Place, zone: str, operator_language: str) -> str:
    """outreach.toml, commented in the operator's language."""
    return _SETTINGS.format(
        *(f"# {_(comment)}" for comment in _COMMENTS),
        name=_quoted(company),
        sender=_quoted(_sender(company)),
        zone=zone,
        language=operator_language,
        place=place,
    )


_COMMENTS = (
    N_("Settings of this workspace. Secrets do not belong here: put them into .env (mode 600),"),
    N_("for example TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, SENDGRID_API_KEY, DATABASE_URL."),
    N_("Opens every SMS; at most 12 characters."),
    N_("Main language of the customers: post, page, and who has none."),
    N_("Language of this program for its operators: es, pt or en."),
    N_("Status page on the company's own domain."),
    N_("A lane is one sender with its own rate (SMS segments, or messages, a second)."),
    N_("Provider outbox keeps messages here; others: twilio, twilio_voice, sendgrid, smtp, x."),
    N_("How the world reaches `outreach serve`: receipts and links come here."),
    N_("What carriers charge for one SMS segment, by country; * for the rest. Previews show it."),
    N_("Who is on duty: hears by SMS of every priority customer who needs a person."),
)

_SETTINGS = """\
{0}
{1}

[company]
name = {name}
{2}
sender = {sender}
# electricity | water | gas | telecom
service = "electricity"
country = "{place.country}"
zone = "{zone}"
{3}
locale = "{place.locale}"
{4}
operator_language = "{language}"
{5}
link = "https://example.com/luz"
phone = ""
priority_line = ""
emergency = "{place.emergency}"
# ISO 4217
currency = "USD"

{6}
{7}
[[lanes]]
name = "sms"
channel = "sms"
provider = "outbox"
sender = "{place.calling}900000000"
rate = 100
two_way = true

[[lanes]]
name = "voice"
channel = "voice"
provider = "outbox"
sender = "{place.calling}900000000"
rate = 1

[[lanes]]
name = "email"
channel = "email"
provider = "outbox"
sender = "avisos@example.com"
rate = 500

[[lanes]]
name = "social"
channel = "social"
provider = "outbox"
sender = "@outreach"
rate = 1

[http]
{8}
public_url = "http://127.0.0.1:8020"

{9}
[delivery.sms_price]
"*" = 0.05

[contactcenter]
{10}
duty_phone = ""
"""


_NEXT = (
    ("cd {folder}", ""),
    ("outreach doctor", N_("what is still missing")),
    ("outreach record import --mapping record.toml", N_("customers, premises, network")),
    ("outreach campaign list", N_("what can be told, and when")),
    ("outreach serve", N_("web, worker and scheduler; see http://127.0.0.1:8020/outbox")),
)


def next_steps(folder: Path) -> list[str]:
    """The commands to type next, with what each is for."""
    commands = [(command.format(folder=folder), why) for command, why in _NEXT]
    width = max(len(command) for command, why in commands if why)  # a path may be long
    steps = [f"  {command.ljust(width)}  {_(why)}".rstrip() for command, why in commands]
    return [_("{folder} is ready. Next:").format(folder=folder), *steps]


def _sender(company: str) -> str:
    """As many words of the name as fit, else its first letters."""
    kept = company[:SENDER_LENGTH]
    if len(company) > SENDER_LENGTH and company[SENDER_LENGTH] != " " and " " in kept:
        kept = kept.rpartition(" ")[0]
    return kept.strip() or company[:SENDER_LENGTH]


def _quoted(text: str) -> str:
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
