"""Twilio on loopback: takes messages, lists them (with a lag if asked), signs status callbacks."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.fakes.http import HttpFake, Reply, Request
from twilio.request_validator import RequestValidator

ACCOUNT = "AC" + "0" * 32
AUTH_TOKEN = "test-9f2c51d0e7a84b36c1d2"
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
        self.calls: list[Taken] = []
        """Calls placed, each with its TwiML as body."""
        self.called = threading.Event()
        """Set by the first call."""
        self.cancelled: list[str] = []
        """Calls taken back before anybody answered."""
        self.answered: set[str] = set()
        """Calls that are too late to take back."""
        self.now = START
        self.listing_lags = False

    def accept(self, request: Request) -> Reply:
        if "/Calls" in request.path:
            return self._accept_call(request)
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

    def _accept_call(self, request: Request) -> Reply:
        form = request.form
        if request.method == "GET":
            return self._list(request.query, of=self.calls, name="calls")
        if not request.path.endswith("/Calls.json"):
            return self._cancel(request.path.rpartition("/")[2].removesuffix(".json"))
        taken = Taken(
            sid=f"CA{len(self.calls) + 1:032x}", to=form["To"], sender=form["From"],
            body=form["Twiml"], callback=form.get("StatusCallback", ""), validity=0,
            created_at=self.now, listed=not self.listing_lags,
        )  # fmt: skip
        self.calls.append(taken)
        self.called.set()
        return Reply(status=201, body=json.dumps(_resource(taken)).encode())

    def _cancel(self, sid: str) -> Reply:
        if all(taken.sid != sid for taken in self.calls):
            return Reply(status=404, body=b'{"code": 20404, "message": "no", "status": 404}')
        if sid in self.answered:
            return Reply(
                status=200, body=json.dumps({"sid": sid, "status": "in-progress"}).encode()
            )
        self.cancelled.append(sid)
        return Reply(status=200, body=json.dumps({"sid": sid, "status": "canceled"}).encode())

    def call_back(
        self, call: Taken, status: str, answered_by: str = ""
    ) -> tuple[str, dict[str, str], str]:
        """A status callback for one call: (url, form, signature)."""
        form = {"CallSid": call.sid, "CallStatus": status, "To": call.to}
        if answered_by:
            form["AnsweredBy"] = answered_by
        return self.signed(call.callback, form)

    def press(self, call: Taken, digits: str, url: str = "") -> tuple[str, dict[str, str], str]:
        """What Twilio posts to the action of the document once a key was pressed, or none (`""`)."""
        action = url or re.findall(r'action="([^"]+)"', call.body)[0].replace("&amp;", "&")
        form = {"CallSid": call.sid, "CallStatus": "in-progress", "To": call.to}
        return self.signed(action, form | ({"Digits": digits} if digits else {}))

    def signed(self, url: str, form: dict[str, str]) -> tuple[str, dict[str, str], str]:
        return url, form, RequestValidator(AUTH_TOKEN).compute_signature(url, form)

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

    def _list(
        self, query: dict[str, str], *, of: list[Taken] | None = None, name: str = "messages"
    ) -> Reply:
        found = [
            taken
            for taken in reversed(self.ledger if of is None else of)
            if taken.listed and taken.to == query["To"]
            and query.get("From", taken.sender) == taken.sender
        ]  # fmt: skip
        page = [_resource(taken) for taken in found[: int(query["PageSize"])]]
        return Reply(body=json.dumps({name: page, "page": 0, "next_page_uri": None}).encode())


class TwilioCallsFake(TwilioFake):
    """The same provider for tests of calls alone: its ledger is that of the calls."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = self.calls


def _resource(taken: Taken) -> dict[str, object]:
    created = format_datetime(taken.created_at + timedelta(0))
    return {
        "sid": taken.sid, "status": "queued", "to": taken.to, "from": taken.sender,
        "body": taken.body, "account_sid": ACCOUNT, "date_created": created,
        "date_updated": created, "date_sent": None, "error_code": None, "error_message": None,
        "num_segments": "1", "direction": "outbound-api", "api_version": "2010-04-01",
    }  # fmt: skip
