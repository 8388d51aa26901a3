"""Sending through the product's own sender, to a stub provider on loopback in a process of its own."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from _figures import took
from sqlalchemy import func, insert, select
from tests import make

from outreach.channels.transport import Transport
from outreach.delivery.hands import Driver, Hands, Limits, Times
from outreach.delivery.sender import drive_lane
from outreach.model.message import Accepted, Content, Outcome, Outgoing, Recipient, Sends
from outreach.model.words import Channel, MessageState
from outreach.store import ledger, tables as t
from outreach.store.session import Database

RATE = 1_000_000.0
_SLICE = 10_000
"""Rows made at a time: the memory that is measured is the sender's."""


class _Stub(asyncio.Protocol):
    """Answers every POST as Twilio and SendGrid would, by hand: it must be faster than what it measures."""

    numbers = iter(range(1, 1 << 40))
    delay = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.held = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 : at + 30].split(b"\r")[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + length:
                return
            del self.held[: end + 4 + length]
            self._answer(_reply(next(self.numbers)))

    def _answer(self, reply: bytes) -> None:
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self.transport.write, reply)
        else:
            self.transport.write(reply)


def _reply(number: int) -> bytes:
    body = b'{"sid": "SM%032x", "status": "queued", "error_code": null}' % number
    head = b"Content-Type: application/json\r\nX-Message-Id: m%032x\r\n" % number
    return b"HTTP/1.1 202 TAKEN\r\n%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


def _serve(ready: Any, delay: float) -> None:
    async def main() -> None:
        _Stub.delay = delay
        server = await asyncio.get_running_loop().create_server(_Stub, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def stub(delay: float = 0.0) -> Iterator[str]:
    """Its URL; `delay` in seconds before each answer."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, delay))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


class Accepting:
    """A carrier in this process that accepts at once: what is left is the sender and its ledger."""

    channel = Channel.SMS
    has_receipts = True
    batch_size = 1_000

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        return [Accepted(id=each.id, provider_ref=f"SM{each.id:032x}") for each in batch]

    async def close(self) -> None:
        return None


class Noting(Accepting):
    """The same, one message a call; `called` holds when each was."""

    batch_size = 1

    def __init__(self) -> None:
        self.called: list[float] = []

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        self.called += [time.perf_counter()] * len(batch)
        return await super().send(batch, deadline)


def transport(connections: int) -> Transport:
    return Transport(only_loopback=True, connections=connections)


def fill(database: Database, how_many: int, channel: Channel) -> None:
    """One wave of so many queued messages, each to an address of its own, and its lane."""
    pool = f"{channel}:CL"
    with database.write() as session:
        make.make_lane(session, name=channel, pool=pool, channel=channel, rate=RATE,
                       sender=SENDERS[channel])  # fmt: skip
        wave, customer = make.make_step_run(session), make.make_customer(session)
        for start in range(1, how_many + 1, _SLICE):
            numbers = range(start, min(start + _SLICE, how_many + 1))
            session.execute(insert(t.contact_point), [_point(n, channel) for n in numbers])
            session.execute(
                insert(t.message), [_message(n, channel, pool, wave, customer) for n in numbers]
            )
        m = t.message.c
        session.execute(insert(t.queue).from_select(
            ["pool", "tier", "priority", "rank", "message_id", "step_run_id"],
            select(m.pool, 2, m.priority, m.rank, m.id, m.step_run_id).order_by(m.rank),
        ))  # fmt: skip
        session.execute(t.step_run.update().values(frozen=how_many))


def _point(n: int, channel: Channel) -> dict[str, Any]:
    address = addresses[channel](n)
    return {
        "id": n, "channel": channel, "address_hash": make.KEYRING.hash(address), "country": "CL",
        "address_sealed": make.KEYRING.seal(address), "prefix": "+569", "customers": 1,
    }  # fmt: skip


def _message(n: int, channel: Channel, pool: str, wave: int, customer: int) -> dict[str, Any]:
    return {
        "id": n, "step_run_id": wave, "contact_point_id": n, "customer_id": customer,
        "household_id": 1, "channel": channel, "priority": "C", "locale": "es", "zone": make.ZONE,
        "locality": "Providencia", "premises": 1, "rank": (n * 2654435761) % (1 << 62),
        "pool": pool, "state": "queued", "try": 0, "failures": 0,
    }  # fmt: skip


SENDERS = {Channel.SMS: "+56911111111", Channel.EMAIL: "avisos@example.com"}
addresses: dict[Channel, Callable[[int], str]] = {
    Channel.SMS: lambda n: f"+569{n:08}",
    Channel.EMAIL: lambda n: f"persona{n}@example.com",
}


def driver_of(
    content: Content,
    limits: Limits,
    *,
    owner: str = "bench",
    unsubscribe_url: Callable[[Recipient], str] = lambda _one: "",
    wanted: Callable[[], bool] = lambda: True,
) -> Driver:
    """Who drives a lane of a benchmark, and says the same to everybody."""
    hands = Hands(
        render=lambda _one, _address: content,
        open_address=make.KEYRING.open,
        token=make.KEYRING.token,
        unsubscribe_url=unsubscribe_url,
    )
    times = Times(now=now, monotonic=time.monotonic, sleep=asyncio.sleep)
    return Driver(
        owner=owner, provider="bench", hands=hands, times=times, limits=limits, wanted=wanted
    )


def with_ledger(
    database: Database, channel: Sends, how_many: int, content: Content, limits: Limits,
    unsubscribe_url: Callable[[Recipient], str] = lambda _one: "",
) -> float:  # fmt: skip
    """Messages a second: claimed before, settled after, through the product's own sender."""
    driver = driver_of(content, limits, unsubscribe_url=unsubscribe_url)

    async def drive() -> None:
        driven = await drive_lane(database, channel.channel, channel, driver, duration=600)
        if driven.halted:
            raise SystemExit(f"the lane stopped: {driven.halted}")
        await channel.close()

    seconds = took(lambda: asyncio.run(drive()))
    check(database, how_many)
    return how_many / seconds


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  the clock that the product's wiring hands over


def check(database: Database, how_many: int) -> None:
    """Rows really changed: every one accepted, with a reference."""
    with database.read() as session:
        states = ledger.counts(session)
        refs = session.execute(select(func.count(t.message.c.provider_ref))).scalar_one()
        if states[MessageState.ACCEPTED] != how_many or refs != how_many or not ledger.adds_up(session):  # fmt: skip
            raise SystemExit(f"the ledger does not hold what was sent: {states}")
