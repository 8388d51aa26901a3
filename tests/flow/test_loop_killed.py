"""Outreach is killed outright while it holds a row and a switch at Genesys Cloud: both are off in time."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests import town
from tests.entry.processes import Company, until
from tests.fakes.architect import Flow
from tests.fakes.genesys import CLIENT, GROUP, QUEUE, SECRET, TABLE, GenesysFake

from outreach import clock
from outreach.contactcenter.genesys_watch import LEASE, OVERDUE
from outreach.entry.cli.command import Given
from outreach.entry.cli.main import cli
from outreach.store.session import Database

FLOW = Path(__file__).parents[2] / "docs" / "examples" / "platforms" / "genesys" / "outage.yaml"
ZONE, CODE = "Ñuñoa", "13120"
SETTINGS = f"""
[contactcenter]
zone_keys = {{{{ "{ZONE}" = ["{CODE}"] }}}}

[contactcenter.genesys]
api_url = "{{url}}"
login_url = "{{url}}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
table = "{TABLE}"
queues = {{{{ outages = "{QUEUE}" }}}}
emergency_group = "{GROUP}"
emergency_from = 50
"""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Storm:
    """A company of 60 customers in the dark, its campaign launched, and the platform that it tells."""

    def __init__(self, folder: Path, database: Database, genesys: GenesysFake) -> None:
        with database.write() as session:
            town.build(session, north="C" * 30, south="C" * 30)
        self.company, self.genesys, self.port = Company(folder, database), genesys, free_port()
        settings = SETTINGS.format(url=genesys.url)
        with (folder / "outreach.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[http]\nport = {self.port}\n{settings}")
        (folder / "outreach.toml").chmod(0o600)
        self.elsewhere = folder.with_name("elsewhere")
        self.elsewhere.mkdir()
        (self.elsewhere / "outreach.toml").write_text(
            f"[delivery]\nonly_loopback = true\n{settings}"
        )
        self.company.launch()

    def stands(self) -> bool:
        return CODE in self.genesys.rows and bool(self.genesys.group["enabled"])

    def hears(self, now: datetime) -> list[str]:
        """What the platform's own flow says after its menu to a caller from there."""
        heard = Flow(FLOW).call(self.genesys.rows, now=now, ask=lambda _given: None, zone=CODE)
        assert heard.queue == "Cortes", "every way ends with a person"
        return heard.said[1:]

    def looks(self) -> dict[str, Any]:
        """One look of the watchdog now, a process of its own."""
        with self.company.run(*self._watching()) as process:
            out, error = process.communicate(timeout=30)
        assert process.returncode == 0, error
        found: dict[str, Any] = json.loads(out)
        return found

    def looks_at(self, now: datetime) -> dict[str, Any]:
        """The same at an instant that is still to come."""
        done = CliRunner().invoke(cli, self._watching(), obj=Given(now=now, interactive=False))
        assert done.exit_code == 0, done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _watching(self) -> list[str]:
        """On another host: it has the platform's settings, and neither our database nor our keys."""
        return [
            *("--workspace", str(self.elsewhere), "routing", "watch", "--once", "--format", "json"),
            *("--url", f"http://127.0.0.1:{self.port}/v1/directives"),
            *("--state-file", str(self.elsewhere / "watch.json")),
        ]


@pytest.fixture
def storm(tmp_path: Path, database: Database) -> Iterator[Storm]:
    with GenesysFake() as genesys:
        yield Storm(tmp_path / "luz", database, genesys)


def test_killed_in_a_storm_its_row_and_its_emergency_group_are_both_off_in_time(storm):
    with storm.company.run("serve") as process:
        until(storm.stands)
        before = storm.looks()
        process.kill()
        process.wait(10)
    killed_at = clock.now()

    told_then, told_later = storm.hears(killed_at), storm.hears(killed_at + timedelta(minutes=10))
    soon = storm.looks_at(killed_at + timedelta(minutes=5))
    still_on = storm.genesys.group["enabled"]
    late = storm.looks_at(killed_at + LEASE + OVERDUE)

    assert ZONE in " ".join(told_then)
    assert told_later == []
    expires_at = datetime.fromisoformat(storm.genesys.rows[CODE]["expires_at"])
    assert killed_at < expires_at <= killed_at + timedelta(minutes=10)
    assert (before["step"], soon["step"], still_on) == ("alive", "silent", True)
    assert late["step"] == "switched off"
    assert not storm.genesys.group["enabled"]
