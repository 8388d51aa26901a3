"""What a new revision may not be: each refusal says what is wrong and what to type instead."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages.etr import usable

SHORTEST_ETR = timedelta(minutes=15)
LONGEST_ETR = timedelta(hours=24)
LONGEST_WINDOW = timedelta(hours=6)
OLDEST_START = timedelta(days=7)
FARTHEST_START = timedelta(days=366)
LONGEST_WORK = timedelta(days=7)
CLOCK_SKEW = timedelta(minutes=5)
"""How far a reported start may lie ahead: clocks of other systems differ."""

_WHAT_INSTEAD = {
    OccasionState.RESTORED: "it is restored already; if that was false, reopen it",
    OccasionState.MERGED: "it was merged into another outage; change that one",
    OccasionState.DISCARDED: "it was discarded; open a new outage",
    OccasionState.CANCELLED: "it is cancelled; add a new work",
    OccasionState.ENDED: "it has ended; open a new advisory",
    OccasionState.SCHEDULED: "it has not begun; move or cancel it",
    OccasionState.SUSPECTED: "it is only suspected; confirm it (outreach outage confirm) or cancel it",
    OccasionState.ACTIVE: "it has begun; give it a new end, or restore it",
    OccasionState.PARTIAL: "part of it is back already; restore the rest",
}


def aware(**instants: datetime | None) -> None:
    """Refuses a time without zone; InputRefused names it."""
    for name, instant in instants.items():
        if instant is not None and instant.tzinfo is None:
            raise InputRefused(f"{name}: {instant.isoformat()} has no zone; give an aware time")


def scope_named(scope: Scope) -> None:
    """Refuses an empty scope, which would touch nobody."""
    if scope.is_empty:
        raise InputRefused(
            "scope: nothing is named; give a node, a locality, a postal code, an area or premises"
        )


def state_is(current: Revision, allowed: Collection[OccasionState], verb: str) -> None:
    """Refuses a move that the state does not know, with what to do instead."""
    if current.state not in allowed:
        raise GuardRefused(f"cannot {verb}: {_WHAT_INSTEAD[current.state]}")


def is_repeat(current: Revision, source_seq: int | None) -> bool:
    """Whether this change was taken in already: the same sequence of the source.

    GuardRefused: an older sequence; the newer truth stays.
    """
    if source_seq is None or current.source_seq is None or source_seq > current.source_seq:
        return False
    if source_seq == current.source_seq:
        return True
    raise GuardRefused(
        f"sequence {source_seq} is older than {current.source_seq}, which is in already; "
        "nothing changed, send the newest"
    )


def etr_allowed(etr_at: datetime, *, start_at: datetime, now: datetime, confirmed: bool) -> None:
    """Refuses an estimate that is past or before the start; one that looks like a slip must be confirmed."""
    aware(etr=etr_at)
    if not usable(etr_at, now):
        raise GuardRefused(
            f"the estimate is {_span(now - etr_at)} in the past; give a later one, "
            "or withdraw it with the time of the next news"
        )
    if etr_at <= start_at:
        raise GuardRefused("the estimate lies before the start; check the date of both")
    if not confirmed and not SHORTEST_ETR <= etr_at - now <= LONGEST_ETR:
        raise GuardRefused(f"the estimate is {_span(etr_at - now)} away; confirm it if you mean it")


def etr_window_allowed(
    etr_from: datetime | None, etr_at: datetime, *, now: datetime, confirmed: bool
) -> None:
    """Refuses a window that has begun or is upside down; a long one must be confirmed."""
    if etr_from is None:
        return
    aware(window=etr_from)
    if etr_from >= etr_at:
        raise GuardRefused("the window ends before it begins; give the earlier time first")
    if etr_from <= now:
        raise GuardRefused("the window has begun; give one that begins later, or an exact estimate")
    if not confirmed and etr_at - etr_from > LONGEST_WINDOW:
        raise GuardRefused(
            f"the window is {_span(etr_at - etr_from)} long; confirm it if you mean it"
        )


def next_news_allowed(next_at: datetime, *, now: datetime, confirmed: bool) -> None:
    """Refuses a promise of news that is past, or further off than a day and not confirmed."""
    aware(next_update=next_at)
    if next_at <= now:
        raise GuardRefused(
            f"the next news is {_span(now - next_at)} in the past; give a later time"
        )
    if not confirmed and next_at - now > LONGEST_ETR:
        raise GuardRefused(
            f"the next news is {_span(next_at - now)} away; confirm it if you mean it"
        )


def start_allowed(start_at: datetime, *, now: datetime, confirmed: bool) -> None:
    """Refuses an outage that starts ahead, or, unconfirmed, more than a week ago."""
    aware(start=start_at)
    if start_at > now + CLOCK_SKEW:
        raise GuardRefused(
            f"the outage starts {_span(start_at - now)} ahead; add it as a planned work instead"
        )
    if not confirmed and now - start_at > OLDEST_START:
        raise GuardRefused(
            f"the outage started {_span(now - start_at)} ago; confirm it if you mean it"
        )


def window_allowed(start_at: datetime, end_at: datetime, *, now: datetime, confirmed: bool) -> None:
    """Refuses a work that is upside down or has begun; one that looks like a slip must be confirmed."""
    aware(start=start_at, end=end_at)
    if end_at <= start_at:
        raise GuardRefused("the work ends before it starts; check both dates (day before month)")
    if start_at <= now:
        raise GuardRefused(
            f"the work started {_span(now - start_at)} ago; open it as an outage, or give a later start"
        )
    if not confirmed and (end_at - start_at > LONGEST_WORK or start_at - now > FARTHEST_START):
        raise GuardRefused(
            f"the work starts in {_span(start_at - now)} and lasts {_span(end_at - start_at)}; "
            "confirm it if you mean it"
        )


def restored_allowed(restored_at: datetime, *, start_at: datetime, now: datetime) -> None:
    """Refuses a restoration ahead of now or before the start."""
    aware(restored=restored_at)
    if restored_at > now + CLOCK_SKEW:
        raise GuardRefused(
            f"the restoration is {_span(restored_at - now)} ahead; say it when it is true, "
            "and give an estimate until then"
        )
    if restored_at < start_at:
        raise GuardRefused("the restoration lies before the start; check the date of both")


def _span(span: timedelta) -> str:
    """`2 h 05 min`, `3 d 4 h`: free of zones, so that it reads the same everywhere."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 60:  # noqa: PLR2004  an hour
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004  a day
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"
