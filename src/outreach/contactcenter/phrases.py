"""What the IVR's documents say beside a notice: the key for dangers, the menu, the answer to a key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_MAIN = "es"


def safety(locale: str, key: str) -> str:
    """`Si hay peligro, marque cero.`; empty without a key."""
    words = _of(locale)
    return words["safety"].format(key=words["keys"][int(key)]) if key else ""


def menu(locale: str, *, link: bool, report: bool) -> str:
    """Which key does what, in the order of the keys; empty where nothing is offered."""
    words = _of(locale)
    offered = (("link", link), ("report", report))
    return " ".join(words[name] for name, is_offered in offered if is_offered)


def reply(locale: str, name: str) -> str:
    """What is said once a key was taken: `sent` or `noted`."""
    return str(_of(locale)[name])


def _of(locale: str) -> Mapping[str, Any]:
    every = _read()
    code = locale.replace("_", "-").partition("-")[0].lower()
    words: Mapping[str, Any] = every.get(code, every[_MAIN])
    return words


@cache
def _read() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))
