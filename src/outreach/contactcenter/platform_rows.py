"""Decides which rows of a platform's table change now, so that only news travels and the urgent goes first."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from outreach.model.platforms import EVERYWHERE, Change, Fate, Pushed, ZoneRow

LEASE = timedelta(minutes=10)
"""A row never holds longer: that is how long a dead outreach is heard."""
RENEW_BEFORE = timedelta(minutes=4)
"""A row with less left than this is renewed: two tries are left if one fails."""
SLACK = timedelta(seconds=5)
LONGEST_TEXT = 1_000
LONGEST_KEY = 256
MOST_ROWS = 5_000
_ORDER = {fate: number for number, fate in enumerate(Fate)}


def digest(row: ZoneRow) -> str:
    """What a caller would hear differently; when it expires is no part of it."""
    as_of = row.as_of.isoformat() if row.text else ""
    said = (row.status, row.text, row.etr, as_of, row.wait_band, row.generation, row.ask_percent)
    return hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest()[:32]


def fitting(rows: Iterable[ZoneRow], *, now: datetime) -> dict[str, ZoneRow]:
    """The rows that a platform's limits allow, the largest first; what is not to be said is left out.

    Left out rows end: silence is the default flow, half a sentence would be a lie.
    """
    allowed = [
        row
        for row in rows
        if row.expires_at > now
        and 0 < len(row.key) <= LONGEST_KEY
        and len(row.text) <= LONGEST_TEXT
        and (row.text or row.key == EVERYWHERE)
    ]
    allowed.sort(key=lambda row: (row.key != EVERYWHERE, -row.weight, row.key))
    kept: dict[str, ZoneRow] = {}
    for row in allowed:
        if len(kept) < MOST_ROWS:
            kept.setdefault(row.key, row)
    return kept


def changes(
    wanted: Mapping[str, ZoneRow],
    standing: Mapping[str, Pushed],
    *,
    target: str,
    now: datetime,
    renew_before: timedelta = RENEW_BEFORE,
) -> list[Change]:
    """What differs, in order: ended rows (the longest expired first), news, renewals by need."""
    ends = [_end(target, row, now) for key, row in standing.items() if key not in wanted]
    writes = [
        change
        for key, row in wanted.items()
        if (change := _write(target, row, standing.get(key), now, renew_before)) is not None
    ]
    return sorted([*ends, *writes], key=lambda change: _rank(change, now))


def _end(target: str, row: Pushed, now: datetime) -> Change:
    is_over = row.expires_at is not None and row.expires_at <= now
    why = "expired" if is_over else "no directive says it any more"
    return Change(target=target, key=row.key, fate=Fate.END, why=why, expires_at=row.expires_at)


def _write(
    target: str, row: ZoneRow, stands: Pushed | None, now: datetime, renew_before: timedelta
) -> Change | None:
    mark = digest(row)
    why = _why(row, mark, stands, now, renew_before)
    if not why:
        return None
    fate = Fate.RENEW if why == "renewed" else Fate.WRITE
    return Change(
        target=target,
        key=row.key,
        fate=fate,
        why=why,
        digest=mark,
        expires_at=row.expires_at,
        row=row,
    )


def _why(
    row: ZoneRow, mark: str, stands: Pushed | None, now: datetime, renew_before: timedelta
) -> str:
    """Empty where nothing need travel."""
    if stands is None or stands.expires_at is None:
        return "new"
    if stands.digest != mark:
        return "changed"
    if row.expires_at < stands.expires_at - SLACK:
        return "ends earlier"
    is_short = stands.expires_at - now <= renew_before
    return "renewed" if is_short and row.expires_at > stands.expires_at + SLACK else ""


def _rank(change: Change, now: datetime) -> tuple[int, float, float, str]:
    left = ((change.expires_at or now) - now).total_seconds()
    weight = change.row.weight if change.row else 0
    is_first = change.key == EVERYWHERE
    by_need = left if change.fate in {Fate.END, Fate.RENEW} else float(-weight)
    return (_ORDER[change.fate], float(not is_first), by_need, change.key)


def ask_percent(expected_a_minute: float, asks_a_minute: int) -> int:
    """Share of callers whom the flow may ask us about, so that the platform's limit is never met."""
    if expected_a_minute <= 0:
        return 100
    return max(0, min(100, int(100 * asks_a_minute / expected_a_minute)))
