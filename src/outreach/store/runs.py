"""Runs of campaigns and their waves; what was pinned at launch; what is armed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, RowMapping, bindparam, exists, func, insert, select, update

from outreach.model.campaign import Step
from outreach.model.words import (
    Audience,
    Basis,
    MessageState,
    PriorityClass,
    Purpose,
    RunState,
    StepRunState,
    Tier,
)
from outreach.store import changes, generations, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

LINK_CAMPAIGN = "ivr-link"
"""The run of the texts that callers ask for by a key: no notice of ours, but their own wish."""
_LAUNCHED = t.run.c.campaign != LINK_CAMPAIGN


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One campaign for one occasion."""

    id: int
    occasion_id: int
    campaign: str
    state: RunState
    reason: str
    pinned: str
    seed: bytes
    launched_by: str
    launched_at: datetime
    approved_by: str = ""
    """The second person; empty where the campaign asks for none."""
    drill: bool = False
    canary_rank: int | None = None
    """Only ranks below it leave until somebody says go; None: all."""
    purpose: Purpose = Purpose.SERVICE


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a launch writes."""

    occasion_id: int
    campaign: str
    purpose: Purpose
    pinned: str
    seed: bytes
    seed_hash: str
    launched_by: str
    launched_at: datetime
    approved_by: str = ""
    drill: bool = False
    canary_rank: int | None = None
    basis: Basis = Basis.CONTRACT


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """A step of a run at a revision (a row of step_run)."""

    id: int
    run_id: int
    step: str
    version: int
    wave: int
    tier: Tier
    state: StepRunState
    template: str
    audience: Audience
    classes: tuple[PriorityClass, ...]
    created_at: datetime
    frozen: int
    slice_from: int
    superseded_at: datetime | None
    generation: int = 0
    """Of reach, as the wave began: it freezes what was seen then, whatever is loaded meanwhile."""

    @property
    def was_written(self) -> bool:
        """Whether it is whole because its audience was looked for, and not because it was overtaken before."""
        return self.state is StepRunState.FROZEN and self.slice_from != _FIRST_SLICE

    @property
    def is_empty(self) -> bool:
        """Whole, and nobody in it: a storm has hundreds of these, and each looked into costs a row's time."""
        return self.state is StepRunState.FROZEN and not self.frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Armed:
    """A campaign that outages launch by themselves."""

    campaign: str
    pinned: str
    author: str
    approver: str
    at: datetime
    until: datetime | None


def pin(session: Session, digest: str, body: dict[str, Any], *, now: datetime) -> None:
    """Keeps a launched campaign and its texts, once per content."""
    is_kept = exists().where(t.pinned.c.digest == digest)
    if not session.execute(select(is_kept)).scalar_one():
        session.execute(insert(t.pinned).values(digest=digest, body=body, at=now))


def pinned(session: Session, digest: str) -> dict[str, Any]:
    """What was pinned under this digest."""
    found = select(t.pinned.c.body).where(t.pinned.c.digest == digest)
    body: dict[str, Any] | None = session.execute(found).scalar()
    if body is None:
        raise KeyError(digest)
    return body


def open_run(session: Session, new: NewRun) -> tuple[Run, bool]:
    """The run of this occasion and campaign, and whether it is new; a second launch is a no-op."""
    existing = of(session, new.occasion_id, campaign=new.campaign)
    if existing:
        return existing[0], False
    values = {name: getattr(new, name) for name in NewRun.__slots__}
    into = insert_into(session, t.run)
    # Who launches it at this moment as well: one of the two inserts, the other finds it.
    inserted = session.execute(
        into.values(state=RunState.ACTIVE, reason="", **values)
        .on_conflict_do_nothing()
        .returning(t.run.c.id)
    ).first()
    return of(session, new.occasion_id, campaign=new.campaign)[0], inserted is not None


def of(session: Session, occasion: int, *, campaign: str | None = None) -> list[Run]:
    """The runs of an occasion, oldest first; that of what callers asked for only if it is named."""
    given: dict[str, Any] = {"occasion": occasion}
    if campaign is not None:
        given["campaign"] = campaign
    found = session.execute(_OF if campaign is None else _NAMED, given)
    return [_run(row) for row in found.mappings()]


_OF_ALL = select(t.run).where(t.run.c.occasion_id == bindparam("occasion")).order_by(t.run.c.id)
_OF = _OF_ALL.where(_LAUNCHED)
_NAMED = _OF_ALL.where(t.run.c.campaign == bindparam("campaign"))
_GET = select(t.run).where(t.run.c.id == bindparam("run"))


