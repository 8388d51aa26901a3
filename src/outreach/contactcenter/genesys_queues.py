"""Live queues of Genesys Cloud: who waits, who is on queue, and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from outreach.contactcenter.genesys import NOT_FOUND, Genesys
from outreach.model.forecast import QueueReading

SOURCE = "genesys"
P80_OF_MEAN = math.log(5)
"""Waits of those who wait are near exponential: four in five are over by 1.61 times the mean."""
_OBSERVED = "/api/v2/analytics/queues/observations/query"
_METRICS = ("oWaiting", "oInteracting", "oOnQueueUsers")


def read(
    genesys: Genesys, queues: Mapping[str, str], *, now: datetime, until: float
) -> list[QueueReading]:
    """A reading of each queue (our name -> its id) that the platform answers for."""
    if not queues:
        return []
    _status, answer = genesys.ask("POST", _OBSERVED, question(queues.values()), until=until)
    counted = counts(answer)
    return [
        QueueReading(
            queue=name,
            at=now,
            waiting=counted[queue].get("oWaiting"),
            agents=counted[queue].get("oOnQueueUsers"),
            wait_p80_s=_wait(genesys, queue, until),
            source=SOURCE,
        )
        for name, queue in queues.items()
        if queue in counted
    ]


def question(queues: Any) -> dict[str, Any]:
    """The body of the observation query."""
    predicates = [
        {"type": "dimension", "dimension": "queueId", "operator": "matches", "value": queue}
        for queue in queues
    ]
    return {"filter": {"type": "or", "predicates": predicates}, "metrics": list(_METRICS)}


def counts(answer: Any) -> dict[str, dict[str, int]]:
    """Queue id -> metric -> count. Of media only voice counts; users come without a medium, by status."""
    found: dict[str, dict[str, int]] = {}
    for result in (answer or {}).get("results") or []:
        group = result.get("group") or {}
        queue = found.setdefault(str(group.get("queueId", "")), {})
        if group.get("mediaType", "voice") != "voice":
            continue
        for each in result.get("data") or []:
            metric = str(each.get("metric"))
            queue[metric] = queue.get(metric, 0) + int((each.get("stats") or {}).get("count") or 0)
    return found


def _wait(genesys: Genesys, queue: str, until: float) -> int | None:
    """The estimate for calls is a mean; None where the platform has none, and then nobody guesses."""
    path = f"/api/v2/routing/queues/{quote(queue, safe='')}/mediatypes/call/estimatedwaittime"
    status, answer = genesys.ask("GET", path, until=until, fine=(NOT_FOUND,))
    results = [] if status == NOT_FOUND else (answer or {}).get("results") or []
    means = [each.get("estimatedWaitTimeSeconds") for each in results]
    known = [float(each) for each in means if isinstance(each, int | float)]
    return math.ceil(max(known) * P80_OF_MEAN) if known else None
