"""Decides what the IVR may say to one caller now, and composes it for speech.

Rules: docs/architecture.md, "The IVR". A past estimate is never spoken, nothing of the caller is
ever spoken, and where the truth is not fresh nothing is spoken at all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outreach.contactcenter import phrases, standing
from outreach.contactcenter.standing import Limits, Place, Standing
from outreach.model.contactcenter import (
    AnswerStatus,
    CallerPremise,
    Directive,
    DirectiveKind,
    IvrAnswer,
    LiveTruth,
    Match,
)
from outreach.model.notice import Facts, Spoken
from outreach.model.words import PriorityClass

Speak = Callable[[str, str, Facts], Spoken]
"""(template, locale, facts) -> the sentence; `messages.Renderer.speak`."""

SILENCE = Spoken(text="", ssml="", seconds=0.0)
BANDS = ((50, ""), (500, "50-499"), (5_000, "500-4999"), (50_000, "5000-49999"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, as far as we know: supplies found by account or number, or a named locality."""

    match: Match
    locale: str
    """BCP 47, of the caller's choice, else of the record, else the company's."""
    premises: tuple[CallerPremise, ...] = ()
    locality: str = ""
    known_as: bytes = field(default=b"", repr=False)
    """Keyed hash of the number or account by which the supplies were found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What directives in force let the IVR offer."""

    callback: bool = False
    sms_link: bool = False
    wait_band: str = ""
    report: bool = False
    """Whether keys come back to us: then "still without service" can be said."""
    dangers: frozenset[str] = frozenset()
    """Outages that put people in danger, by shown id: told before any other, and skipped by nobody."""


def offered(held: Iterable[Directive]) -> Offers:
    """What these directives, all in force, let the IVR offer its callers."""
    held = tuple(held)
    by_kind = {each.kind: each for each in held}
    wait = by_kind.get(DirectiveKind.WAIT_ANNOUNCEMENT)
    return Offers(
        callback=DirectiveKind.CALLBACK_OFFER in by_kind,
        sms_link=DirectiveKind.DIGITAL_SHIFT in by_kind,
        wait_band=str(wait.params["band"]) if wait else "",
        dangers=dangers(held),
    )


