"""A house with its contact center on loopback: carrier, Genesys Cloud, Amazon Connect, and telephones that call it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from lxml import etree
from tests.fakes import connect as amazon, genesys, twilio
from tests.fakes.connect import ConnectFake
from tests.fakes.genesys import GenesysFake
from tests.flow.company import NORTH, OTHER, SOUTH, Person
from tests.flow.house import Hand, House
from tests.flow.providers import PUBLIC, Twilio
from twilio.request_validator import RequestValidator

from outreach.entry.minute import Minute
from outreach.store.session import Database

MENU = "https://ivr.luzdelvalle.example/menu"
"""The company's own flow, to which every call goes on."""
LINE = "6002001111"
WITH_PHONE, WITHOUT = 100, 420
_SETTINGS = """\
default_flow_url = "{menu}"
overflow_queue = "backup"

[contactcenter.ivr]
safety_key = "9"

[contactcenter.forecast]
redials = 0

[contactcenter.genesys]
api_url = "{genesys}"
login_url = "{genesys}"
client_id = "{client}"
client_secret = "{secret}"
table = "{table}"
queues = {{ outages = "{queue}" }}
emergency_group = "{group}"
emergency_from = 300

[contactcenter.connect]
region = "sa-east-1"
instance_id = "{instance}"
instance_arn = "{arn}"
endpoint_url = "{connect}"
queues = {{ backup = "{backup}" }}

[http]
public_url = "{public}"

[delivery]
only_loopback = true

[twilio]
base_url = "{twilio}"

[[lanes]]
name = "sms"
channel = "sms"
provider = "twilio"
sender = "+56900000000"
rate = 0.5
country = "CL"
two_way = true
"""


def people() -> Iterator[Person]:
    """520 households on the feeder, 100 of which hear by SMS; every seventh of those is in Ñuñoa. One beside it."""
    for number in range(1, WITH_PHONE + WITHOUT + 1):
        yield Person(
            account=f"{10_000_000 + number}",
            section=SOUTH if number % 7 == 0 else NORTH,
            phone=f"+5697123{number:04}" if number <= WITH_PHONE else "",
            life_support=number in {2, 5},
            transformer=number % 2,
        )
    yield Person(account="10009999", section=OTHER, phone="+56971239999")


class Loop:
    """The house with everything around it, all on loopback, in one virtual time."""

    def __init__(self, folder: Path, database: Database, hand: Hand) -> None:
        self.twilio = Twilio(hand)
        self.genesys = GenesysFake(hand.monotonic)
        self.connect = ConnectFake()
        self.connect.waiting = 1
        self._folder, self._database, self._hand = folder, database, hand
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        for fake in (self.twilio, self.genesys, self.connect):
            fake.__enter__()
        self._folder.mkdir()
        env = self._folder / ".env"
        env.write_text(
            f"TWILIO_ACCOUNT_SID={twilio.ACCOUNT}\nTWILIO_AUTH_TOKEN={twilio.AUTH_TOKEN}\n"
        )
        env.chmod(0o600)
        more = _SETTINGS.format(
            menu=MENU, public=PUBLIC, twilio=self.twilio.url,
            genesys=self.genesys.url, client=genesys.CLIENT, secret=genesys.SECRET,
            table=genesys.TABLE, queue=genesys.QUEUE, group=genesys.GROUP,
            connect=self.connect.url, instance=amazon.INSTANCE, arn=amazon.ARN, backup=amazon.QUEUE,
        )  # fmt: skip
        self.house = House(self._folder, self._database, more=more, hand=self._hand)
        self.minute = Minute(of=self.house._installation())
        return self

    def __exit__(self, *_error: object) -> None:
        self.minute.close()
        self.house.close()
        for fake in (self.connect, self.genesys, self.twilio):
            fake.__exit__()

    def telephone(self, number: str) -> Telephone:
        return Telephone(self.house, number, call_id=f"CA{next(self._numbers):032x}")

    def asks_by_connect(self, number: str) -> dict[str, str]:
        """What a flow of Amazon Connect reads at $.External for this caller."""
        event = {
            "Details": {
                "ContactData": {
                    "ContactId": f"c{next(self._numbers)}",
                    "CustomerEndpoint": {"Address": number, "Type": "TELEPHONE_NUMBER"},
                },
                "Parameters": {},
            }
        }
        self.house._front.board.refresh()
        answered = self.house.browser.post("/v1/ivr/connect", json=event)
        assert answered.status_code == 200, answered.text
        found: dict[str, str] = answered.json()
        return found

    def document(self) -> dict[str, Any]:
        """What the contact center pulls now."""
        answered = self.house.browser.get("/v1/directives")
        assert answered.status_code == 200, answered.text
        found: dict[str, Any] = answered.json()
        return found

    def reports(self, contacts: list[dict[str, Any]]) -> dict[str, Any]:
        """The contact center tells who called."""
        answered = self.house.browser.post("/v1/contacts", json={"contacts": contacts})
        assert answered.status_code == 200, answered.text
        found: dict[str, Any] = answered.json()
        return found

    def confirms(self, since: int) -> int:
        """The carrier's receipts for the texts after the first `since`; how many texts there are."""
        for taken in self.twilio.ledger[since:]:
            url, form, signature = self.twilio.callback(taken, "delivered")
            headers = {"X-Twilio-Signature": signature}
            path = urlsplit(url).path
            answered = self.house.browser.post(path, data=form, headers=headers)
            assert answered.status_code == 204, answered.text
        return len(self.twilio.ledger)

    def told_the_platforms(self) -> list[str]:
        """Everything that both platforms were asked, as it travelled."""
        asked = [*self.genesys.requests, *self.connect.requests]
        return [f"{one.path} {json.dumps(one.query)} {one.body.decode()}" for one in asked]


class Telephone:
    """A caller whom Twilio leads through our TwiML, every request signed as Twilio signs it."""

    def __init__(self, house: House, number: str, *, call_id: str) -> None:
        self._house, self.number = house, number
        self._form = {"From": number, "To": f"+56{LINE}", "CallSid": call_id}
        self._document = etree.Element("Response")
        self.addresses: list[str] = []
        """Every address that was asked or named."""

    def calls(self) -> str:
        """What the caller hears."""
        self._house._front.board.refresh()
        return self._asks(f"{PUBLIC}/v1/ivr/twiml", {})

    def presses(self, digit: str) -> str:
        """What the caller hears after this key."""
        action = self._document.find("Gather").get("action")
        return self._asks(action.partition("#")[0], {"Digits": digit})

    def _asks(self, url: str, more: dict[str, str]) -> str:
        form = self._form | more
        signature = RequestValidator(twilio.AUTH_TOKEN).compute_signature(url, form)
        headers = {"X-Twilio-Signature": signature}
        answered = self._house.browser.post(url.removeprefix(PUBLIC), data=form, headers=headers)
        assert answered.status_code == 200, answered.text
        self._document = etree.fromstring(answered.content)
        goes_on = self._document.findtext("Redirect")
        assert goes_on.startswith(MENU), "nobody is hung up on"
        actions = [each.get("action") for each in self._document.iter("Gather")]
        self.addresses += [url, goes_on, *actions]
        return " ".join(each.text for each in self._document.iter("Say"))
