"""G5: an opt-out that was answered outlives the process that answered it, killed in that very moment."""

from __future__ import annotations

import http.client
import os
import signal
from contextlib import closing, suppress
from functools import partial
from urllib.parse import urlencode

import pytest
from sqlalchemy import select
from tests import make, town
from tests.entry.processes import Company, until
from tests.entry.test_serving import free_port
from tests.fakes import twilio
from twilio.request_validator import RequestValidator

from outreach.store import tables as t

TOWN = 8
PUBLIC, PATH = "https://luz.example.com", "/webhooks/twilio/inbound"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def numbers(database) -> list[str]:
    """Of everybody in the town who can be texted."""
    with database.write() as session:
        town.build(session, north="C" * TOWN, south="")
        sealed = session.scalars(
            select(t.contact_point.c.address_sealed).where(t.contact_point.c.channel == "sms")
        ).all()
    return sorted({make.KEYRING.open(bytes(each)) for each in sealed})


def said(port: int, number: str) -> int:
    """The status of a STOP, as soon as it is there; the body is not waited for."""
    form = {"From": number, "To": "+56900000000", "Body": "BAJA", "AccountSid": twilio.ACCOUNT,
            "MessageSid": f"SM{number[1:]:0>32}"}  # fmt: skip
    signed = RequestValidator(twilio.AUTH_TOKEN).compute_signature(f"{PUBLIC}{PATH}", form)
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(
            "POST", PATH, body=urlencode(form), headers={**FORM, "X-Twilio-Signature": signed}
        )
        return connection.getresponse().status


def test_an_opt_out_holds_whose_process_is_killed_right_after_its_answer(
    database, numbers, tmp_path
):
    company, port = Company(tmp_path / "w", database), free_port()
    path = company.folder / "outreach.toml"
    path.write_text(
        path.read_text().replace("channel = 'sms'", "channel = 'sms'\nprovider = 'outbox'")
        + f'\n[http]\nport = {port}\npublic_url = "{PUBLIC}"\n'
        f'[twilio]\naccount_sid = "{twilio.ACCOUNT}"\nauth_token = "{twilio.AUTH_TOKEN}"\n'
    )
    path.chmod(0o600)

    def first(number: str) -> int | None:
        with suppress(OSError):
            return said(port, number)
        return None

    for number in numbers:
        with company.run("serve") as serving:
            assert until(partial(first, number)) == http.client.OK
            os.killpg(serving.pid, signal.SIGKILL)

    with database.read() as session:
        stopped = set(session.scalars(select(t.suppression.c.address_hash)))
    assert len(numbers) == TOWN
    assert {make.KEYRING.hash(each) for each in numbers} <= stopped
