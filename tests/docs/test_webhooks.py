"""The receiver in docs/webhooks.md takes what we send, and nothing else."""

from __future__ import annotations

import re
from textwrap import dedent
from typing import Any

import pytest
from tests.campaigns.test_webhooks import endpoint
from tests.docs.commands import ROOT
from tests.make import NOW

from outreach.campaigns import webhooks
from outreach.model.news import NewsKind
from outreach.store.outgoing import Parcel

TEXT = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEWER = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE="
BODY = '{"specversion":"1.0","subject":"Ñuñoa"}'


@pytest.fixture(scope="module")
def receiver() -> Any:
    [code] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    written: dict[str, Any] = {}
    exec(dedent(code), written)  # noqa: S102  what the document says, as its readers run it
    return written["is_genuine"]


def sent(**changes: Any) -> dict[str, str]:
    parcel = Parcel(
        id=1, endpoint="crm", kind="case.opened", subject="evt_1", body=BODY, created_at=NOW,
        expires_at=None, state="waiting", failures=0, next_at=None, last_status="",
    )  # fmt: skip
    return webhooks.headers(parcel, endpoint("crm", **changes), now=NOW)


def test_it_takes_ours_and_while_a_secret_changes_by_either(receiver):
    at, changing = NOW.timestamp(), sent(secret=NEWER, old_secret=SECRET)

    assert receiver(SECRET, sent(), BODY.encode(), at)
    assert receiver(SECRET, changing, BODY.encode(), at)
    assert receiver(NEWER, changing, BODY.encode(), at)


@pytest.mark.parametrize(
    ("headers", "body", "later"),
    [
        pytest.param({}, BODY.replace("1.0", "1.1"), 0, id="another body"),
        pytest.param({"webhook-id": "msg_2_0"}, BODY, 0, id="another id"),
        pytest.param({"webhook-timestamp": "1"}, BODY, 0, id="another time"),
        pytest.param({"webhook-timestamp": "now"}, BODY, 0, id="no time"),
        pytest.param({"webhook-signature": "v1,AAAA v2,BBBB"}, BODY, 0, id="another signature"),
        pytest.param({}, BODY, 301, id="replayed later"),
        pytest.param({}, BODY, -301, id="of a clock ahead"),
    ],
)
def test_it_refuses_whatever_was_changed(receiver, headers, body: str, later: int):
    assert not receiver(SECRET, sent() | headers, body.encode(), NOW.timestamp() + later)


def test_every_kind_stands_in_the_document():
    assert [kind for kind in NewsKind if f"`{kind}`" not in TEXT] == []
