"""Amazon Connect: live queues read by the company's own AWS client.

Callers are answered by a Lambda (`connect_map`). Nothing is written to the platform: it has no
table of zones, and what was put on a contact would stay in its record when it is true no more.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from outreach.contactcenter.platform_http import PlatformAway
from outreach.model.errors import InputRefused
from outreach.model.forecast import QueueReading
from outreach.settings_contactcenter import Connect as Settings

SOURCE = "connect"
CALL_S = 4
LOOK_BACK = timedelta(minutes=15)
P80_OF_MEAN = math.log(5)
"""Waits of those who wait are near exponential: four in five are over by 1.61 times the mean."""
P80_OF_OLDEST = 0.8
"""In a queue that builds up, ages spread evenly up to the oldest."""
_NOT_OURS = {
    "AccessDeniedException", "InvalidParameterException", "InvalidRequestException",
    "ResourceNotFoundException", "UnrecognizedClientException",
}  # fmt: skip
_CURRENT = (
    {"Name": "CONTACTS_IN_QUEUE", "Unit": "COUNT"},
    {"Name": "AGENTS_STAFFED", "Unit": "COUNT"},
    {"Name": "OLDEST_CONTACT_AGE", "Unit": "SECONDS"},
)


class Client(Protocol):
    """What we call of boto3's client of the name `connect`."""

    def get_current_metric_data(self, **given: Any) -> Mapping[str, Any]: ...

    def get_metric_data_v2(self, **given: Any) -> Mapping[str, Any]: ...


def client(settings: Settings) -> Client:
    """boto3's client with short timeouts and one try; InputRefused without the extra `connect`."""
    try:
        import boto3  # noqa: PLC0415  boto3
        from botocore.config import Config  # noqa: PLC0415  boto3
    except ImportError:
        raise InputRefused(
            "contactcenter.connect needs boto3: pip install 'outreach[connect]'"
        ) from None
    # AWS's layers log whole answers at DEBUG, and what signs a question.
    logging.getLogger("botocore").setLevel(logging.WARNING)
    limits = Config(
        connect_timeout=2,
        read_timeout=CALL_S,
        retries={"total_max_attempts": 1, "mode": "standard"},
    )
    made: Client = boto3.client(
        "connect",
        region_name=settings.region,
        endpoint_url=settings.endpoint_url or None,
        config=limits,
    )
    return made


def read(client: Client, settings: Settings, *, now: datetime) -> list[QueueReading]:
    """A reading of each queue of the settings that the platform answers for. PlatformAway, InputRefused."""
    queues = settings.queues
    if not queues:
        return []
    current = _called(lambda: client.get_current_metric_data(**_current(settings)))
    found = _by_queue(current, queue="Id")
    means = _means(client, settings, now)
    return [
        _reading(name, found[queue], means.get(queue), now)
        for name, queue in queues.items()
        if queue in found
    ]


def _called(call: Any) -> Mapping[str, Any]:
    """The vendor's errors stop here; their texts may hold what was asked, so only the code is shown."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  boto3

    try:
        answer: Mapping[str, Any] = call()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _NOT_OURS:
            raise InputRefused(f"connect: {code}; check instance and permissions") from None
        raise PlatformAway(f"connect: {code}; it is tried again in the next minute") from None
    except BotoCoreError as error:
        raise PlatformAway(f"connect: {type(error).__name__}; is it in reach?") from None
    return answer


def _current(settings: Settings) -> dict[str, Any]:
    return {
        "InstanceId": settings.instance_id,
        "Filters": {"Queues": list(settings.queues.values()), "Channels": ["VOICE"]},
        "Groupings": ["QUEUE"],  # without a grouping ages come in milliseconds
        "CurrentMetrics": [dict(each) for each in _CURRENT],
    }


def _means(client: Client, settings: Settings, now: datetime) -> dict[str, float]:
    """Mean seconds to answer, of the last quarter-hour; empty without the instance's ARN."""
    if not settings.instance_arn:
        return {}
    given = {
        "ResourceArn": settings.instance_arn,
        "StartTime": now - LOOK_BACK,
        "EndTime": now,
        "Filters": [{"FilterKey": "QUEUE", "FilterValues": list(settings.queues.values())}],
        "Groupings": ["QUEUE"],
        "Metrics": [{"Name": "AVG_QUEUE_ANSWER_TIME"}],
    }
    answer = _called(lambda: client.get_metric_data_v2(**given))
    return {
        str(result.get("Dimensions", {}).get("QUEUE", "")): float(each["Value"])
        for result in answer.get("MetricResults") or []
        for each in result.get("Collections") or []
        if each.get("Value") is not None
    }


def _by_queue(answer: Mapping[str, Any], *, queue: str) -> dict[str, dict[str, float]]:
    return {
        str(result.get("Dimensions", {}).get("Queue", {}).get(queue, "")): {
            str(each["Metric"]["Name"]): float(each["Value"])
            for each in result.get("Collections") or []
            if each.get("Value") is not None
        }
        for result in answer.get("MetricResults") or []
    }


def _reading(
    name: str, found: Mapping[str, float], mean: float | None, now: datetime
) -> QueueReading:
    waits = [P80_OF_MEAN * mean] if mean is not None else []
    waits += [P80_OF_OLDEST * found["OLDEST_CONTACT_AGE"]] if "OLDEST_CONTACT_AGE" in found else []
    return QueueReading(
        queue=name,
        at=now,
        waiting=_whole(found.get("CONTACTS_IN_QUEUE")),
        agents=_whole(found.get("AGENTS_STAFFED")),
        wait_p80_s=math.ceil(max(waits)) if waits else None,
        source=SOURCE,
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
