"""Which release of the zone rules is read: the newest at hand, and anew when it changes under a running process."""

from __future__ import annotations

import importlib.metadata
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from importlib.resources import files
from pathlib import Path

import pytest

from outreach.audience import hours, zone_rules
from outreach.audience.zone_rules import PACKAGE, PROBE, Release

Host = Callable[..., Path]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A host whose own zone files say `release`, and give Santiago the time of another zone."""
    before = zoneinfo.TZPATH

    def with_files(release: str = "", *, like: str = "America/Lima", version: str = "") -> Path:
        (tmp_path / "America").mkdir(exist_ok=True)
        (tmp_path / PROBE).write_bytes(files("tzdata").joinpath("zoneinfo", like).read_bytes())
        if release:
            (tmp_path / "tzdata.zi").write_text(f"# version {release}\n# more\n")
        if version:
            (tmp_path / "+VERSION").write_text(version)
        monkeypatch.setattr(zone_rules, "_SYSTEM", (str(tmp_path),))
        return tmp_path

    yield with_files
    zoneinfo.reset_tzpath(before)
    zone_rules.forget()


def offset_h() -> float:
    there = hours.local_instant(date(2026, 7, 15), time(0), PROBE)
    return (there - datetime(2026, 7, 15, tzinfo=UTC)).total_seconds() / 3600


def test_a_host_with_older_rules_than_the_package_reads_the_package(host: Host):
    host("2025b")

    release = zone_rules.use_newest()

    year, number = importlib.metadata.version("tzdata").split(".")[:2]
    assert release == Release(name=f"{year}{chr(ord('a') + int(number) - 1)}", where=PACKAGE)
    assert offset_h() == 4


def test_a_host_with_newer_rules_reads_its_own_and_an_upgrade_is_seen_by_a_running_process(
    host: Host,
):
    folder = host("2099a")
    assert zone_rules.use_newest() == Release(name="2099a", where=str(folder))
    assert offset_h() == 5

    host("2099b", like="America/Bogota")
    assert zone_rules.use_newest().name == "2099b"
    host("2099c", like="America/Sao_Paulo")
    assert zone_rules.use_newest().name == "2099c"
    assert offset_h() == 3


def test_files_without_a_release_are_known_by_their_word_or_their_content(host: Host):
    host(version="2099a\n")
    assert zone_rules.use_newest().name == "2099a"

    (Path(zone_rules._SYSTEM[0]) / "+VERSION").unlink()
    unnamed = zone_rules.use_newest()

    assert unnamed.name.startswith("sha256:")
    assert not unnamed.is_older("2026f")


@pytest.mark.parametrize(
    ("one", "other", "older"),
    [("2025b", "2026a", True), ("2026f", "2026f", False), ("2026g", "2026f", False), ("", "2026f", False)],
)  # fmt: skip
def test_releases_are_told_apart_by_age(one, other, older):
    assert Release(name=one, where="here").is_older(other) is older
