"""`outreach simulate`: a storm on a small town, told in tables and to machines; nothing real is touched."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests import make, town
from tests.entry.cli_town import Night

from outreach.addresses import new_keyring, write_keyring
from outreach.entry import playing
from outreach.entry.wiring import OUTBOX, provider
from outreach.model.words import Channel
from outreach.settings import Lane, Settings, Smtp, Twilio

STORM = (
    ("e1", 1, "created", "2026-07-12T05:00:00Z", {"nodes": [town.FEEDER], "start": "2026-07-12T04:58:00Z"}),
    ("e2", 2, "etr", "2026-07-12T05:20:00Z", {"etr": "2026-07-12T07:00:00Z"}),
    ("e3", 3, "cause", "2026-07-12T05:22:00Z", {"cause": "árbol"}),
    ("e4", 4, "restored", "2026-07-12T06:30:00Z", {"restored_at": "2026-07-12T06:29:00Z"}),
)  # fmt: skip
CAMPAIGN = "campaigns/unplanned-outage.toml"


def write_storm(path: Path) -> Path:
    lines = [
        {"event_key": key, "seq": seq, "outage": "T-1", "kind": kind, "at": at, "received": at}
        | said
        for key, seq, kind, at, said in STORM
    ]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Night]:
    folder = tmp_path_factory.mktemp("simulate")
    night = Night(folder / "luz", sqlite_template)
    (night.folder / "outreach.key").unlink()
    write_keyring(make.KEYRING, night.folder / "outreach.key")
    write_storm(folder / "storm.jsonl")
    yield night
    night.database.close()


def words(night: Night, *more: str) -> tuple[str, ...]:
    storm = str(night.folder.parent / "storm.jsonl")
    return ("simulate", str(night.folder / CAMPAIGN), "--storm", storm, *more)


@pytest.fixture(scope="module")
def found(night: Night) -> dict[str, Any]:
    """One simulation for all that read its figures."""
    before = night.snapshot()
    answer: dict[str, Any] = night.answer(*words(night, "--storms", "3", "--agent-cost", "10"))
    assert night.snapshot() == before
    assert not (night.folder / "outbox.db").exists()
    return answer


def test_everybody_in_the_town_hears_and_nothing_is_contradicted(found: dict[str, Any]):
    steps = {row["step"]: row for row in found["steps"]}

    assert found["lines"] == {"applied": 4}
    assert found["contradictory"] == 0
    assert steps["opened"]["sms"] == 6
    assert steps["opened_priority"]["sms"] == 1
    assert steps["restored"]["sms"] == 7
    assert found["messages"] == sum(row["sms"] + row["social"] for row in found["steps"])


def test_the_hours_and_the_steps_cost_the_same(found: dict[str, Any]):
    sums = [round(sum(row["cost"] for row in found[each]), 2) for each in ("hours", "steps")]

    assert sums == [found["cost"]] * 2
    assert found["cost"] == pytest.approx(0.05 * sum(row["segments"] for row in found["steps"]))


def test_the_clocks_are_judged(found: dict[str, Any]):
    clocks = found["clocks"]

    assert (clocks["event_60_min"]["kept"], clocks["event_60_min"]["missed"]) == (1, 0)
    assert clocks["estimates"] == {
        "made": 1, "kept": 1, "missed": 0, "over": 0, "worst_min": None,
    }  # fmt: skip
    assert clocks["next_news"]["missed"] == 0


def test_the_last_to_hear_is_named_with_the_wait(found: dict[str, Any]):
    (outage,) = found["outages"]

    assert (outage["customers"], outage["told"]) == (7, 7)
    assert outage["class_a_min"] < outage["last_min"] <= 10


def test_the_season_is_as_many_storms_as_are_asked_for(found: dict[str, Any]):
    budget = found["budget"]

    once = sum(row["cost_with"] for row in found["calls"])
    assert budget["agents_cost_with"] == pytest.approx(3 * once)
    assert budget["messages_cost"] == pytest.approx(3 * found["cost"])


def test_what_is_assumed_is_said(night: Night):
    shown = night.run(*words(night))

    assert shown.exit_code == 0, shown.output
    assert "stale or contradictory texts: 0" in shown.stdout
    assert "ASSUMED, not measured" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 100


def test_one_list_goes_to_a_spreadsheet(night: Night):
    shown = night.run(*words(night, "--list", "quarters", "--format", "csv"))

    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    assert {row["step"] for row in rows} >= {"opened", "restored"}
    assert rows == sorted(rows, key=lambda row: row["at"])


def test_a_picture_is_drawn_where_the_library_is_there(night: Night, tmp_path: Path):
    picture = tmp_path / "storm.png"

    shown = night.run(*words(night, "--picture", str(picture)))

    if find_spec("matplotlib"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    else:
        assert (shown.exit_code, picture.exists()) == (1, False)


def test_without_the_library_one_line_says_what_to_install(
    night: Night, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    shown = night.run(*words(night, "--picture", "storm.png"))

    assert shown.exit_code == 1
    assert "outreach[report]" in shown.stderr


def test_a_lane_that_stops_is_named(tmp_path: Path, sqlite_template: Path):
    night = Night(tmp_path / "luz", sqlite_template)
    (night.folder / "outreach.key").unlink()
    write_keyring(new_keyring(), night.folder / "outreach.key")  # not those that sealed the record
    write_storm(tmp_path / "storm.jsonl")

    shown = night.run(*words(night))
    night.database.close()

    assert "nothing more left by sms" in shown.stdout


def test_another_file_than_a_campaign_is_refused(night: Night):
    storm = str(night.folder.parent / "storm.jsonl")

    shown = night.run("simulate", storm, "--storm", storm)

    assert shown.exit_code == 1
    assert "no campaign file" in shown.stderr


def test_no_credential_goes_along(tmp_path: Path):
    real = Settings(
        workspace=tmp_path,
        lanes=(Lane(name="sms", channel=Channel.SMS, provider="twilio", sender="+56900000000"),
               Lane(name="mail", channel=Channel.EMAIL, provider="smtp", sender="a@example.com")),
        twilio=Twilio(account_sid="AC1", auth_token=SecretStr("secret")),
        smtp=Smtp(host="mail.example.com"),
    )  # fmt: skip

    harmless = playing.without_carriers(real, tmp_path / "scratch")

    assert [provider(lane, real) for lane in real.lanes] == ["twilio", "smtp"]
    assert {provider(lane, harmless) for lane in harmless.lanes} == {OUTBOX}
    assert [lane.rate for lane in harmless.lanes] == [lane.rate for lane in real.lanes]
    assert "secret" not in repr(harmless.twilio.auth_token.get_secret_value())
    assert harmless.delivery.only_loopback