def get(session: Session, run: int) -> Run:
    return _run(session.execute(_GET, {"run": run}).mappings().one())


def find(session: Session, run: int) -> Run | None:
    """The run of a number, if there is one that was launched."""
    row = session.execute(select(t.run).where(t.run.c.id == run, _LAUNCHED)).mappings().first()
    return _run(row) if row else None


def every(session: Session, limit: int = 50, *, before: int | None = None) -> list[Run]:
    """The newest runs, newest first, as `of` without a name; `before`: older than this one."""
    newest = select(t.run).where(_LAUNCHED).order_by(t.run.c.id.desc()).limit(limit)
    newest = newest if before is None else newest.where(t.run.c.id < before)
    rows = session.execute(newest).mappings()
    return [_run(row) for row in rows]


def pinned_active(session: Session) -> list[str]:
    """Digests of what is pinned by active runs, each once."""
    active = select(t.run.c.pinned).where(t.run.c.state == RunState.ACTIVE).distinct()
    return list(session.scalars(active))


def set_state(session: Session, run: int, state: RunState, reason: str, *, now: datetime) -> None:
    """Pauses, resumes, cancels or finishes a run; senders see it within a second."""
    session.execute(update(t.run).where(t.run.c.id == run).values(state=state, reason=reason))
    changes.bump(session, "stop", now=now)


def let_go(session: Session, run: int, *, now: datetime) -> bool:
    """Lets everybody else follow a run's canary; False if it has none, or had its word."""
    gone = session.execute(
        update(t.run)
        .where(t.run.c.id == run, t.run.c.canary_rank.is_not(None))
        .values(canary_rank=None)
        .returning(t.run.c.id)
    ).first()
    changes.bump(session, "stop", now=now)
    return gone is not None


def sizes(session: Session, *, newest: int) -> list[int]:
    """Messages of each of the newest launches, at the version it was launched with; drills left out."""
    w = t.step_run
    latest = (
        select(t.run.c.id).where(~t.run.c.drill).order_by(t.run.c.id.desc()).limit(newest)
    ).subquery()
    first = (
        select(w.c.run_id, func.min(w.c.version).label("version"))
        .where(w.c.run_id.in_(select(latest.c.id)))
        .group_by(w.c.run_id)
        .subquery()
    )
    rows = session.scalars(
        select(func.sum(w.c.frozen))
        .join(first, (first.c.run_id == w.c.run_id) & (first.c.version == w.c.version))
        .group_by(w.c.run_id)
    )
    return [int(row) for row in rows]


def add_wave(
    session: Session, run: int, version: int, step: Step, *, now: datetime, again: bool = False
) -> Wave | None:
    """Opens a wave of a step at a revision; None if it is already there, unless it comes `again`."""
    same = {"run": run, "step": step.name, "version": version}
    last = session.execute(_LAST, same).scalar()
    if last and not again:
        return None
    new = session.execute(
        _ADDED,
        {
            "run_id": run, "step": step.name, "version": version, "wave": (last or 0) + 1,
            "tier": int(step.tier), "state": StepRunState.FREEZING, "template": step.template,
            "audience": step.audience, "classes": "".join(step.classes), "created_at": now,
            "frozen": 0, "slice_from": _FIRST_SLICE,
        },
    ).one()  # fmt: skip
    return _wave(new)


_FIRST_SLICE = -2
"""Below every tree order, those off the network (-1) included."""


def wave(session: Session, number: int, *, locked: bool = False) -> Wave:
    """`locked`: who else wants to move the wave's mark waits for this transaction."""
    return _wave(session.execute(_LOCKED if locked else _ONE, {"wave": number}).one())


def zones_of(session: Session, waves: Sequence[int]) -> tuple[str, ...]:
    """The IANA zones of everybody these waves have a message for."""
    found = session.scalars(
        select(t.message.c.zone).where(t.message.c.step_run_id.in_(waves)).distinct()
    )
    return tuple(found)


def waves(session: Session, run: int) -> list[Wave]:
    """The waves of a run, oldest first."""
    return [_wave(row) for row in session.execute(_OF_RUN, {"run": run})]


def freezing(session: Session) -> list[Wave]:
    """Waves whose audience is not written whole yet, oldest first."""
    rows = session.execute(
        select(*_WAVE).where(t.step_run.c.state == StepRunState.FREEZING).order_by(t.step_run.c.id)
    )
    return [_wave(row) for row in rows]


