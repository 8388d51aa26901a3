"""What the platforms' tables should say now: a row for each zone that a front message is on for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from outreach.contactcenter import answer as answers
from outreach.contactcenter.answer import Caller, Offers, Rules, Speak
from outreach.contactcenter.platform_rows import LEASE, ask_percent
from outreach.model.contactcenter import (
    AnswerStatus,
    Directive,
    DirectiveKind,
    IvrAnswer,
    LiveTruth,
    Match,
)
from outreach.model.forecast import QUARTER, Forecast, ForecastStatus
from outreach.model.platforms import EVERYWHERE, ZoneRow
from outreach.settings_contactcenter import ContactCenter, Genesys

FORECAST_FRESH = timedelta(minutes=10)
BUNCHING = 1.25
"""Within a quarter-hour calls come in bunches: the busiest minute against the mean one."""
_BEFORE_ANY = 10**9
_SEEN = {ForecastStatus.ESTIMATED, ForecastStatus.SEEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """How rows are put into words: the same way as for a caller who asks us directly."""

    speak: Speak
    rules: Rules
    locale: str


def fronts(directives: Iterable[Directive], *, now: datetime) -> dict[str, Directive]:
    """Shown id of an outage -> the front message that is on for it."""
    return {
        each.id.partition(":")[2]: each
        for each in directives
        if each.kind is DirectiveKind.IVR_UPFRONT and each.expires_at > now
    }


def rows(
    live: Sequence[LiveTruth],
    held: Sequence[Directive],
    saying: Saying,
    settings: ContactCenter,
    *,
    forecast: Forecast | None,
    now: datetime,
) -> list[ZoneRow]:
    """A row for each key of each zone, and the one for everywhere, which is always there.

    None says anything past its expiry: ten minutes, the directive's own, the estimate's.
    """
    on = fronts(held, now=now)
    telling = _Telling(
        truths=tuple(each for each in live if each.shown_id in on),
        on=on,
        saying=replace(saying, rules=replace(saying.rules, max_age=LEASE, safety_key="")),
        offers=Offers(wait_band=_wait_band(held, now), dangers=answers.dangers(on.values())),
        ask_percent=share(forecast, settings.genesys, is_on=bool(on), now=now),
        now=now,
    )
    zones = dict.fromkeys(zone for each in on.values() for zone in each.scope.get("zones") or ())
    found = [telling.row(zone, _keys(zone, settings.zone_keys)) for zone in zones]
    return [telling.everywhere(), *(row for some in found for row in some)]


def share(forecast: Forecast | None, settings: Genesys, *, is_on: bool, now: datetime) -> int:
    """Per cent of callers whom the flow may ask us about.

    By the calls of this outage where these have been seen; else by the worst that the settings
    expect. While nothing is on, everybody may be asked about.
    """
    if (
        forecast is not None
        and forecast.status in _SEEN
        and now - forecast.made_at < FORECAST_FRESH
    ):
        quarter = forecast.quarters[0]
        a_minute = BUNCHING * quarter.p95 / (QUARTER / timedelta(minutes=1))
        return ask_percent(a_minute, settings.asks_a_minute)
    return ask_percent(settings.calls_a_minute if is_on else 0.0, settings.asks_a_minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Telling:
    truths: tuple[LiveTruth, ...]
    on: Mapping[str, Directive]
    saying: Saying
    offers: Offers
    ask_percent: int
    now: datetime

    def row(self, zone: str, keys: Iterable[str]) -> list[ZoneRow]:
        """Empty where the truth is stale or over: the row ends, and the default flow goes on."""
        said = self._answer(Caller(match=Match.ZONE, locale=self.saying.locale, locality=zone))
        front = self.on.get(said.outage_id)
        if front is None or not said.text:
            return []
        return [self._made(key, said, front) for key in keys]

    def everywhere(self) -> ZoneRow:
        """For callers whose place nobody knows: the largest outages, or nothing but our heartbeat."""
        said = self._answer(Caller(match=Match.NONE, locale=self.saying.locale))
        front = self.on.get(said.outage_id)
        if front is not None and said.text:
            return self._made(EVERYWHERE, said, front)
        quiet = replace(
            said, status=AnswerStatus.NONE, text="", etr_iso="", generation=0, as_of=self.now
        )
        return self._made(EVERYWHERE, quiet, None)

    def _answer(self, caller: Caller) -> IvrAnswer:
        saying = self.saying
        return answers.answer(
            caller, self.truths, saying.speak, now=self.now, rules=saying.rules, offers=self.offers
        )

    def _made(self, key: str, said: IvrAnswer, front: Directive | None) -> ZoneRow:
        ends = [self.now + LEASE, *([said.expires_at, front.expires_at] if front else [])]
        return ZoneRow(
            key=key,
            status=said.status.value,
            text=said.text,
            etr=_utc(said.etr_iso),
            as_of=said.as_of,
            expires_at=min(ends),
            wait_band=self.offers.wait_band,
            generation=said.generation,
            ask_percent=self.ask_percent,
            weight=_weight(front) if front else 0,
        )


def _weight(front: Directive) -> int:
    """Where a table is full, a danger stays before any number of customers."""
    touched = int(front.reason.get("value") or 0)
    return touched + (_BEFORE_ANY if front.params["text_class"] == "safety" else 0)


def _keys(zone: str, zone_keys: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return zone_keys.get(zone, (zone,))


def _wait_band(held: Iterable[Directive], now: datetime) -> str:
    bands = (
        str(each.params["band"])
        for each in held
        if each.kind is DirectiveKind.WAIT_ANNOUNCEMENT and each.expires_at > now
    )
    return next(bands, "")


def _utc(iso: str) -> str:
    return datetime.fromisoformat(iso).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if iso else ""
