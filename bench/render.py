"""Rows "render an SMS" and "count SMS segments", beside `str.format` and `str.translate`.

    python bench/render.py [--quick] [--json] [--size MESSAGES] [--seconds S]

Ours and its limit are timed in turn over the same people, in seconds of this process's own processor time: nothing
here waits for anything, and a neighbour on a shared machine must not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from _figures import Asked, Figure, alternately, run

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


def measured(asked: Asked) -> Iterator[Figure]:
    people = [
        {"name": f"Ana {n}", "premises": "2", "link": f"https://luzsur.cl/c/{n}"}
        for n in range(asked.size)
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
        "render an SMS, no personal field": filling(none, "outage_etr", [{}] * asked.size),
    }
    for name, fill in ours.items():
        yield beside(name, fill, formatted, 150_000, asked)
    yield counting(asked)


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


def counting(asked: Asked) -> Figure:
    texts = [
        f"Luz del Sur: corte de luz en Ñuñoa {n}. Vuelta estimada: mié 05:30."
        for n in range(asked.size)
    ]
    table = str.maketrans("", "", BASIC)

    def counted() -> None:
        for text in texts:
            segments(text)

    def translated() -> None:
        for text in texts:
            text.translate(table)

    return beside("count SMS segments, GSM-7", counted, translated, 300_000, asked)


def beside(
    name: str, ours: Callable[[], None], limit: Callable[[], None], goal: int, asked: Asked
) -> Figure:
    mine, most = alternately(ours, limit, seconds=asked.seconds, clock=time.process_time)
    value = asked.size / mine
    return Figure(
        figure=name, value=value, unit="1/CPU s", limit=asked.size / most,
        goal=f">= {goal:,}/s", met=value >= goal,
    )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(5_000, 5_000), unit="messages a round")
