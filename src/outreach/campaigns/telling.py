"""Turns a claimed row into its text: facts of its revision, its pinned template, its person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from outreach.addresses import Keyring
from outreach.campaigns import alert_texts, page_links, pins, premises_named, waves
from outreach.campaigns.pins import Pinned
from outreach.campaigns.premises_named import Apart, Held, Places
from outreach.messages.render import Renderer
from outreach.model.message import Content, Recipient
from outreach.model.notice import Facts
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.settings import Settings
from outreach.store import (
    audience,
    generations,
    occasions,
    person_pages,
    promises,
    runs,
    told_premises,
)
from outreach.store.scopes import Remaining
from outreach.store.session import Database, Session
from outreach.store.told_premises import NOTHING, Beside, Dark

_KEPT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What one revision tells: immutable once written, so it is read once and kept."""

    occasion: Occasion
    revision: Revision
    before: Revision | None
    told_etr: datetime | None
    """The estimate people heard before this revision."""
    sent_at: datetime | None
    """When the newest notice before this revision was opened, for corrections."""
    customers: int
    places: Places | None = None
    """Where it held; None for a work that is not announced yet."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Language -> text, where an alert from elsewhere brought several."""
    beside: Beside = NOTHING
    """Where it was dark by other outages."""


@dataclass(slots=True)
class Teller:
    """Renders messages; keeps revisions and renderers, for a storm asks for the same ones 100,000 times."""

    database: Database
    settings: Settings
    keyring: Keyring | None = None
    """Opens the streets of who has several premises; without it they are told by locality."""
    _tellings: dict[tuple[int, int], Telling] = field(default_factory=dict)
    _counted: dict[tuple[object, ...], int] = field(default_factory=dict)
    _aparts: dict[tuple[int, int], Apart] = field(default_factory=dict)
    _divisions: dict[tuple[object, ...], Apart] = field(default_factory=dict)
    _holding: dict[tuple[object, ...], dict[Dark, frozenset[bytes]]] = field(default_factory=dict)
    _held: dict[int, Held] = field(default_factory=dict)
    _renderers: dict[str, tuple[Pinned, Renderer]] = field(default_factory=dict)

    def render(self, recipient: Recipient, _address: str) -> Content:
        """The content of a claimed message; raises OutreachError where its template cannot say it."""
        pinned, renderer = self._renderer(recipient.pinned)
        telling = self._telling(recipient.occasion, recipient.version)
        facts = facts_of(telling, self.settings, recipient)
        if apart := self._apart(recipient, telling):
            facts = replace(facts, area=apart)
        composed = renderer.compose(
            recipient.template,
            recipient.locale,
            recipient.channel,
            facts,
            fold=pinned.campaign.fold,
            drill=telling.occasion.drill,
        )
        personal = {"premises": str(recipient.premises)}
        if composed.places and recipient.premises > 1 and telling.places is not None:
            personal["places"] = self._places(recipient, telling.places)
        if composed.linked and self.keyring is not None:
            personal["link"] = self._link(recipient, telling, self.keyring)
        return renderer.fill(composed, personal)

    def _link(self, recipient: Recipient, telling: Telling, keyring: Keyring) -> str:
        """Of the message's own day, so that rendering it again gives the same text."""
        with self.database.read() as session:
            customer = person_pages.customer_of(session, recipient.id)
        day = recipient.not_after or telling.revision.recorded_at
        return page_links.status_link(self.settings, keyring, customer, now=day)

    def _places(self, recipient: Recipient, places: Places) -> str:
        with self.database.read() as session:
            return premises_named.named(session, recipient, places, keyring=self.keyring)

    def _apart(self, recipient: Recipient, telling: Telling) -> str:
        if telling.places is None or not telling.beside:
            return ""
        key = (recipient.occasion, recipient.version)
        if key not in self._aparts:
            with self.database.read() as session:
                self._aparts[key] = self._divided(session, telling, telling.places, key)
        return self._aparts[key].line(self.database, recipient)

    def _divided(
        self, session: Session, telling: Telling, places: Places, key: tuple[int, int]
    ) -> Apart:
        """The same for revisions that hold the same places: a clock speaks every hour of an outage that stands."""
        generation = generations.current(session)
        seen = (*premises_named.content(places, key), telling.beside, generation)
        if seen not in self._divisions:
            if len(self._divisions) >= _KEPT:
                self._divisions.clear()
                self._aparts.clear()
                self._holding.clear()
            held = self._held.get(generation, Held())
            self._held = {generation: held}  # older ones are not asked for again
            divided = self._holders(session, telling, places, key)
            self._divisions[seen] = Apart(
                places=places,
                beside=telling.beside,
                keyring=self.keyring,
                divided=tuple(sorted(divided)),
                held=held,
            )
        return self._divisions[seen]

    def _holders(
        self, session: Session, telling: Telling, places: Places, key: tuple[int, int]
    ) -> frozenset[bytes]:
        """Who has a premise here and one in the dark: in a storm of a place that has gone dark since alone."""
        out = places.ever.out
        seen = (out, () if out.only_spans else key, generations.current(session))
        known = self._holding.setdefault(seen, {})
        wanted = telling.beside.places
        missing = [each for each in wanted if each not in known]
        if missing:
            known |= told_premises.divided(session, places.ever, missing)
        return frozenset().union(*(known[each] for each in wanted))

    def pause_after(self, recipient: Recipient) -> int:
        """Errors among the last 200 messages at which this recipient's run pauses itself."""
        return self._renderer(recipient.pinned)[0].campaign.pause_after_errors

    def _renderer(self, digest: str) -> tuple[Pinned, Renderer]:
        if digest not in self._renderers:
            with self.database.read() as session:
                pinned = pins.stored(session, digest)
            self._renderers[digest] = (
                pinned,
                Renderer(
                    pinned.texts,
                    pins.words(self.settings.company),
                    main=self.settings.company.locale,
                ),
            )
        return self._renderers[digest]

    def _telling(self, occasion: int, version: int) -> Telling:
        key = (occasion, version)
        found = self._tellings.get(key)
        if found is None:
            if len(self._tellings) >= _KEPT:
                self._tellings.clear()
                self._counted.clear()
            with self.database.read() as session:
                found = told_by(session, OccasionId(occasion), version, counted=self._counted)
            self._tellings[key] = found
        return found


