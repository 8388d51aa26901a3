"""The engine: a revision of the truth becomes waves of messages.

Written, older notices superseded and waves opened in one transaction; audiences frozen in slices
after it, so that a crash resumes and no other writer waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from outreach.addresses import Keyring
from outreach.campaigns import (
    faults,
    following,
    jobs,
    launching,
    news,
    owed,
    pins,
    promising,
    surroundings,
    waves,
    works,
)
from outreach.campaigns.counting import Counting
from outreach.campaigns.freezing import Same
from outreach.campaigns.jobs import JobQueue
from outreach.campaigns.launching import RandomBytes
from outreach.campaigns.pins import Pinned
from outreach.model.campaign import Renotify
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision
from outreach.model.record import AffectedCounts
from outreach.model.words import Event, OccasionKind, RunState
from outreach.outages import notice_rules
from outreach.settings import Settings
from outreach.store import audit, ledger, occasions, promises, runs
from outreach.store.runs import Run, Wave
from outreach.store.session import Database, Session

Guard = Callable[[Session], None]


def _unguarded(_session: Session) -> None:
    """A person's word needs no lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """What stands behind a revision beside its author; kept in the audit."""

    approved_by: str = ""
    reason: str = ""


ALONE = Backing()
_CHANGED = {Event.ETR_LATER, Event.ETR_EARLIER}
"""To who was told of the outage but never of an estimate, the changed one is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What one command did, for the person who typed it."""

    occasion: Occasion
    counting: Counting
    events: tuple[Event, ...] = ()
    waves: tuple[Wave, ...] = ()
    superseded: int = 0
    launched: tuple[str, ...] = ()
    stayed: tuple[str, ...] = ()
    """Armed campaigns that a ceiling kept from launching, each with its reason."""

    @property
    def counts(self) -> AffectedCounts:
        """Who is affected at the revision it wrote."""
        return self.counting.found()


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The engine of one installation; `random_bytes` makes the seeds of its runs."""

    database: Database
    settings: Settings
    keyring: Keyring
    random_bytes: RandomBytes
    queue: JobQueue = field(default_factory=jobs.Unheard)
    """Where a freeze is asked for in the commit that opens its wave, should this process die after it."""
    freezes: bool = True
    """Whether audiences are written at once; else `frozen` is called once all of a storm is said."""

    def open(self, new: NewOccasion, revision: Revision, *, now: datetime) -> Applied:
        """Writes a new occasion and launches what is armed for it.

        With a parent it is compared with that one: who heard of it there hears what is new.
        """
        with self.database.write() as session:
            parent = _parent(session, new)
            occasion = occasions.add(session, new, revision)
            before = None if parent is None else following.as_before(parent.revision, revision)
            applied = self.follow(session, before, occasion, now=now, out_of=parent)
        return self.frozen(applied)

    def revise(
        self,
        occasion: OccasionId,
        revision: Revision,
        *,
        now: datetime,
        clock: Event | None = None,
        guard: Guard = _unguarded,
        backing: Backing = ALONE,
    ) -> Applied:
        """Writes the next revision; what is unsent of older ones never leaves.

        `clock` is what the clock has to say itself (STILL_UNKNOWN, ETR_EXPIRING, ETR_HELD): told first.
        `guard` is asked first, inside the transaction: what it raises undoes it whole.
        `backing` names the second person of an exact estimate after two missed ones; GuardRefused
        without.
        """
        with self.database.write() as session:
            guard(session)
            before = occasions.get(session, occasion)
            promising.refuse_slip(
                session,
                before,
                revision,
                approved_by=backing.approved_by,
                roles=self.settings.roles,
            )
            current = occasions.append(session, occasion, revision)
            noted = {"approved_by": backing.approved_by, "reason": backing.reason}
            applied = self.follow(
                session, before.revision, current, now=now, clock=clock, noted=noted
            )
        return self.frozen(applied)

    def absorb(
        self, occasion: OccasionId, revision: Revision, *, into: OccasionId | None, now: datetime
    ) -> Applied:
        """Writes a `revise.merged` of a source; the survivor's new scope comes in a message of its own."""
        with self.database.write() as session:
            before = occasions.get(session, occasion)
            occasions.append(session, occasion, revision)
            if into is not None:
                occasions.merge(session, occasion, into)
                self.hand_over(session, before, occasions.get(session, into), now=now)
            ended = occasions.get(session, occasion)
            applied = self.follow(session, before.revision, ended, now=now)
        return self.frozen(applied)

    def hand_over(self, session: Session, gone: Occasion, kept: Occasion, *, now: datetime) -> None:
        """A survivor that nobody launched goes on with the runs of the absorbed, or its people would hear no more."""
        if not runs.of(session, kept.id) and kept.revision.state.is_open:
            following.inherit(session, gone, kept, random_bytes=self.random_bytes, now=now)

    def launch(
        self,
        occasion: OccasionId,
        campaign: str,
        *,
        actor: str,
        now: datetime,
        pinned: Pinned | None = None,
    ) -> Applied:
        """Opens a run and tells everybody the current truth; launching again is a no-op.

        `pinned` is what somebody has read and said yes to; by default what the files say now.
        """
        pinned = pinned or pins.read(self.settings, campaign)
        with self.database.read() as session:
            faults.refuse_unknown(session, self.settings, pinned.campaign)
            work = occasions.get(session, occasion)
            works.refuse_broken(session, self.settings, pinned, work, now=now)
        with self.database.write() as session:
            current = occasions.get(session, occasion)
            counting = Counting(self.database, current)
            customers = counting.within(session).customers
            wanted = launching.Wanted(pinned=pinned, actor=actor, customers=customers)
            run, is_new = launching.open_run(
                session, current, wanted, random_bytes=self.random_bytes, now=now
            )
            first = first_events(current) if is_new else ()
            opened = waves.opened(session, current, run, first, now=now)
            self._ask_to_freeze(session, opened)
            if is_new:
                promising.follow(session, current, first, now=now)
                owed.notices(session, current, run, now=now)
                _note(
                    session, run.launched_by, "campaign.launch", current, opened, now=now,
                    campaign=campaign, approved_by=run.approved_by,
                )  # fmt: skip
                news.of_launches(session, current, [run], now=now)
        applied = Applied(
            occasion=current, counting=counting, waves=opened,
            launched=(campaign,) if is_new else (),
        )  # fmt: skip
        return self.frozen(applied)

    def fire(
        self,
        occasion: OccasionId,
        event: Event,
        *,
        step: str,
        now: datetime,
        guard: Guard = _unguarded,
        again: bool = False,
    ) -> Applied:
        """Opens the waves of a clock's instant at the current revision; `guard` as in `revise`.

        `again`: who was kept for the morning, of a step that has had its wave at this revision.
        """
        with self.database.write() as session:
            guard(session)
            current = occasions.get(session, occasion)
            opened = tuple(
                wave
                for run in _living(session, current)
                for what, name in ((event, step), *works.leaving_at(session, run, event))
                for wave in waves.opened(
                    session, current, run, (what,), now=now, step=name, again=again
                )
            )
            self._ask_to_freeze(session, opened)
        counting = Counting(self.database, current)
        return self.frozen(
            Applied(occasion=current, counting=counting, events=(event,), waves=opened)
        )

    def freeze_pending(self, *, wanted: Callable[[], bool] = lambda: True) -> int:
        """Goes on with waves that a crash left half-written; how many there were."""
        with self.database.read() as session:
            pending = runs.freezing(session)
        for wave in pending:
            self.freeze(wave, wanted=wanted)
        return len(pending)

    def freeze(self, wave: Wave, *, wanted: Callable[[], bool] = lambda: True) -> Wave:
        """Writes a wave's audience; harmless when others are at it. `wanted` False: stops at a slice."""
        return waves.frozen(
            self.database, self.settings, self.keyring, wave, queue=self.queue, wanted=wanted
        )

    def _ask_to_freeze(self, session: Session, opened: tuple[Wave, ...]) -> None:
        self.queue.defer(session, *[jobs.of(jobs.Kind.FREEZE, wave.id) for wave in opened])

    def follow(  # noqa: PLR0913  all that a revision may come with
        self,
        session: Session,
        previous: Revision | None,
        occasion: Occasion,
        *,
        now: datetime,
        clock: Event | None = None,
        out_of: Occasion | None = None,
        noted: Mapping[str, str] = MappingProxyType({}),
        action: str = "occasion.revise",
    ) -> Applied:
        """Everything that a new revision entails, in the transaction that writes it.

        `out_of`: the outage that a new one came out of, whose people and runs it takes along.
        """
        if out_of is not None:
            following.inherit(session, out_of, occasion, random_bytes=self.random_bytes, now=now)
        counting = Counting(self.database, occasion)
        superseded = ledger.supersede(
            session, occasion=occasion.id, version=occasion.revision.version, now=now
        ).stopped
        armed, stayed = launching.armed_runs(
            session, occasion, counting, random_bytes=self.random_bytes, now=now,
            forbids=lambda pinned: works.forbids(session, self.settings, pinned, occasion, now=now),
        )  # fmt: skip
        stayed += launching.outgrown(session, occasion, counting, now=now)
        told = promises.told(session, occasion.id)
        if told is None and out_of is not None:
            told = promises.told(session, out_of.id)
        happened = notice_rules.events(
            occasion.kind,
            previous,
            occasion.revision,
            told_etr=told.etr_at if told else None,
            now=now,
            rules=_rules(session, occasion),
        )
        if clock is not None:
            spoken = {clock, Event.ETR_WITHDRAWN}
            happened = (clock, *(event for event in happened if event not in spoken))
        happened = tuple(
            each
            for event in happened
            for each in ((event, Event.ETR_SET) if event in _CHANGED else (event,))
        )
        opened = _opened_everywhere(session, occasion, happened, now=now)
        opened += surroundings.handed_over(session, previous, occasion, now=now)
        surroundings.take_back_ends(session, previous, occasion)
        self._ask_to_freeze(session, opened)
        promising.follow(session, occasion, happened, now=now)
        for run in runs.of(session, occasion.id):
            owed.notices(session, occasion, run, now=now)
        owed.renew(session, occasion, fired=clock, now=now)
        more = {name: said for name, said in noted.items() if said}
        _note(session, occasion.revision.author, action, occasion, opened, now=now, **more)
        news.of_outage(session, previous, occasion, now=now)
        news.of_launches(session, occasion, armed, now=now)
        return Applied(
            occasion=occasion, counting=counting, events=happened, waves=opened, superseded=superseded,
            launched=tuple(run.campaign for run in armed), stayed=stayed,
        )  # fmt: skip

    def frozen(self, applied: Applied) -> Applied:
        """With the audiences of its waves written; after the transaction that opened them."""
        if not self.freezes or not applied.waves:
            return applied
        same = Same()
        with self.database.apart() as own:
            written = tuple(
                waves.frozen(
                    self.database, self.settings, self.keyring, wave,
                    queue=self.queue, own=own, same=same,
                )
                for wave in applied.waves
            )  # fmt: skip
        return replace(applied, waves=written)


