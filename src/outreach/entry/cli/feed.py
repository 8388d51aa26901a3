"""`outreach feed`: the sources of outages, when each was heard, and what became of its messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from difflib import get_close_matches

from outreach.entry.cli.command import Context, Group, argument, command
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.feed_words import headings, outcome
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.settings import Feed as Settings
from outreach.store import feeds
from outreach.store.feeds import Feed, FeedEvent

group = Group("feed")

_DAY = timedelta(hours=24)
_NEWEST = 20


@command(
    "list",
    N_("List the feeds: when each was heard, and whether it is silent."),
    within=group,
    example="outreach feed list",
)
def listed(context: Context) -> None:
    with context.database.read() as session:
        heard = {one.name: one for one in feeds.every(session)}
    known = {one.name: one for one in context.settings.feeds}
    rows = [_row(context, name, known.get(name), heard.get(name)) for name in sorted({*known, *heard})]  # fmt: skip
    context.out.rows(
        rows,
        headings=_COLUMNS,
        empty=_("no feed yet; write a [[feeds]] into outreach.toml, or `outreach outage import`"),
    )
    if any(row["silent"] for row in rows):
        context.say(_("why: outreach feed show NAME"))


_COLUMNS = {
    "feed": N_("feed"),
    "kind": N_("kind"),
    "heard_at": N_("heard"),
    "ago": N_("ago"),
    "silent": N_("silent"),
    "failures": N_("failures"),
    "listed": N_("outages listed"),
    "next_at": N_("asked again"),
}


def _row(context: Context, name: str, said: Settings | None, row: Feed | None) -> dict[str, object]:
    heard_at = row.heard_at if row else None
    return {
        "feed": name,
        "kind": said.kind if said else _("by hand"),
        "heard_at": heard_at,
        "ago": _ago(context, heard_at),
        "silent": _is_silent(said, heard_at, context.now),
        "failures": row.failures if row else 0,
        "listed": row.listed if row else None,
        "next_at": row.next_at if row else None,
    }


def _ago(context: Context, at: datetime | None) -> str | timedelta | None:
    if at is None:
        return None
    gone = max(context.now - at, timedelta())
    return spelled(gone) if context.format is Format.TABLE else gone


def _is_silent(said: Settings | None, heard_at: datetime | None, now: datetime) -> bool:
    """Only what the settings name owes us a word."""
    if said is None or heard_at is None:
        return False
    return now - heard_at > timedelta(seconds=said.silent_after_s)


@command(
    "show",
    N_("Show one feed: its last day by outcome, and its newest messages."),
    within=group,
    example="outreach feed show oms",
)
@argument("name")
def shown(context: Context, name: str) -> None:
    with context.database.read() as session:
        row = feeds.one(session, name)
        counts = feeds.outcomes(session, name, since=context.now - _DAY)
        newest = feeds.latest(session, name, limit=_NEWEST)
        every = [one.name for one in feeds.every(session)]
    said = next((one for one in context.settings.feeds if one.name == name), None)
    if row is None and said is None:
        raise InputRefused(_unknown(name, [*every, *(one.name for one in context.settings.feeds)]))
    facts = _row(context, name, said, row)
    last_day = {each.value: count for each, count in counts.items()}
    if context.format is not Format.TABLE:
        messages = [_message(context, each) for each in newest]
        context.out.record({**facts, "last_day": last_day, "messages": messages})
        return
    context.out.record(facts, headings=_COLUMNS)
    if last_day:
        context.out.text("")
        context.out.text(_("the last 24 hours"))
        context.out.record(last_day, headings=headings(last_day))
    if newest:
        context.out.text("")
        context.out.rows([_message(context, each) for each in newest], headings=_MESSAGE)


_MESSAGE = {
    "at": N_("when"),
    "outcome": N_("what became of it"),
    "outage": N_("outage"),
    "seq": N_("sequence"),
    "detail": N_("detail"),
}


def _message(context: Context, each: FeedEvent) -> dict[str, object]:
    return {
        "at": each.at,
        "outcome": outcome(context, each.outcome),
        "outage": each.outage_ref,
        "seq": each.seq,
        "detail": each.why,
    }


def _unknown(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return _("no feed {name!r}; near: {near}").format(name=name, near=near[0])
    return _("no feed {name!r}; `outreach feed list` shows them").format(name=name)
