"""A carrier in a process of its own: Twilio's SMS API and SendGrid's mail, and a ledger of what it took.

The ledger is the truth: a line is appended before anything is answered. What a call meets follows from the
seed and the try's own token, whatever the order in which calls come.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fleet import history
from tests.fleet.callbacks import Callbacks
from tests.fleet.terms import ACCOUNT, DEADLINE_S, LAG_S, Fleet, drawn

from outreach import clock

_LATENCY_S = 0.004
_REASONS = {200: "OK", 201: "CREATED", 202: "ACCEPTED", 404: "NOT FOUND", 429: "TOO MANY", 500: "ERROR"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`status` 0: none, the connection closes; -1: none, it stays open."""

    status: int
    body: bytes = b"{}"
    headers: str = ""
    after: float = _LATENCY_S

    def encode(self) -> bytes:
        head = (
            f"HTTP/1.1 {self.status} {_REASONS[self.status]}\r\nContent-Type: application/json\r\n"
        )
        return f"{head}{self.headers}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One message that the carrier has."""

    sid: str
    to: str
    sender: str
    body: str
    token: str
    callback: str
    at: float
    created_at: datetime
    listed_at: float
    validity: int = 0


class Carrier:
    """What both providers do with a call."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.callbacks = Callbacks(fleet)
        self._ledger = os.open(fleet.ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._by_person: dict[str, list[Copy]] = defaultdict(list)
        self._numbers: Counter[str] = Counter()
        for line in history.lines(fleet.ledger):
            if line["event"] == "accepted":
                self._numbers[line["token"]] += 1

    def twilio(self, form: dict[str, str]) -> Answer:
        """`POST …/Messages.json`."""
        token = form["StatusCallback"].rpartition("/")[2]
        self._write("arrived", token=token, to=form["To"], sender=form["From"])
        fate = self._fate(token)
        if fate == "throttled":
            return Answer(status=429, headers="Retry-After: 1\r\n")
        if fate == "error_before":
            return Answer(status=500)
        if fate == "late":
            wait = self.fleet.scale * (DEADLINE_S * 1.1 + drawn(self.fleet.seed, "late", token).uniform(0, 5))  # fmt: skip
            asyncio.get_running_loop().call_later(wait, self._accept_sms, form, token)
            return Answer(status=-1)
        copy = self._accept_sms(form, token)
        if fate == "lost_reply":
            return Answer(status=0)
        if fate == "error_after":
            return Answer(status=500)
        early = drawn(self.fleet.seed, "early", token).random() < 0.05
        return Answer(status=201, body=_resource(copy), after=0.05 if early else _LATENCY_S)

    def listing(self, query: dict[str, str]) -> Answer:
        """`GET …/Messages.json`: newest first, and only what the listing has caught up with."""
        now = clock.monotonic()
        found = [
            _resource(copy)
            for copy in reversed(self._by_person[query["To"]])
            if copy.listed_at <= now and query.get("From", copy.sender) == copy.sender
        ]
        self._write("listed", to=query["To"], found=len(found))
        page = b",".join(found[: int(query.get("PageSize", "50"))])
        return Answer(status=200, body=b'{"messages":[%s],"page":0,"next_page_uri":null}' % page)

    def sendgrid(self, mail: dict[str, Any]) -> Answer:
        """`POST /v3/mail/send`: one request, many people, one fate."""
        people = [(each["to"][0]["email"], each["custom_args"]["attempt"]) for each in mail["personalizations"]]  # fmt: skip
        for to, token in people:
            self._write("arrived", token=token, to=to, sender=mail["from"]["email"])
        fate = self._fate(people[0][1])
        if fate == "throttled":
            return Answer(status=429, headers="Retry-After: 1\r\n")
        if fate == "error_before":
            return Answer(status=500)
        ref = f"m{drawn(self.fleet.seed, 'mail', people[0][1]).getrandbits(64):016x}"
        copies = [self._accept_mail(mail, to, token, ref) for to, token in people]
        self.callbacks.mailed([(copy.to, copy.token, copy.sid) for copy in copies])
        if fate in {"lost_reply", "late"}:
            return Answer(status=0)
        if fate == "error_after":
            return Answer(status=500)
        return Answer(status=202, body=b"", headers=f"X-Message-Id: {ref}\r\n")

    def _accept_sms(self, form: dict[str, str], token: str) -> Copy:
        copy = self._copy(form["To"], form["From"], form["Body"], token, callback=form["StatusCallback"],
                          validity=int(form.get("ValidityPeriod", "0")))  # fmt: skip
        self._by_person[copy.to].append(copy)
        self.callbacks.texted(copy.sid, copy.token, copy.callback, copy.to)
        return copy

    def _accept_mail(self, mail: dict[str, Any], to: str, token: str, ref: str) -> Copy:
        return self._copy(to, mail["from"]["email"], mail["content"][0]["value"], token, sid=ref)

    def _copy(self, to: str, sender: str, body: str, token: str, **more: Any) -> Copy:
        """Into the ledger, and only then is anything said about it. `more`: sid, callback, validity."""
        seed, now = self.fleet.seed, clock.monotonic()
        self._numbers[token] += 1
        number = self._numbers[token]
        sid = more.get("sid") or f"SM{drawn(seed, 'sid', token, number).getrandbits(128):032x}"
        lag = drawn(seed, "lag", sid).uniform(0, LAG_S * self.fleet.scale * self.fleet.fates.lag)
        self._write("accepted", sid=sid, token=token, to=to, sender=sender, copy=number)
        return Copy(
            sid=sid,
            to=to,
            sender=sender,
            body=body,
            token=token,
            callback=more.get("callback", ""),
            at=now,
            created_at=clock.now(),
            listed_at=now + lag,
            validity=more.get("validity", 0),
        )

    def _fate(self, token: str) -> str:
        fates, point = self.fleet.fates, drawn(self.fleet.seed, "fate", token).random()
        for name in ("lost_reply", "error_after", "error_before", "throttled", "late"):
            point -= getattr(fates, name)
            if point < 0:
                return name
        return ""

    def _write(self, event: str, **what: Any) -> None:
        line = {"at": clock.monotonic(), "event": event, **what}
        os.write(self._ledger, json.dumps(line, separators=(",", ":")).encode() + b"\n")


def _resource(copy: Copy) -> bytes:
    created = format_datetime((copy.created_at + timedelta(0)).astimezone(UTC))
    return json.dumps({
        "sid": copy.sid, "status": "queued", "to": copy.to, "from": copy.sender, "body": copy.body,
        "account_sid": ACCOUNT, "date_created": created, "date_updated": created,
        "date_sent": None, "error_code": None, "error_message": None, "num_segments": "1",
        "direction": "outbound-api", "api_version": "2010-04-01",
    }).encode()  # fmt: skip


class _Connection(asyncio.Protocol):
    """HTTP/1.1 by hand, kept alive: one request at a time."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._held = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            first, *fields = bytes(self._held[:end]).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _colon, value in (field.partition(":") for field in fields)}  # fmt: skip
            length = int(headers.get("content-length", "0"))
            if len(self._held) < end + 4 + length:
                return
            body = bytes(self._held[end + 4 : end + 4 + length])
            del self._held[: end + 4 + length]
            method, target, _version = first.split(" ")
            self._give(self._answer(method, target, body))

    def _answer(self, method: str, target: str, body: bytes) -> Answer:
        url = urlsplit(target)
        if url.path == "/v3/mail/send":
            return self._carrier.sendgrid(json.loads(body))
        if url.path.endswith("/Messages.json") and method == "POST":
            return self._carrier.twilio(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        if url.path.endswith("/Messages.json"):
            return self._carrier.listing(dict(parse_qsl(url.query)))
        return Answer(status=404)

    def _give(self, answer: Answer) -> None:
        if answer.status > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(answer.after, self._transport.write, answer.encode())
        elif answer.status == 0:
            self._transport.close()


def carry(fleet: Fleet, _life: dict[str, Any]) -> None:
    """Serves until killed."""

    async def main() -> None:
        carrier = Carrier(fleet)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(carrier), "127.0.0.1", fleet.ports["carrier"])  # fmt: skip
        async with server, carrier.callbacks.posting():
            await server.serve_forever()

    asyncio.run(main())
