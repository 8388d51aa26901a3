"""E-mails and texts as they come in, for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from outreach.model.reply import InboundReply


def mail(body: str, **changes: Any) -> InboundReply:
    values: dict[str, Any] = {
        "channel": "email", "provider": "mailbox", "provider_ref": "1", "to": "avisos@luz.example",
        "address": "ana@example.org", "subject": "Re: Corte de luz", "body": body,
        "at": datetime(2026, 7, 12, 6, tzinfo=UTC),
    }  # fmt: skip
    return InboundReply(**(values | changes))
