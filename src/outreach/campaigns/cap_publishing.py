"""Publishes occasions as CAP alerts. What left is kept, so that references hold over restarts and other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from outreach.campaigns import pins, telling
from outreach.campaigns.telling import Telling
from outreach.messages.fields import fields
from outreach.messages.languages import LANGUAGES
from outreach.messages.render import Renderer
from outreach.messages.texts import read_texts
from outreach.model.cap import CapAlert, CapArea, CapUnread, Corner, Reference
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.notice import Facts, Texts
from outreach.model.occasion import Occasion, Scope
from outreach.model.words import Channel, OccasionKind, OccasionState
from outreach.outages import cap_out, intake_cap
from outreach.outages.cap_out import KEPT_FOR, CapSource, CapText
from outreach.settings import Settings
from outreach.store import alerts, areas, audience, occasions, scopes
from outreach.store.alerts import TAKEN, Kept
from outreach.store.session import Database, Session

PLANNED_AHEAD = timedelta(hours=72)
"""Works are published as soon as the IVR speaks of them."""
MOST_CORNERS = 2_000
"""Of all polygons together; a finer outline is described in words alone."""
_MOST_PLACES, _PLACES_IN_TEXT = 20, 3

_S = OccasionState
_TEMPLATES = {
    (OccasionKind.OUTAGE, _S.RESTORED): "outage_restored",
    (OccasionKind.PLANNED, _S.SCHEDULED): "planned_notice",
    (OccasionKind.PLANNED, _S.ACTIVE): "planned_started",
    (OccasionKind.PLANNED, _S.PARTIAL): "planned_started",
    (OccasionKind.PLANNED, _S.RESTORED): "planned_restored",
    (OccasionKind.PLANNED, _S.CANCELLED): "planned_cancelled",
    (OccasionKind.ADVISORY, _S.ACTIVE): "advisory",
    (OccasionKind.ADVISORY, _S.ENDED): "advisory_ended",
}


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Composes and keeps the alerts of one company; `public_id` is how it names an occasion."""

    settings: Settings
    public_id: Callable[[Occasion], str]

    @property
    def is_on(self) -> bool:
        """Whether the company has said how alerts name it."""
        return bool(self.settings.company.cap_sender)

    def newest(self, database: Database, occasion: Occasion, *, now: datetime) -> Kept | None:
        """The alert of the newest revision, kept as it leaves; None: over, and nobody ever heard of it.

        The same revision gives the same alert for ever. InputRefused where the sender is not set,
        GuardRefused for an exercise.
        """
        if not self.is_on:
            raise InputRefused(
                'outreach.toml: company.cap_sender: not set; say how alerts name you: "cortes@luz.example"'
            )
        if occasion.drill:
            raise GuardRefused("an exercise is never published")
        with database.read() as session:
            before = alerts.of_occasion(session, occasion.id, "out")
            ready = self._ready(session, occasion, before)
        if not isinstance(ready, CapAlert):
            return ready
        kept = self._kept(ready, occasion, now)
        with database.write() as session:
            alerts.keep(session, kept)
            # Another process may have been first; its bytes are the alert.
            return alerts.get(session, kept.identity, "out")

    def composed(self, session: Session, occasion: Occasion, *, language: str) -> bytes:
        """The newest revision in one language, to look at: nothing is kept, and it did not leave."""
        before = alerts.of_occasion(session, occasion.id, "out")
        earlier = [each.identity for each in before if each.version != occasion.revision.version]
        alert = self._alert(session, occasion, earlier, languages=[language])
        return cap_out.written(alert, zone=occasion.zone)

    def current(self, database: Database, *, now: datetime) -> list[Kept]:
        """The newest alert of everything open, and of what was over less than a day ago; newest first."""
        with database.read() as session:
            found = occasions.since(session, now - KEPT_FOR)
        chosen = [each for each in found if not each.drill and _is_public(each, now)]
        kept = [self.newest(database, each, now=now) for each in chosen]
        left = [each for each in kept if each is not None]
        return sorted(left, key=lambda each: (each.at, each.identifier), reverse=True)

    def _ready(
        self, session: Session, occasion: Occasion, before: Sequence[Kept]
    ) -> CapAlert | Kept | None:
        if before and before[-1].version == occasion.revision.version:
            return before[-1]
        if not before and not occasion.revision.state.is_open:
            return None
        return self._alert(session, occasion, [each.identity for each in before])

    def _alert(
        self,
        session: Session,
        occasion: Occasion,
        earlier: Sequence[Reference],
        *,
        languages: Sequence[str] = (),
    ) -> CapAlert:
        company = self.settings.company
        told = telling.told_by(session, occasion.id, occasion.revision.version)
        places = _places(session, occasion)
        return cap_out.composed(
            occasion,
            public_id=self.public_id(occasion),
            source=CapSource(
                sender=company.cap_sender,
                name=company.name,
                web=company.link,
                contact=company.phone,
            ),
            texts=list(self._texts(told, places, languages)),
            area=_area(session, occasion, places),
            earlier=earlier,
        )

    def _texts(
        self, told: Telling, places: Sequence[str], languages: Sequence[str]
    ) -> Iterator[CapText]:
        """One for each language that the template speaks, the company's own first."""
        template = _template(told)
        if template is None:
            return
        main = self.settings.company.locale
        spoken = self._written.get(template, {})
        for language in languages or sorted(spoken, key=lambda code: (code != main, code)):
            area = ", ".join(places[:_PLACES_IN_TEXT]) or told.occasion.name
            yield self._text(template, language, telling.facts(told, area=area, locale=language))

    def _text(self, template: str, language: str, facts: Facts) -> CapText:
        post = self._renderer.compose(template, language, Channel.SOCIAL, facts)
        mail = self._renderer.compose(template, language, Channel.EMAIL, facts)
        return CapText(
            language=language,
            event=self._event(language, facts),
            headline=self._renderer.fill(mail, {}).subject,
            description=self._renderer.fill(post, {}).text,
        )

    def _event(self, language: str, facts: Facts) -> str:
        """`Corte de luz`: what kind of thing it is, in the service's words."""
        words = fields(facts, pins.words(self.settings.company), language)
        said = {OccasionKind.OUTAGE: "outage", OccasionKind.PLANNED: "planned"}.get(facts.kind)
        text = str(words[said]) if said else facts.fact
        return text[:1].upper() + text[1:60]

    @cached_property
    def _written(self) -> Texts:
        every = read_texts(self.settings.workspace / "templates")
        return {
            name: {
                code: files for code, files in spoken.items() if code.partition("-")[0] in LANGUAGES
            }
            for name, spoken in every.items()
        }

    @cached_property
    def _renderer(self) -> Renderer:
        company = self.settings.company
        return Renderer(self._written, pins.words(company), main=company.locale)

    def _kept(self, alert: CapAlert, occasion: Occasion, now: datetime) -> Kept:
        body = cap_out.written(alert, zone=occasion.zone)
        _refuse_unreadable(body)
        return Kept.of(
            alert,
            direction="out",
            outcome=TAKEN,
            body=body.decode(),
            now=now,
            told=(occasion.id, occasion.revision.version),
        )


