"""Where the messages of a feed are worked through: each judged, applied, counted and kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from outreach.campaigns.engine import Applied, Engine
from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.intake import (
    ACCEPTED,
    MessageKind,
    Missing,
    NotApplied,
    OutageMessage,
    Outcome,
    Taken,
    Unreadable,
)
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision
from outreach.model.words import Audience, OccasionKind
from outreach.outages import flaps, intake_apply, intake_order
from outreach.outages.change import Origin
from outreach.outages.intake_apply import Habits, Saying
from outreach.outages.intake_order import Known
from outreach.store import alarms, feeds, occasions
from outreach.store.feeds import FeedEvent
from outreach.store.session import Session

TRIES = 3
"""A person may change an outage in the moment between our look and our word."""

_REPEATS = {Outcome.DUPLICATE_EVENT, Outcome.DUPLICATE_SEQUENCE, Outcome.STALE}
_AS_TOLD = {Outcome.APPLIED, Outcome.CREW_ONLY, Outcome.SNAPSHOT}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What was said and is not written for anybody yet; `held` waves wait `until` the source has settled."""

    applied: Applied
    held: tuple[int, ...] = ()
    until: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Desk:
    """Where the messages of one call are worked through."""

    engine: Engine
    feed: str
    source: str
    habits: Habits
    as_received: bool
    silent_after: timedelta
    now: datetime
    taken: Taken = field(default_factory=Taken)
    known: Known = field(default_factory=Known)
    outages: dict[str, OccasionId] = field(default_factory=dict)
    kept: list[FeedEvent] = field(default_factory=list)
    replayed_to: datetime | None = None
    said_at: datetime | None = None
    """The newest time that a new message bears."""
    is_timed: bool = False
    """Some message bears a time: a source that only repeats itself is not heard."""
    _waiting: list[_Waiting] = field(default_factory=list)

    def take(self, batch: list[OutageMessage | Unreadable], *, freezes: bool = True) -> None:
        """Works through some messages, keeps what became of them, and then writes whom they concern.

        What a burst says and takes back is so written for nobody. `freezes` False: more of the burst
        is to come, and `freeze` is called after it.
        """
        self._look_up([one for one in batch if isinstance(one, OutageMessage)])
        try:
            for one in batch:
                if isinstance(one, Unreadable):
                    self._unreadable(one)
                else:
                    self._message(one)
        finally:
            with self.engine.database.write() as session:
                feeds.note(session, self.feed, self.kept)
            self.kept.clear()
            if freezes:
                self.freeze()

    def freeze(self) -> None:
        """Writes the audiences of what was said since the last time."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            self.engine.frozen(one.applied)
            if one.until is not None:
                with self.engine.database.write() as session:
                    feeds.hold(session, one.held, until=one.until)

    def heard(self) -> None:
        """The feed spoke: as of its newest message, or of now where messages bear no times."""
        at = self.said_at if self.is_timed else self.now
        if at is None:
            return
        with self.engine.database.write() as session:
            feeds.heard(session, self.feed, now=min(at, self.now))
            if at > self.now - self.silent_after:
                alarms.clear(session, AlarmKind.FEED_SILENT, self._subject, "heard again", self.now)

    @property
    def _said(self) -> Engine:
        """The engine that writes what is said, and leaves the audiences for the end of the burst."""
        return replace(self.engine, freezes=False)

    @property
    def _subject(self) -> str:
        return f"feed:{self.feed}"

    def _look_up(self, batch: list[OutageMessage]) -> None:
        refs = {one.outage_ref for one in batch}
        related = refs.union(*({one.fields.get("parent", ""), one.fields.get("into", "")}
                               for one in batch))  # fmt: skip
        with self.engine.database.read() as session:
            keys = feeds.known_keys(session, self.feed, (one.event_key for one in batch))
            accepted = feeds.sequences(session, self.feed, refs)
            self.known = Known(keys=keys, sequences=accepted)
            self.outages = self._opened(session, related - {""})

    def _opened(self, session: Session, refs: set[str]) -> dict[str, OccasionId]:
        own = {self._own_ref(ref): ref for ref in refs}
        found = feeds.opened_by(session, self.source, [*refs, *own])
        return {own.get(ref, ref): number for ref, number in found.items()}

    def _own_ref(self, ref: str) -> str:
        """Where the reference alone belongs to somebody else already."""
        return f"{self.feed}/{ref}"

    def _unreadable(self, one: Unreadable) -> None:
        words = set(Outcome)
        outcome = Outcome(one.reason) if one.reason in words else Outcome.UNREADABLE
        named = "" if outcome is not Outcome.UNREADABLE else one.reason
        detail = ": ".join(filter(None, (named, one.detail)))
        why = feeds.unread(detail, now=self.now, ref=one.outage_ref, seq=one.seq)
        self.kept.append(replace(why, outcome=outcome))
        self._count(
            NotApplied(
                place=one.place, outcome=outcome, outage_ref=one.outage_ref, seq=one.seq,
                detail=detail,
            )
        )  # fmt: skip

    def _message(self, message: OutageMessage) -> None:
        if self.as_received and message.received_at is not None:
            self.now = max(message.received_at, self.replayed_to or message.received_at)
            self.replayed_to = self.now
        known = self.outages.get(message.outage_ref)
        outcome = intake_order.refusal(message, self.known, is_known_outage=known is not None)
        detail = ""
        if outcome is None:
            outcome, detail = self._judged(message, known)
        if outcome in ACCEPTED:
            self.known.accept(message)
        elif outcome is Outcome.SNAPSHOT:
            self.known.recognise(message)
        self._hear(message, outcome)
        self._keep(message, outcome, detail)
        self._count(
            NotApplied(
                place=message.place, outcome=outcome, outage_ref=message.outage_ref,
                seq=message.seq, detail=detail,
            )
        )  # fmt: skip

    def _count(self, one: NotApplied) -> None:
        self.taken.counts[one.outcome] += 1
        if one.outcome not in _AS_TOLD:
            self.taken.not_applied.append(one)

    def _hear(self, message: OutageMessage, outcome: Outcome) -> None:
        said_at = message.received_at or message.at
        if said_at is None:
            return
        self.is_timed = True
        if outcome not in _REPEATS:
            self.said_at = max(said_at, self.said_at or said_at)

    def _keep(self, message: OutageMessage, outcome: Outcome, detail: str) -> None:
        has_name = bool(message.event_key) or message.seq is not None
        if not has_name and outcome in {Outcome.NO_CHANGE, Outcome.SNAPSHOT}:
            return  # a list that is read every minute would fill the table with nothing
        self.kept.append(
            FeedEvent(
                event_key=message.event_key,
                outage_ref=message.outage_ref,
                seq=message.seq,
                content=detail or message.content,
                outcome=outcome,
                occasion_id=self.outages.get(message.outage_ref),
                at=self.now,
            )
        )

    def _judged(self, message: OutageMessage, known: OccasionId | None) -> tuple[Outcome, str]:
        try:
            if message.kind is MessageKind.SNAPSHOT:
                return self._listed(message), ""
            given = self._resolved(message)
            return (self._open(given) if known is None else self._revise(given, known)), ""
        except (GuardRefused, InputRefused) as error:
            return Outcome.REFUSED, str(error)

    def _resolved(self, message: OutageMessage) -> OutageMessage:
        """Accounts as the premises that they hold."""
        accounts = message.fields.get("accounts")
        if accounts is None:
            return message
        with self.engine.database.read() as session:
            held = feeds.premises_of(session, accounts)
        named = message.fields.get("premises", ())
        return replace(
            message, fields={**message.fields, "premises": tuple(sorted({*held, *named}))}
        )

    def _open(self, message: OutageMessage) -> Outcome:
        parent = self.outages.get(message.fields.get("parent", ""))
        with self.engine.database.read() as session:
            around = occasions.get(session, parent).revision if parent else None
            is_taken = feeds.is_taken(session, message.outage_ref)
        revision = intake_apply.first(self._saying(message), parent=around)
        ref = self._own_ref(message.outage_ref) if is_taken else message.outage_ref
        new = replace(self._new(revision), source_ref=ref, parent_id=parent)
        applied = self._said.open(new, revision, now=self.now)
        self._waiting.append(_Waiting(applied))
        self.outages[message.outage_ref] = applied.occasion.id
        return self._applied(applied)

    def _new(self, revision: Revision) -> NewOccasion:
        scope, company = revision.scope, self.engine.settings.company
        places = (*scope.nodes, *scope.localities, *scope.premises, *scope.postal_codes)
        return NewOccasion(
            kind=OccasionKind.OUTAGE, service=company.service, name=places[0], zone=company.zone
        )

    def _revise(self, message: OutageMessage, number: OccasionId) -> Outcome:
        for attempt in range(1, TRIES + 1):
            with self.engine.database.read() as session:
                occasion = occasions.get(session, number)
            outcome, revision = self._next(message, occasion)
            if revision is None:
                return outcome
            try:
                applied = self._write(message, number, revision)
            except GuardRefused:
                if attempt == TRIES:
                    raise
            else:
                self._settle(applied)
                return self._applied(applied)
        return Outcome.REFUSED

    def _settle(self, applied: Applied) -> None:
        """A flap tells nobody twice: who heard before waits until the source has settled."""
        held = tuple(wave.id for wave in applied.waves if wave.audience is Audience.TOLD)
        until = None
        if held:
            with self.engine.database.read() as session:
                *before, new = occasions.history(session, applied.occasion.id)
            until = flaps.held_until(before, new)
        self._waiting.append(_Waiting(applied, held, until))

    def _write(self, message: OutageMessage, number: OccasionId, revision: Revision) -> Applied:
        if message.kind is MessageKind.MERGED:
            into = self.outages.get(message.fields.get("into", ""))
            return self._said.absorb(number, revision, into=into, now=self.now)
        return self._said.revise(number, revision, now=self.now)

    def _next(self, message: OutageMessage, occasion: Occasion) -> tuple[Outcome, Revision | None]:
        if intake_apply.is_closed_to(occasion.revision, message):
            return Outcome.CLOSED, None
        if message.kind is MessageKind.CREW:
            return Outcome.CREW_ONLY, None
        revision = intake_apply.following(occasion.revision, self._saying(message))
        return Outcome.NO_CHANGE, revision

    def _applied(self, applied: Applied) -> Outcome:
        self.taken.told.update(applied.events)
        return Outcome.APPLIED

    def _saying(self, message: OutageMessage) -> Saying:
        origin = Origin(author=self.feed, source=self.source, source_seq=message.seq)
        return Saying(message=message, habits=self.habits, now=self.now, origin=origin)

    def _listed(self, message: OutageMessage) -> Outcome:
        """Absence is not restoration: a list changes nothing, and one that lost half raises an alarm."""
        listed = {*message.fields.get("active", ())}
        with self.engine.database.write() as session:
            still_open = set(feeds.open_of(session, self.source))
            lost = intake_order.missing(
                message.place,
                listed=listed | {self._own_ref(ref) for ref in listed},
                still_open=still_open,
            )
            if lost is not None:
                self.taken.halved.append(lost)
                self._alarm(session, lost)
            else:
                alarms.clear(
                    session, AlarmKind.FEED_HALVED, self._subject, "list is whole again", self.now
                )
            if intake_order.is_believed(lost):
                feeds.believed(session, self.feed, listed=len(listed), now=self.now)
        return Outcome.SNAPSHOT

    def _alarm(self, session: Session, lost: Missing) -> None:
        """Once, until a list is whole again."""
        standing = alarms.open_ones(session, kinds=[AlarmKind.FEED_HALVED])
        if all(one.subject != self._subject for one in standing):
            alarms.raise_(
                session, AlarmKind.FEED_HALVED, self._subject, self.now, self.now,
                open=lost.open, missing=lost.missing,
            )  # fmt: skip
