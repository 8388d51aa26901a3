"""Sends e-mail to the company's own mail server; SMTP gives no receipts."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from enum import IntEnum
from functools import lru_cache
from typing import Any, Literal

from outreach import clock
from outreach.channels import replies
from outreach.model.message import Accepted, Content, Delayed, InDoubt, Outcome, Outgoing, Refused
from outreach.model.words import Channel

PROVIDER = "smtp"
_BUSY_WAIT = timedelta(seconds=60)
_BAD_MAILBOX = frozenset({550, 551, 553})
_LINE_BREAK = re.compile(r"[\r\n\0]")


class _Stage(IntEnum):
    """How far one message had got when something went wrong."""

    CONNECT = 0
    SENDER = 1
    RECIPIENT = 2
    BODY = 3


class SmtpEmail:
    """A few connections to one server, kept and reused; one message at a time on each."""

    channel = Channel.EMAIL
    has_receipts = False
    batch_size = 100

    def __init__(  # noqa: PLR0913  what a mail server asks for
        self,
        *,
        host: str,
        port: int = 587,
        username: str = "",
        password: str = "",
        tls: Literal["starttls", "tls", "none"] = "starttls",
        connections: int = 4,
        only_loopback: bool = False,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._now = now
        self._where: dict[str, Any] = {
            "hostname": host,
            "port": port,
            "use_tls": tls == "tls",
            "start_tls": tls == "starttls",
            "username": username or None,
            "password": password or None,
        }
        self._only_loopback = only_loopback
        self._places = asyncio.Semaphore(connections)
        self._idle: list[tuple[Any, bool]] = []
        """With each: whether the server refused something, and must forget it first."""

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        """As many at once as there are connections; those that get none in time are delayed."""
        until = clock.monotonic() + deadline
        return list(await asyncio.gather(*(self._send_one(one, until) for one in batch)))

    async def close(self) -> None:
        while self._idle:
            self._idle.pop()[0].close()

    async def _send_one(self, one: Outgoing, until: float) -> Outcome:
        if any(_LINE_BREAK.search(text) for text in _header_values(one)):
            return Refused(
                id=one.id, code="header", reason="a line break in a header of the e-mail"
            )
        if not f"{one.to}{one.sender}{one.token}{one.unsubscribe}{one.answers}".isascii():
            return Refused(id=one.id, code="address", reason="the address is not plain ASCII")
        call = _Call(one, self._now())
        try:
            async with asyncio.timeout(until - clock.monotonic()), self._places:
                return await self._carry(call)
        except TimeoutError:
            return call.gave_up("no answer within the deadline")

    async def _carry(self, call: _Call) -> Outcome:
        from aiosmtplib import SMTPException, SMTPResponseException  # noqa: PLC0415  aiosmtplib

        while True:
            reused = bool(self._idle)
            smtp, refused_before = self._idle.pop() if reused else (None, False)
            try:
                smtp = smtp or await self._connect()
                await call.run(smtp, reset=refused_before)
            except SMTPResponseException as error:
                if smtp is not None:
                    self._idle.append((smtp, True))
                return call.refused(error)
            except (SMTPException, OSError):
                _drop(smtp)
                if reused and call.stage < _Stage.BODY:
                    continue  # the server had closed an idle connection; nothing was sent
                return call.gave_up("connection refused or lost")
            except BaseException:
                _drop(smtp)  # cut short in the middle: nobody may go on from there
                raise
            self._idle.append((smtp, False))
            return Accepted(id=call.one.id, provider_ref=_message_id(call.one))

    async def _connect(self) -> Any:
        from aiosmtplib import SMTP  # noqa: PLC0415  aiosmtplib

        sock = await self._loopback_socket() if self._only_loopback else None
        where = {**self._where, "port": None} if sock else self._where
        smtp = SMTP(**where, sock=sock, timeout=None)
        try:
            await smtp.connect()
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _loopback_socket(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(
            self._where["hostname"], self._where["port"], type=socket.SOCK_STREAM
        )
        family, kind, protocol, _name, address = found[0]
        if not ipaddress.ip_address(address[0]).is_loopback:
            raise ConnectionRefusedError("only this machine is allowed")
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)  # noqa: FBT003  the socket's own signature
        try:
            await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock


class _Call:
    """One message on its way, and how far it got."""

    def __init__(self, one: Outgoing, now: datetime) -> None:
        self.one = one
        self._now = now
        self.stage = _Stage.CONNECT

    async def run(self, smtp: Any, *, reset: bool) -> None:
        if reset:
            await smtp.rset()
        self.stage = _Stage.SENDER
        await smtp.mail(self.one.sender)
        self.stage = _Stage.RECIPIENT
        await smtp.rcpt(self.one.to)
        self.stage = _Stage.BODY
        await smtp.data(compose(self.one, now=self._now))

    def gave_up(self, reason: str) -> Outcome:
        if self.stage == _Stage.BODY:
            return InDoubt(id=self.one.id, reason=f"SMTP: {reason} after the text was sent")
        return Delayed(
            id=self.one.id, code="not_sent", reason=f"SMTP: {reason}",
            retry_after=replies.NOT_SENT_WAIT,
        )  # fmt: skip

    def refused(self, error: Any) -> Outcome:
        """4yz is for later, 5yz for good. Source: RFC 5321, 4.2.1; the server's words hold addresses."""
        code, reason = str(error.code), f"SMTP {error.code} at {self.stage.name.lower()}"
        if 400 <= error.code < 500:  # noqa: PLR2004
            return Delayed(
                id=self.one.id, code=code, reason=reason, retry_after=_BUSY_WAIT, throttled=True
            )
        if not 500 <= error.code < 600:  # noqa: PLR2004  no reply of SMTP
            return self.gave_up("unreadable answer")
        return Refused(
            id=self.one.id,
            code=code,
            reason=reason,
            address_is_bad=self.stage == _Stage.RECIPIENT and error.code in _BAD_MAILBOX,
            stop_lane=self.stage < _Stage.RECIPIENT,  # login or our own sender
        )


def compose(one: Outgoing, *, now: datetime) -> bytes:
    """The mail as it goes over the wire: text, and HTML beside it where there is one.

    The caller has refused line breaks in header values and addresses outside ASCII.
    """
    head = [f"To: {one.to}", f"Message-ID: {_message_id(one)}", f"Date: {format_datetime(now)}"]
    if one.unsubscribe_url:
        head.append(f"List-Unsubscribe: {one.unsubscribe}")
        head.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
    head += [f"{name}: {value}" for name, value in one.automatic_headers.items()]
    return "".join(f"{line}\r\n" for line in head).encode("ascii") + _shared(
        one.sender, one.content
    )


@lru_cache(maxsize=64)
def _shared(sender: str, content: Content) -> bytes:
    """What all who get this text share: building it takes far longer than the rest of a mail."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["Subject"] = sender, content.subject
    mail.set_content(content.text)
    if content.html:
        mail.add_alternative(content.html, subtype="html")
    return mail.as_bytes()


def _message_id(one: Outgoing) -> str:
    """Names the try, so that a reply or a bounce can be told to belong to it."""
    return f"<{one.token}@{one.sender.rpartition('@')[2]}>"


def _header_values(one: Outgoing) -> tuple[str, ...]:
    return one.to, one.sender, one.content.subject, one.unsubscribe, one.token, one.answers or ""


def _drop(smtp: Any) -> None:
    if smtp is not None:
        smtp.close()
