"""Genesys Cloud on loopback, with the rules that bite: rate, versions, columns, sizes; nothing there expires by itself."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tests.fakes.http import HttpFake, Reply, Request

CLIENT, SECRET = "client-1", "Zq7-pT2vLm9xR4kWb8"
TABLE, GROUP, QUEUE = "table-1", "group-1", "queue-1"
COLUMNS = {
    "key": str,
    "status": str,
    "text": str,
    "etr": str,
    "as_of": str,
    "expires_at": str,
    "wait_band": str,
    "generation": int,
    "ask_percent": int,
}
A_MINUTE, MOST_ROWS, LONGEST_KEY = 300, 5_000, 256
ACTIONS_A_MINUTE, ACTIONS_AT_ONCE = 900, 15


@dataclass(kw_only=True)
class Window:
    """At most `most` in any 60 s of the given clock."""

    most: int
    clock: Callable[[], float]
    times: deque[float] = field(default_factory=deque)

    def take(self) -> float:
        """0 if there was room, else the seconds until there is."""
        now = self.clock()
        while self.times and self.times[0] <= now - 60:
            self.times.popleft()
        if len(self.times) >= self.most:
            return self.times[0] + 60 - now
        self.times.append(now)
        return 0.0


class GenesysFake(HttpFake):
    """`rows` and `group` are what stands there; `clock` gives its seconds."""

    def __init__(self, clock: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__()
        self.clock = clock
        self.rate = Window(most=A_MINUTE, clock=clock)
        self.actions = ActionLimits(clock)
        self.rows: dict[str, dict[str, Any]] = {}
        self.group: dict[str, Any] = {
            "id": GROUP,
            "name": "Emergencia",
            "description": "Temporal",
            "version": 7,
            "enabled": False,
            "emergencyCallFlows": [{"emergencyFlow": {"id": "f1"}, "ivrs": [{"id": "i1"}]}],
        }
        self.waiting, self.agents, self.wait_s = 12, 8, 100
        self.uploads: dict[str, Any] = {}
        self.imported: list[dict[str, Any]] = []
        self.tokens = 0
        self.lasts_s = 86_400

    def accept(self, request: Request) -> Reply:
        if request.path == "/oauth/token":
            return self._token(request)
        if request.path.startswith("/upload/"):
            return self._upload(request)
        if request.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return _said(401, {"code": "bad.credentials"})
        if wait := self.rate.take():
            return _said(429, {"code": "too.many.requests"}, {"Retry-After": str(int(wait) + 1)})
        reply = self._routed(request)
        used = str(len(self.rate.times))
        headers = {"inin-ratelimit-allowed": str(A_MINUTE), "inin-ratelimit-count": used,
                   "inin-ratelimit-reset": "60"}  # fmt: skip
        return Reply(status=reply.status, body=reply.body, headers=headers)

    def _token(self, request: Request) -> Reply:
        pair = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        good = request.headers.get("authorization") == f"Basic {pair}"
        if not good or request.form != {"grant_type": "client_credentials"}:
            return _said(401, {"error": "invalid_client"})
        self.tokens += 1
        return _said(200, {"access_token": f"token-{self.tokens}", "expires_in": self.lasts_s})

    def _routed(self, request: Request) -> Reply:
        body = json.loads(request.body) if request.body else None
        for pattern, route in _ROUTES:
            if found := pattern.fullmatch(f"{request.method} {request.path}"):
                parts = (unquote(part) for part in found.groups())
                reply: Reply = route(self, body, request.query, *parts)
                return reply
        return _said(404, {"code": "not.found"})

    def _table(self, _body: Any, _query: Any, table: str) -> Reply:
        return _said(200, {"id": table}) if table == TABLE else _said(404)

    def _list(self, _body: Any, query: dict[str, str], table: str) -> Reply:
        if table != TABLE:
            return _said(404)
        size, page = int(query["pageSize"]), int(query["pageNumber"])
        keys = sorted(self.rows)[size * (page - 1) : size * page]
        return _said(200, {"entities": [{"key": key} for key in keys]})

    def _add(self, body: Any, _query: Any, table: str) -> Reply:
        if table != TABLE:
            return _said(404)
        if body.get("key") in self.rows:
            return _said(409, {"code": "flows.datatables.duplicate.row"})
        if len(self.rows) >= MOST_ROWS or not _is_row(body):
            return _said(400, {"code": "flows.datatables.schema.exception"})
        self.rows[body["key"]] = body
        return _said(200, body)

    def _put(self, body: Any, _query: Any, table: str, key: str) -> Reply:
        if table != TABLE or key not in self.rows:
            return _said(404)
        if body.get("key") != key or not _is_row(body):
            return _said(400, {"code": "flows.datatables.schema.exception"})
        self.rows[key] = body
        return _said(200, body)

    def _get(self, _body: Any, _query: Any, table: str, key: str) -> Reply:
        return _said(200, self.rows[key]) if table == TABLE and key in self.rows else _said(404)

    def _delete(self, _body: Any, _query: Any, table: str, key: str) -> Reply:
        if table != TABLE or self.rows.pop(key, None) is None:
            return _said(404)
        return Reply(status=204)

    def _group(self, _body: Any, _query: Any, group: str) -> Reply:
        return _said(200, self.group) if group == GROUP else _said(404)

    def _put_group(self, body: Any, _query: Any, group: str) -> Reply:
        if group != GROUP:
            return _said(404)
        if body.get("version") != self.group["version"]:
            return _said(409, {"code": "general.conflict"})
        if not body.get("name") or "emergencyCallFlows" not in body:
            return _said(400, {"code": "bad.request"})
        self.group = {**body, "version": self.group["version"] + 1}
        return _said(200, self.group)

    def _observe(self, body: Any, _query: Any) -> Reply:
        wanted = {each["value"] for each in body["filter"]["predicates"]}
        if not {"oWaiting", "oOnQueueUsers"} <= set(body["metrics"]) or QUEUE not in wanted:
            return _said(200, {"results": []})
        voice = [_count("oWaiting", self.waiting), _count("oInteracting", 6)]
        users = [
            _count("oOnQueueUsers", self.agents - 2, qualifier="INTERACTING"),
            _count("oOnQueueUsers", 2, qualifier="IDLE"),
        ]
        results = [
            {"group": {"queueId": QUEUE, "mediaType": "voice"}, "data": voice},
            {"group": {"queueId": QUEUE, "mediaType": "chat"}, "data": [_count("oWaiting", 99)]},
            {"group": {"queueId": QUEUE}, "data": users},
        ]
        return _said(200, {"results": results})

    def _wait(self, _body: Any, _query: Any, queue: str) -> Reply:
        if queue != QUEUE:
            return _said(404)
        mean = {"formula": "ABANDON", "intent": "CALL", "estimatedWaitTimeSeconds": self.wait_s}
        return _said(200, {"results": [mean]})

    def _upload_url(self, body: Any, _query: Any, unit: str, week: str) -> Reply:
        key = f"k{len(self.uploads) + 1}"
        self.uploads[key] = {"unit": unit, "week": week, "length": body["contentLengthBytes"]}
        headers = {"x-amz-acl": "private", "Content-Type": "application/json"}
        return _said(
            200, {"uploadKey": key, "url": f"{self.url}/upload/{key}?sig=x", "headers": headers}
        )

    def _upload(self, request: Request) -> Reply:
        """The signed address takes no token of ours, and exactly the length that was announced."""
        held = self.uploads.get(request.path.rpartition("/")[2])
        is_good = held is not None and held["length"] == len(request.body)
        if not is_good or "authorization" in request.headers or "x-amz-acl" not in request.headers:
            return _said(403)
        assert held is not None
        held["document"] = json.loads(gzip.decompress(request.body))
        return Reply(status=200)

    def _import(self, body: Any, _query: Any, unit: str, week: str) -> Reply:
        held = self.uploads.get(body["uploadKey"], {})
        if (held.get("unit"), held.get("week")) != (unit, week) or "document" not in held:
            return _said(400)
        self.imported.append(held["document"])
        return _said(202, {"status": "Processing", "operationId": "op-1"})


class ActionLimits:
    """What the platform allows of data actions: 900 a minute, 15 at once, and no more."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.rate = Window(most=ACTIONS_A_MINUTE, clock=clock)
        self.at_once = self.most_at_once = self.refused = 0

    def begin(self) -> bool:
        if self.at_once >= ACTIONS_AT_ONCE or self.rate.take():
            self.refused += 1
            return False
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        return True

    def end(self) -> None:
        self.at_once -= 1


