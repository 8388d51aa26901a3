"""Runs a study of the estimator over its cells, on as many processes as it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from outreach.deflection.acceptance import (
    LARGE,
    Accuracy,
    Cell,
    Claimed,
    Design,
    Estimator,
    Trial,
    accuracy,
    claimed,
    estimates,
    trials,
)
from outreach.deflection.acceptance_lines import Study, estimators

_CHUNK_HOUSEHOLDS = 500_000
"""One piece of work: some tenths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a study is to run."""

    designs: tuple[Design, ...]
    sizes: tuple[int, ...]
    truths: tuple[float, ...]
    study: Study
    seed: int
    beside: bool
    """Naive methods on the large outages of the free order."""
    jobs: int = 1

    @property
    def cells(self) -> list[Cell]:
        return [
            Cell(design=design, households=size, true=true)
            for design in self.designs
            for size in self.sizes
            for true in self.truths
        ]

    @property
    def outages(self) -> int:
        return sum(self.study.trials(cell) for cell in self.cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    """The rows of the table, and what naive methods say of the same outages."""

    rows: list[Accuracy]
    naive: list[Claimed]


def studied(asked: Asked, *, progress: Callable[[int, int], None]) -> Studied:
    """Runs everything; the same seed gives the same answer on any number of processes."""
    drawn: dict[Cell, dict[int, Trial]] = {cell: {} for cell in asked.cells}
    done = 0
    for cell, numbers, found in _drawn(asked):
        drawn[cell].update(zip(numbers, found, strict=True))
        done += len(found)
        progress(done, asked.outages)
    rows, naive = [], []
    for cell, by_number in drawn.items():
        found = [by_number[number] for number in sorted(by_number)]
        rows += [_row(asked.study, cell, estimator, found) for estimator in estimators(cell)]
        naive += claimed(cell.true, found)
    return Studied(rows=sorted(rows, key=_place), naive=naive)


def _row(study: Study, cell: Cell, estimator: Estimator, found: Sequence[Trial]) -> Accuracy:
    chosen = found[: study.shown(cell)]
    if estimator is Estimator.POOLED:
        chosen = found
    return accuracy(cell, estimator, estimates(estimator, chosen))


def _place(row: Accuracy) -> tuple[int, int, int, float]:
    """Single outages first, pools after them, holdouts last."""
    order = (Estimator.MESSAGE, Estimator.SENT, Estimator.POOLED, Estimator.HOLDOUT)
    return order.index(row.estimator), list(Design).index(row.design), row.households, row.true


def _drawn(asked: Asked) -> Iterator[tuple[Cell, range, list[Trial]]]:
    work = list(_chunks(asked))
    if asked.jobs == 1:
        for cell, numbers in work:
            yield cell, numbers, _trials(asked, cell, numbers)
        return
    with _processes(asked.jobs) as pool:
        waiting = {pool.submit(_trials, asked, cell, numbers): (cell, numbers) for cell, numbers in work}  # fmt: skip
        for future in as_completed(waiting):
            yield *waiting[future], future.result()


def _trials(asked: Asked, cell: Cell, numbers: range) -> list[Trial]:
    beside = asked.beside and cell.design is Design.FREE and cell.households == LARGE
    return trials(cell, numbers, seed=asked.seed, beside=beside)


def _chunks(asked: Asked) -> Iterator[tuple[Cell, range]]:
    for cell in asked.cells:
        step, count = max(1, _CHUNK_HOUSEHOLDS // cell.households), asked.study.trials(cell)
        for first in range(0, count, step):
            yield cell, range(first, min(count, first + step))


@contextmanager
def _processes(jobs: int) -> Iterator[Executor]:
    """Fresh processes, which do not go on with work that nobody waits for any more."""
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
