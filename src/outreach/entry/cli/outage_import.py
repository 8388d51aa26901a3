"""`outreach outage import`: takes a file of an outage system in, and says what became of each message."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from outreach.campaigns.feed_intake import take_document
from outreach.entry.cli import told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.feed_words import headings, not_applied
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import DoneInPart, GuardRefused, InputRefused
from outreach.model.intake import Outcome, Taken
from outreach.settings import Feed

_FILE = click.Path(path_type=Path, dir_okay=False)
KINDS = get_args(Feed.model_fields["kind"].annotation)
_BAD = {Outcome.REFUSED, Outcome.MALFORMED, Outcome.UNKNOWN_TYPE, Outcome.UNREADABLE}
_SHOWN = 40


@command(
    "import",
    N_("Take in what an outage system says: events, lists, notifications."),
    example="outreach outage import eventos.jsonl --as jsonl --mapping oms.toml --dry-run\n"
    "outreach outage import outages.xml --as odin --feed odin",
    sends=True,
)
@argument("file", type=_FILE)
@option(
    "--as", "kind", type=click.Choice(KINDS), required=True, help=N_("What kind of file it is.")
)
@option(
    "--mapping",
    type=_FILE,
    help=N_("File that names the fields and words of the system; by default those of its feed."),
)
@option("--feed", help=N_("Which feed it belongs to, by default the file's name."))
@option(
    "--replay",
    is_flag=True,
    help=N_("Let each message happen at its own time of arrival; only with --dry-run."),
)
def imported(
    context: Context,
    file: Path,
    *,
    kind: str,
    mapping: Path | None,
    feed: str | None,
    replay: bool,
) -> None:
    if replay and not context.dry_run:
        raise GuardRefused(
            _(
                "a replay would tell people of the past; try it with --dry-run, or `outreach simulate`"
            )
        )
    source = _source(context, kind, mapping, feed or file.stem)
    with told.engine(context) as engine:
        taken = take_document(
            engine, source, body(file), name=file.name, now=context.now, as_received=replay
        )
    _answer(context, taken)
    _close(context, file, taken)


def _source(context: Context, kind: str, mapping: Path | None, name: str) -> Feed:
    """The feed of the settings, or one that lasts as long as this command."""
    wanted = name.casefold()
    known = next((one for one in context.settings.feeds if one.name == wanted), None)
    given: dict[str, object] = {} if known is None else known.model_dump()
    given |= {"name": _named(wanted), "kind": kind, "path": None, "url": ""}
    if mapping is not None:
        given["mapping"] = mapping.resolve()
    return Feed.model_validate(given)


def _named(text: str) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in text)
    return kept.strip("-")[:30] or "file"


def body(file: Path) -> bytes:
    """What stands in a file; InputRefused says why it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputRefused(
            _("{file}: cannot be read ({why}); check the path").format(
                file=file, why=error.strerror
            )
        ) from None


def _answer(context: Context, taken: Taken) -> None:
    if context.format is not Format.TABLE:
        context.out.record(
            {
                "messages": taken.messages,
                "outcomes": {outcome.value: n for outcome, n in taken.counts.items()},
                "told": {event.value: n for event, n in taken.told.items()},
                "not_applied": not_applied(context, taken, limit=None),
                "lists_refused": [
                    {"place": one.place, "open": one.open, "missing": one.missing}
                    for one in taken.halved
                ],
                "dry_run": context.dry_run,
            }
        )
        return
    if context.dry_run:
        context.out.text(_("TRIAL: nothing is written, nobody is told"))
    counts = {outcome.value: count for outcome, count in taken.counts.most_common()}
    context.out.record(
        {"messages": taken.messages, **counts},
        headings={"messages": N_("messages")} | headings(counts),
    )
    rows = not_applied(context, taken, limit=_SHOWN)
    if rows:
        context.out.text("")
        context.out.rows(rows, headings=_COLUMNS)
    hidden = len(taken.not_applied) - len(rows)
    if hidden:
        context.out.text(_("and {count} more; --format json shows all").format(count=hidden))
    for lost in taken.halved:
        context.out.text(
            _(
                "{place}: lists {missing} of {open} open outages no more; nothing was restored by it"
            ).format(place=lost.place, missing=lost.missing, open=lost.open)
        )


_COLUMNS = {
    "place": N_("where"),
    "outcome": N_("what became of it"),
    "outage": N_("outage"),
    "seq": N_("sequence"),
    "detail": N_("detail"),
}


def _close(context: Context, file: Path, taken: Taken) -> None:
    bad = sum(taken.counts[outcome] for outcome in _BAD)
    if not taken.messages:
        raise InputRefused(
            _("{file}: no message is in it; is it the right kind?").format(file=file.name)
        )
    if bad == taken.messages:
        raise InputRefused(
            _("{file}: no message could be taken; does its mapping fit?").format(file=file.name)
        )
    if bad:
        raise DoneInPart(
            _("{bad} of {all} messages were not taken; their lines stand above").format(
                bad=bad, all=taken.messages
            )
        )
    if not context.dry_run:
        context.say(_("see them: outreach outage list"))
