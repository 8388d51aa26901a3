"""The request of a message, which is built without the SDK, is the one that the SDK would send."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from tests.channels import bench as benches
from tests.channels.bench import bench, outgoing
from tests.fakes.http import Request
from tests.fakes.twilio import ACCOUNT, AUTH_TOKEN

from outreach.channels.twilio_carrier import messages_of
from outreach.model.message import Content, Outgoing

SERVICE = "MG" + "a" * 32
EVERYTHING = "".join(map(chr, [*range(1, 256), 0x20AC, 0x1F6B0, 0x2028])) + "&=+%~ \r\n"


def by_the_sdk(url: str, one: Outgoing) -> None:
    """Each parameter that we use, by its name in the SDK."""
    sender = "messaging_service_sid" if one.sender.startswith("MG") else "from_"

    async def create() -> None:
        transport = benches.transport()
        messages = messages_of(
            transport, account=ACCOUNT, token=AUTH_TOKEN, base_url=url, until=monotonic() + 5
        )
        await messages.create_async(
            to=one.to,
            body=one.content.text,
            status_callback=f"{benches.PUBLIC_URL}/webhooks/twilio/status/{one.token}",
            validity_period=int(one.valid_for.total_seconds()),
            **{sender: one.sender},
        )
        await transport.close()

    asyncio.run(create())


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sender": SERVICE},
        {"sender": "LuzDelSur"},
        {"to": "+5491122223333"},
        {"token": "1.1.a-_~/+=&ñ"},
        {"valid_for": timedelta(seconds=6)},
        {"valid_for": timedelta(hours=10)},
        {"content": Content(text=EVERYTHING)},
        {"content": Content(text="")},
    ],
    ids=["plain", "service", "word", "to", "token", "shortest", "longest", "any sign", "no text"],
)
def test_the_request_is_byte_for_byte_what_the_sdk_would_send(changes: dict[str, Any]) -> None:
    one = outgoing("twilio", **changes)
    with bench("twilio") as under:
        by_the_sdk(under.fake.url, one)
        under.send(one)

        expected, ours = under.fake.requests

    assert ours == expected


def test_a_parameter_more_or_less_would_be_seen() -> None:
    one = outgoing("twilio")
    with bench("twilio") as under:
        by_the_sdk(under.fake.url, replace(one, valid_for=timedelta(hours=2)))
        under.send(one)

        expected, ours = under.fake.requests

    assert ours != expected


def test_the_environment_of_the_process_does_not_reach_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, seen = outgoing("twilio"), list[Request]()
    for edge in ("", "sydney"):
        monkeypatch.setenv("TWILIO_EDGE", edge)
        with bench("twilio") as under:
            under.send(one)
            request = under.fake.requests[0]
            seen.append(replace(request, headers={**request.headers, "host": ""}))

    assert seen[0] == seen[1]
    assert "authorization" in seen[0].headers
