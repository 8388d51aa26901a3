"""Shows exactly what a launch would send: counts, texts, segments, cost, and when people hear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from outreach.campaigns import (
    faults,
    measurable,
    pins,
    surroundings,
    timing,
    waves,
    withholding,
    works,
)
from outreach.campaigns.drill_lanes import DRILL
from outreach.campaigns.engine import Engine, first_events
from outreach.campaigns.measurable import Outlook
from outreach.campaigns.pins import Pinned
from outreach.campaigns.plan import Drain, Load, Overlong, drain, overlong
from outreach.campaigns.telling import Telling, facts, told_by
from outreach.delivery.verdicts import body_hash
from outreach.messages.render import Renderer
from outreach.model.campaign import Step
from outreach.model.message import Content
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.record import AffectedCounts
from outreach.model.words import (
    AtNight,
    Audience,
    Channel,
    Event,
    OccasionKind,
    Purpose,
    StepRunState,
)
from outreach.settings import Settings
from outreach.store import (
    audience,
    forecasts,
    freeze,
    generations,
    occasions,
    scopes,
    stakeholders,
)
from outreach.store.forecasts import Group
from outreach.store.runs import Wave
from outreach.store.session import Session

_K = TypeVar("_K")
_MINUTE_S = 60
_HOUR_MIN = 60
PREVIEW_SEED = b"\0" * 32
"""Counts and texts do not depend on the order; the run draws its own seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One text as one recipient would read it."""

    step: str
    channel: Channel
    locale: str
    area: str
    content: Content
    unfolded: Content | None = None
    """An SMS as it would read with its accents, where the campaign's folding changed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPreview:
    """One step: how many messages by channel, locale and class, what they cost, when they leave."""

    step: str
    template: str
    messages: int
    by_channel: dict[str, int]
    by_locale: dict[str, int]
    by_class: dict[str, int]
    segments: int
    cost: float
    at_once: int
    held: int
    """Messages that wait for the morning of their zone."""
    drain: Drain | None
    samples: tuple[Sample, ...]
    hashes: dict[bytes, int] = field(default_factory=dict)
    """SHA-256 of each text -> messages: after the run the ledger holds just these, unless places are named."""
    overlong: tuple[Overlong, ...] = ()
    """Pools that cannot get rid of it before it stops being true."""
    outlook: Outlook | None = None
    """What its calls could show, and what it costs to find out; None for what brings no calls to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Everything a launch would do now, and what is wrong with it."""

    occasion: Occasion
    campaign: str
    digest: str
    counts: AffectedCounts
    steps: tuple[StepPreview, ...]
    warnings: tuple[str, ...]

    @property
    def overlong(self) -> list[tuple[str, Overlong]]:
        """(step, pool) of what cannot drain in time: a launch is refused for it."""
        return [(step.step, each) for step in self.steps for each in step.overlong]

    @property
    def may_pass(self) -> bool:
        """Whether a person may send it all the same.

        Of an outage, late news to a part of the people beats silence for all of them; works and
        advisories leave time to do it properly.
        """
        return self.occasion.kind is OccasionKind.OUTAGE

    @property
    def messages(self) -> int:
        return sum(step.messages for step in self.steps)

    @property
    def segments(self) -> int:
        return sum(step.segments for step in self.steps)

    @property
    def cost(self) -> float:
        return sum(step.cost for step in self.steps)


