"""Expected and past calls in the shapes that workforce management takes in.

Sources: Genesys Cloud, "Prepare the historical data import .csv file" and the short-term forecast import of its API
(`planningGroups[].offeredPerInterval`, `averageHandleTimeSecondsPerInterval`); Amazon Connect administrator guide,
"Override a forecast" and "Import historical data for forecasting". Intervals begin at :00, :15, :30 and :45.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.model.forecast import QUARTER, Forecast, Quarter

DAY = timedelta(days=1)
GENESYS_DAYS = 8
"""A week of theirs is imported with the first day of the next, for zones that differ."""
_A_DAY = DAY // QUARTER
_VOICE_GENESYS, _VOICE_CONNECT = "Voice", "VOICE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A quarter-hour on the clock: calls expected, or calls that came."""

    queue: str
    at: datetime
    calls: float
    handling_s: float
    handled: int | None = None
    """Of past intervals; None of expected ones."""
    platform_id: str = ""
    agents: int | None = None


def quarter_of(at: datetime) -> datetime:
    """The quarter-hour on the clock that holds an instant."""
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def intervals(forecast: Forecast, *, mean: bool = False, platform_id: str = "") -> list[Interval]:
    """The forecast laid over the clock's quarter-hours that lie wholly ahead of it, p80 or mean calls each.

    A forecast runs from its own minute, so that each interval takes from two quarters by their share of it.
    """
    if not forecast.quarters:
        return []
    begin, end = forecast.quarters[0].start_at, forecast.quarters[-1].start_at + QUARTER
    first = quarter_of(begin)
    at = first if first == begin else first + QUARTER
    found = []
    while at + QUARTER <= end:
        shares = [(each, _overlap(each, at)) for each in forecast.quarters]
        calls = sum((each.mean if mean else each.p80) * share for each, share in shares)
        agents = [each.agents for each, share in shares if share and each.agents is not None]
        found.append(
            Interval(
                queue=forecast.queue,
                at=at,
                calls=calls,
                handling_s=forecast.handling_s,
                platform_id=platform_id,
                agents=max(agents, default=None),
            )
        )
        at += QUARTER
    return found


def _overlap(quarter: Quarter, at: datetime) -> float:
    ends = min(quarter.start_at, at) + QUARTER
    return max(0.0, (ends - max(quarter.start_at, at)) / QUARTER)


GENESYS_COLUMNS = (
    "Interval Start UTC Date",
    "Queue",
    "Media Type",
    "Skill Set",
    "Language",
    "Offered",
    "Interactions Handled",
    "Total Handle Time (Seconds)",
)


def genesys_history(past: Iterable[Interval]) -> list[dict[str, object]]:
    """Rows of the historical data import, by GENESYS_COLUMNS."""
    return [
        dict(
            zip(
                GENESYS_COLUMNS,
                (
                    _utc(each.at),
                    each.queue,
                    _VOICE_GENESYS,
                    "",
                    "",
                    round(each.calls),
                    each.handled or 0,
                    round((each.handled or 0) * each.handling_s),
                ),
                strict=True,
            )
        )
        for each in past
    ]


def genesys_week(
    expected: Sequence[Interval],
    usual: Mapping[str, Mapping[int, float]],
    *,
    begins_at: datetime,
    description: str,
) -> dict[str, Any]:
    """The body of a short-term forecast import of one week, which begins at `begins_at` by the business unit.

    usual: queue -> quarter-hour of the week from Monday 00:00 UTC -> calls. The import replaces a whole week: what
    is not forecast holds the usual calls, so that schedules of other days stay as they were.
    """
    groups: dict[str, list[Interval]] = {}
    for each in expected:
        groups.setdefault(each.platform_id or each.queue, []).append(each)
    return {
        "description": description,
        "weekCount": 1,
        "canUseForScheduling": True,
        "planningGroups": [
            _planning_group(group, mine, usual.get(mine[0].queue, {}), begins_at)
            for group, mine in groups.items()
        ],
    }


def _planning_group(
    group: str, mine: Sequence[Interval], usual: Mapping[int, float], begins_at: datetime
) -> dict[str, Any]:
    forecast = {each.at: each.calls for each in mine}
    starts = [begins_at + each * QUARTER for each in range(GENESYS_DAYS * _A_DAY)]
    return {
        "planningGroupId": group,
        "offeredPerInterval": [
            round(forecast.get(at, usual.get(quarter_of_week(at), 0.0)), 2) for at in starts
        ],
        "averageHandleTimeSecondsPerInterval": [round(mine[0].handling_s, 2)] * len(starts),
    }


def quarter_of_week(at: datetime) -> int:
    """0 is Monday 00:00 UTC, 671 the last."""
    utc = at.astimezone(UTC)
    return utc.weekday() * _A_DAY + utc.hour * 4 + utc.minute // 15


def connect_rows(found: Iterable[Interval]) -> list[dict[str, object]]:
    """Rows of a forecast override; with calls handled, of the import of historical data."""
    return [
        {
            "QueueName": each.queue,
            "QueueId": each.platform_id,
            "ChannelType": _VOICE_CONNECT,
            "TimeStamp": _utc(each.at),
            "IntervalDuration": "15mins",
            "IncomingContactVolume": round(each.calls),
            "AverageHandleTime": round(each.handling_s),
        }
        | ({} if each.handled is None else {"ContactsHandled": each.handled})
        for each in found
    ]


def plain_rows(found: Iterable[Interval]) -> list[dict[str, object]]:
    """Rows for any other tool."""
    return [
        {
            "queue": each.queue,
            "start": _utc(each.at),
            "end": _utc(each.at + QUARTER),
            "calls": round(each.calls, 1),
            "handled": each.handled,
            "handling_s": round(each.handling_s),
            "agents": each.agents,
        }
        for each in found
    ]


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
