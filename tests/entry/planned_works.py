"""A workspace for `outreach planned`: a mapping of works, and what stands after a command."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from click.testing import Result
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.addresses import read_keyring
from outreach.campaigns import due
from outreach.entry import wiring
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionState
from outreach.settings import load
from outreach.store import occasions, runs

ADD = ("planned", "add", "--node", "ALM-F12-S2", "--name", "TP-1")
FAR = ("--start", "2026-08-20 09:00", "--end", "13:00")
HEADER = "FOLIO;V;ESTADO;EQUIPOS;INICIO;TERMINO;MOTIVO"
MAPPING = """
[file]
delimiter = ";"
zone = "America/Santiago"
time_format = "%d/%m/%Y %H:%M"
[columns]
ref = "FOLIO"
version = "V"
state = "ESTADO"
nodes = "EQUIPOS"
start = "INICIO"
end = "TERMINO"
cause = "MOTIVO"
[states]
scheduled = ["PROGRAMADO"]
moved = ["REPROGRAMADO"]
cancelled = ["ANULADO"]
"""


def workspace(folder: Path, template: Path) -> Night:
    """A workspace with the town's record, and the mapping of its works beside it."""
    (folder / "works.toml").write_text(MAPPING)
    return Night(folder / "luz", template)


def lines(shown: Result) -> list[str]:
    return shown.stdout.splitlines()


def newest(night: Night) -> Occasion:
    with night.database.read() as session:
        return occasions.every(session)[0]


def all_runs(night: Night) -> list[runs.Run]:
    with night.database.read() as session:
        return runs.every(session)


def begun(night: Night) -> None:
    """The clock starts the work of FAR."""
    settings = load(night.folder)
    engine = wiring.engine(night.database, settings, read_keyring(settings.keys))
    due.tick(engine, now=NOW + timedelta(days=35, hours=7))
    assert newest(night).revision.state is OccasionState.ACTIVE
