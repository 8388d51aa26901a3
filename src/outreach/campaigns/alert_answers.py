"""CAP alerts before a person: which wait, and what becomes of one that somebody has looked at."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.campaigns import alert_truth
from outreach.campaigns.alert_places import Placed
from outreach.campaigns.alert_truth import AS_IT_SAYS, Decision, Did, Taking
from outreach.campaigns.alerts import AlertTaken, Became, subject
from outreach.campaigns.engine import Engine
from outreach.model.alarm import AlarmKind
from outreach.model.cap import CapUnread
from outreach.model.errors import InputRefused
from outreach.model.occasion import OccasionId, Scope
from outreach.outages import intake_cap
from outreach.outages.cap_policy import CAREFUL, CapPolicy
from outreach.outages.revise import Origin
from outreach.store import alarms, alerts, audit, occasions
from outreach.store.alerts import ASKED, REFUSED, TAKEN, Kept
from outreach.store.session import Session

_SHOWN = 200


def waiting(session: Session) -> list[Kept]:
    """Alerts that a person has to look at, oldest first."""
    return alerts.asked(session)


def find(session: Session, identifier: str) -> Kept:
    """The alert of an identifier that waits for a person; InputRefused where there is none, or several."""
    found = [
        each for each in alerts.of_identifier(session, identifier, "in") if each.outcome == ASKED
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputRefused(f"{identifier}: {len(found)} senders use it; refuse one by its feed")
    raise InputRefused(
        f"{identifier}: no alert of this identifier waits; see `outreach advisory alerts`"
    )


def accept(
    engine: Engine,
    kept: Kept,
    *,
    by: str,
    decision: Decision = AS_IT_SAYS,
    policy: CapPolicy = CAREFUL,
    now: datetime,
) -> AlertTaken:
    """A person has looked: what waited becomes, changes or ends an occasion.

    InputRefused where the alert does not say enough and the decision adds nothing.
    """
    about = decision.occasion or (OccasionId(kept.occasion_id) if kept.occasion_id else None)
    alert = next(intake_cap.read(kept.body.encode(), name=kept.identifier))
    if isinstance(alert, CapUnread) or alert.msg_type == "Cancel":
        occasion, applied = _withdrawn(engine, about, by=by, now=now)
    else:
        taking = Taking(
            engine=engine, alert=alert, policy=policy, now=now, author=by, decision=decision
        )
        scope = decision.scope or _certain(alert_truth.placed(taking))
        occasion, applied = (
            alert_truth.changed(taking, about, scope)
            if about
            else alert_truth.opened(taking, scope)
        )
    settled = replace(
        kept,
        outcome=TAKEN,
        reason=f"by {by}",
        occasion_id=occasion.id,
        version=occasion.revision.version,
    )
    _settle(engine, settled, by=by, action="alert.take", now=now)
    return AlertTaken(became=Became.TAKEN, kept=settled, applied=applied)


def refuse(engine: Engine, kept: Kept, *, by: str, reason: str, now: datetime) -> AlertTaken:
    """A person has looked, and nothing comes of it."""
    if not reason.strip():
        raise InputRefused("reason: empty; say why nothing comes of it")
    settled = replace(kept, outcome=REFUSED, reason=f"by {by}: {reason.strip()}"[:_SHOWN])
    _settle(engine, settled, by=by, action="alert.refuse", now=now)
    return AlertTaken(became=Became.REFUSED, kept=settled)


def _withdrawn(engine: Engine, about: OccasionId | None, *, by: str, now: datetime) -> Did:
    if about is None:
        raise InputRefused("it does not say what it withdraws; name the advisory with --of")
    with engine.database.read() as session:
        occasion = occasions.get(session, about)
    return alert_truth.withdrawn(engine, occasion, Origin(author=by), now=now)


def _certain(placed: Placed) -> Scope:
    if placed.unplaced:
        raise InputRefused(f"{placed.unplaced[0]}; say where: --locality, --node or --area")
    if not placed.premises:
        raise InputRefused("touches none of our premises; say where, or refuse it")
    return placed.scope


def _settle(engine: Engine, kept: Kept, *, by: str, action: str, now: datetime) -> None:
    with engine.database.write() as session:
        alerts.settle(
            session,
            kept.identity,
            outcome=kept.outcome,
            reason=kept.reason,
            occasion_id=kept.occasion_id,
            version=kept.version,
        )
        alarms.clear(session, AlarmKind.ALERT_ASKED, subject(kept), by, now)
        audit.write(session, by, action, f"alert:{kept.identifier}", now=now, reason=kept.reason)
