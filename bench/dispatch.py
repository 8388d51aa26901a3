"""Row "dispatch one SMS per request": the product's sender with its ledger on disk, beside bare HTTP.

    python bench/dispatch.py [--quick] [--json] [--size MESSAGES] [--delay MS] [--only sqlite|postgresql]

Messages of one wave are claimed, rendered, sent through Twilio's channel to a stub on loopback, and
settled; at the end every row must be accepted, with a reference. `--size 1000000` shows that
memory stays flat. Limit: the same pooled transport
posting one fixed body, no ledger and no channel, right before each run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import _databases
import _sending
from _figures import Asked, Figure, forget_peak, peak_mb, run, took
from tests import make

from outreach.channels.twilio_sms import TwilioSms
from outreach.delivery.hands import Limits
from outreach.model.message import Content, Outgoing, Sends
from outreach.model.words import Channel, Purpose

ACCOUNT = "AC" + "0" * 32
IN_FLIGHT = 800
"""As many as a provider with 60 ms of delay needs for 5,000 a second."""
LIMITS = Limits(chunk=3_000, in_flight=IN_FLIGHT)
SENDER = _sending.SENDERS[Channel.SMS]
_OPENED = 50_000
CONTENT = Content(
    text="Outreach: corte de luz en Providencia. Vuelta estimada: mar 05:30. Puede cambiar."
)


def _twilio(base_url: str) -> TwilioSms:
    return TwilioSms(
        account_sid=ACCOUNT, auth_token="x" * 32, public_url="https://luz.example.com",
        base_url=base_url, transport=_sending.transport(IN_FLIGHT),
    )  # fmt: skip


def _bare(base_url: str, how_many: int) -> float:
    """Requests a second of the pooled transport alone."""
    body = b"To=%2B56900000000&From=%2B56911111111&Body=" + CONTENT.text.encode()
    url = f"{base_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    head = {"Content-Type": "application/x-www-form-urlencoded"}

    async def post() -> None:
        transport = _sending.transport(IN_FLIGHT)
        left = iter(range(how_many))

        async def work() -> None:
            for _each in left:
                await transport.request("POST", url, headers=head, body=body, deadline=10.0)

        await asyncio.gather(*(work() for _each in range(min(IN_FLIGHT, how_many // 5))))
        await transport.close()

    return how_many / took(lambda: asyncio.run(post()))


def _channel_alone(base_url: str, how_many: int) -> float:
    """Messages a second of the channel without the ledger."""

    async def send() -> None:
        channel = _twilio(base_url)
        for start in range(0, how_many, IN_FLIGHT):
            numbers = range(start, min(start + IN_FLIGHT, how_many))
            await channel.send([_outgoing(n) for n in numbers], 10.0)
        await channel.close()

    return how_many / took(lambda: asyncio.run(send()))


def _outgoing(n: int) -> Outgoing:
    return Outgoing(
        id=n, token=make.KEYRING.token(n, 1), channel=Channel.SMS, to=f"+569{n:08}",
        sender=SENDER, content=CONTENT, purpose=Purpose.SERVICE, valid_for=timedelta(hours=1),
    )  # fmt: skip


def measured(asked: Asked) -> Iterator[Figure]:
    with _databases.urls(asked.databases) as urls, _sending.stub(asked.delay) as base_url:
        least = 4_000 if asked.delay else 5_000
        limit = _bare(base_url, asked.size)
        value = _channel_alone(base_url, asked.size)
        yield _figure("SMS, the channel alone", value, limit, least)
        ways: dict[str, Callable[[], Sends]] = {
            "SMS, sender and ledger alone": _sending.Accepting,
            "SMS, dispatch with the ledger": lambda: _twilio(base_url),
        }
        memory = 0.0
        for name, url in urls.items():
            for what, make_channel in ways.items():
                with _databases.migrated(url) as database:
                    _sending.fill(database, asked.size, Channel.SMS)
                    limit = _bare(base_url, asked.size)
                    forget_peak()  # filling a database, and emptying it, is not the sender's
                    before = time.process_time()
                    value = _sending.with_ledger(
                        database, make_channel(), asked.size, CONTENT, LIMITS
                    )
                    spent = time.process_time() - before
                    memory = max(memory, peak_mb())
                yield _figure(f"{what}, {name}", value, limit, least)
            yield _opening(name, spent / asked.size)
    yield Figure(
        figure=f"SMS, peak memory at {asked.size:,} messages", value=memory, unit="MB", limit=300.0,
        goal="<= 300 MB", met=memory <= 300,
    )  # fmt: skip


def _opening(name: str, spent: float) -> Figure:
    """Share of the CPU of one dispatched message that opening its sealed address takes."""
    sealed = make.KEYRING.seal("+56911111111")
    before = time.process_time()
    for _each in range(_OPENED):
        make.KEYRING.open(sealed)
    share = 100 * (time.process_time() - before) / _OPENED / spent
    return Figure(
        figure=f"SMS, opening the address, share of CPU, {name}", value=share, unit="%", limit=10.0,
        goal="<= 10 %", met=share <= 10,
    )  # fmt: skip


def _figure(name: str, value: float, limit: float, least: float) -> Figure:
    return Figure(
        figure=name, value=value, unit="messages/s", limit=limit,
        goal=f">= {least:,}/s and >= 0.4 of bare HTTP", met=value >= max(least, 0.4 * limit),
    )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(8_000, 100_000), unit="messages")
