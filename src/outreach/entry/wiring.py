"""Puts the rooms together: which class stands behind which name of the settings."""

from __future__ import annotations

import secrets

from outreach.addresses import Keyring
from outreach.campaigns.engine import Engine
from outreach.settings import Settings
from outreach.store.session import Database


def engine(database: Database, settings: Settings, keyring: Keyring) -> Engine:
    """The engine of an installation."""
    return Engine(
        database=database, settings=settings, keyring=keyring, random_bytes=secrets.token_bytes
    )
