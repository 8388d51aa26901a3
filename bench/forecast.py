"""Row "forecast": how well the next four quarter-hours of calls are foretold, and what that costs.

    python bench/forecast.py [--quick] [--json] [--size HOUSEHOLDS]

Outages of the specification's world (section 7): tau and severity of each are random (sd .35 of the logarithm), and so
is the floor of the library's twelve curves (sd .4), drawn anew for each outage; deflection is one of 0, .15, .3 and .4. The
forecast sees the calls so far, who is out, the order of sending, and theta_ITT of the identified calls so far. WAPE is
the sum of |calls - p50| over the sum of calls; the limit is persistence, the last 15 minutes once more. `size` counts
the households of all small outages together, 5,000 each; outages of 50,000 are half as many.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from _figures import Asked, Figure, run

from outreach.deflection import curves
from outreach.deflection.exposure import Outage
from outreach.deflection.forecast import Effect, Evidence, Outlook, forecast, persistence
from outreach.model.forecast import Curve

HORIZON = 360
GRID = 0.25
NOWS = (15, 30, 60)
AHEAD = (15, 30, 45, 60)
GRACE = 2.0
GOALS = {5_000: 0.25, 50_000: 0.18}
"""WAPE at +30 minutes, from minute 30 on."""
BELOW_PERSISTENCE = 0.60
COVERED = (0.88, 1.0)
SECONDS_A_QUEUE = 0.2
LEAST = 4
DEFLECTIONS = (0.0, 0.15, 0.3, 0.4)
CLASSES = ((0.02, 1.5), (0.18, 2.0), (0.80, 1.0))


@dataclass(frozen=True, slots=True)
class Drawn:
    """One outage: every call with its household, and what is known of the households."""

    minutes: Any
    """Of all calls, ascending."""
    homes: Any
    slots: Any
    restored: Any
    classes: Any
    identified: Any


def draw(households: int, number: int) -> Drawn:
    """The outage with this number."""
    random = np.random.default_rng([households, number])
    cumulated = hazard(random)
    classes = random.choice(3, size=households, p=[share for share, _ in CLASSES])
    deliverable = random.random(households) < 0.85
    weight = np.array([each for _, each in CLASSES])[classes] * np.where(deliverable, 1.0, 1.5)
    weight = weight / weight.mean() * random.gamma(2, 0.5, households)
    restored = np.where(
        random.random(households) < 0.35,
        random.uniform(60, 200, households),
        random.uniform(240, HORIZON, households),
    )
    ranks = np.empty(households)
    ranks[np.lexsort((random.random(households), classes))] = np.arange(households)
    slots = 10 + 60 * (ranks + 0.5) / households
    told = np.where(deliverable, slots + random.exponential(0.5, households), np.inf)
    minutes, homes = calls(random, cumulated, weight, restored, told)
    order = np.argsort(minutes)
    identified = random.random(households) < 0.7
    return Drawn(minutes[order], homes[order], slots, restored, classes, identified)


def hazard(random: Any) -> Any:
    """Calls of an average household until each point of the grid."""
    tau, severity = 45 * np.exp(random.normal(0, 0.35)), np.exp(random.normal(0, 0.35))
    at = np.arange(0, HORIZON + GRID, GRID)
    rate = np.exp(-at / tau) * (1 - np.exp(-at / 4)) + 0.15 * np.exp(-at / 600)
    sums = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * GRID)])
    return sums / sums[-1] * 0.15 * severity


def calls(random: Any, cumulated: Any, weight: Any, restored: Any, told: Any) -> tuple[Any, Any]:
    """(minute, household) of first calls and their repeats."""
    at = np.arange(0, HORIZON + GRID, GRID)
    total = weight * np.interp(restored, at, cumulated)
    counts = random.poisson(total)
    homes = np.repeat(np.arange(len(weight)), counts)
    reached = random.random(len(homes)) * total[homes] / weight[homes]
    minutes = np.interp(reached, cumulated, at)
    deflection = DEFLECTIONS[random.integers(len(DEFLECTIONS))]
    kept = (minutes < told[homes]) | (random.random(len(homes)) >= deflection)
    minutes, homes = minutes[kept], homes[kept]
    found_minutes, found_homes = [minutes], [homes]
    while len(minutes):
        again = random.random(len(minutes)) < 0.2
        minutes = minutes[again] + random.exponential(20, again.sum())
        homes = homes[again]
        inside = minutes < restored[homes]
        minutes, homes = minutes[inside], homes[inside]
        found_minutes.append(minutes)
        found_homes.append(homes)
    return np.concatenate(found_minutes), np.concatenate(found_homes)


def library(number: int) -> list[Curve]:
    """Twelve curves as past outages may have left them."""
    random = Random(10_000 + number)
    return [
        curves.curve(
            str(each),
            tau=45 * random.lognormvariate(0, 0.35),
            floor=0.15 * random.lognormvariate(0, 0.4),
        )
        for each in range(12)
    ]


def seen(drawn: Drawn, now: int) -> Evidence:
    """What is known at minute `now`: each household's own estimate is right, so that r has nothing to mend."""
    ordered = np.sort(drawn.restored)
    slots = np.sort(drawn.slots)
    minutes = np.arange(0, HORIZON + 1)
    out = len(ordered) - np.searchsorted(ordered, minutes, side="right")
    told = np.searchsorted(slots, minutes, side="right") / len(slots)
    past = np.histogram(drawn.minutes, bins=np.arange(0, now + 1))[0]
    return Evidence(
        outages=[
            Outage(
                began=float(-now),
                out=[(float(at - now), float(n)) for at, n in zip(minutes, out, strict=True)],
                told=[(float(at - now), float(n)) for at, n in zip(minutes, told, strict=True)],
            )
        ],
        calls=[float(each) for each in past],
    )


