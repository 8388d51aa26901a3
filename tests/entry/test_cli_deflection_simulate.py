"""The proof of the estimator, as an operator runs it."""

from __future__ import annotations

import json

import pytest
from tests.entry.cli_runs import run

from outreach.deflection import acceptance_lines, numerics
from outreach.deflection.acceptance import Cell, Design
from outreach.deflection.acceptance_lines import Study
from outreach.entry.cli.deflection_study import Asked, studied

SHORT = ("deflection", "simulate", "--size", "5000", "--replications", "10", "--jobs", "1")


@pytest.fixture(scope="module")
def told() -> list[str]:
    answer = run(*SHORT)
    assert answer.exit_code == 0, answer.stderr
    return answer.stdout.splitlines()


def test_the_table_has_a_line_for_each_estimator_and_the_conditions_below(told):
    assert "simulated outages, seed 1" in told[0]
    names = ("theta_msg, free", "theta_msg, tail", "theta_ITT, free", "pooled, tail", "holdout 5 %")
    assert all(any(line.strip().startswith(name) for line in told) for name in names)
    assert any("conditions hold" in line for line in told)
    assert sum("PASS" in line for line in told) >= 3
    assert "three standard errors" in told[-1]


def test_the_table_fits_a_hundred_columns(told):
    assert max(map(len, told)) <= 100


def test_machines_get_every_row_condition_and_claim():
    answer = run(*SHORT, "--design", "free", "--true", "0,0.4", "--format", "json")

    found = json.loads(answer.stdout)
    assert found["accepted"] is True
    assert {row["estimator"] for row in found["rows"]} == {"theta_msg", "theta_ITT", "pooled"}
    assert {row["true"] for row in found["rows"]} == {0.0, 0.4}
    assert all(line["holds"] for line in found["conditions"])


def test_naive_methods_stand_beside_under_a_label_that_says_what_they_are():
    answer = run(
        "deflection", "simulate", "--size", "50000", "--replications", "4", "--jobs", "1",
        "--design", "free", "--true", "0",
    )  # fmt: skip

    lines = answer.stdout.splitlines()
    label = next(place for place, line in enumerate(lines) if line.startswith("NOT CAUSAL"))
    methods = [line.split()[0] for line in lines[label + 3 : label + 10]]
    assert methods == ["N1", "N2", "N3", "N4", "N5", "N6", "N7"]


def test_a_condition_that_fails_ends_with_exit_4(monkeypatch):
    monkeypatch.setattr(acceptance_lines, "COVERAGE", (0.01, 0.02))

    answer = run(*SHORT, "--design", "tail", "--true", "0")

    assert answer.exit_code == 4
    assert "FAIL" in answer.stdout
    assert "do not trust this estimator" in answer.stderr


def test_shares_that_cannot_be_are_refused():
    answer = run("deflection", "simulate", "--true", "0,1.5")

    assert answer.exit_code == 1
    assert "--true takes shares" in answer.stderr


def test_without_the_library_one_line_names_the_extra(monkeypatch):
    def missing(_name):
        raise ImportError

    numerics.numpy.cache_clear()
    monkeypatch.setattr(numerics, "import_module", missing)

    answer = run("deflection", "simulate", "--quick")

    assert answer.exit_code == 1
    assert "pip install 'outreach[stats]'" in answer.stderr


def test_what_if_shows_the_estimate_beside_its_figure():
    answer = run("deflection", "simulate", "--quick", "--what-if", "latency", "--format", "json")

    [found] = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert (found["change"], found["reference"], found["agrees"]) == ("latency", 0.323, True)
    assert found["estimate"] < 0.37


def test_processes_change_nothing():
    def asked(jobs: int) -> Asked:
        return Asked(
            designs=(Design.TAIL,), sizes=(5_000,), truths=(0.4,), seed=3, beside=False, jobs=jobs,
            study=Study(small=101, large=1, pools=1),
        )  # fmt: skip

    seen: list[int] = []
    alone = studied(asked(1), progress=lambda done, _all: seen.append(done))
    together = studied(asked(2), progress=lambda _done, _all: None)

    assert together == alone
    assert seen == [100, 101]
    assert asked(1).cells == [Cell(design=Design.TAIL, households=5_000, true=0.4)]