def preview(engine: Engine, occasion: OccasionId, campaign: str, *, now: datetime) -> Preview:
    """What launching `campaign` would send at `now`; nothing is written."""
    pinned = pins.read(engine.settings, campaign)
    with engine.database.read() as session:
        faults.refuse_unknown(session, engine.settings, pinned.campaign)
        current = occasions.get(session, occasion)
        counts = audience.affected(session, scopes.remaining(session, current))
        telling = told_by(session, occasion, current.revision.version)
        reader = _Reader(
            settings=engine.settings,
            pinned=pinned,
            telling=telling,
            renderer=Renderer(
                pinned.texts,
                pins.words(engine.settings.company),
                main=engine.settings.company.locale,
            ),
        )
        shown = tuple(
            _step(session, reader, step, now=now) for step in _steps(session, pinned, current)
        )
        of_work = works.warnings(session, engine.settings, pinned, current, now=now)
    return Preview(
        occasion=current,
        campaign=campaign,
        digest=pinned.digest,
        counts=counts,
        steps=shown,
        warnings=(*_warnings(pinned, shown, current), *of_work),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Reads the pinned texts as the recipients of one revision would."""

    settings: Settings
    pinned: Pinned
    telling: Telling
    renderer: Renderer

    def content(
        self, step: Step, group: Group, *, not_after: datetime | None, fold: bool | None = None
    ) -> Content:
        said = facts(
            self.telling,
            area=group.locality or self.telling.occasion.name,
            not_after=not_after,
            two_way=waves.two_way(group.channel, self.settings),
        )
        composed = self.renderer.compose(
            step.template,
            group.locale,
            group.channel,
            said,
            fold=self.pinned.campaign.fold if fold is None else fold,
            drill=self.telling.occasion.drill,
        )
        return self.renderer.fill(composed, {"premises": str(group.premises)})


def _steps(session: Session, pinned: Pinned, occasion: Occasion) -> list[Step]:
    """The steps of a launch; of a planned work, each of its notices to come."""
    events = (Event.NOTICE,) if occasion.kind is OccasionKind.PLANNED else first_events(occasion)
    steps = [step for event in events for step in pinned.campaign.steps_on(event)]
    return [
        step
        for step in steps
        if waves.applies(step, occasion.revision)
        and (not step.lists or stakeholders.has(session, step.lists))
    ]


def _step(session: Session, reader: _Reader, step: Step, *, now: datetime) -> StepPreview:
    settings, pinned, occasion = reader.settings, reader.pinned, reader.telling.occasion
    leaves_at = _leaves_at(step, occasion, now=now)
    plan = _plan(session, reader, step, now=leaves_at)
    groups = forecasts.groups(session, plan)
    contents = [(one, reader.content(step, one, not_after=plan.not_after)) for one in groups]
    segments = _sums((one.channel, text.segments * one.messages) for one, text in contents)
    loads = list(_loads(withholding.rates(session, settings), contents, leaves_at))
    prices = settings.delivery.sms_price
    cost = sum(
        text.segments * one.messages * prices.get(one.pool.partition(":")[2], prices.get("*", 0.0))
        for one, text in contents
        if one.channel is Channel.SMS
    )
    return StepPreview(
        step=step.name,
        template=step.template,
        messages=sum(one.messages for one in groups),
        by_channel=_sums((one.channel.value, one.messages) for one in groups),
        by_locale=_sums((one.locale, one.messages) for one in groups),
        by_class=_sums((one.priority.value, one.messages) for one in groups),
        segments=segments.get(Channel.SMS, 0),
        cost=cost,
        at_once=sum(one.messages for one in groups if not _is_held(one, pinned, step, leaves_at)),
        held=sum(one.messages for one in groups if _is_held(one, pinned, step, leaves_at)),
        drain=drain(loads),
        samples=tuple(_samples(reader, step, contents, not_after=plan.not_after)),
        hashes=_sums((body_hash(text), one.messages) for one, text in contents),
        overlong=tuple(overlong(loads, true_until=plan.not_after)),
        outlook=measurable.outlook(occasion, plan, groups, loads, now=leaves_at),
    )


def _leaves_at(step: Step, occasion: Occasion, *, now: datetime) -> datetime:
    return now if step.lead is None else max(now, occasion.revision.start_at - step.lead)


def _plan(session: Session, reader: _Reader, step: Step, *, now: datetime) -> freeze.Freezing:
    occasion = reader.telling.occasion
    scope = scopes.remaining(session, occasion)
    wave = Wave(
        id=0, run_id=0, step=step.name, version=occasion.revision.version, wave=1, tier=step.tier,
        state=StepRunState.FREEZING, template=step.template, audience=Audience.AFFECTED,
        classes=step.classes, created_at=now, frozen=0, slice_from=0, superseded_at=None,
        generation=generations.current(session),
    )  # fmt: skip
    zones = audience.zones(session, scope)
    plan = freeze.Freezing(
        wave=wave,
        seed=PREVIEW_SEED,
        scope=scope,
        channels=waves.people_channels(step, reader.settings),
        siblings=(),
        earlier=(),
        releases=timing.releases(reader.pinned.campaign, step, occasion, zones=zones, now=now),
        not_after=timing.not_after(step, occasion.revision, now=now),
        pools=() if occasion.drill else waves.pools(reader.settings),
        home=DRILL if occasion.drill else "*",
        segment=waves.segment_of(session, step),
        together=step.together,
        lists=step.lists,
        is_emergency=reader.pinned.campaign.purpose is Purpose.EMERGENCY,
    )
    campaign = reader.pinned.campaign
    plan = surroundings.surrounded(session, plan, occasion=occasion, campaign=campaign, step=step)
    return withholding.withheld(
        session, reader.settings, plan, campaign=campaign, occasion=occasion
    )


def _is_held(group: Group, pinned: Pinned, step: Step, now: datetime) -> bool:
    if step.at_night is AtNight.SEND or group.not_before is None:
        return False
    return group.not_before > now + pinned.campaign.undo_for + pinned.campaign.minimum_age


def _loads(
    by_pool: Mapping[str, float], contents: list[tuple[Group, Content]], now: datetime
) -> Iterator[Load]:
    """One load a pool and start: what its lanes carry, side by side."""
    sums: Counter[tuple[str, datetime]] = Counter()
    for group, text in contents:
        sums[group.pool, group.not_before or now] += group.messages * text.segments
    for (pool, starts_at), segments in sums.items():
        rate = by_pool.get(pool, 0.0)
        yield Load(segments=segments, rate=rate, starts_at=starts_at, pool=pool)


def _samples(
    reader: _Reader,
    step: Step,
    contents: list[tuple[Group, Content]],
    *,
    not_after: datetime | None,
) -> Iterator[Sample]:
    """The longest text of each channel and locale: what fits there fits everywhere."""
    longest: dict[tuple[Channel, str], tuple[Group, Content]] = {}
    for group, text in contents:
        key = (group.channel, group.locale)
        if key not in longest or len(text.text) > len(longest[key][1].text):
            longest[key] = (group, text)
    for (channel, locale), (group, text) in longest.items():
        unfolded = None
        if channel is Channel.SMS:
            unfolded = reader.content(step, group, not_after=not_after, fold=False)
        yield Sample(
            step=step.name,
            channel=channel,
            locale=locale,
            area=group.locality,
            content=text,
            unfolded=unfolded if unfolded and unfolded.text != text.text else None,
        )


def _sums(pairs: Iterable[tuple[_K, int]]) -> dict[_K, int]:
    found: Counter[_K] = Counter()
    for key, count in pairs:
        found[key] += count
    return dict(found)


def _warnings(pinned: Pinned, steps: tuple[StepPreview, ...], occasion: Occasion) -> Iterator[str]:
    if sum(step.messages for step in steps) == 0:
        yield "nobody would be written to"
    ceiling = pinned.campaign.limits.max_cost
    cost = sum(step.cost for step in steps)
    if ceiling is not None and cost > ceiling:
        yield f"cost {cost:,.2f} is above the campaign's ceiling of {ceiling:,.2f}"
    for step in steps:
        if step.drain is not None and step.drain.last_at is None:
            yield f"{step.step}: no lane carries part of it; add one in outreach.toml, or resume it"
        yield from (in_words(step.step, each, zone=occasion.zone) for each in step.overlong)


def in_words(step: str, one: Overlong, *, zone: str) -> str:
    """The numbers, and what to do about them."""
    why = "the text stops being true" if one.is_untrue else "the carrier drops what still waits"
    return (
        f"{step}: {one.pool}: {one.segments:,} segments at {one.rate:g}/s take {_span(one.takes)},"
        f" but {why} at {one.ends_at.astimezone(ZoneInfo(zone)):%H:%M}: {one.too_late:,} of them would come too late;"
        " shorten the text, add lanes or rate, or promise a later time"
    )


def _span(takes: timedelta) -> str:
    minutes = max(1, round(takes.total_seconds() / _MINUTE_S))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= _HOUR_MIN else f"{minutes} min"
