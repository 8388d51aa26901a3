"""A house whose lanes go to Twilio and SendGrid on loopback, through the vendors' own SDKs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from tests.fakes import sendgrid, twilio
from tests.fakes.http import Reply, Request
from tests.flow.house import Hand, House

from outreach.store.session import Database

PUBLIC = "https://avisos.luzdelvalle.example"
SECRETS = (twilio.AUTH_TOKEN, sendgrid.API_KEY)
_LANES = """
[http]
public_url = "{public}"

[delivery]
only_loopback = true

[twilio]
base_url = "{twilio}"

[sendgrid]
base_url = "{sendgrid}"
webhook_public_key = "{key}"

[[lanes]]
name = "sms"
channel = "sms"
provider = "twilio"
sender = "+56900000000"
rate = 10
country = "CL"
two_way = true

[[lanes]]
name = "email"
channel = "email"
provider = "sendgrid"
sender = "avisos@luzdelvalle.example"
rate = 100
"""


class Twilio(twilio.TwilioFake):
    """Twilio under the clock of the house; `after` runs once, when that many messages were taken."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self.after: tuple[int, Callable[[], object]] | None = None
        super().__init__()

    @property
    def now(self) -> datetime:
        return self._hand.at

    @now.setter
    def now(self, _start: datetime) -> None:
        """The house has its own."""

    def accept(self, request: Request) -> Reply:
        reply = super().accept(request)
        if self.after is not None and len(self.ledger) >= self.after[0]:
            act, self.after = self.after[1], None
            act()
        return reply


class Connected:
    """The house, with both providers behind it."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        hand: Hand,
        *,
        duty_phone: str = "",
        more: str = "",
    ) -> None:
        self._before = f'duty_phone = "{duty_phone}"\n'  # the house's text ends in [contactcenter]
        self._more = more
        self.twilio, self.sendgrid = Twilio(hand), sendgrid.SendGridFake()
        self._folder, self._database, self._hand = folder, database, hand

    def __enter__(self) -> Self:
        self.twilio.__enter__()
        self.sendgrid.__enter__()
        self._folder.mkdir()
        env = self._folder / ".env"
        env.write_text(
            f"TWILIO_ACCOUNT_SID={twilio.ACCOUNT}\nTWILIO_AUTH_TOKEN={twilio.AUTH_TOKEN}\n"
            f"SENDGRID_API_KEY={sendgrid.API_KEY}\n"
        )
        env.chmod(0o600)
        lanes = _LANES.format(
            public=PUBLIC, twilio=self.twilio.url, sendgrid=self.sendgrid.url,
            key=self.sendgrid.public_key,
        )  # fmt: skip
        self.house = House(
            self._folder, self._database, more=self._before + lanes + self._more, hand=self._hand
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self.house.close()
        self.sendgrid.__exit__()
        self.twilio.__exit__()

    # ── the truth, as the providers have it ─────────────────────────────────────────────────────

    def copies(self) -> int:
        """The most copies of one text that one person was sent; 1 is right."""
        texts = Counter((one.to, one.body) for one in self.twilio.ledger)
        mails = Counter((one.to, one.subject, one.text) for one in self.sendgrid.ledger)
        return max((texts + mails).values(), default=0)

    def taken(self) -> int:
        return len(self.twilio.ledger) + len(self.sendgrid.ledger)

    def people(self, part: str) -> set[str]:
        """Who was sent a text with this in it."""
        by_sms = {one.to for one in self.twilio.ledger if part in one.body}
        return by_sms | {one.to for one in self.sendgrid.ledger if part in one.text}

    # ── what the providers send back ────────────────────────────────────────────────────────────

    def posts_sms(self, callbacks: Iterable[tuple[twilio.Taken, str]], *, seed: int) -> None:
        """Each status callback twice, in an order drawn from the seed, all of them signed."""
        posts = [self.twilio.callback(taken, status) for taken, status in callbacks] * 2
        random.Random(seed).shuffle(posts)  # noqa: S311  an order, not a secret
        for url, form, signature in posts:
            assert self.posts_form(url, form, signature) == 204

    def posts_form(self, url: str, form: dict[str, str], signature: str) -> int:
        """The status with which the house answers one callback."""
        headers = {"X-Twilio-Signature": signature}
        return self.house.browser.post(urlsplit(url).path, data=form, headers=headers).status_code

    def posts_mail(self, raw: bytes, signature: str, *, timestamp: str = "1785826980") -> int:
        """The same for one batch of SendGrid's events."""
        headers = {
            "Content-Type": "application/json",
            "X-Twilio-Email-Event-Webhook-Signature": signature,
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
        }
        return self.house.browser.post(
            "/webhooks/sendgrid", content=raw, headers=headers
        ).status_code
