"""`outreach record check`: which entries of the life-support register would fail, and what to do about each."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from outreach.addresses import Keyring
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.durations import duration
from outreach.entry.cli.naming import operator
from outreach.entry.cli.output import Format, unspoiled
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.record import hygiene
from outreach.record.hygiene import Finding, Found
from outreach.store import audit, hygiene as stored
from outreach.store.hygiene import Door

FINDINGS = {
    Finding.DECEASED: (N_("deceased"), N_("take off the register, or register who depends on it")),
    Finding.UNDELIVERABLE: (N_("cannot be reached"), N_("visit; ask for a phone that works")),
    Finding.EXPIRED: (N_("expired"), N_("ask whether it is still needed, and renew it")),
    Finding.EXPIRING: (N_("about to expire"), N_("renew it before its last day")),
    Finding.NO_DATE: (N_("no date"), N_("find the day of registration")),
    Finding.BAD_DATE: (N_("unreadable date"), N_("correct the day of registration")),
    Finding.FUTURE_DATE: (N_("date in the future"), N_("correct the day of registration")),
    Finding.DUPLICATE: (N_("on the register twice"), N_("keep one of the entries")),
    Finding.NEVER_CONFIRMED: (N_("never confirmed"), N_("call; ask whether our news arrive")),
    Finding.NO_SECOND_CHANNEL: (N_("no second channel"), N_("ask for another phone or an e-mail")),
}
"""Each with what it is called, and what to do."""

_Row = dict[str, object]


@command(
    "check",
    N_("Check the life-support register: expired, unreachable, twice, never confirmed."),
    example="outreach record check --within 30d\n"
    "outreach record check --csv visits.csv --with-addresses",
)
@option(
    "--within",
    default="30d",
    show_default=True,
    help=N_("How soon an entry must end to count as about to expire: 30d, 12h."),
)
@option(
    "--csv",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help=N_("Write the rows to this file, for the team that goes from door to door."),
)
@option(
    "--with-addresses",
    is_flag=True,
    help=N_("With street and phones: the list is then personal data, and audited."),
)
def check(context: Context, *, within: str, file: Path | None, with_addresses: bool) -> None:
    span = duration(within)
    today = context.now.astimezone(context.zone).date()
    with context.database.read() as session:
        found = list(hygiene.check(stored.entries(session), today=today, within=span))
    rows = [_row(one) for one in sorted(found, key=_order)]
    headings = dict(_HEADINGS)
    if with_addresses:
        rows = _with_doors(context, rows, found)
        headings |= {"street": N_("street"), "phones": N_("phones")}
    if file is not None:
        _write(file, rows, [*headings])
        context.say(_("{count} rows in {file}").format(count=len(rows), file=file), essential=True)
    _answer(context, found, rows, headings, is_written=file is not None)


_HEADINGS = {
    "account": N_("account"),
    "locality": N_("locality"),
    "finding": N_("finding"),
    "until": N_("until"),
    "what_to_do": N_("what to do"),
}


def _answer(
    context: Context,
    found: Sequence[Found],
    rows: list[_Row],
    headings: dict[str, str],
    *,
    is_written: bool,
) -> None:
    """Counts, then rows; what went to a file is counted only."""
    counted = Counter(one.finding for one in found)
    counts: _Row = {finding.value: counted[finding] for finding in FINDINGS}
    match context.format:
        case Format.TABLE:
            titles = {finding.value: title for finding, (title, _mend) in FINDINGS.items()}
            context.out.record(counts, headings=titles)
            if not is_written:
                context.out.rows(_told(rows), headings=headings, empty=_("the register is clean"))
        case Format.JSON:
            context.out.record(counts if is_written else {"counts": counts, "entries": rows})
        case Format.JSONL | Format.CSV:
            context.out.rows([counts] if is_written else rows, headings=headings)


def _told(rows: Sequence[_Row]) -> list[_Row]:
    """The same in the operator's words."""
    titles = {finding.value: title for finding, (title, _mend) in FINDINGS.items()}
    return [row | {"finding": _(titles[str(row["finding"])])} for row in rows]


def _order(one: Found) -> tuple[object, ...]:
    ref = one.entry.account
    return list(FINDINGS).index(one.finding), one.entry.locality, len(ref), ref


def _row(one: Found) -> _Row:
    return {
        "account": one.entry.account,
        "locality": one.entry.locality,
        "finding": one.finding.value,
        "until": one.entry.until and f"{one.entry.until}",
        "what_to_do": _(FINDINGS[one.finding][1]),
    }


def _with_doors(context: Context, rows: list[_Row], found: Sequence[Found]) -> list[_Row]:
    """A row a supply, opened; that it was done stands in the audit, by whom and how many."""
    ids = {one.entry.account: one.entry.account_id for one in found}
    with context.database.write() as session:
        doors = stored.doors(session, ids.values())
        audit.write(
            session,
            operator(),
            "register.addresses",
            "register",
            now=context.now,
            opened=len(doors),
        )
    context.say(
        _(
            "This list holds streets and phones: personal data. Keep it out of git, delete it after use."
        ),
        essential=True,
    )
    by_account: dict[int, list[_Row]] = {}
    for door in doors:
        by_account.setdefault(door.account_id, []).append(_opened(context.keyring, door))
    return [row | door for row in rows for door in by_account[ids[str(row["account"])]]]


def _opened(keyring: Keyring, door: Door) -> _Row:
    return {
        "street": keyring.open(door.street_sealed) if door.street_sealed else "",
        "phones": [keyring.open(sealed) for sealed in door.phones_sealed],
    }


def _write(path: Path, rows: Sequence[_Row], columns: Sequence[str]) -> None:
    """For its owner only, for it says who is on the register."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise InputRefused(
            _("{path}: cannot be written: {why}").format(path=path, why=error.strerror)
        ) from None
    os.fchmod(descriptor, 0o600)  # it may have been there before
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(columns)
        for row in rows:
            lines.writerow([unspoiled(_cell(row.get(column))) for column in columns])


def _cell(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
