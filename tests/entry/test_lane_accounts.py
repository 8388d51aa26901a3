"""Two Twilio accounts on loopback: each lane calls its own, and receipts of both are genuine."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.fakes.twilio import AUTH_TOKEN, TwilioFake
from twilio.request_validator import RequestValidator

from outreach import settings as configuration
from outreach.addresses import new_keyring
from outreach.entry import wiring
from outreach.entry.wiring import Installation
from outreach.model.message import Content, Outgoing
from outreach.model.words import Channel, Purpose
from outreach.store.session import Database

TOML = """
[delivery]
only_loopback = true
[twilio]
account_sid = "AC00000000000000000000000000000001"
auth_token = "{token}"
base_url = "{first}"
[twilio.accounts.backup]
account_sid = "AC00000000000000000000000000000002"
auth_token = "another"
base_url = "{second}"
[[lanes]]
name = "sms"
channel = "sms"
provider = "twilio"
sender = "+56900000000"
[[lanes]]
name = "backup"
channel = "sms"
provider = "twilio"
sender = "+56911111111"
account = "backup"
weight = 0
burst = 7
"""


@pytest.fixture
def fakes():
    with TwilioFake() as first, TwilioFake() as second:
        yield first, second


@pytest.fixture
def installation(fakes, tmp_path, sqlite_template):
    first, second = fakes
    text = TOML.format(token=AUTH_TOKEN, first=first.url, second=second.url)
    (tmp_path / "outreach.toml").write_text(text)
    database = Database(f"sqlite:///{sqlite_template}")
    yield Installation(
        settings=configuration.load(tmp_path), database=database, keyring=new_keyring()
    )
    database.close()


def outgoing() -> Outgoing:
    return Outgoing(
        id=1, token="1.1.x", channel=Channel.SMS, to="+56922221111", sender="+56911111111",
        content=Content(text="corte"), purpose=Purpose.SERVICE, valid_for=timedelta(hours=1),
    )  # fmt: skip


def test_a_lane_with_an_account_sends_through_that_account(installation, fakes):
    async def send() -> None:
        await installation.channel(installation.settings.lanes[1]).send([outgoing()], 5.0)
        await installation.close()

    asyncio.run(send())

    first, second = fakes
    assert (len(first.ledger), len(second.ledger)) == (0, 1)
    assert "AC00000000000000000000000000000002" in second.requests[0].path


@pytest.mark.parametrize(
    ("token", "genuine"), [(AUTH_TOKEN, True), ("another", True), ("x", False)]
)
def test_a_receipt_signed_by_any_of_our_accounts_is_genuine(installation, token, genuine):
    url, form = "https://example.com/webhooks/twilio/status/1", {"MessageSid": "SM1"}
    signature = RequestValidator(token).compute_signature(url, form)
    tokens = wiring._twilio_tokens(installation.settings)

    assert wiring._genuine_twilio(tokens, url, list(form.items()), signature) is genuine


def test_a_driver_knows_its_lane_s_burst_caps_and_home(installation):
    driver = installation.driver(installation.settings.lanes[1])

    assert driver.pace is not None
    assert (driver.pace.burst, driver.home, driver.caps.country) == (7.0, 0, "*")
