"""One installation lived in by a test: its terminal, its worker and clock, its web side, one time for all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from click.testing import CliRunner, Result
from sqlalchemy import select
from starlette.testclient import TestClient
from tests import carried_copy
from tests.make import KEYRING

from outreach.addresses import Keyring, read_keyring, write_keyring
from outreach.channels.outbox import OutboxMessage
from outreach.entry import scheduler, wiring
from outreach.entry.cli.command import Given
from outreach.entry.cli.main import cli
from outreach.entry.http.app import create_app
from outreach.entry.wiring import Clocks, Installation
from outreach.entry.worker import Worker
from outreach.settings import Settings, load
from outreach.store import ledger, tables as t
from outreach.store.session import Database

ZONE = ZoneInfo("America/Santiago")
NIGHT = datetime(2026, 7, 16, 6, 43, tzinfo=UTC)
"""02:43 in Santiago, a Thursday."""

OUTBOX_LANES = """
[[lanes]]
name = "sms"
channel = "sms"
sender = "+56900000000"
rate = 100
two_way = true

[[lanes]]
name = "email"
channel = "email"
sender = "avisos@luzdelvalle.example"
rate = 500
"""

TOML = """\
[company]
name = "Luz del Valle"
sender = "LuzValle"
country = "CL"
zone = "America/Santiago"
locale = "es"
operator_language = "en"
currency = "CLP"
link = "https://luzdelvalle.example/e"
priority_line = "600 200 1112"
emergency = "133"