def _parent(session: Session, new: NewOccasion) -> Occasion | None:
    return None if new.parent_id is None else occasions.get(session, OccasionId(new.parent_id))


def first_events(occasion: Occasion) -> tuple[Event, ...]:
    """What a run tells that opens later than its occasion; planned works wait for their instants."""
    if not occasion.revision.state.is_open:
        return ()
    match occasion.kind:
        case OccasionKind.OUTAGE:
            return (Event.OPENED,)
        case OccasionKind.ADVISORY:
            return (Event.ADVISED,)
        case OccasionKind.PLANNED:
            return ()


def _opened_everywhere(
    session: Session, occasion: Occasion, happened: tuple[Event, ...], *, now: datetime
) -> tuple[Wave, ...]:
    return tuple(
        wave
        for run in _living(session, occasion)
        for wave in waves.opened(session, occasion, run, happened, now=now)
    )


def _living(session: Session, occasion: Occasion) -> list[Run]:
    """Paused runs gain their waves too: resumed, they tell the newest truth."""
    living = {RunState.ACTIVE, RunState.PAUSED}
    return [run for run in runs.of(session, occasion.id) if run.state in living]


def _rules(session: Session, occasion: Occasion) -> Renotify:
    for run in runs.of(session, occasion.id):
        return pins.campaign(session, run.pinned).renotify
    return Renotify()


def _note(
    session: Session,
    actor: str,
    action: str,
    occasion: Occasion,
    opened: tuple[Wave, ...],
    *,
    now: datetime,
    **more: str,
) -> None:
    detail = {"version": occasion.revision.version, "waves": [wave.id for wave in opened], **more}
    audit.write(session, actor, action, f"occasion:{occasion.id}", now=now, **detail)
