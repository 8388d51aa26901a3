"""Every benchmark still runs: its help, and one tiny measurement in the common form."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
SCRIPTS = sorted(path.stem for path in BENCH.glob("[!_]*.py"))
TINY = ["--quick", "--json", "--only", "sqlite", "--size", "1000", "--seconds", "0.1"]
KEYS = {"figure", "value", "unit", "limit", "ratio", "goal", "met"}
Runs = dict[str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def runs() -> Iterator[Runs]:
    """All at once, for most of the time goes into imports and waiting."""
    started = {
        script: subprocess.Popen(  # noqa: S603  our own scripts
            [sys.executable, str(BENCH / f"{script}.py"), *TINY],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for script in SCRIPTS
    }
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_says_what_it_measures_and_against_what(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(BENCH / f"{script}.py")
    monkeypatch.syspath_prepend(BENCH)
    monkeypatch.setattr(sys, "argv", [path, "--help"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(path, run_name="__main__")

    said = capsys.readouterr().out
    assert not ended.value.code
    assert f"bench/{script}.py" in said
    assert "limit" in said.lower()
    assert "--quick" in said


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_benchmark_prints_its_figures_beside_their_limits(script: str, runs: Runs) -> None:
    out, errors = runs[script].communicate(timeout=100)

    figures = [json.loads(line) for line in out.splitlines()]

    assert runs[script].returncode == 0, errors
    assert figures
    assert all(each.keys() == KEYS and each["value"] > 0 for each in figures)
    assert any(each["ratio"] for each in figures)
    assert all(isinstance(each["met"], bool) for each in figures)


def test_there_is_a_benchmark_for_each_row_that_has_a_goal() -> None:
    assert {"audience", "deflection", "dispatch", "ivr", "mail", "receipts", "render"} <= {*SCRIPTS}