[contactcenter]
outage_numbers = ["6002001111"]
"""


class Hand:
    """Both clocks of a house: the test turns them, and so does whoever sleeps."""

    def __init__(self, at: datetime = NIGHT) -> None:
        self.at = at
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.turn(timedelta(seconds=seconds))

    def turn(self, by: timedelta) -> None:
        self.at += by
        self.seconds += by.total_seconds()


class House:
    """A workspace on disk, with `database` for its own (by default a SQLite file in it)."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        *,
        more: str = OUTBOX_LANES,
        hand: Hand | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "outreach.toml").write_text(TOML + more, encoding="utf-8")
        carried_copy.lay_out(folder)
        self.folder, self.database = folder, database
        self.hand = hand or Hand()
        self.settings: Settings = load(folder)
        write_keyring(KEYRING, self.settings.keys)  # the outbox's fates follow from it
        self.keyring: Keyring = read_keyring(self.settings.keys)
        self._front = create_app(wiring.web_context(self._installation()))
        self.browser = TestClient(
            self._front, base_url="http://127.0.0.1:8020", client=("127.0.0.1", 50_000)
        )

    def close(self) -> None:
        self._front.close()

    def _installation(self) -> Installation:
        hand = self.hand
        return Installation(
            settings=self.settings,
            database=self.database,
            keyring=self.keyring,
            clocks=Clocks(now=hand.now, monotonic=hand.monotonic, sleep=hand.sleep),
            owner="house",
        )

    # ── the terminal ────────────────────────────────────────────────────────────────────────────

    def run(self, *words: object, code: int = 0) -> Result:
        """What a person gets who types this now; the exit code must be `code`."""
        shown = CliRunner().invoke(
            cli,
            ["--workspace", str(self.folder), *map(str, words)],
            env={"OUTREACH_LANGUAGE": "en", "OUTREACH_WORKSPACE": None},
            obj=Given(now=self.hand.at, database=self.database, interactive=False),
        )
        assert shown.exit_code == code, f"{words}: {shown.exit_code}\n{shown.output}"
        return shown

    def typed(self, *words: object, code: int = 0) -> list[str]:
        """The lines on stdout."""
        return self.run(*words, code=code).stdout.splitlines()

    def asked(self, *words: object, code: int = 0) -> Any:
        """What a machine gets."""
        return json.loads(self.run(*words, "--format", "json", code=code).stdout)

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def wall(self) -> str:
        """`02:43`, as a person in the area reads it."""
        return f"{self.hand.at.astimezone(ZONE):%H:%M}"

    def until(self, wall: str, *, step: timedelta = timedelta(minutes=5)) -> None:
        """Works until the next such wall time; what is due and what may leave does, each step."""
        self.until_at(at_wall(wall, after=self.hand.at), step=step)

    def until_at(self, target: datetime, *, step: timedelta = timedelta(minutes=5)) -> None:
        """The same until an instant."""
        while self.hand.at < target:
            self.hand.turn(min(step, target - self.hand.at))
            self.work()

    def forward(self, **by: float) -> None:
        """Lets time pass in which this house does nothing."""
        self.hand.turn(timedelta(**by))

    # ── the processes ───────────────────────────────────────────────────────────────────────────

    def tick(self) -> None:
        """One beat of the scheduler."""
        scheduler.fire(self._installation())

    def work(self, *, doubts: bool = False) -> dict[str, int]:
        """One beat of the scheduler and one round of the worker; what it sent."""
        return self.works(lambda worker: worker.once(), doubts=doubts)

    def works(self, how: Callable[[Worker], Any], *, doubts: bool = False) -> dict[str, int]:
        """As `work`, by another coroutine of the worker."""
        installation = self._installation()
        scheduler.fire(installation)

        async def round_() -> dict[str, int]:
            worker = Worker(installation)
            try:
                sent = await how(worker)
                if doubts:
                    await worker.settle_doubts()
            finally:
                await installation.close()
            return {state.value: count for state, count in sent.items()}

        return asyncio.run(round_())

    # ── what can be seen ────────────────────────────────────────────────────────────────────────

    def states(self) -> dict[str, int]:
        with self.database.read() as session:
            return {state.value: n for state, n in ledger.counts(session).items() if n}

    def adds_up(self) -> bool:
        with self.database.read() as session:
            return ledger.adds_up(session)

    def outbox(self, *, since: datetime | None = None) -> list[OutboxMessage]:
        """What left since then, oldest first."""
        lane = self.settings.lanes[0]
        mailbox = wiring.outbox(self.settings, self.keyring, lane, self.hand.now)
        found = mailbox.messages(limit=100_000)
        asyncio.run(mailbox.close())
        return [one for one in reversed(found) if since is None or one.at >= since]

    def ivr(self, phone: str, **more: str) -> dict[str, Any]:
        """What `POST /v1/ivr/answer` says to this caller now."""
        self._front.board.refresh()
        answered = self.browser.post("/v1/ivr/answer", json={"ani": phone, **more})
        assert answered.status_code == 200, answered.text
        found: dict[str, Any] = answered.json()
        return found

    def rows(self, what: Any) -> list[Any]:
        with self.database.read() as session:
            return list(session.execute(what).all())

    def told(self) -> dict[str, list[str]]:
        """Step -> sealed-open addresses of its messages that are, or may be, told."""
        found = self.rows(
            select(t.step_run.c.step, t.contact_point.c.address_sealed)
            .join(t.message, t.message.c.step_run_id == t.step_run.c.id)
            .join(t.contact_point, t.contact_point.c.id == t.message.c.contact_point_id)
            .where(t.message.c.state.in_(["accepted", "sent", "delivered", "undelivered"]))
            .order_by(t.message.c.id)
        )
        told: dict[str, list[str]] = {}
        for step, sealed in found:
            told.setdefault(step, []).append(self.keyring.open(sealed))
        return told


def at_wall(wall: str, *, after: datetime) -> datetime:
    """The next such wall time in Santiago after an instant."""
    hour, minute = map(int, wall.split(":"))
    local = after.astimezone(ZONE).replace(hour=hour, minute=minute, second=0, microsecond=0)
    if local <= after.astimezone(ZONE):
        local = (local.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=ZONE)
    return local.astimezone(UTC)