def effect(drawn: Drawn, now: int) -> Effect | None:
    """theta_ITT of the identified first calls so far, with the Greenland-Robins variance."""
    first = np.full(len(drawn.slots), np.inf)
    before = drawn.minutes < now
    np.minimum.at(first, drawn.homes[before], drawn.minutes[before])
    calling = np.flatnonzero(np.isfinite(first) & drawn.identified)
    at, slots = first[calling], drawn.slots[calling]
    t0, t1 = person_time(drawn, now)
    stratum = drawn.classes[calling], at.astype(int)
    total = np.maximum(t0[stratum] + t1[stratum], 1e-12)
    w0, w1 = t0[stratum] / total, t1[stratum] / total
    sent, unsent = at >= slots + GRACE, at < slots
    told, rest = w0[sent].sum(), w1[unsent].sum()
    if told <= 0 or rest <= 0:
        return None
    counted = sent | unsent
    variance = (w0 * w1)[counted].sum() / (told * rest)
    return Effect(theta=told / rest, se=float(np.sqrt(variance)))


def person_time(drawn: Drawn, now: int) -> tuple[Any, Any]:
    """Household-minutes not told and told, by class and minute; sampled at the middle of each minute."""
    t0, t1 = np.zeros((3, now)), np.zeros((3, now))
    for each in range(3):
        mine = drawn.classes == each
        slots, restored = drawn.slots[mine], drawn.restored[mine]
        for minute in range(now):
            here = restored > minute + 0.5
            t0[each, minute] = (here & (minute + 0.5 < slots)).sum()
            t1[each, minute] = (here & (minute + 0.5 >= slots + GRACE)).sum()
    return t0, t1


class Score:
    """Errors of one size and one minute."""

    def __init__(self) -> None:
        self.actual = [0.0] * len(AHEAD)
        self.ours = [0.0] * len(AHEAD)
        self.theirs = [0.0] * len(AHEAD)
        self.covered = [0] * len(AHEAD)
        self.outages = 0

    def add(self, drawn: Drawn, now: int, outlook: Outlook, last: float) -> None:
        self.outages += 1
        came = np.histogram(drawn.minutes, bins=[now, *(now + each for each in AHEAD)])[0]
        for place, (actual, quarter) in enumerate(zip(came, outlook.quarters, strict=True)):
            self.actual[place] += float(actual)
            self.ours[place] += float(abs(actual - quarter.p50))
            self.theirs[place] += float(abs(actual - last))
            self.covered[place] += int(quarter.p05 <= actual <= quarter.p95)

    def figures(self, households: int, now: int) -> Iterator[Figure]:
        for place, ahead in enumerate(AHEAD):
            ours, theirs = (each[place] / self.actual[place] for each in (self.ours, self.theirs))
            is_goal = now >= 30 and ahead == 30
            limit = GOALS[households]
            name = f"{households // 1000}k at minute {now}, +{ahead}"
            yield Figure(
                figure=f"{name}: WAPE", value=ours, unit="", limit=theirs,
                goal=f"<= {limit:g}, 40 % below persistence" if is_goal else "-",
                met=not is_goal or (ours <= limit and ours <= BELOW_PERSISTENCE * theirs),
            )  # fmt: skip
            covered = self.covered[place] / self.outages
            yield Figure(
                figure=f"{name}: inside p05 to p95", value=covered, unit="",
                goal=f"{COVERED[0]:g} to {COVERED[1]:g}" if now >= 30 else "-",
                met=now < 30 or COVERED[0] <= covered <= COVERED[1],
            )  # fmt: skip


def measured(asked: Asked) -> Iterator[Figure]:
    seconds: list[float] = []
    small = max(LEAST, asked.size // 5_000)
    for households, count in ((5_000, small), (50_000, small // 2)):
        scores: dict[int, Score] = defaultdict(Score)
        for number in range(count):
            drawn, known = draw(households, number), library(number)
            for now in NOWS:
                evidence, theta = seen(drawn, now), effect(drawn, now)
                began = time.process_time()
                outlook = forecast(evidence, known, random=Random(number), measured=theta)
                seconds.append(time.process_time() - began)
                scores[now].add(drawn, now, outlook, persistence(evidence) or 0.0)
        for now in NOWS:
            yield from scores[now].figures(households, now)
    typical = float(np.median(seconds))
    yield Figure(
        figure="one forecast of a queue", value=typical, unit="s",
        goal=f"<= {SECONDS_A_QUEUE:g} s", met=typical <= SECONDS_A_QUEUE,
    )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(150_000, 1_250_000), unit="households in small outages")
