"""The estimator fed event by event: constant time each, any order, any number of times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from outreach.deflection.episodes import (
    LEAST_GRACE,
    NEVER,
    Arm,
    Exposure,
    Stratum,
    Weights,
    arm_at,
    first_calls,
    tabled,
)
from outreach.deflection.estimate import added_up, from_sums, weight_at, with_evidence
from outreach.deflection.minutes import Minutes
from outreach.model.deflection import Deflection, EpisodeCounts


@dataclass(slots=True)
class _Risk:
    """One household in one wave; minutes since the outage began."""

    stratum: Stratum
    sent: float = NEVER
    until: float = NEVER
    delivered: bool | None = None


class Stream:
    """Counts person-time and calls of one run as they happen.

    Events may be replayed, doubled and out of order: each leads to the same state. Streams of
    disjoint households may be merged. grace: minutes by channel, fixed for the stream's life.
    """

    def __init__(self, grace: Mapping[str, float]) -> None:
        self.grace = dict(grace)
        self._waiting: dict[Stratum, Minutes] = defaultdict(Minutes)
        self._told: dict[Stratum, Minutes] = defaultdict(Minutes)
        self._risks: dict[str, dict[str, _Risk]] = {}
        self._calls: dict[str, dict[str, float]] = {}

    def affected(self, household: str, stratum: Stratum) -> None:
        """A frozen wave holds this household, at risk since the outage began."""
        waves = self._risks.setdefault(household, {})
        if stratum[0] not in waves:
            waves[stratum[0]] = _Risk(stratum)
            self._waiting[stratum].begin(0.0)

    def sent(self, household: str, wave: str, minute: float) -> None:
        """Its slot came; only the first counts, for a retry does not move a slot."""
        risk = self._risks[household][wave]
        if minute >= risk.sent:
            return
        self._shift(risk, sent=minute, until=risk.until)

    def left(self, household: str, wave: str, minute: float) -> None:
        """Its supply is back; the earliest such news counts."""
        risk = self._risks[household][wave]
        if minute >= risk.until:
            return
        self._shift(risk, sent=risk.sent, until=minute)

    def receipt(self, household: str, wave: str, *, delivered: bool) -> None:
        """What became of the message; delivered to one contact is delivered."""
        risk = self._risks[household][wave]
        risk.delivered = delivered or bool(risk.delivered)

    def called(self, call_id: str, household: str, minute: float) -> None:
        """An identified call at the outage number; a known call_id changes nothing."""
        self._calls.setdefault(household, {}).setdefault(call_id, minute)

    def merge(self, other: Stream) -> None:
        """Takes over the households of another stream with the same grace."""
        for mine, theirs in ((self._waiting, other._waiting), (self._told, other._told)):
            for stratum, minutes in theirs.items():
                mine[stratum].merge(minutes)
        self._risks.update(other._risks)
        self._calls.update(other._calls)

    def exposure(self, *, closed: int) -> Exposure:
        """Person-time of the first `closed` whole minutes, the only ones whose weights are final."""
        return tabled(self._waiting, self._told, closed=closed)

    def estimate(
        self,
        *,
        closed: int,
        reasons: tuple[str, ...] = (),
        warnings: tuple[str, ...] = (),
        identified_share: float | None = None,
    ) -> Deflection:
        """The estimate after `closed` whole minutes, equal to the batch one cut at that minute."""
        exposure = self.exposure(closed=closed)
        tally: Counter[str] = Counter()
        sums = added_up(self._episodes(closed, exposure, tally))
        if not exposure.compares:
            reasons = (*reasons, "at no minute were some of a class told and others not")
        measured = from_sums(
            sums,
            reasons=reasons,
            warnings=warnings,
            identified_share=identified_share,
        )
        return with_evidence(measured, EpisodeCounts(**tally), self.grace)

    def _shift(self, risk: _Risk, *, sent: float, until: float) -> None:
        """Takes back the edges that this household no longer has, and sets the new ones."""
        wait = self.grace.get(risk.stratum[2], LEAST_GRACE)
        self._edge(self._waiting[risk.stratum], min(risk.sent, risk.until), min(sent, until))
        told = self._told[risk.stratum]
        self._span(told, risk.sent + wait, risk.until, -1)
        self._span(told, sent + wait, until, 1)
        risk.sent, risk.until = sent, until

    @staticmethod
    def _edge(minutes: Minutes, before: float, after: float) -> None:
        if before == after:
            return
        if before < NEVER:
            minutes.begin(max(0.0, before))
        minutes.begin(max(0.0, after), -1)

    @staticmethod
    def _span(minutes: Minutes, low: float, high: float, sign: int) -> None:
        low, high = max(0.0, low), max(0.0, high)
        if low >= high:
            return
        minutes.begin(low, sign)
        if high < NEVER:
            minutes.begin(high, -sign)

    def _episodes(
        self, closed: int, exposure: Exposure, tally: Counter[str]
    ) -> Iterator[tuple[str, Arm, Weights]]:
        """(household, arm, weights) of each episode, noted in `tally`.

        One by one: kept in a list, tens of thousands of them would set the garbage collector on the
        millions of households.
        """
        tables = {stratum: exposure.table(stratum) for stratum in exposure.unsent}
        end, risks = float(closed), self._risks
        for household, calls in self._calls.items():
            for risk in risks.get(household, {}).values():
                firsts, again = first_calls(calls.values(), min(risk.until, end))
                if again:
                    tally["repeats"] += again
                wait = self.grace.get(risk.stratum[2], LEAST_GRACE)
                for minute in firsts:
                    arm = arm_at(minute, risk.sent, wait, delivered=risk.delivered)
                    tally[arm] += 1
                    yield household, arm, weight_at(tables[risk.stratum], int(minute))
