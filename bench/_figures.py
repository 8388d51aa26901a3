"""What every benchmark shares: its arguments, its timing, and how its figures are printed.

A script calls `run` with a function that yields figures. People get a table; `--json` prints one
line per figure: {"figure", "value", "unit", "limit", "ratio", "goal", "met"}. The exit code is 0
whenever it could measure, whatever the verdict.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))  # the data makers of tests/
warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR is not set")

BOTH = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value beside its limit, timed in the same run."""

    figure: str
    value: float
    unit: str
    goal: str
    met: bool
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.limit if self.limit else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How much to measure. `size` in the script's own unit; `databases` by name."""

    quick: bool
    size: int
    seconds: float
    delay: float
    databases: tuple[str, ...]


def run(
    about: str | None,
    measure: Callable[[Asked], Iterator[Figure]],
    *,
    sizes: tuple[int, int],
    seconds: tuple[float, float] = (2.0, 10.0),
    unit: str,
) -> None:
    """Reads the arguments, measures, and prints each figure as soon as it is there.

    sizes, seconds: of the quick form and of the full one.
    """
    chosen = _arguments(about, unit).parse_args()
    form = 0 if chosen.quick else 1
    asked = Asked(
        quick=chosen.quick,
        size=chosen.size or sizes[form],
        seconds=chosen.seconds or seconds[form],
        delay=chosen.delay / 1000,
        databases=(chosen.only,) if chosen.only else BOTH,
    )
    if not chosen.json:
        print(f"{'figure':<52}{'value':>14} {'unit':<13}{'limit':>12}{'ratio':>9}  goal")
    for each in measure(asked):
        print(_line(each) if chosen.json else _row(each), flush=True)


def _arguments(about: str | None, unit: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a form under 45 s")
    parser.add_argument("--json", action="store_true", help="one JSON line per figure")
    parser.add_argument("--size", type=int, metavar="N", help=f"how many {unit}")
    parser.add_argument("--seconds", type=float, help="how long a rate is measured")
    parser.add_argument("--delay", type=float, default=0.0, help="the provider's, in ms")
    parser.add_argument("--only", choices=BOTH, help="one database instead of both")
    return parser


def _line(each: Figure) -> str:
    return json.dumps(asdict(each) | {"ratio": each.ratio})


def _row(each: Figure) -> str:
    limit, ratio = (_number(value) for value in (each.limit, each.ratio))
    return (
        f"{each.figure:<52}{_number(each.value):>14} {each.unit:<13}{limit:>12}{ratio:>9}"
        f"  {each.goal}  {'met' if each.met else 'NOT MET'}"
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def took(work: Callable[[], object], *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call; `time.process_time` leaves out what other processes take of a shared machine."""
    gc.collect()
    began = clock()
    work()
    return clock() - began


def alternately(
    ours: Callable[[], object],
    limit: Callable[[], object],
    *,
    rounds: int = 3,
    seconds: float = 0.0,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float]:
    """Median seconds of ours and of the limit, in turn, so that a busy machine slows both."""
    pairs: list[tuple[float, float]] = []
    until = time.perf_counter() + seconds
    while len(pairs) < rounds or time.perf_counter() < until:
        pairs.append((took(ours, clock=clock), took(limit, clock=clock)))
    mine, most = zip(*pairs, strict=True)
    return median(mine), median(most)


def forget_peak() -> None:
    """Linux: the high-water mark begins anew, so that one piece of work does not answer for the one before."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The most memory that this process has held since `forget_peak`, in MB."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000
