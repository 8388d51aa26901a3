"""Occasions looked at: the list of a kind, and one with its versions, promises, instants and waves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from outreach.entry.cli import promised, scopes as named, told
from outreach.entry.cli.command import Context
from outreach.entry.cli.naming import zone_of
from outreach.entry.cli.output import Format, Output
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.occasion import Occasion, Revision
from outreach.model.record import AffectedCounts
from outreach.model.words import MessageState, OccasionKind
from outreach.store import audience, due, occasions, promises, runs, scopes
from outreach.store.due import Due
from outreach.store.promises import Promise
from outreach.store.runs import Run

_LATEST = datetime.max.replace(tzinfo=UTC)
_HEADINGS = {
    "id": N_("id"),
    "name": N_("name"),
    "state": N_("state"),
    "start_at": N_("since"),
    "end_at": N_("until"),
    "etr_at": N_("estimate"),
    "next_update_at": N_("next news"),
    "overdue": N_("overdue"),
}
_COLUMNS = {
    OccasionKind.OUTAGE: ("id", "name", "state", "start_at", "etr_at", "next_update_at", "overdue"),
    OccasionKind.PLANNED: ("id", "name", "state", "start_at", "end_at"),
    OccasionKind.ADVISORY: ("id", "name", "state", "start_at", "end_at"),
}


def listed(context: Context, kind: OccasionKind, *, every: bool, empty: str) -> None:
    """Open ones in the order of what is due next; with `every` all, newest first."""
    with context.database.read() as session:
        if every:
            chosen = occasions.every(session, kind=kind, limit=1000)
        else:
            chosen = [each for each in occasions.open_ones(session) if each.kind is kind]
            chosen.sort(key=lambda each: each.revision.next_update_at or _LATEST)
    context.out.rows(
        (_row(context, each) for each in chosen),
        headings={key: _HEADINGS[key] for key in _COLUMNS[kind]},
        empty=empty,
    )


def _row(context: Context, occasion: Occasion) -> dict[str, object]:
    revision = occasion.revision
    promise = revision.next_update_at
    is_late = revision.state.is_open and promise is not None and promise < context.now
    state = revision.state.value
    return {
        "id": shown_id(context.keyring, occasion),
        "name": occasion.name,
        "state": _(told.STATES[revision.state]) if context.format is Format.TABLE else state,
        "start_at": revision.start_at,
        "end_at": revision.end_at,
        "etr_at": revision.public_etr,
        "next_update_at": promise,
        "overdue": context.now - promise if is_late and promise else None,
        "version": revision.version,
        "zone": occasion.zone,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that the store knows of one occasion."""

    where: str
    """Its scope in words."""
    back: str
    """What of it is back, in words."""
    counts: AffectedCounts
    history: tuple[Revision, ...]
    promises: tuple[Promise, ...]
    dues: tuple[Due, ...]
    runs: tuple[tuple[Run, dict[str, dict[MessageState, int]]], ...]


def known(context: Context, occasion: Occasion) -> Known:
    with context.database.read() as session:
        whole = scopes.whole(session, occasion, occasion.revision)
        remaining = scopes.remaining(session, occasion)
        is_open = occasion.revision.state.is_open
        return Known(
            where=named.in_words(session, occasion.revision.scope),
            back=named.in_words(session, occasion.revision.restored),
            counts=audience.affected(session, remaining if is_open else whole),
            history=tuple(occasions.history(session, occasion.id)),
            promises=tuple(promises.of(session, occasion.id)),
            dues=tuple(due.of(session, occasion.id)),
            runs=tuple(
                (run, runs.states(session, run.id)) for run in runs.of(session, occasion.id)
            ),
        )


More = Mapping[str, tuple[list[dict[str, object]], dict[str, str]]]
"""Part -> its rows and their headings."""


def shown(context: Context, occasion: Occasion, *, more: More = MappingProxyType({})) -> None:
    """Everything of one occasion, in its own zone: tables for people, one object for machines.

    `more` are the parts of its own kind, shown last.
    """
    all_of_it = known(context, occasion)
    out = Output(format=context.format, zone=zone_of(occasion), country=context.out.country)
    head = (
        _row(context, occasion)
        | {"where": all_of_it.where, "back": all_of_it.back}
        | _counted(all_of_it.counts)
        | {
            "cause": occasion.revision.cause,
            "text": occasion.revision.text,
        }
    )
    parts = {
        "versions": [_version(context, each) for each in all_of_it.history],
        "promises": [
            promised.facts(each) | {"outcome": promised.outcome(each)}
            for each in all_of_it.promises
        ],
        "instants": [_instant(each) for each in all_of_it.dues],
        "waves": list(_waves(all_of_it)),
    } | {part: rows for part, (rows, _headings) in more.items()}
    headings = _PARTS | {part: named for part, (_rows, named) in more.items()}
    if context.format is not Format.TABLE:
        out.record(head | parts)
        return
    out.record(head, headings={key: title for key, title in _HEAD.items() if head.get(key)})
    for key, rows in parts.items():
        if rows:
            out.text("")
            out.rows(rows, headings=_filled(rows, headings[key]))


def _filled(rows: list[dict[str, object]], headings: dict[str, str]) -> dict[str, str]:
    """The columns that say something."""
    return {key: title for key, title in headings.items() if any(row[key] for row in rows)}


def _counted(counts: AffectedCounts) -> dict[str, object]:
    return {
        "premises": counts.premises,
        "customers": counts.customers,
        "priority_customers": counts.priority_customers,
        "reachable": counts.reachable,
        "localities": counts.localities,
    }


def _version(context: Context, revision: Revision) -> dict[str, object]:
    state = revision.state.value
    return {
        "version": revision.version,
        "recorded_at": revision.recorded_at,
        "author": revision.author,
        "state": _(told.STATES[revision.state]) if context.format is Format.TABLE else state,
        "etr_at": revision.public_etr,
        "next_update_at": revision.next_update_at,
        "known_how": revision.known_how,
        "said": revision.text or revision.cause,
    }


def _instant(one: Due) -> dict[str, object]:
    return {
        "at": one.at,
        "what": one.step if one.run_id else one.what,
        "outcome": one.outcome or _("waiting"),
        "reason": one.reason,
    }


def _waves(all_of_it: Known) -> Iterable[dict[str, object]]:
    for run, by_wave in all_of_it.runs:
        for wave, states in by_wave.items():
            yield {
                "campaign": run.campaign,
                "wave": wave,
                "messages": sum(states.values()),
                "states": {state.value: count for state, count in states.items()},
            }


_HEAD = _HEADINGS | {
    "where": N_("where"),
    "back": N_("back already"),
    "premises": N_("premises"),
    "customers": N_("customers"),
    "priority_customers": N_("priority"),
    "reachable": N_("reachable"),
    "localities": N_("localities"),
    "cause": N_("cause"),
    "text": N_("text"),
}
_PARTS = {
    "versions": {
        "version": N_("version"),
        "recorded_at": N_("recorded"),
        "author": N_("by"),
        "state": N_("state"),
        "etr_at": N_("estimate"),
        "next_update_at": N_("next news"),
        "known_how": N_("known by"),
        "said": N_("said"),
    },
    "promises": {"version": N_("version"), "etr_at": N_("promised"), "outcome": N_("outcome")},
    "instants": {
        "at": N_("due"),
        "what": N_("what"),
        "outcome": N_("outcome"),
        "reason": N_("reason"),
    },
    "waves": {
        "campaign": N_("campaign"),
        "wave": N_("wave"),
        "messages": N_("messages"),
        "states": N_("states"),
    },
}
