"""X on loopback: takes posts, and refuses a text that it has already."""

from __future__ import annotations

import json

from tests.fakes.http import HttpFake, Reply, Request

HEADERS = {"x-rate-limit-limit": "100", "x-rate-limit-remaining": "99"}
DUPLICATE = {
    "title": "Forbidden",
    "status": 403,
    "detail": "You are not allowed to create a Tweet with duplicate content.",
}


class XFake(HttpFake):
    """`ledger` holds the texts that stand on the account."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger: list[str] = []

    def accept(self, request: Request) -> Reply:
        text = json.loads(request.body)["text"]
        if text in self.ledger:
            return Reply(status=403, body=json.dumps(DUPLICATE).encode(), headers=HEADERS)
        self.ledger.append(text)
        body = {"data": {"id": str(1000 + len(self.ledger)), "text": text}}
        return Reply(status=201, body=json.dumps(body).encode(), headers=HEADERS)
