"""What SQLite reads whole: found by asking for the plan of every statement that is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

GROWING = frozenset({
    "account", "answer_mail", "attempt", "call", "consent_change", "contact_point", "customer", "customer_contact",
    "deflection_call", "desk_case", "dialogue", "headcount", "household", "left_out", "message",
    "preference", "premise", "queue", "reach", "receipt", "recurrence", "reply", "supply", "suppression",
})  # fmt: skip
"""Tables that grow with customers, or with what is told them."""
_SCAN = re.compile(r"SCAN (\w+?)(?:_\d+)?(?: |$)")
_NOBODY = "WHERE 0 = 1"
"""A scope that holds nobody: SQLite sees it before the first row."""


@contextmanager
def read_whole() -> Iterator[set[str]]:
    """Fills with `table: first words of the statement` for whatever reads a growing table whole.

    A partial index read whole is none: it holds what is under way. Statements of every SQLite engine.
    """
    found: set[str] = set()
    known: set[str] = set()

    def look(
        _connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, many: bool,  # noqa: FBT001  SQLAlchemy's
    ) -> None:  # fmt: skip
        if type(cursor).__module__ != "sqlite3" or statement in known:
            return
        known.add(statement)
        if _NOBODY in statement or not statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):  # fmt: skip
            return
        asked = parameters[0] if many and parameters else parameters
        plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", asked).fetchall()
        for *_place, line in plan:
            scan = _SCAN.match(line)
            if scan and scan[1] in GROWING and not _is_partial(line):
                found.add(f"{scan[1]}: {' '.join(statement.split())[:90].rstrip()}")

    event.listen(Engine, "before_cursor_execute", look)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", look)


def _is_partial(line: str) -> bool:
    return any(name in line for name in _PARTIAL)


_PARTIAL = ("ix_message_sending", "ix_message_ended", "ix_attempt_open", "ix_receipt_waiting",
            "ix_answer_mail_open", "ix_desk_case_open", "ix_reply_unsettled")  # fmt: skip
