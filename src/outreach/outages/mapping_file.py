"""A mapping as its TOML file: read whole, refused whole, with every mistake on a line of its own."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from outreach.model.errors import InputRefused


def read(path: Path, mistakes: Callable[[dict[str, Any]], Iterable[str]]) -> dict[str, Any]:
    """The tables of a file in which `mistakes` finds none; InputRefused names the file in each line."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputRefused(f"{path}: cannot be read; check the path") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused(f"{path}: {error}") from None
    if found := [f"{path}: {mistake}" for mistake in mistakes(raw)]:
        raise InputRefused("\n".join(found))
    return raw
