"""CAP alerts from elsewhere: each becomes an occasion, is refused, or goes before a person; none falls to the floor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from outreach.campaigns import alert_truth
from outreach.campaigns.alert_places import Placed
from outreach.campaigns.alert_truth import Taking
from outreach.campaigns.engine import Applied, Engine
from outreach.model.alarm import AlarmKind
from outreach.model.cap import CapAlert, CapUnread, Reference
from outreach.model.errors import OutreachError
from outreach.model.occasion import OccasionId, Scope
from outreach.outages import cap_rules, intake_cap
from outreach.outages.cap_policy import CAREFUL, CapPolicy
from outreach.outages.cap_rules import Case, Move, Past, Verdict
from outreach.store import alarms, alerts
from outreach.store.alerts import ASKED, REFUSED, TAKEN, Kept
from outreach.store.session import Session

_SHOWN = 200


class Became(StrEnum):
    """What became of an alert that came."""

    TAKEN = "taken"
    ASKED = "asked"
    REFUSED = "refused"
    REPEATED = "repeated"
    """Here already, the same: nothing was done again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTaken:
    """What became of an alert, and what it did to the truth."""

    became: Became
    kept: Kept
    applied: Applied | None = None

    @property
    def reason(self) -> str:
        return self.kept.reason


def take_alert(
    engine: Engine,
    alert: CapAlert | CapUnread,
    *,
    feed: str,
    policy: CapPolicy = CAREFUL,
    now: datetime,
) -> AlertTaken:
    """Takes one alert of a feed in, any number of times and in any order.

    Only what is beyond doubt in a feed with `auto` becomes an occasion by itself. What a person has
    to look at is kept as asked, with an alarm; so is a Cancel that breaks the rules of CAP, or that
    nobody has proved in a feed where alerts are signed.
    """
    if isinstance(alert, CapUnread):
        return _unread(engine, alert, feed=feed, now=now)
    if why := cap_rules.unproven(alert, policy, now):
        return _unread(engine, _as_unread(alert, why), feed=feed, now=now, is_forged=True)
    taking = Taking(engine=engine, alert=alert, policy=policy, now=now, author=feed)
    with engine.database.read() as session:
        before = alerts.get(session, alert.identity)
        past = _past(session, alert)
    if before is not None:
        return _again(taking, before)
    verdict = cap_rules.judge(
        Case(alert=alert, past=past, policy=policy, locale=engine.settings.company.locale, now=now)
    )
    placed = None
    if alert.msg_type != "Cancel" and verdict.move is not Move.REFUSE:
        placed = alert_truth.placed(taking)
        verdict = _where_it_matters(verdict, placed)
    kept, applied = _carried_out(taking, verdict, placed)
    with engine.database.write() as session:
        _settle_named(session, kept, past, now=now)
        alerts.keep(session, kept)
        if kept.outcome == ASKED:
            _alarm(session, kept, feed=feed, now=now)
    return AlertTaken(became=Became(kept.outcome), kept=kept, applied=applied)


def _past(session: Session, alert: CapAlert) -> Past:
    named = alerts.named(session, alert.references[: cap_rules.MOST_REFERENCES])
    about = [each.occasion_id for each in named if each.occasion_id is not None]
    return Past(
        named=named,
        naming=alerts.naming(session, alert.identity),
        chain=alerts.of_occasions(session, about, "in") if about else (),
    )


def _again(taking: Taking, before: Kept) -> AlertTaken:
    """The same words are a repeat; other words under the same identity are no alert at all."""
    known = next(intake_cap.read(before.body.encode(), name=taking.alert.place))
    if known == taking.alert:
        return AlertTaken(became=Became.REPEATED, kept=before)
    other = replace(
        _kept(taking.alert, REFUSED, taking.now),
        reason="its identity belongs to another alert, which is here already",
    )
    return AlertTaken(became=Became.REFUSED, kept=other)


def _where_it_matters(verdict: Verdict, placed: Placed) -> Verdict:
    if placed.unplaced:
        reason = f"{verdict.reason}; {placed.unplaced[0]}".lstrip("; ")
        return replace(verdict, move=Move.ASK, reason=reason[:_SHOWN])
    if placed.premises:
        return verdict
    if verdict.occasion is None:
        return Verdict(move=Move.REFUSE, reason="touches none of our premises")
    # It moved away: those told before have to hear that it is over for them.
    move = Move.END if verdict.move is Move.CHANGE else verdict.move
    return replace(verdict, move=move, reason="touches none of our premises any more")


