"""Promises as a person reads them: which estimate was kept, which was missed and by how much."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.entry.cli.durations import spelled
from outreach.entry.languages import _
from outreach.model.occasion import Occasion
from outreach.store import promises
from outreach.store.promises import Promise
from outreach.store.session import Database


def settled_now(database: Database, occasion: Occasion, now: datetime) -> list[Promise]:
    """Promises that the revision of this instant kept or broke."""
    with database.read() as session:
        return [each for each in promises.of(session, occasion.id) if each.settled_at == now]


def outcome(promise: Promise) -> str:
    """`kept`, `missed by 1 h 15 min`, `withdrawn`, or `open`."""
    if promise.settled_at is None:
        return _("open")
    if promise.kept:
        return _("kept")
    if promise.missed_by_s is None:
        return _("missed: withdrawn")
    return _("missed by {length}").format(length=spelled(timedelta(seconds=promise.missed_by_s)))


def lines(settled: list[Promise], *, wall: list[str]) -> list[str]:
    """`promise Sun 12 Jul 05:30: missed by 1 h 15 min`; `wall` are their times as shown."""
    return [
        _("promise {time}: {outcome}").format(time=shown, outcome=outcome(each))
        for each, shown in zip(settled, wall, strict=True)
    ]


def facts(promise: Promise) -> dict[str, object]:
    """The same for machines."""
    return {
        "version": promise.version,
        "etr_at": promise.etr_at,
        "made_at": promise.made_at,
        "settled_at": promise.settled_at,
        "kept": promise.kept,
        "missed_by_s": promise.missed_by_s,
    }
