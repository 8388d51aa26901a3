"""Lays out the demo's workspace, in place of an earlier demo and of nothing else."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from outreach import settings as configuration
from outreach.addresses import Keyring, write_keyring
from outreach.entry import languages
from outreach.entry.cli import layout
from outreach.entry.cli.db import brought_up
from outreach.entry.demo import utility
from outreach.entry.demo.living import CALLS
from outreach.entry.demo.utility import Utility
from outreach.entry.languages import _
from outreach.model.errors import InputRefused

MARK = ".outreach-demo"
DATA = Path(utility.__file__).parent / "data"


def lay_out(folder: Path, company: Utility) -> None:
    """Settings, campaigns, templates, keys, an empty database, and the company's exports with their mappings.

    InputRefused: the folder holds something that is no earlier demo.
    """
    _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("replaced by the next `outreach demo`\n", encoding="utf-8")
    text = (DATA / configuration.FILE).read_text(encoding="utf-8")
    (folder / configuration.FILE).write_text(
        text.replace("{language}", languages.spoken()), encoding="utf-8"
    )
    (folder / ".gitignore").write_text(layout.GITIGNORE, encoding="utf-8")
    for name in ("campaigns", "templates"):
        shutil.copytree(configuration.carried(name), folder / name)
    for name in ("record.toml", "calls.toml"):
        shutil.copy(DATA / name, folder / name)
    utility.write_exports(company, folder)
    (folder / CALLS).mkdir()
    loaded = configuration.load(folder)
    write_keyring(keyring(), loaded.keys)
    brought_up(loaded.database)


def keyring() -> Keyring:
    """The same keys in every demo, so that every demo runs alike; they protect invented people only."""
    seal, hashing, tokens, ids = (
        hashlib.sha256(f"outreach demo {name}".encode()).digest()
        for name in ("seal", "hashing", "tokens", "ids")
    )
    return Keyring(seals={1: seal}, hashing=hashing, tokens=tokens, ids=ids)


def _clear(folder: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / MARK).is_file():
        raise InputRefused(
            _("{folder}: not empty, and no earlier demo; give a new folder: --folder").format(
                folder=folder
            )
        )
    shutil.rmtree(folder)
