"""Slows a campaign whose messages bring more calls than the queue can take, and gives its pace back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from outreach.campaigns import stopping
from outreach.campaigns.routing_evidence import ACTOR, PACED, SendingRun
from outreach.model.alarm import AlarmKind
from outreach.model.contactcenter import Directive, DirectiveKind
from outreach.model.words import RunState
from outreach.store import alarms, runs
from outreach.store.session import Database

_WHY = "told customers call more than untold ones, and the queue is full"


class Act(StrEnum):
    """What becomes of a run this minute."""

    PAUSE = "pause"
    RESUME = "resume"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """A run, its directive if one holds, and what is to be done."""

    run: SendingRun
    directive: Directive | None
    act: Act


def decided(
    sending: Sequence[SendingRun], held: Sequence[Directive], *, now: datetime
) -> list[Pace]:
    """Who is paused and who goes on. What a person paused is never touched.

    `slow` by half is every second minute: the lanes are shared, and a slower lane would hold up
    the news of other outages as well.
    """
    of = {
        each.id.partition(":")[2]: each
        for each in held
        if each.kind is DirectiveKind.CAMPAIGN_PACE and each.expires_at > now
    }
    return [Pace(run=run, directive=of.get(run.key), act=_act(run, of, now)) for run in sending]


def _act(run: SendingRun, of: Mapping[str, Directive], now: datetime) -> Act:
    directive = of.get(run.key)
    wanted = directive is not None and _rests(directive, now)
    if wanted and run.state is RunState.ACTIVE:
        return Act.PAUSE
    return Act.RESUME if run.is_paced and not wanted else Act.LEAVE


def _rests(directive: Directive, now: datetime) -> bool:
    """Whether nothing leaves in this minute: a pause always, a slow one in its share of minutes."""
    if directive.params["action"] == "pause":
        return True
    factor = float(directive.params.get("factor", 0.5))
    minute = int(now.timestamp() // 60)
    return int((minute + 1) * factor) == int(minute * factor)


def act(database: Database, paces: Sequence[Pace], *, now: datetime) -> None:
    """Pauses and resumes, raises the alarm once a directive, and clears it with its end."""
    for pace in paces:
        with database.read() as session:
            run = runs.get(session, pace.run.id)  # a person may have been faster
        match pace.act:
            case Act.PAUSE if run.state is RunState.ACTIVE:
                stopping.pause(database, [run], actor=ACTOR, reason=_WHY, now=now)
            case Act.RESUME if run.reason.startswith(PACED):
                stopping.resume(database, [run], actor=ACTOR, now=now)
            case _:
                pass
    _alarm(database, [pace for pace in paces if pace.directive is not None], now=now)


def _alarm(database: Database, paced: Sequence[Pace], *, now: datetime) -> None:
    with database.read() as session:
        standing = alarms.open_ones(session, kinds=[AlarmKind.CALLS_ADDED])
    wanted = {f"occasion:{pace.run.occasion}": pace for pace in paced}
    over = [one for one in standing if one.subject not in wanted]
    if not wanted and not over:
        return
    with database.write() as session:
        for subject, pace in wanted.items():
            since = pace.directive.state_since if pace.directive is not None else now
            alarms.raise_(
                session, AlarmKind.CALLS_ADDED, subject, since, now, name=pace.run.campaign
            )
        for one in over:
            alarms.clear_one(session, one.id, ACTOR, now)
