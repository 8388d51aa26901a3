"""Row "dispatch e-mail": 1,000 recipients of one text a request, with the ledger, beside bare posting.

    python bench/mail.py [--quick] [--json] [--size RECIPIENTS] [--only sqlite|postgresql]

Messages of one wave are claimed, rendered, sent through SendGrid's channel to a stub on loopback, and
settled. Limit: the same personalizations built and posted by hand through the same transport, no SDK, no
channel and no ledger.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta

import _databases
import _sending
from _figures import Asked, Figure, run, took
from tests import make

from outreach.channels.sendgrid_email import SendGridEmail
from outreach.delivery.hands import Limits
from outreach.model.message import Content, Outgoing
from outreach.model.words import Channel, Purpose

GOAL = 50_000
A_REQUEST = 1_000
LIMITS = Limits(chunk=10_000, in_flight=4 * A_REQUEST)
SENDER = _sending.SENDERS[Channel.EMAIL]
UNSUBSCRIBE = "https://luz.example.com/baja/0123456789abcdef"
_LINE = "Hay un corte de luz en Providencia. Vuelta estimada: martes 05:30. "
CONTENT = Content(subject="Corte de luz", text=_LINE * 8, html=f"<p>{_LINE * 8}</p>" * 4)


def _channel(base_url: str) -> SendGridEmail:
    return SendGridEmail(
        api_key="SG.x", base_url=base_url, transport=_sending.transport(connections=4)
    )


def _bare(base_url: str, how_many: int) -> float:
    """Recipients a second, built and posted by hand, four requests at a time."""
    url, head = f"{base_url}/v3/mail/send", {"Content-Type": "application/json"}

    async def post() -> None:
        transport = _sending.transport(connections=4)
        starts = iter(range(0, how_many, A_REQUEST))

        async def work() -> None:
            for start in starts:
                body = _by_hand(start, min(A_REQUEST, how_many - start))
                await transport.request("POST", url, headers=head, body=body, deadline=30.0)

        await asyncio.gather(*(work() for _each in range(4)))
        await transport.close()

    return how_many / took(lambda: asyncio.run(post()))


def _by_hand(start: int, how_many: int) -> bytes:
    people = [
        {
            "to": [{"email": f"persona{n}@example.com"}],
            "custom_args": {"attempt": f"{n}.1.0123456789abcdef"},
            "headers": {
                "List-Unsubscribe": f"<{UNSUBSCRIBE}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
        }
        for n in range(start, start + how_many)
    ]
    parts = (("text/plain", CONTENT.text), ("text/html", CONTENT.html))
    mail = {
        "personalizations": people, "from": {"email": SENDER}, "subject": CONTENT.subject,
        "content": [{"type": kind, "value": value} for kind, value in parts],
    }  # fmt: skip
    return json.dumps(mail).encode()


def _channel_alone(base_url: str, how_many: int) -> float:
    batch = [
        Outgoing(
            id=n, token=make.KEYRING.token(n, 1), channel=Channel.EMAIL, sender=SENDER,
            to=f"persona{n}@example.com", content=CONTENT, purpose=Purpose.SERVICE,
            valid_for=timedelta(hours=1), unsubscribe_url=UNSUBSCRIBE,
        )
        for n in range(how_many)
    ]  # fmt: skip

    async def send() -> None:
        channel = _channel(base_url)
        for start in range(0, how_many, A_REQUEST):
            await channel.send(batch[start : start + A_REQUEST], 30.0)
        await channel.close()

    return how_many / took(lambda: asyncio.run(send()))


def measured(asked: Asked) -> Iterator[Figure]:
    with _databases.urls(asked.databases) as urls, _sending.stub(asked.delay) as base_url:
        limit = _bare(base_url, asked.size)
        yield _figure("e-mail, the channel alone", _channel_alone(base_url, asked.size), limit)
        for name, url in urls.items():
            with _databases.migrated(url) as database:
                _sending.fill(database, asked.size, Channel.EMAIL)
                limit = _bare(base_url, asked.size)
                value = _sending.with_ledger(
                    database, _channel(base_url), asked.size, CONTENT, LIMITS,
                    unsubscribe_url=lambda _one: UNSUBSCRIBE,
                )  # fmt: skip
            yield _figure(f"e-mail, dispatch with the ledger, {name}", value, limit)


def _figure(name: str, value: float, limit: float) -> Figure:
    return Figure(
        figure=name, value=value, unit="recipients/s", limit=limit,
        goal=f">= {GOAL:,}/s", met=value >= GOAL,
    )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(20_000, 200_000), unit="recipients")
