"""Times rendering an SMS and counting its segments against their limits, interleaved in one run.

python bench/render.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from outreach.messages.render import Renderer
from outreach.messages.sms_text import BASIC, segments
from outreach.messages.texts import read_texts
from outreach.model.notice import Facts, Words
from outreach.model.words import Channel, OccasionKind, OccasionState, Service

START = datetime(2026, 7, 14, 6, 43, tzinfo=UTC)
WORDS = Words(
    sender="Luz del Sur",
    company="Luz del Sur S.A.",
    link="https://luzsur.cl/cortes",
    phone="600 500 5000",
    priority_line="800 123 456",
    emergency="133",
)
FACTS = Facts(
    kind=OccasionKind.OUTAGE,
    state=OccasionState.ACTIVE,
    service=Service.ELECTRICITY,
    area="Providencia",
    zone="America/Santiago",
    start_at=START,
    as_of=START,
    etr_at=START + timedelta(hours=3),
)
SOURCE = "{{ s }}: {{ outage }} en {{ zone }}. {{ personal.name }}, {{ personal.premises }}: {{ personal.link }}"
BATCH = 5_000


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--json", action="store_true")
    asked.add_argument("--quick", action="store_true")
    chosen = asked.parse_args()
    rows = list(figures(seconds=2.0 if chosen.quick else 10.0))
    if chosen.json:
        print("\n".join(map(json.dumps, rows)))
        return
    print(f"{'figure':<44}{'value':>12}{'limit':>12}{'ratio':>8}{'goal':>12}  met")
    for row in rows:
        print(
            f"{row['figure']:<44}{row['value']:>12,}{row['limit']:>12,}{row['ratio']:>8}"
            f"{row['goal']:>12,}  {'yes' if row['met'] else 'no'}"
        )


def figures(seconds: float):
    people = [
        {"name": f"Ana {n}", "premises": "2", "link": f"https://luzsur.cl/c/{n}"}
        for n in range(BATCH)
    ]
    form = "Luz del Sur: corte de luz en Providencia. {name}, {premises}: {link}".format
    shipped = read_texts(Path(__file__).parents[1] / "templates")
    three = Renderer({"t": {"es": {"sms.txt": SOURCE}}}, WORDS)
    none = Renderer(shipped, WORDS)

    def formatted() -> None:
        for person in people:
            form(**person)

    ours = {
        "render an SMS, 3 personal fields": filling(three, "t", people),
        "the same, composed text looked up each time": looking_up(three, "t", people),
        "render an SMS, no personal field": filling(none, "outage_etr", [{}] * BATCH),
    }
    for figure, run in ours.items():
        yield measured(figure, run, formatted, 150_000, seconds)
    yield from counting(seconds)


def filling(renderer: Renderer, template: str, people: list[dict[str, str]]) -> Callable[[], None]:
    composed = renderer.compose(template, "es", Channel.SMS, FACTS)

    def run() -> None:
        fill = renderer.fill
        for person in people:
            fill(composed, person)

    return run


def looking_up(
    renderer: Renderer, template: str, people: list[dict[str, str]]
) -> Callable[[], None]:
    def run() -> None:
        for person in people:
            renderer.fill(renderer.compose(template, "es", Channel.SMS, FACTS), person)

    return run


def counting(seconds: float):
    texts = [
        f"Luz del Sur: corte de luz en Ñuñoa {n}. Vuelta estimada: mié 05:30." for n in range(BATCH)
    ]
    table = str.maketrans("", "", BASIC)

    def counted() -> None:
        for text in texts:
            segments(text)

    def translated() -> None:
        for text in texts:
            text.translate(table)

    yield measured("count SMS segments, GSM-7", counted, translated, 300_000, seconds)


def measured(
    figure: str, ours: Callable[[], None], limit: Callable[[], None], goal: int, seconds: float
) -> dict[str, object]:
    """Both in turn, so that a busy machine slows both; the median of the rounds."""
    our_rates, limit_rates = [], []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(our_rates) < 3:
        our_rates.append(rate(ours))
        limit_rates.append(rate(limit))
    value, most = median(our_rates), median(limit_rates)
    return {
        "figure": figure,
        "value": round(value),
        "unit": "1/s",
        "limit": round(most),
        "ratio": round(value / most, 2),
        "goal": goal,
        "met": value >= goal,
    }


def rate(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return BATCH / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
