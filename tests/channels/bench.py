"""Each channel with its fake, in one shape, so that one table of cases can drive them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tests.fakes.sendgrid import API_KEY, SendGridFake
from tests.fakes.smtp import SmtpFake
from tests.fakes.twilio import ACCOUNT, AUTH_TOKEN, TwilioCallsFake, TwilioFake
from tests.fakes.x import XFake

from outreach.channels.sendgrid_email import SendGridEmail
from outreach.channels.smtp_email import SmtpEmail
from outreach.channels.transport import Transport
from outreach.channels.twilio_sms import TwilioSms
from outreach.channels.twilio_voice import TwilioVoice
from outreach.channels.x_post import XPost
from outreach.model.message import Content, Outcome, Outgoing, Sends
from outreach.model.words import Channel, Purpose

SENDERS = {
    "twilio": "+56220000000",
    "twilio_voice": "+56220000000",
    "sendgrid": "avisos@example.com",
    "smtp": "avisos@example.com",
    "x": "@luz",
}
PUBLIC_URL = "https://avisos.example.com"


def outgoing(provider: str, number: int = 1, **changes: Any) -> Outgoing:
    """One message for this provider, with a recipient of its own."""
    phone = f"+569222{number:05}"
    to = {"twilio": phone, "twilio_voice": phone, "x": "@luz"}.get(
        provider, f"ana{number}@example.com"
    )
    values = {
        "id": number,
        "token": f"{number}.1.mac{number}",
        "channel": Channel.SMS,
        "to": to,
        "sender": SENDERS[provider],
        "content": Content(text=f"Corte en Maipú, ref {number}", subject="Corte de luz"),
        "purpose": Purpose.SERVICE,
        "valid_for": timedelta(hours=1),
    }
    return Outgoing(**{**values, **changes})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One provider under test."""

    name: str
    fake: Any
    make: Callable[[], Sends]

    def send(self, *batch: Outgoing, deadline: float = 3.0) -> list[Outcome]:
        """Sends with a fresh channel, in an event loop of its own."""
        outcomes: list[Outcome] = self.run(lambda channel: channel.send(list(batch), deadline))
        return outcomes

    def run(self, use: Callable[[Any], Any]) -> Any:
        async def whole() -> Any:
            channel = self.make()
            try:
                return await use(channel)
            finally:
                await channel.close()

        return asyncio.run(whole())


def transport() -> Transport:
    return Transport(only_loopback=True, connections=50)


def twilio(url: str) -> TwilioSms:
    return TwilioSms(
        account_sid=ACCOUNT, auth_token=AUTH_TOKEN, public_url=PUBLIC_URL, base_url=url,
        transport=transport(),
    )  # fmt: skip


def twilio_voice(url: str) -> TwilioVoice:
    return TwilioVoice(
        account_sid=ACCOUNT, auth_token=AUTH_TOKEN, public_url=PUBLIC_URL, base_url=url,
        transport=transport(),
    )  # fmt: skip


def sendgrid(url: str) -> SendGridEmail:
    return SendGridEmail(api_key=API_KEY, base_url=url, transport=transport())


def x(url: str) -> XPost:
    return XPost(
        consumer_key="ck", consumer_secret="cs", access_token="at", access_token_secret="as",
        base_url=url, transport=transport(),
    )  # fmt: skip


def smtp(port: int, **changes: Any) -> SmtpEmail:
    return SmtpEmail(host="127.0.0.1", port=port, tls="none", only_loopback=True, **changes)


@contextmanager
def bench(name: str) -> Iterator[Bench]:
    """The named provider, its fake running."""
    if name == "smtp":
        with SmtpFake() as mail:
            yield Bench(name=name, fake=mail, make=lambda: smtp(mail.port))
        return
    fakes: dict[str, tuple[Any, Callable[[str], Sends]]] = {
        "twilio": (TwilioFake, twilio),
        "twilio_voice": (TwilioCallsFake, twilio_voice),
        "sendgrid": (SendGridFake, sendgrid),
        "x": (XFake, x),
    }
    new, make = fakes[name]
    with new() as fake:
        yield Bench(name=name, fake=fake, make=lambda: make(fake.url))
