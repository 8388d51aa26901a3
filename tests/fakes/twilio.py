"""Twilio on loopback: takes messages, lists them (with a lag if asked), signs status callbacks."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.fakes.http import HttpFake, Reply, Request
from twilio.request_validator import RequestValidator

ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "test-token"
START = datetime(2026, 8, 4, 6, 43, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message in the provider's ledger: the truth."""

    sid: str
    to: str
    sender: str
    body: str
    callback: str
    validity: int
    created_at: datetime
    listed: bool = True


class TwilioFake(HttpFake):
    """`ledger` is what really was accepted; `listing_lags` hides new messages from the listing."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger: list[Taken] = []
        self.now = START
        self.listing_lags = False

    def accept(self, request: Request) -> Reply:
        if request.method == "GET":
            return self._list(request.query)
        form = request.form
        taken = Taken(
            sid=f"SM{len(self.ledger) + 1:032x}",
            to=form["To"],
            sender=form.get("From", form.get("MessagingServiceSid", "")),
            body=form["Body"],
            callback=form.get("StatusCallback", ""),
            validity=int(form.get("ValidityPeriod", "36000")),
            created_at=self.now,
            listed=not self.listing_lags,
        )
        self.ledger.append(taken)
        return Reply(status=201, body=json.dumps(_resource(taken)).encode())

    def list_all(self) -> None:
        """The listing has caught up."""
        self.ledger = [replace(taken, listed=True) for taken in self.ledger]

    def error(self, code: int, status: int = 400, **how: Any) -> None:
        """Scripts one of Twilio's own errors; its message holds the number, as the real one does."""
        body = {"code": code, "message": "The 'To' number +56922221111 is bad", "status": status}
        self.next(status, body=body, **how)

    def callback(
        self, taken: Taken, status: str, code: str = ""
    ) -> tuple[str, dict[str, str], str]:
        """A status callback for one message: (url, form, signature)."""
        form = {"MessageSid": taken.sid, "MessageStatus": status, "To": taken.to}
        if code:
            form["ErrorCode"] = code
        signed = RequestValidator(AUTH_TOKEN).compute_signature(taken.callback, form)
        return taken.callback, form, signed

    def _list(self, query: dict[str, str]) -> Reply:
        found = [
            taken
            for taken in reversed(self.ledger)
            if taken.listed and taken.to == query["To"]
            and query.get("From", taken.sender) == taken.sender
        ]  # fmt: skip
        page = [_resource(taken) for taken in found[: int(query["PageSize"])]]
        return Reply(body=json.dumps({"messages": page, "page": 0, "next_page_uri": None}).encode())


def _resource(taken: Taken) -> dict[str, object]:
    created = format_datetime(taken.created_at + timedelta(0))
    return {
        "sid": taken.sid, "status": "queued", "to": taken.to, "from": taken.sender,
        "body": taken.body, "account_sid": ACCOUNT, "date_created": created,
        "date_updated": created, "date_sent": None, "error_code": None, "error_message": None,
        "num_segments": "1", "direction": "outbound-api", "api_version": "2010-04-01",
    }  # fmt: skip