def _count(metric: str, value: int, **more: str) -> dict[str, Any]:
    return {"metric": metric, "stats": {"count": value}, **more}


def _is_row(body: dict[str, Any]) -> bool:
    key = body.get("key", "")
    typed = all(type(value) is COLUMNS.get(name) for name, value in body.items())
    return typed and 0 < len(key) <= LONGEST_KEY


def _said(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status=status, body=json.dumps(body or {}).encode(), headers=headers or {})


_ROWS = "/api/v2/flows/datatables/([^/]+)/rows"
_WEEK = "/api/v2/workforcemanagement/businessunits/([^/]+)/weeks/([^/]+)/shorttermforecasts/import"
_ROUTES: list[tuple[re.Pattern[str], Any]] = [
    (re.compile(pattern), route)
    for pattern, route in (
        ("GET /api/v2/flows/datatables/([^/]+)", GenesysFake._table),
        (f"GET {_ROWS}", GenesysFake._list),
        (f"POST {_ROWS}", GenesysFake._add),
        (f"PUT {_ROWS}/([^/]+)", GenesysFake._put),
        (f"GET {_ROWS}/([^/]+)", GenesysFake._get),
        (f"DELETE {_ROWS}/([^/]+)", GenesysFake._delete),
        ("GET /api/v2/architect/emergencygroups/([^/]+)", GenesysFake._group),
        ("PUT /api/v2/architect/emergencygroups/([^/]+)", GenesysFake._put_group),
        ("POST /api/v2/analytics/queues/observations/query", GenesysFake._observe),
        (
            "GET /api/v2/routing/queues/([^/]+)/mediatypes/call/estimatedwaittime",
            GenesysFake._wait,
        ),
        (f"POST {_WEEK}/uploadurl", GenesysFake._upload_url),
        (f"POST {_WEEK}", GenesysFake._import),
    )
]
