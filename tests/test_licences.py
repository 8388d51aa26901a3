"""What we ship with: every package of a full installation has a licence that we may ship under Apache-2.0."""

from __future__ import annotations

import re
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement

EXTRAS = ("postgres", "connect", "geo", "data", "sso")
"""As an operator installs them; those that this environment holds."""
ALLOWED = re.compile(
    r"\b(MIT|BSD|Apache|ISC|MPL|Mozilla Public|PSF|Python Software Foundation|Unlicense|0BSD|Zlib|CC0"
    r"|LGPL|Lesser General Public)\b",
    re.IGNORECASE,
)
"""LGPL for psycopg and num2words: linked to, never changed."""
FORBIDDEN = re.compile(
    r"(?<![A-Za-z])A?GPL|(?<!Lesser )(?<!Library or Lesser )General Public License", re.IGNORECASE
)
BY_HAND = {"pycurl": "LGPL or MIT (its own COPYING)"}
"""Whose metadata says nothing that a program can read."""


def runtime() -> dict[str, metadata.Distribution]:
    """name -> distribution of all that an installation with our extras brings."""
    found: dict[str, metadata.Distribution] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [("outreach", EXTRAS)]
    while waiting:
        name, extras = waiting.pop()
        for line in metadata.requires(name) or []:
            wanted = Requirement(line)
            if not _applies(wanted, extras) or wanted.name.lower() in found:
                continue
            try:
                found[wanted.name.lower()] = metadata.distribution(wanted.name)
            except metadata.PackageNotFoundError:
                continue  # for another system, or an extra that is not installed here
            waiting.append((wanted.name, tuple(wanted.extras)))
    return found


def _applies(wanted: Requirement, extras: tuple[str, ...]) -> bool:
    if wanted.marker is None:
        return True
    return any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def licence(name: str, dist: metadata.Distribution) -> str:
    """As SPDX, else by classifier, else the first line of free text."""
    if name in BY_HAND:
        return BY_HAND[name]
    said: Any = dist.metadata
    classifiers = [
        each for each in said.get_all("Classifier") or [] if each.startswith("License ::")
    ]
    first = (said.get("License") or "").strip().partition("\n")[0]
    return said.get("License-Expression") or "; ".join(classifiers) or first


def test_no_package_that_we_ship_with_forbids_it():
    found = {name: licence(name, dist) for name, dist in runtime().items()}

    refused = {
        name: said
        for name, said in found.items()
        if not ALLOWED.search(said) or FORBIDDEN.search(ALLOWED.sub("", said))
    }

    assert len(found) > 40
    assert refused == {}


def test_a_licence_that_binds_what_we_write_would_be_found():
    for said in (
        "GPL-3.0-or-later",
        "AGPL-3.0",
        "GNU General Public License v3",
        "Proprietary",
        "",
    ):
        assert not ALLOWED.search(said) or FORBIDDEN.search(ALLOWED.sub("", said))
