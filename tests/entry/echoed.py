"""What the tests of `outreach outage` ask of a night."""

from __future__ import annotations

from datetime import datetime, timedelta

from click.testing import Result
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.model.occasion import Occasion
from outreach.store import occasions


def after(**length: float) -> datetime:
    return NOW + timedelta(**length)


def lines(shown: Result) -> list[str]:
    return shown.stdout.splitlines()


def newest(night: Night) -> Occasion:
    with night.database.read() as session:
        return occasions.every(session)[0]
