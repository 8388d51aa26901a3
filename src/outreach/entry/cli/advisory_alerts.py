"""`outreach advisory import|alerts|take|refuse`: CAP alerts of others, read and looked at by a person."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from outreach.campaigns import alert_answers, alerts
from outreach.campaigns.alert_truth import Decision
from outreach.campaigns.alerts import AlertTaken, Became
from outreach.entry.cli import outage_import, scopes, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import found, operator
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.cap import CapUnread
from outreach.model.errors import DoneInPart
from outreach.model.occasion import OccasionId
from outreach.model.words import OccasionKind
from outreach.outages import cap_rules, intake_cap
from outreach.outages.cap_policy import CAREFUL, CapPolicy, read_cap_policy
from outreach.store import alarms, alerts as stored
from outreach.store.alerts import Kept
from outreach.store.session import Database

_BECAME = {
    Became.TAKEN: N_("taken"),
    Became.ASKED: N_("waits for a person"),
    Became.REFUSED: N_("refused"),
    Became.REPEATED: N_("here already"),
}
_HEADINGS = {
    "identifier": N_("identifier"),
    "message": N_("message"),
    "says": N_("says"),
    "until": N_("until"),
    "became": N_("became"),
    "reason": N_("reason"),
}
_RECENT = 50
_FILE = click.Path(dir_okay=False, path_type=Path)


@command(
    "import",
    N_("Read CAP alerts from a file: one, or a feed of several."),
    example="outreach advisory import aviso.cap\n"
    "outreach advisory import feed.atom --mapping onemi.toml",
    sends=True,
)
@argument("file", type=_FILE)
@option("--mapping", type=_FILE, help=N_("How far the sender is trusted, and its geocodes."))
@option("--feed", help=N_("How the source is called, by default the file's name."))
def imported(context: Context, file: Path, *, mapping: Path | None, feed: str | None) -> None:
    policy = read_cap_policy(mapping) if mapping else CAREFUL
    body = outage_import.body(file)
    read = list(intake_cap.read(body, name=file.name, trusted=policy.certificates))
    with told.engine(context) as engine:
        taken = [
            alerts.take_alert(engine, each, feed=feed or file.stem, policy=policy, now=context.now)
            for each in read
        ]
    rows = [_row(context, each.kept, each.became) for each in taken]
    context.out.rows(rows, headings=_HEADINGS, empty=_("no alert is in this file"))
    _close(context, taken)


def _close(context: Context, taken: list[AlertTaken]) -> None:
    counts = Counter(each.became for each in taken)
    if context.format is Format.TABLE and taken:
        said = [f"{_(_BECAME[became])} {count}" for became, count in counts.items()]
        context.out.text(" · ".join(said))
        if counts[Became.ASKED]:
            context.out.text(_("look at them: outreach advisory alerts"))
    if counts[Became.REFUSED]:
        raise DoneInPart(
            _("{count} refused; each with its reason above").format(count=counts[Became.REFUSED])
        )


@command(
    "alerts",
    N_("List the CAP alerts of others that wait for a person."),
    example="outreach advisory alerts\noutreach advisory alerts --all",
)
@option("--all", "every", is_flag=True, help=N_("The newest that came, whatever became of them."))
def listed(context: Context, *, every: bool) -> None:
    with context.database.read() as session:
        kept = stored.recent(session, limit=_RECENT) if every else alert_answers.waiting(session)
    context.out.rows(
        [_row(context, each, Became(each.outcome)) for each in kept],
        headings=_HEADINGS,
        empty=_("no alert waits for a person"),
    )
    if kept and not every:
        context.out.text(_("then: outreach advisory take IDENTIFIER, or refuse IDENTIFIER"))


@command(
    "take",
    N_("Make an alert that waits an advisory: you have looked at it."),
    example="outreach advisory take 2.49.0.1.152.7\n"
    'outreach advisory take 2.49.0.1.152.7 --locality Providencia --text "Viento fuerte"',
    sends=True,
)
@argument("identifier")
@scopes.where
@option("--text", help=N_("What people are told, instead of what the alert says."))
@option("--until", help=N_("Until when it holds: 22:00, +6h, fri 08:00."))
@option("--of", "about", help=N_("The advisory that it changes or withdraws."))
@option("--mapping", type=_FILE, help=N_("How far the sender is trusted, and its geocodes."))
def taken(
    context: Context,
    identifier: str,
    *,
    place: scopes.Typed,
    text: str | None,
    until: str | None,
    about: str | None,
    mapping: Path | None,
) -> None:
    with context.database.read() as session:
        kept = alert_answers.find(session, identifier)
    decision = Decision(
        text=text or "",
        scope=None if place.is_empty else scopes.scope(context, place),
        end_at=context.at(until) if until else None,
        occasion=_about(context, about),
    )
    policy = read_cap_policy(mapping) if mapping else _of_its_feed(context, kept)
    with told.engine(context) as engine:
        result = alert_answers.accept(
            engine, kept, by=operator(), decision=decision, policy=policy, now=context.now
        )
        record, lines = _taken(context, engine.database, result)
    told.answer(context, record, lines)


def _of_its_feed(context: Context, kept: Kept) -> CapPolicy:
    """The mapping of the feed that brought it: its alarm names the feed."""
    with context.database.read() as session:
        raised = alarms.of(session, [alerts.subject(kept)])
    names = {alarm.detail.get("feed") for alarm in raised}
    for feed in context.settings.feeds:
        if feed.name in names and feed.mapping is not None:
            return read_cap_policy(context.settings.workspace / feed.mapping)
    return CAREFUL


def _taken(
    context: Context, database: Database, result: AlertTaken
) -> tuple[dict[str, object], list[str]]:
    identifier = result.kept.identifier
    record: dict[str, object] = {"identifier": identifier, "became": result.became}
    if result.applied is None:
        return record, [_("{identifier}: taken; nothing changed").format(identifier=identifier)]
    done = told.outcome(context, database, result.applied)
    lines = [told.head(done), f"«{done.occasion.revision.text}»", *told.audience(done)]
    return {**told.facts(done), **record}, [*lines, *told.leaving(done), *told.take_back(done)]


def _about(context: Context, about: str | None) -> OccasionId | None:
    if about is None:
        return None
    return found(context, about, OccasionKind.ADVISORY, OccasionKind.OUTAGE).id


@command(
    "refuse",
    N_("Refuse an alert that waits: nothing comes of it."),
    example='outreach advisory refuse 2.49.0.1.152.7 --reason "not our area"',
)
@argument("identifier")
@option("--reason", required=True, help=N_("Why; it is kept with the alert."))
def refused(context: Context, identifier: str, *, reason: str) -> None:
    with context.database.read() as session:
        kept = alert_answers.find(session, identifier)
    with told.engine(context) as engine:
        done = alert_answers.refuse(engine, kept, by=operator(), reason=reason, now=context.now)
    row = _row(context, done.kept, done.became)
    told.answer(context, row, [_("{identifier}: refused").format(identifier=kept.identifier)])


def _row(context: Context, kept: Kept, became: Became) -> dict[str, object]:
    row: dict[str, object] = {
        "identifier": kept.identifier,
        "sender": kept.sender,
        "sent": kept.sent,
        "message": kept.msg_type,
        "status": kept.status,
    }
    row |= _said(context, kept)
    shown = _(_BECAME[became]) if context.format is Format.TABLE else became
    return row | {"became": shown, "reason": kept.reason}


def _said(context: Context, kept: Kept) -> dict[str, object]:
    """What a person has to know to decide: the words, how grave, where, until when."""
    alert = next(intake_cap.read(kept.body.encode(), name=kept.identifier))
    said: dict[str, object] = {"says": "", "severity": "", "areas": [], "until": None}
    if isinstance(alert, CapUnread):
        return said
    infos = cap_rules.chosen(alert, context.settings.company.locale)
    if not infos:
        return said
    ends = [info.expires for info in infos if info.expires is not None]
    return {
        "says": cap_rules.text(infos[0]),
        "severity": infos[0].severity,
        "areas": [area.description for info in infos for area in info.areas],
        "until": max(ends, default=None),
    }
