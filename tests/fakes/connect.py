"""Amazon Connect on loopback, as boto3 speaks to it: queue metrics."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from tests.fakes.http import HttpFake, Reply, Request

INSTANCE = "11111111-2222-3333-4444-555555555555"
ARN = f"arn:aws:connect:sa-east-1:123456789012:instance/{INSTANCE}"
QUEUE = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


class ConnectFake(HttpFake):
    """One queue of one instance; whatever else is asked for is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting, self.agents, self.oldest_s = 9, 5, 240.0
        self.mean_s: float | None = 130.0

    def accept(self, request: Request) -> Reply:
        body = json.loads(request.body)
        match request.method, unquote(request.path):
            case "POST", path if path == f"/metrics/current/{INSTANCE}":
                return self._current(body)
            case "POST", "/metrics/data" if body["ResourceArn"] == ARN:
                return self._means(body)
        return failed(404, "ResourceNotFoundException")

    def _current(self, body: dict[str, Any]) -> Reply:
        """Ages come in milliseconds unless they are grouped."""
        if QUEUE not in body["Filters"]["Queues"]:
            return said({"MetricResults": []})
        factor = 1 if body.get("Groupings") else 1000
        values = {
            "CONTACTS_IN_QUEUE": self.waiting,
            "AGENTS_STAFFED": self.agents,
            "OLDEST_CONTACT_AGE": self.oldest_s * factor,
        }
        collections = [
            {"Metric": each, "Value": values[each["Name"]]} for each in body["CurrentMetrics"]
        ]
        dimensions = {"Queue": {"Id": QUEUE, "Arn": f"{ARN}/queue/{QUEUE}"}, "Channel": "VOICE"}
        return said({"MetricResults": [{"Dimensions": dimensions, "Collections": collections}]})

    def _means(self, body: dict[str, Any]) -> Reply:
        collection: dict[str, Any] = {"Metric": body["Metrics"][0]}
        if self.mean_s is not None:
            collection["Value"] = self.mean_s
        result = {"Dimensions": {"QUEUE": QUEUE}, "Collections": [collection]}
        return said({"MetricResults": [result]})


def said(body: dict[str, Any]) -> Reply:
    return Reply(status=200, body=json.dumps(body).encode())


def failed(status: int, code: str) -> Reply:
    return Reply(
        status=status,
        body=json.dumps({"Message": "+56922221111 is bad"}).encode(),
        headers={"x-amzn-errortype": code},
    )
