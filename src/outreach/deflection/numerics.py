"""The library for arrays, asked for where it is used: an extra that sending does not need."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

from outreach.model.errors import InputRefused

Array = Any
"""A numpy array; its library is an extra, so the type checker does not ask for it."""


@lru_cache(maxsize=1)  # asked hundreds of thousands of times in a study
def numpy() -> Any:
    """The library; InputRefused with the extra's name where it is not installed."""
    try:
        return import_module("numpy")
    except ImportError:
        raise InputRefused(
            "simulating needs numpy; install it: pip install 'outreach[stats]'"
        ) from None
