"""`outreach queue audit`: all that will be sent, when, and on whose word, before it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from outreach.campaigns.launching import stands_for
from outreach.entry.cli.command import Context, Group, command
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.occasion import OccasionId
from outreach.model.words import RunState
from outreach.store import ahead, approvals, occasions
from outreach.store.ahead import Owed, Sendable, Writing
from outreach.store.approvals import Approval
from outreach.store.session import Session

group = Group("queue")


@command(
    "audit",
    N_(
        "Show all that will be sent, when and by whom: queued, owed by the clock, or waiting for a yes."
    ),
    within=group,
    example="outreach queue audit\noutreach queue audit --format csv",
)
def audited(context: Context) -> None:
    with context.database.read() as session:
        rows = list(_rows(context, session))
    if context.format is not Format.TABLE:
        context.out.rows(rows, headings=_COLUMNS)
        return
    context.out.rows(
        [_shown(row) for row in rows], headings=_TABLE, empty=_("nothing will be sent")
    )
    queued = [row["messages"] for row in rows if isinstance(row["messages"], int)]
    if rows:
        said = ngettext("{count} message waits", "{count} messages wait", sum(queued))
        context.out.text(said.format(count=context.out.count(sum(queued))))


_COLUMNS = {
    "at": N_("when"),
    "what": N_("what"),
    "occasion": N_("occasion"),
    "campaign": N_("campaign"),
    "step": N_("step"),
    "messages": N_("messages"),
    "author": N_("by"),
    "approver": N_("approved by"),
    "note": N_("note"),
}
_TABLE = {
    name: _COLUMNS.get(name, N_("channel"))
    for name in ("at", "what", "occasion", "step", "pool", "messages", "author", "approver", "note")
}
"""Without the campaign, which CSV has: each step is one of it, and 100 columns are soon full."""
_WHAT = {
    "queued": N_("queued"),
    "writing": N_("being written"),
    "owed": N_("owed"),
    "approval": N_("asked"),
}
_PAUSED, _CANARY, _DRILL = N_("paused"), N_("waits for `go`"), N_("DRILL")


def _rows(context: Context, session: Session) -> Iterator[dict[str, object]]:
    names: dict[int, str] = {}

    def shown(occasion: int) -> str:
        if occasion not in names:
            found = occasions.get(session, OccasionId(occasion))
            names[occasion] = shown_id(context.keyring, found)
        return names[occasion]

    for asked in approvals.waiting(session):
        name = occasions.get(session, OccasionId(asked.occasion_id)).name
        yield _asked(asked, name) | {"id": shown(asked.occasion_id)}
    for wave in ahead.writing(session):
        yield _writing(wave) | {"id": shown(wave.occasion_id)}
    for one in ahead.queued(session):
        yield _queued(one, context.now) | {"id": shown(one.occasion_id)}
    for each in ahead.owed(session):
        yield _owed(each) | {"id": shown(each.occasion_id)}


def _row(what: str, **known: object) -> dict[str, object]:
    """Every key in one order, so that CSV has the same columns whatever comes first."""
    empty: dict[str, object] = dict.fromkeys(_COLUMNS)
    return empty | {"what": what, "drill": False, "pool": None, "version": None} | known


def _asked(asked: Approval, name: str) -> dict[str, object]:
    return _row(
        "approval",
        occasion=name,
        campaign=asked.campaign,
        author=asked.author,
        note=_("{customers} customers: outreach campaign approve {number}").format(
            customers=asked.audience, number=asked.id
        ),
    )


def _writing(wave: Writing) -> dict[str, object]:
    return _row(
        "writing",
        occasion=wave.occasion,
        campaign=wave.campaign,
        step=wave.step,
        version=wave.version,
        author=wave.author,
        approver=stands_for(wave.author, wave.approver),
        drill=wave.drill,
        note=_(_DRILL) if wave.drill else None,
    )


def _queued(one: Sendable, now: datetime) -> dict[str, object]:
    notes = [_(_DRILL)] * one.drill
    notes += [_(_PAUSED)] * (one.run_state is RunState.PAUSED) + [_(_CANARY)] * one.awaits_word
    is_ahead = one.not_before is not None and one.not_before > now
    return _row(
        "queued",
        at=one.not_before if is_ahead else None,
        occasion=one.occasion,
        campaign=one.campaign,
        step=one.step,
        version=one.version,
        pool=one.pool,
        messages=one.messages,
        author=one.author,
        approver=stands_for(one.author, one.approver),
        drill=one.drill,
        note=" · ".join(notes) or None,
    )


def _owed(each: Owed) -> dict[str, object]:
    return _row(
        "owed",
        at=each.at,
        occasion=each.occasion,
        campaign=each.campaign or None,
        step=each.step or each.what,
        author=each.author or None,
        approver=stands_for(each.author, each.approver) if each.author else None,
        drill=each.drill,
        note=_(_DRILL) if each.drill else None,
    )


def _shown(row: dict[str, object]) -> dict[str, object]:
    is_now = row["at"] is None and row["what"] == "queued" and not row["note"]
    return row | {"what": _(_WHAT[str(row["what"])]), "at": _("now") if is_now else row["at"]}