def _carried_out(
    taking: Taking, verdict: Verdict, placed: Placed | None
) -> tuple[Kept, Applied | None]:
    """The row that is kept of it; what our own guards refuse goes before a person."""
    row = _kept(taking.alert, REFUSED, taking.now)
    row = replace(row, reason=verdict.reason, occasion_id=verdict.occasion)
    match verdict.move:
        case Move.REFUSE:
            return row, None
        case Move.ASK:
            return replace(row, outcome=ASKED), None
        case Move.DROP:
            return replace(row, outcome=TAKEN), None
        case Move.OPEN | Move.CHANGE | Move.END:
            try:
                return _done(taking, verdict, placed, row)
            except OutreachError as error:
                return replace(row, outcome=ASKED, reason=str(error)[:_SHOWN]), None


def _done(
    taking: Taking, verdict: Verdict, placed: Placed | None, row: Kept
) -> tuple[Kept, Applied | None]:
    scope = taking.decision.scope or (placed.scope if placed else Scope())
    if verdict.move is Move.END and verdict.occasion is not None:
        occasion, applied = alert_truth.ended(taking, OccasionId(verdict.occasion))
    elif verdict.occasion is None:
        occasion, applied = alert_truth.opened(taking, scope)
    else:
        occasion, applied = alert_truth.changed(taking, OccasionId(verdict.occasion), scope)
    return (
        replace(
            row,
            outcome=TAKEN,
            reason="",
            occasion_id=occasion.id,
            version=occasion.revision.version,
        ),
        applied,
    )


# ── What is kept ─────────────────────────────────────────────────────────────────────────────


def _kept(alert: CapAlert, outcome: str, now: datetime) -> Kept:
    return Kept.of(alert, direction="in", outcome=outcome, body=alert.body, now=now)


def _as_unread(alert: CapAlert, why: str) -> CapUnread:
    return CapUnread(
        place=alert.place, element="alert.Signature", reason=why, identifier=alert.identifier,
        sender=alert.sender, sent=alert.sent, msg_type=alert.msg_type, status=alert.status,
        references=alert.references, body=alert.body,
    )  # fmt: skip


def _unread(
    engine: Engine, alert: CapUnread, *, feed: str, now: datetime, is_forged: bool = False
) -> AlertTaken:
    """Kept under an identity of its own: what breaks the rules takes nobody's place.

    `is_forged`: perhaps, for nobody has proved it. It is newer than no alert that it names.
    """
    is_asked = alert.is_cancel and not (
        is_forged and alert.status != "Actual"
    )  # no exercise ends a truth
    digest = hashlib.sha256(f"{alert.body}{alert.reason}".encode()).hexdigest()[:8]
    kept = Kept(
        sender=alert.sender or feed,
        identifier=f"{alert.identifier or 'unread'}#{digest}",
        sent=alert.sent,
        direction="in",
        msg_type=alert.msg_type,
        status=alert.status,
        refs=() if is_forged else tuple(str(each) for each in alert.references),
        outcome=ASKED if is_asked else REFUSED,
        reason=f"{alert.element}: {alert.reason}"[:_SHOWN],
        body=alert.body,
        at=now,
        occasion_id=_about(engine, alert.references),
    )
    with engine.database.write() as session:
        is_new = alerts.keep(session, kept)
        if is_new and kept.outcome == ASKED:
            _alarm(session, kept, feed=feed, now=now)
    return AlertTaken(became=Became(kept.outcome) if is_new else Became.REPEATED, kept=kept)


def _about(engine: Engine, references: tuple[Reference, ...]) -> int | None:
    with engine.database.read() as session:
        named = alerts.named(session, references[: cap_rules.MOST_REFERENCES])
    found = {each.occasion_id for each in named if each.occasion_id is not None}
    return found.pop() if len(found) == 1 else None


def _settle_named(session: Session, kept: Kept, past: Past, *, now: datetime) -> None:
    """What waited for a person, and is named by a newer alert, waits no more."""
    if kept.outcome == REFUSED:
        return
    for older in past.named:
        if older.outcome == ASKED and older.sender == kept.sender:
            why = f"{kept.msg_type} {kept.identifier} came after it"
            alerts.settle(session, older.identity, outcome=REFUSED, reason=why)
            alarms.clear(session, AlarmKind.ALERT_ASKED, subject(older), "alert", now)


def _alarm(session: Session, kept: Kept, *, feed: str, now: datetime) -> None:
    detail = {"name": kept.identifier[:60], "feed": feed, "reason": kept.reason}
    alarms.raise_(session, AlarmKind.ALERT_ASKED, subject(kept), now, now, **detail)


def subject(kept: Kept) -> str:
    """What its alarm is about."""
    return f"alert:{kept.identifier}"
