"""Puts a document into a folder that others watch: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from outreach.model.errors import InputRefused


def drop(path: Path, body: bytes) -> Path:
    """Writes beside it, waits for the disk, and renames: a reader sees the old file or the new one.

    InputRefused: the folder is missing, full or not ours to write.
    """
    beside = path.with_name(f".{path.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise InputRefused(
            f"contactcenter.drop_dir: {path.parent}: {error.strerror}; is it there, and ours?"
        ) from None
    return path