def told_by(
    session: Session,
    occasion: OccasionId,
    version: int,
    *,
    counted: dict[tuple[object, ...], int] | None = None,
) -> Telling:
    """Reads what a revision tells; `counted` keeps the customers of places for the next who asks."""
    current = occasions.get(session, occasion)
    revision = occasions.revision_at(session, occasion, version)
    before = occasions.revision_at(session, occasion, version - 1) if version > 1 else None
    places = premises_named.places(session, current, revision)
    return Telling(
        occasion=current,
        revision=revision,
        before=before,
        told_etr=_heard_by_all(session, occasion, version),
        sent_at=runs.told_last(session, occasion, before=revision.recorded_at),
        customers=_customers(session, places.ever, {} if counted is None else counted),
        places=places,
        texts=alert_texts.texts(session, occasion, revision),
        beside=told_premises.beside(session, current, revision),
    )


def _customers(session: Session, ever: Remaining, counted: dict[tuple[object, ...], int]) -> int:
    """The same at every revision that holds the same places, while the record is the same."""
    own = () if ever.only_spans else (ever.occasion, ever.version)
    seen = (ever.out, own, generations.current(session))
    if seen not in counted:
        counted[seen] = audience.customers(session, ever)
    return counted[seen]


def _heard_by_all(session: Session, occasion: OccasionId, version: int) -> datetime | None:
    """The estimate before this revision, where all who were to hear it did: else some read "before 05:30" who never did."""
    promise = promises.told(session, occasion, before_version=version)
    if promise is None or runs.was_cut_short(session, occasion, promise.version):
        return None
    return promise.etr_at


def facts_of(told: Telling, settings: Settings, recipient: Recipient) -> Facts:
    """The raw facts for one recipient's area."""
    return facts(
        told,
        area=recipient.locality or told.occasion.name,
        not_after=recipient.not_after,
        two_way=waves.two_way(recipient.channel, settings),
        locale=recipient.locale,
    )


def facts(
    told: Telling,
    *,
    area: str,
    not_after: datetime | None = None,
    two_way: bool = False,
    locale: str = "",
) -> Facts:
    """The raw facts of a revision, for one area."""
    revision, before = told.revision, told.before
    return Facts(
        kind=told.occasion.kind,
        state=revision.state,
        service=told.occasion.service,
        area=area,
        zone=told.occasion.zone,  # the area's wall time, wherever the customer lives
        start_at=revision.start_at,
        as_of=revision.recorded_at,
        not_after=not_after,
        end_at=revision.end_at,
        etr_at=revision.public_etr,
        etr_from=revision.etr_from if revision.public_etr is not None else None,
        etr_confidence=revision.etr_confidence,
        old_etr_at=told.told_etr,
        old_start_at=before.start_at if before else None,
        old_end_at=before.end_at if before else None,
        next_update_at=revision.next_update_at,
        restored_at=revision.restored_at,
        cause=revision.cause,
        fact=alert_texts.spoken(told.texts, locale, revision.text),
        sent_at=told.sent_at,
        customers=told.customers,
        two_way=two_way,
    )
