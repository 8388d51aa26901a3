"""A backup on disk: one private file, and beside it a manifest that says what it is and that it is whole."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from outreach.model.errors import InputRefused

COUNTED = ("customer", "message", "occasion", "suppression", "audit")
"""Tables whose rows a backup counts, to be compared when it is put back."""
_FORM = 1
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds. `at`: nothing later is in it. `probe`: a sealed word, to know the key by."""

    kind: str
    """sqlite, postgresql"""
    at: datetime
    revision: str
    counts: Mapping[str, int]
    size: int
    """bytes"""
    sha256: str
    probe: str


def beside(file: Path) -> Path:
    """Where the manifest of a backup lies."""
    return file.with_name(f"{file.name}.manifest.json")


@contextmanager
def emerging(file: Path) -> Iterator[Path]:
    """An empty file of mode 0600 beside `file`, to be filled; renamed to it at the end, gone after an error.

    InputRefused if the folder cannot be written.
    """
    part = file.with_name(f".{file.name}.part")
    with suppress(FileNotFoundError):
        part.unlink()
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise InputRefused(
            f"{file}: cannot be written ({error.strerror}); name another place"
        ) from None
    try:
        yield part
        _to_disk(part)
        part.replace(file)
        _to_disk(file.parent)
    finally:
        part.unlink(missing_ok=True)


def sealed_off(file: Path) -> tuple[int, str]:
    """(bytes, SHA-256 in hex) of a file, read in blocks."""
    digest, size = hashlib.sha256(), 0
    with file.open("rb") as read:
        while block := read.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return size, digest.hexdigest()


def write_manifest(file: Path, manifest: Manifest) -> None:
    """Lays the manifest beside the backup."""
    body = asdict(manifest) | {"form": _FORM, "at": manifest.at.isoformat()}
    with emerging(beside(file)) as part:
        part.write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")


def read_manifest(file: Path) -> Manifest:
    """The manifest of a backup whose checksum agrees; InputRefused names what is missing or changed."""
    body = _body(file)
    size, digest = sealed_off(file)
    if (size, digest) != (body["size"], body["sha256"]):
        raise InputRefused(
            f"{file}: differs from its manifest ({size:,} bytes, not {body['size']:,});"
            " it is damaged or another file: take the copy from elsewhere"
        )
    return Manifest(**body)


def _body(file: Path) -> dict[str, Any]:
    path = beside(file)
    for needed in (file, path):
        if not needed.is_file():
            raise InputRefused(f"{needed}: not found; a backup is the file and its manifest")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body.pop("form") != _FORM:
            raise InputRefused(f"{path}: written by a newer outreach; restore with that one")
        body["at"] = datetime.fromisoformat(body["at"])
        body["counts"] = {name: int(body["counts"][name]) for name in COUNTED}
        body["size"] = int(body["size"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputRefused(
            f"{path}: not the manifest of a backup; take it from elsewhere"
        ) from None
    return dict(body)


def _to_disk(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
