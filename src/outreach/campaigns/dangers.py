"""Where people are in danger: a campaign says so, the alert behind it, or the cause that it names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from outreach.model.cap import CapAlert, CapInfo
from outreach.model.occasion import Occasion
from outreach.model.spelling import plain
from outreach.model.words import OccasionKind, Purpose
from outreach.outages import intake_cap
from outreach.store import alerts
from outreach.store.alerts import TAKEN, Kept
from outreach.store.runs import Run
from outreach.store.session import Session

_GRAVE = {"Extreme", "Severe"}
_SURE = {"Observed", "Likely"}
_WORD = re.compile(r"\w+")


def is_declared(launched: Iterable[Run]) -> bool:
    """Whether one of the campaigns that were launched for it is of purpose `emergency`."""
    return any(run.purpose is Purpose.EMERGENCY for run in launched)


def is_named(occasion: Occasion, causes: Iterable[str]) -> bool:
    """Whether the cause of an outage holds one of these phrases, however it is accented or spaced.

    A work is planned around such causes: the wire that it takes away is nobody's danger.
    """
    if occasion.kind is not OccasionKind.OUTAGE or not occasion.revision.cause:
        return False
    said = _worded(occasion.revision.cause)
    return any(_worded(phrase) in said for phrase in causes)


def warned(session: Session, occasions: Sequence[int], *, now: datetime) -> frozenset[int]:
    """Those of the occasions whose newest CAP alert warns of a danger to people that is there now.

    Urgency Immediate, severity Extreme or Severe, certainty Observed or Likely (CAP 1.2, 3.2.2:
    act at once; a threat to life or property; probable at least), and not expired.
    """
    newest: dict[int, Kept] = {}
    taken = [
        each for each in alerts.of_occasions(session, occasions, "in") if each.outcome == TAKEN
    ]
    for each in sorted(taken, key=lambda kept: kept.sent_at or kept.at):
        if each.occasion_id is not None:
            newest[each.occasion_id] = each
    return frozenset(
        number
        for number, kept in newest.items()
        if any(_is_grave(info) and _holds(info, now) for info in _infos(kept))
    )


def _infos(kept: Kept) -> Iterator[CapInfo]:
    read = next(intake_cap.read(kept.body.encode(), name=kept.identifier))
    if isinstance(read, CapAlert) and read.msg_type != "Cancel":
        yield from read.infos


def _is_grave(info: CapInfo) -> bool:
    return info.urgency == "Immediate" and info.severity in _GRAVE and info.certainty in _SURE


def _holds(info: CapInfo, now: datetime) -> bool:
    return info.expires is None or info.expires > now


def _worded(text: str) -> str:
    """Between blanks, so that no phrase is found inside a word."""
    return f" {' '.join(_WORD.findall(plain(text)))} "
