"""`outreach outage reopen`: the restoration was false, everywhere or where people report it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click

from outreach.campaigns import reopening
from outreach.campaigns.reopening import Reopened, Report
from outreach.entry.cli import outage_typed, stated, times, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, found, zone_of
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind, OccasionState
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import occasions

_BACK = {OccasionState.RESTORED, OccasionState.PARTIAL}
_KEPT = ""
"""`--reports` without a file."""
_LOOKED_AT = 200
_SHOWN = 5


@command(
    "reopen",
    N_("Take a restoration back: all of it, or where people report that it is dark."),
    example="outreach outage reopen last\n"
    "outreach outage reopen last --reports\n"
    "outreach outage reopen last --reports still-out.csv",
    asks=True,
    sends=True,
)
@argument("which", default=LAST)
@option(
    "--reports",
    type=click.Path(dir_okay=False, allow_dash=True),
    is_flag=False,
    flag_value=_KEPT,
    help=N_(
        "Alone: where people told us so themselves. With a file or -: a premise, account or"
        " telephone on each line, and the time if known."
    ),
)
@option("--etr", help=N_("Estimated restoration: 05:30, +2h, or `unknown`."))
@option("--window", help=outage_typed.WINDOW)
@option("--next", "following", help=N_("When people hear again."))
def reopened(
    context: Context,
    which: str,
    *,
    reports: str | None,
    etr: str | None,
    window: str | None,
    following: str | None,
) -> None:
    occasion = _found(context, which)
    change = outage_typed.told_of(context, occasion, etr=etr, window=window, following=following)
    if reports is None:
        _whole(context, occasion, change)
        return
    typed = None if reports == _KEPT else list(_read(context, occasion, Path(reports)))
    _by_reports(context, occasion, typed, change)


def _found(context: Context, which: str) -> Occasion:
    """`last` is the one that was said to be back last, whatever else is open."""
    if which.strip().casefold() == LAST:
        with context.database.read() as session:
            newest = occasions.every(session, kind=OccasionKind.OUTAGE, limit=_LOOKED_AT)
        back = [each for each in newest if each.revision.state in _BACK]
        if back:
            return max(back, key=lambda each: each.revision.recorded_at)
    return found(context, which, OccasionKind.OUTAGE)


def _whole(context: Context, occasion: Occasion, change: Change) -> None:
    revision = revise.reopened(
        occasion.revision, change=change, now=context.now, origin=stated.origin()
    )
    if revision is None:
        told.nothing_new(context, occasion)
        return
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
    lines = [
        told.head(done),
        *told.audience(done),
        _("out since {time}").format(time=done.wall(revision.start_at)),
        *told.leaving(done),
        told.next_news(done),
        *told.take_back(done),
    ]
    told.answer(context, told.facts(done), lines)


def _by_reports(
    context: Context, occasion: Occasion, reports: list[Report] | None, change: Change
) -> None:
    """reports: None for those that we hold ourselves."""
    origin = stated.origin()
    with told.engine(context) as engine:
        result = (
            reopening.by_held(engine, occasion.id, change=change, origin=origin, now=context.now)
            if reports is None
            else reopening.by_reports(
                engine, occasion.id, reports, change=change, origin=origin, now=context.now
            )
        )
        opened = [
            (cluster.node, told.outcome(context, engine.database, applied))
            for cluster, applied in result.clusters
        ]
    record = {
        "id": shown_id(context.keyring, occasion),
        "clusters": [told.facts(done) | {"node": node} for node, done in opened],
        "premises": result.premises,
        "start_at": result.start_at,
        "known_already": result.known_already,
        "elsewhere": result.elsewhere,
        "too_old": result.too_old,
        "unknown": list(result.unknown),
    }
    lines = [_summary(context, occasion, result)]
    for _node, done in opened:
        lines += [told.head(done), told.touched(context, done.applied.counts), *told.leaving(done)]
    told.answer(context, record, [*lines, *_passed_over(context, result)])


def _summary(context: Context, occasion: Occasion, result: Reopened) -> str:
    """`3 clusters, 407 premises · start Sun 16 Jul 02:40 · IVR changed`."""
    if not result.clusters:
        return _("{name}: no report says anything new; nothing is reopened").format(
            name=occasion.name
        )
    number = len(result.clusters)
    parts = [
        ngettext("{count} cluster", "{count} clusters", number).format(
            count=context.out.count(number)
        )
        + ", "
        + told.premises(context, result.premises),
        _("start {time}").format(
            time=times.wall(result.start_at, now=context.now, zone=zone_of(occasion))
        ),
        _("IVR changed"),
    ]
    return " · ".join(parts)


def _passed_over(context: Context, result: Reopened) -> Iterator[str]:
    count = context.out.count
    if result.known_already:
        yield _("known to be out already: {count}").format(count=count(result.known_already))
    if result.too_old:
        yield _("reported before it was back, so no proof: {count}").format(
            count=count(result.too_old)
        )
    if result.elsewhere:
        yield _("not of this outage: {count}; open one there: outreach outage open").format(
            count=count(result.elsewhere)
        )
    if result.unknown:
        shown = ", ".join(str(number) for number in result.unknown[:_SHOWN])
        yield _("known to nobody: {count} (report {numbers})").format(
            count=count(len(result.unknown)), numbers=shown
        )


def _read(context: Context, occasion: Occasion, path: Path) -> Iterator[Report]:
    """Lines of `who[,time]`; blank lines, remarks after # and a heading are passed over."""
    text = _text(path)
    delimiter = max(",;\t", key=text.count)
    for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), 1):
        who = row[0].partition("#")[0].strip() if row else ""
        typed = row[1].strip() if len(row) > 1 else ""
        if not who or (number == 1 and not any(letter.isdigit() for letter in who)):
            continue
        at = _at(context, occasion, typed, place=f"{path}: {number}") if typed else None
        yield Report(who=who, at=at)


def _at(context: Context, occasion: Occasion, typed: str, *, place: str) -> datetime:
    try:
        return times.at(typed, now=context.now, zone=zone_of(occasion), past=True)
    except InputRefused as error:
        raise InputRefused(f"{place}: {error}") from error


def _text(path: Path) -> str:
    """InputRefused where it cannot be read; an outage typed behind a bare --reports reads like a file."""
    try:
        with click.open_file(str(path), "rb") as stream:
            return bytes(stream.read()).decode("utf-8-sig")
    except UnicodeDecodeError:
        said = _("{path}: not UTF-8; save it again as UTF-8").format(path=path)
        raise InputRefused(said) from None
    except FileNotFoundError:
        said = _("{path}: no such file; name the outage before --reports").format(path=path)
        raise InputRefused(said) from None
