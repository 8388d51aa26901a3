"""Workspaces of tests with what the package carries: campaigns of their own, templates shared by all of a process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from outreach.messages.texts import read_texts
from outreach.model.notice import Texts
from outreach.settings import carried


def lay_out(folder: Path) -> None:
    """Campaigns, and a link to templates that no test may write to: 670 files are not copied for each."""
    shutil.copytree(carried("campaigns"), folder / "campaigns")
    (folder / "templates").symlink_to(shared(), target_is_directory=True)


def own_templates(folder: Path) -> Path:
    """Templates that this test may write to, instead of those shared."""
    own = folder / "templates"
    if own.is_symlink():
        own.unlink()
        shutil.copytree(carried("templates"), own)
    return own


def shared() -> Path:
    """One copy for this process."""
    return _copied()[0]


def is_untouched() -> bool:
    """Whether every test kept its hands off the shared ones."""
    folder, before = _copied()
    return read_texts(folder) == before


@cache
def _copied() -> tuple[Path, Texts]:
    above = Path(tempfile.mkdtemp(prefix="outreach-templates-"))
    atexit.register(shutil.rmtree, above, ignore_errors=True)
    folder = shutil.copytree(carried("templates"), above / "templates")
    return folder, read_texts(folder)
