"""`outreach routing watch`: one look or many, on a host that has neither database nor keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from tests.contactcenter.platforms_made import Leaping
from tests.entry.cli_runs import NOW, run
from tests.fakes.genesys import CLIENT, GROUP, SECRET, GenesysFake

from outreach.contactcenter.genesys_watch import Step, Watch
from outreach.entry.cli.routing_watch import keep_on

MARK = "Temporal [outreach: on until 2026-07-16T06:50:00Z]"


@pytest.fixture(scope="module")
def running() -> Iterator[GenesysFake]:
    with GenesysFake(Leaping()) as fake:
        yield fake


@pytest.fixture
def fake(running: GenesysFake) -> GenesysFake:
    running.group |= {"enabled": True, "description": MARK}
    return running


@pytest.fixture
def host(tmp_path: Path, fake: GenesysFake) -> Path:
    """All that the other host needs."""
    (tmp_path / "outreach.toml").write_text(
        f"""
[delivery]
only_loopback = true
[contactcenter.genesys]
api_url = "{fake.url}"
login_url = "{fake.url}"
client_id = "{CLIENT}"
emergency_group = "{GROUP}"
""",
        encoding="utf-8",
    )
    return tmp_path


def watch(host: Path, fake: GenesysFake, *words: str) -> Result:
    return run(
        *("routing", "watch", "--url", f"{fake.url}/v1/directives"),
        *("--state-file", str(host / "watch.json"), "--once", *words),
        workspace=host,
        env={"OUTREACH_CONTACTCENTER__GENESYS__CLIENT_SECRET": SECRET},
    )


def remember(host: Path, *, minutes_ago: float) -> None:
    heard = NOW - timedelta(minutes=minutes_ago)
    (host / "watch.json").write_text(json.dumps({"heard_at": heard.isoformat()}))


def test_a_silence_longer_than_the_lease_switches_the_group_off(host, fake):
    remember(host, minutes_ago=11)

    done = watch(host, fake, "--format", "json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["step"] == "switched off"
    assert "emergency group switched off: outreach is silent since" in done.stderr
    assert not fake.group["enabled"]


def test_a_silence_that_is_short_leaves_it_on_and_is_remembered(host, fake):
    remember(host, minutes_ago=3)

    done = watch(host, fake)

    assert done.exit_code == 0, done.output
    assert fake.group["enabled"]
    kept = json.loads((host / "watch.json").read_text())
    assert kept["heard_at"] == (NOW - timedelta(minutes=3)).isoformat()


def test_what_cannot_be_switched_off_is_a_matter_for_a_person(host, fake):
    remember(host, minutes_ago=11)
    fake.next(503, times=6)

    done = watch(host, fake)
    fake._scripts.clear()

    assert done.exit_code == 4
    assert "switch it off in Genesys Cloud" in done.stderr


def test_without_an_emergency_group_there_is_nothing_to_watch(tmp_path, fake):
    (tmp_path / "outreach.toml").write_text("", encoding="utf-8")

    done = watch(tmp_path, fake)

    assert done.exit_code == 1
    assert "emergency_group" in done.stderr


def test_it_goes_on_looking_and_tells_only_what_is_new():
    steps = iter([Step.ALIVE, Step.SILENT, Step.SILENT, Step.OFF, Step.ALREADY_OFF])
    told: list[Step] = []
    slept: list[float] = []

    def look(seen: Watch, _now: object) -> Watch:
        return replace(seen, step=next(steps))

    with pytest.raises(StopIteration):
        keep_on(
            look,
            Watch(heard_at=NOW, looked_at=NOW),
            tell=lambda seen: told.append(seen.step),
            every=15,
            now=lambda: NOW,
            sleep=slept.append,
        )

    assert told == [Step.SILENT, Step.OFF, Step.ALREADY_OFF]
    assert set(slept) == {15}