def _refuse_unreadable(body: bytes) -> None:
    """What we could not read ourselves never leaves."""
    read = next(intake_cap.read(body, name="alert"))
    if isinstance(read, CapUnread):
        raise InputRefused(f"the alert breaks CAP 1.2: {read.element}: {read.reason}")


def _is_public(occasion: Occasion, now: datetime) -> bool:
    revision = occasion.revision
    if occasion.kind is OccasionKind.PLANNED and revision.state is _S.SCHEDULED:
        return revision.start_at - PLANNED_AHEAD <= now
    return True


def _template(told: Telling) -> str | None:
    """None: it is taken back without words of its own."""
    occasion, revision = told.occasion, told.revision
    if occasion.kind is OccasionKind.OUTAGE and revision.state.is_open:
        return "outage_etr" if revision.public_etr is not None else "outage_opened"
    return _TEMPLATES.get((occasion.kind, revision.state))


def _places(session: Session, occasion: Occasion) -> tuple[str, ...]:
    """Localities that are touched: coarse enough to point at nobody."""
    scope = (
        scopes.remaining(session, occasion)
        if occasion.revision.state.is_open
        else scopes.whole(session, occasion, occasion.revision)
    )
    return tuple(audience.affected(session, scope).localities)


def _area(session: Session, occasion: Occasion, places: Sequence[str]) -> CapArea:
    shown = "; ".join(places[:_MOST_PLACES]) + ("; …" if len(places) > _MOST_PLACES else "")
    description = shown or occasion.name
    scope = occasion.revision.scope
    if not _is_drawn(scope):
        return CapArea(description=description)
    polygons: list[tuple[Corner, ...]] = []
    circles: list[tuple[Corner, float]] = []
    for shape in areas.shapes(session, scope.areas):
        if shape["type"] == "Circle":
            longitude, latitude = shape["centre"]
            circles.append(((latitude, longitude), shape["radius_m"] / 1000))
        else:
            polygons += [_outline(rings[0]) for rings in shape["coordinates"]]
    if sum(map(len, polygons)) > MOST_CORNERS:
        polygons = []
    return CapArea(description=description, polygons=tuple(polygons), circles=tuple(circles))


def _is_drawn(scope: Scope) -> bool:
    """Whether shapes tell all of it: CAP knows no hole, and a node has no outline."""
    others = scope.nodes or scope.localities or scope.premises or scope.postal_codes
    return bool(scope.areas) and not others and scope.less is None


def _outline(ring: Sequence[Sequence[float]]) -> tuple[Corner, ...]:
    """The outer ring, latitude first, back on the globe where it crossed the antimeridian."""
    return tuple((latitude, (longitude + 180) % 360 - 180) for longitude, latitude in ring)
