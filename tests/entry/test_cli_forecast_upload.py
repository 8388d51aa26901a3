"""`outreach forecast upload`: an exported week arrives at Genesys Cloud as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.contactcenter.platforms_made import Leaping
from tests.entry.cli_runs import NOW
from tests.fakes.genesys import CLIENT, SECRET, GenesysFake

from outreach.entry.cli.command import Given
from outreach.entry.cli.forecast_upload import upload

WEEK = {"description": "outreach", "weekCount": 1, "planningGroups": [{"planningGroupId": "g"}]}


@pytest.fixture(scope="module")
def fake() -> Iterator[GenesysFake]:
    with GenesysFake(Leaping()) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, fake: GenesysFake) -> Path:
    (tmp_path / "outreach.toml").write_text(
        f"""
[delivery]
only_loopback = true
[contactcenter.genesys]
api_url = "{fake.url}"
login_url = "{fake.url}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
business_unit = "unit-1"
""",
        encoding="utf-8",
    )
    (tmp_path / "week.json").write_text(json.dumps(WEEK), encoding="utf-8")
    fake.imported.clear()
    return tmp_path


def uploaded(workspace: Path, *words: str) -> Result:
    given = Given(now=NOW, workspace=workspace, interactive=False)
    file = str(workspace / "week.json")
    return CliRunner().invoke(
        upload, [file, "--week", "2026-07-13", *words], obj=given, env={"OUTREACH_LANGUAGE": "en"}
    )


def test_the_week_arrives_as_it_was_exported(workspace, fake):
    done = uploaded(workspace, "--format", "json")

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"groups": 1, "week": "2026-07-13", "operation": "op-1"}
    assert fake.imported == [WEEK]


def test_a_trial_imports_nothing(workspace, fake):
    done = uploaded(workspace, "--dry-run")

    assert done.exit_code == 0, done.output
    assert fake.imported == []


def test_a_file_that_is_no_forecast_is_refused(workspace, fake):
    (workspace / "week.json").write_text("[]", encoding="utf-8")

    done = uploaded(workspace)

    assert done.exit_code != 0
    assert fake.imported == []