def zones_told(session: Session, run: int) -> tuple[str, ...]:
    """The IANA zones of everybody this run has a message for: of those it told first, and its contact lists."""
    w = t.step_run.c
    first = select(w.id).where(
        w.run_id == run, w.frozen > 0, w.audience.in_([Audience.AFFECTED, Audience.JOINED])
    )
    return zones_of(session, session.scalars(first).all())


def told_last(session: Session, occasion: int, *, before: datetime) -> datetime | None:
    """When the newest wave before `before` was opened: what a correction corrects."""
    return session.execute(
        select(func.max(t.step_run.c.created_at))
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .where(t.run.c.occasion_id == occasion, t.step_run.c.created_at < before)
    ).scalar()


def was_cut_short(session: Session, occasion: int, version: int) -> bool:
    """Whether a newer revision overtook a wave of this version before all of it had left."""
    return session.execute(
        select(
            exists().where(
                t.run.c.occasion_id == occasion,
                t.step_run.c.run_id == t.run.c.id,
                t.step_run.c.version == version,
                t.message.c.step_run_id == t.step_run.c.id,
                t.message.c.state == MessageState.SUPERSEDED,
            )
        )
    ).scalar_one()


def states(session: Session, run: int) -> dict[str, dict[MessageState, int]]:
    """step@version -> state -> messages."""
    label = t.step_run.c.step
    rows = session.execute(
        select(label, t.step_run.c.version, t.message.c.state, func.count())
        .join(t.message, t.message.c.step_run_id == t.step_run.c.id)
        .where(t.step_run.c.run_id == run)
        .group_by(t.step_run.c.id, label, t.step_run.c.version, t.message.c.state)
        .order_by(t.step_run.c.id)
    )
    found: dict[str, dict[MessageState, int]] = {}
    for step, version, state, count in rows:
        found.setdefault(f"{step}@{version}", {})[MessageState(state)] = count
    return found


def arm(session: Session, new: Armed) -> None:
    """Arms a campaign, in place of an earlier arming."""
    session.execute(t.armed.delete().where(t.armed.c.campaign == new.campaign))
    values = {name: getattr(new, name) for name in Armed.__slots__}
    session.execute(insert(t.armed).values(**values))


def disarm(session: Session, campaign: str) -> bool:
    """Whether it was armed."""
    gone = session.execute(
        t.armed.delete().where(t.armed.c.campaign == campaign).returning(t.armed.c.campaign)
    ).first()
    return gone is not None


def armed(session: Session, *, now: datetime) -> list[Armed]:
    """What is armed at `now`, by name."""
    rows = session.execute(
        select(t.armed)
        .where(t.armed.c.until.is_(None) | (t.armed.c.until > now))
        .order_by(t.armed.c.campaign)
    ).mappings()
    return [Armed(**row) for row in rows]


def _run(row: RowMapping) -> Run:
    values = {name: row[name] for name in Run.__slots__}
    values |= {
        "state": RunState(row["state"]),
        "drill": bool(row["drill"]),
        "purpose": Purpose(row["purpose"]),
    }
    return Run(**values)


def _wave(row: Row[Any]) -> Wave:
    return _read(tuple(row))


@lru_cache(maxsize=5_000)
def _read(row: tuple[Any, ...]) -> Wave:
    """By place and by tables, and kept: a storm reads some of its waves ten thousand times."""
    values = dict(zip(Wave.__slots__, row, strict=True))
    values["tier"] = _TIERS[values["tier"]]
    values["state"] = _STATES[values["state"]]
    values["audience"] = _AUDIENCES[values["audience"]]
    values["classes"] = tuple(_CLASSES[letter] for letter in values["classes"])
    return Wave(**values)


_WAVE = tuple(t.step_run.c[name] for name in Wave.__slots__)
_ONE = select(*_WAVE).where(t.step_run.c.id == bindparam("wave"))
_LOCKED = _ONE.with_for_update(key_share=True)
_OF_RUN = select(*_WAVE).where(t.step_run.c.run_id == bindparam("run")).order_by(t.step_run.c.id)
_LAST = select(func.max(t.step_run.c.wave)).where(
    t.step_run.c.run_id == bindparam("run"),
    t.step_run.c.step == bindparam("step"),
    t.step_run.c.version == bindparam("version"),
)
_ADDED = (
    insert(t.step_run)
    .values(generation=func.coalesce(generations.CURRENT.scalar_subquery(), 0))
    .returning(*_WAVE)
)
_TIERS = {each.value: each for each in Tier}
_STATES = {each.value: each for each in StepRunState}
_AUDIENCES = {each.value: each for each in Audience}
_CLASSES = {each.value: each for each in PriorityClass}