def dangers(held: Iterable[Directive]) -> frozenset[str]:
    """Shown ids of the outages whose front message, among directives in force, is about danger."""
    return frozenset(
        each.id.partition(":")[2]
        for each in held
        if each.kind is DirectiveKind.IVR_UPFRONT and each.params["text_class"] == "safety"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The limits of an answer; `sector` names, by language, an area that cannot be told apart."""

    max_age: timedelta = timedelta(seconds=30)
    """How long a platform may repeat an answer without asking again."""
    limits: Limits = field(default_factory=Limits)
    large_from: int = 500
    """Customers from which an outage is told to callers whom nobody recognises."""
    most_zones: int = 3
    high_priority_types: frozenset[str] = frozenset()
    sector: Mapping[str, str] = field(default_factory=dict, hash=False)
    main: str = ""
    """The company's locale: what a person typed is in this language."""
    safety_key: str = ""
    """The key of the company's own flow that leads to who takes dangers; empty: it asks first itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be said: equal decisions have equal answers, so that these can be kept."""

    status: AnswerStatus
    match: Match
    priority: str
    locale: str
    expires_at: datetime
    as_of: datetime
    template: str = ""
    facts: Facts | None = None
    outage_id: str = ""
    generation: int = 0
    offers: Offers = Offers()
    occasion: int = 0
    safety_key: str = ""


def answer(
    caller: Caller,
    live: Sequence[LiveTruth],
    speak: Speak,
    *,
    now: datetime,
    rules: Rules,
    offers: Offers = Offers(),
) -> IvrAnswer:
    """The current truth for this caller; neutral (no text) where there is none to be told."""
    decision = decide(caller, live, now=now, rules=rules, offers=offers)
    return compose(decision, speak, max_age=rules.max_age)


def decide(
    caller: Caller,
    live: Sequence[LiveTruth],
    *,
    now: datetime,
    rules: Rules,
    offers: Offers = Offers(),
) -> Decision:
    """Chooses the truth that matters most to the caller; danger first, and the fresh before the stale."""
    found = [
        stands
        for each in live
        if (place := _place(caller, each, rules)) is not None
        and (stands := standing.stand(each, place, now=now, limits=rules.limits)) is not None
    ]
    priority = _priority(caller, rules)
    if not found:
        return neutral(caller, AnswerStatus.NONE, now=now, rules=rules, priority=priority)
    chosen = min(found, key=lambda stands: (not _endangers(stands, offers), stands.rank))
    is_danger, facts = _endangers(chosen, offers), chosen.facts
    if not chosen.is_fresh:
        return neutral(caller, AnswerStatus.STALE, now=now, rules=rules, priority=priority)
    expires_at = min(_repeatable_until(now, rules), *chosen.ends)
    return Decision(
        status=chosen.status,
        match=caller.match,
        priority=priority,
        locale=chosen.locale or caller.locale,
        expires_at=expires_at,
        as_of=chosen.facts.as_of,
        template=chosen.template,
        facts=replace(facts, not_after=_day_of(facts, now, expires_at), is_danger=is_danger),
        outage_id=chosen.shown_id,
        generation=chosen.version,
        offers=_for_caller(offers, caller, chosen.status, priority),
        occasion=chosen.occasion,
        safety_key=rules.safety_key,
    )


def neutral(
    caller: Caller,
    status: AnswerStatus,
    *,
    now: datetime,
    rules: Rules,
    priority: str = "normal",
) -> Decision:
    """Nothing to say: the contact center goes on with its own flow."""
    return Decision(
        status=status,
        match=caller.match,
        priority=priority,
        locale=caller.locale,
        expires_at=_repeatable_until(now, rules),
        as_of=_step(now, rules),
    )


def compose(decision: Decision, speak: Speak, *, max_age: timedelta) -> IvrAnswer:
    """Puts a decision into words; whatever `speak` raises goes through to the caller."""
    facts = decision.facts
    spoken = speak(decision.template, decision.locale, facts) if facts else SILENCE
    return IvrAnswer(
        status=decision.status,
        match=decision.match,
        outage_id=decision.outage_id,
        zone_name=facts.area if facts else "",
        text=spoken.text,
        text_ssml=spoken.ssml,
        seconds=spoken.seconds,
        as_of=decision.as_of,
        max_age_s=int(max_age.total_seconds()),
        etr_iso=facts.etr_at.isoformat() if facts and facts.etr_at else "",
        etr_confidence=facts.etr_confidence if facts and facts.etr_at else "",
        affected_band=band(facts.customers) if facts else "",
        priority=decision.priority,
        offer_callback=decision.offers.callback,
        offer_sms_link=decision.offers.sms_link,
        wait_band=decision.offers.wait_band,
        skip_upfront=decision.priority == "high" and not (facts and facts.is_danger),
        generation=decision.generation,
        expires_at=decision.expires_at,
        locale=decision.locale,
        **_keys(decision, spoken),
    )


def _keys(decision: Decision, spoken: Spoken) -> dict[str, Any]:
    """What is said around the sentence; nothing around silence."""
    if not spoken.text:
        return {}
    offers, locale = decision.offers, decision.locale
    return {
        "offer_report": offers.report,
        "safety": phrases.safety(locale, decision.safety_key),
        "menu": phrases.menu(locale, link=offers.sms_link, report=offers.report),
    }


def band(customers: int) -> str:
    """How many are out, coarse enough to point at nobody; empty below 50."""
    return next((name for below, name in BANDS if customers < below), "50000-")


def read_sectors() -> dict[str, str]:
    """The phrases by language that the package carries."""
    return tomllib.loads((Path(__file__).parent / "sector.toml").read_text(encoding="utf-8"))


def _day_of(facts: Facts, now: datetime, expires_at: datetime) -> datetime:
    """The last instant of today, as long as the answer ends today: the words stay equal all day."""
    zone = ZoneInfo(facts.zone)
    end = datetime.combine(now.astimezone(zone), time.max, zone).astimezone(UTC)
    return max(end, expires_at)


def _place(caller: Caller, each: LiveTruth, rules: Rules) -> Place | None:
    """Where the caller stands in this truth, and the name of the place as it is spoken."""
    if caller.premises:
        return _among_supplies(caller, each, rules)
    anywhere = Place(area="", locale=caller.locale, main=rules.main)
    if caller.locality:
        named = _names(each, caller.locality)
        return replace(anywhere, area=caller.locality) if named else None
    if each.customers < rules.large_from:
        return None
    area = _listed(each.areas[: rules.most_zones], caller.locale)
    return replace(anywhere, area=area, is_guess=True)


def _among_supplies(caller: Caller, each: LiveTruth, rules: Rules) -> Place | None:
    inside = [supply for supply in caller.premises if each.scope.covers(supply)]
    if not inside:
        return None
    still_out = [supply for supply in inside if not each.back.covers(supply)]
    chosen = still_out or inside
    mixed = len(chosen) < len(caller.premises)
    return Place(
        area=(mixed and _sector(caller.locale, rules)) or chosen[0].locality,
        is_back=not still_out,
        zone=chosen[0].zone,
        locale=caller.locale,
        main=rules.main,
    )


def _names(each: LiveTruth, locality: str) -> bool:
    wanted = locality.casefold()
    return any(area.casefold() == wanted for area in each.areas)


def _sector(locale: str, rules: Rules) -> str:
    return rules.sector.get(locale.partition("-")[0], "")


def _listed(areas: Sequence[str], locale: str) -> str:
    if len(areas) < 2:  # noqa: PLR2004  nothing to join
        return "".join(areas)
    from babel.lists import format_list  # noqa: PLC0415  babel

    return format_list(list(areas), locale=locale.replace("-", "_"))


def _priority(caller: Caller, rules: Rules) -> str:
    """High for life support and for the types that configuration adds, lest numbers be probed."""
    is_high = any(
        supply.priority == PriorityClass.A or supply.customer_type in rules.high_priority_types
        for supply in caller.premises
    )
    return "high" if is_high else "normal"


def _for_caller(offers: Offers, caller: Caller, status: AnswerStatus, priority: str) -> Offers:
    """A link goes to a number that we text, never to a priority caller; a report comes of a known supply."""
    takes_sms = any(supply.takes_sms for supply in caller.premises)
    return replace(
        offers,
        sms_link=offers.sms_link and takes_sms and priority != "high",
        report=offers.report and bool(caller.premises) and status is AnswerStatus.RESTORED,
        dangers=frozenset(),  # of all zones: they would make equal decisions unequal
    )


def _endangers(stands: Standing, offers: Offers) -> bool:
    """Where it is back for this caller, or nobody vouches for it any more, it is danger no longer."""
    is_over = stands.status is AnswerStatus.RESTORED
    return stands.shown_id in offers.dangers and stands.is_fresh and not is_over


def _step(now: datetime, rules: Rules) -> datetime:
    """`now` down to a whole max_age: answers stay equal, and caches useful, within one."""
    seconds = max(1, int(rules.max_age.total_seconds()))
    return now - timedelta(seconds=now.timestamp() % seconds)


def _repeatable_until(now: datetime, rules: Rules) -> datetime:
    return _step(now, rules) + 2 * rules.max_age
