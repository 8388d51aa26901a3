"""What providers were asked to take back, and what they said: a line for people, a record for machines."""

from __future__ import annotations

from collections.abc import Mapping

from outreach.entry.cli.command import Context
from outreach.entry.languages import _
from outreach.store import recalls
from outreach.store.recalls import Outcome


def lines(context: Context, found: Mapping[Outcome, int]) -> list[str]:
    """`asked back 412: 3 recalled, 409 already gone`; nothing where nothing was asked."""
    count = context.out.count
    said = {
        Outcome.RECALLED: _("{count} recalled"),
        Outcome.REFUSED: _("{count} already gone"),
        Outcome.UNTOLD: _("{count} cannot be asked"),
        Outcome.WAITING: _("{count} without an answer yet"),
    }
    parts = [
        form.format(count=count(found[outcome]))
        for outcome, form in said.items()
        if found.get(outcome)
    ]
    if not parts:
        return []
    total = count(sum(found.values()))
    return [_("asked back {total}: {parts}").format(total=total, parts=", ".join(parts))]


def facts(found: Mapping[Outcome, int]) -> dict[str, int]:
    """The same for machines: all four, and their sum."""
    named = {(outcome.value or "waiting"): found.get(outcome, 0) for outcome in Outcome}
    return {"asked": sum(found.values()), **named}


def of_occasion(context: Context, occasion: int) -> dict[Outcome, int]:
    """Of everything that was said about an occasion, as of now."""
    with context.database.read() as session:
        return recalls.counts(session, occasion=occasion)
