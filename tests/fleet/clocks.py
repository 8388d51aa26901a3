"""The clock under kill -9 and SIGSTOP, at length; see `clock_storm` for its scale.

    python -m tests.fleet.clocks --kills 200

Prints one line a database, summed over the kills, and exits with 1 if anything was doubled, missed, settled
without a reason, or written by an old leader.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.fleet import run
from tests.fleet.clock_storm import Tally, played

from outreach.store.session import Database


def table(tallies: list[Tally]) -> str:
    """A line a database."""
    rows = [[str(value) for value in asdict(each).values()] for each in tallies]
    heads = list(asdict(tallies[0]))
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in (heads, *rows)]  # fmt: skip
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="clocks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    asked = parser.parse_args()
    kinds = ("sqlite", "postgresql") if asked.database == "both" else (asked.database,)
    tallies = []
    for kind in kinds:
        with run.databases(kind) as url, tempfile.TemporaryDirectory(prefix="clocks") as folder:
            database = Database(url, durable=False)
            tallies.append(played(Path(folder), database, kills=asked.kills, seed=asked.seed))
            database.close()
    sys.stdout.write(table(tallies))
    sys.exit(0 if all(each.is_clean for each in tallies) else 1)


if __name__ == "__main__":
    main()
