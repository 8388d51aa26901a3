"""Estimated restoration: one rounding, when a change is told again, and whether the promise was kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from outreach.model.campaign import Renotify
from outreach.model.words import Event

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def public_etr(etr: datetime, minutes: int = 15) -> datetime:
    """The estimate rounded up to whole `minutes`: the one value that every channel shows.

    Rounding in UTC is right in every zone, for all offsets in force are whole quarter-hours;
    `minutes` must therefore divide 15 or be 30 or 60 in zones of whole or half hours.
    """
    step = timedelta(minutes=minutes)
    return _EPOCH + -((_EPOCH - etr) // step) * step


def window_from(etr_from: datetime, minutes: int = 15) -> datetime:
    """The begin of a window, rounded down as its end is rounded up."""
    step = timedelta(minutes=minutes)
    return _EPOCH + (etr_from - _EPOCH) // step * step


def usable(etr: datetime | None, now: datetime) -> bool:
    """Whether an estimate may still be sent or spoken: it exists and lies ahead."""
    return etr is not None and etr > now


def renotify(
    told: datetime | None, new: datetime | None, now: datetime, rules: Renotify
) -> Event | None:
    """What a changed estimate tells people: ETR_SET, ETR_LATER, ETR_EARLIER, or nothing.

    `told` is the estimate that they heard last. Late is not forgiven, early is: later by 30 min
    is told, earlier only by 60; any difference is told once the old one expires within 30 min or
    has passed. No estimate, or one that is past, tells nothing and `told` stays.
    """
    if new is None or new <= now:
        return None
    if told is None:
        return Event.ETR_SET
    expiring = told - now <= rules.expiring_within
    if new > told and (expiring or new - told >= rules.later_by):
        return Event.ETR_LATER
    if new < told and (expiring or told - new >= rules.earlier_by):
        return Event.ETR_EARLIER
    return None


MOST_MISSED = 2
"""After so many missed promises an exact time needs a second person (night.md, rule 4)."""


def slips(promises: Iterable[tuple[datetime, bool | None]], new: datetime, now: datetime) -> int:
    """How many promises (estimate, kept or None while open) are missed once `new` is promised.

    An open promise is missed by a later estimate, and by having passed. One that was promised
    already is no new promise: 0.
    """
    made = list(promises)
    if any(etr_at == new for etr_at, _kept in made):
        return 0
    return sum(
        kept is False or (kept is None and (etr_at < new or etr_at <= now)) for etr_at, kept in made
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseSettled:
    """How a told estimate ended; `missed_by` is None where a withdrawal leaves it unknown."""

    kept: bool
    missed_by: timedelta | None = None


def settle_promise(
    promised_at: datetime,
    *,
    restored_at: datetime | None = None,
    replaced_by: datetime | None = None,
    withdrawn: bool = False,
) -> PromiseSettled | None:
    """Settles one promise; None while it stays open.

    Restored: kept if not after the promise. Replaced by a later estimate: missed by the
    difference. Withdrawn: missed, by an unknown amount. Replaced by an earlier or equal one it
    stays open until restoration, for it was not broken.
    """
    outcome = restored_at or replaced_by
    if outcome is None:
        return PromiseSettled(kept=False) if withdrawn else None
    if outcome > promised_at:
        return PromiseSettled(kept=False, missed_by=outcome - promised_at)
    return PromiseSettled(kept=True, missed_by=timedelta()) if restored_at else None
