"""The engine: a revision of the truth becomes waves of messages.

Written, older notices superseded and waves opened in one transaction; audiences frozen in slices
after it, so that a crash resumes and no other writer waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from outreach.addresses import Keyring
from outreach.campaigns import faults, launching, owed, pins, promising, waves
from outreach.campaigns.launching import RandomBytes
from outreach.model.campaign import Renotify
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision
from outreach.model.record import AffectedCounts
from outreach.model.words import Event, OccasionKind, RunState
from outreach.outages import notice_rules
from outreach.settings import Settings
from outreach.store import audience, audit, ledger, occasions, promises, runs, scopes
from outreach.store.runs import Wave
from outreach.store.session import Database, Session

_CHANGED = {Event.ETR_LATER, Event.ETR_EARLIER}
"""To who was told of the outage but never of an estimate, the changed one is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What one command did, for the person who typed it."""

    occasion: Occasion
    counts: AffectedCounts
    events: tuple[Event, ...] = ()
    waves: tuple[Wave, ...] = ()
    superseded: int = 0
    launched: tuple[str, ...] = ()
    stayed: tuple[str, ...] = ()
    """Armed campaigns that a ceiling kept from launching, each with its reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The engine of one installation; `random_bytes` makes the seeds of its runs."""

    database: Database
    settings: Settings
    keyring: Keyring
    random_bytes: RandomBytes

    def open(self, new: NewOccasion, revision: Revision, *, now: datetime) -> Applied:
        """Writes a new occasion and launches what is armed for it."""
        with self.database.write() as session:
            occasion = occasions.add(session, new, revision)
            applied = self._follow(session, None, occasion, now=now)
        return self._frozen(applied)

    def revise(
        self, occasion: OccasionId, revision: Revision, *, now: datetime, clock: Event | None = None
    ) -> Applied:
        """Writes the next revision; what is unsent of older ones never leaves.

        `clock` is what the clock has to say itself (STILL_UNKNOWN, ETR_EXPIRING): told first.
        """
        with self.database.write() as session:
            previous = occasions.get(session, occasion).revision
            current = occasions.append(session, occasion, revision)
            applied = self._follow(session, previous, current, now=now, clock=clock)
        return self._frozen(applied)

    def launch(self, occasion: OccasionId, campaign: str, *, actor: str, now: datetime) -> Applied:
        """Opens a run and tells everybody the current truth; launching again is a no-op."""
        pinned = pins.read(self.settings, campaign)
        with self.database.read() as session:
            faults.refuse_unknown(session, self.settings, pinned.campaign)
        with self.database.write() as session:
            current = occasions.get(session, occasion)
            counts = audience.affected(session, scopes.remaining(session, current))
            run, is_new = launching.open_run(
                session, current, pinned, actor=actor, random_bytes=self.random_bytes, now=now
            )
            first = first_events(current) if is_new else ()
            opened = waves.opened(session, current, run, first, now=now)
            if is_new:
                promising.follow(session, current, first, now=now)
                owed.notices(session, current, run, now=now)
                _note(
                    session, actor, "campaign.launch", current, opened, now=now, campaign=campaign
                )
        applied = Applied(
            occasion=current, counts=counts, waves=opened, launched=(campaign,) if is_new else ()
        )
        return self._frozen(applied)

    def fire(self, occasion: OccasionId, event: Event, *, step: str, now: datetime) -> Applied:
        """Opens the waves of a clock's instant at the current revision."""
        with self.database.write() as session:
            current = occasions.get(session, occasion)
            active = [run for run in runs.of(session, occasion) if run.state is RunState.ACTIVE]
            opened = tuple(
                wave
                for run in active
                for wave in waves.opened(session, current, run, (event,), now=now, step=step)
            )
            counts = audience.affected(session, scopes.remaining(session, current))
        return self._frozen(Applied(occasion=current, counts=counts, events=(event,), waves=opened))

    def freeze_pending(self) -> int:
        """Goes on with waves that a crash left half-written; how many there were."""
        with self.database.read() as session:
            pending = runs.freezing(session)
        for wave in pending:
            waves.frozen(self.database, self.settings, self.keyring, wave)
        return len(pending)

    def _follow(
        self,
        session: Session,
        previous: Revision | None,
        occasion: Occasion,
        *,
        now: datetime,
        clock: Event | None = None,
    ) -> Applied:
        """Everything that a new revision entails, in the transaction that writes it."""
        counts = audience.affected(session, scopes.remaining(session, occasion))
        superseded = ledger.supersede(
            session, occasion=occasion.id, version=occasion.revision.version, now=now
        ).stopped
        armed, stayed = launching.armed_runs(
            session, occasion, counts, random_bytes=self.random_bytes, now=now
        )
        told = promises.told(session, occasion.id)
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
        if _CHANGED.intersection(happened):
            happened = (happened[0], Event.ETR_SET, *happened[1:])
        opened = _opened_everywhere(session, occasion, happened, now=now)
        promising.follow(session, occasion, happened, now=now)
        for run in runs.of(session, occasion.id):
            owed.notices(session, occasion, run, now=now)
        owed.renew(session, occasion, fired=clock, now=now)
        _note(session, occasion.revision.author, "occasion.revise", occasion, opened, now=now)
        return Applied(
            occasion=occasion, counts=counts, events=happened, waves=opened, superseded=superseded,
            launched=tuple(run.campaign for run in armed), stayed=stayed,
        )  # fmt: skip

    def _frozen(self, applied: Applied) -> Applied:
        done = tuple(
            waves.frozen(self.database, self.settings, self.keyring, wave) for wave in applied.waves
        )
        return replace(applied, waves=done)


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
    """Paused runs gain their waves too: resumed, they tell the newest truth."""
    living = [
        run
        for run in runs.of(session, occasion.id)
        if run.state in {RunState.ACTIVE, RunState.PAUSED}
    ]
    return tuple(
        wave for run in living for wave in waves.opened(session, occasion, run, happened, now=now)
    )


def _rules(session: Session, occasion: Occasion) -> Renotify:
    for run in runs.of(session, occasion.id):
        return pins.of_run(session, run).campaign.renotify
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
