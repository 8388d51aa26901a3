"""What a preview shows is what leaves: random texts to random people, compared with the ledger after the run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings as hypothesis, strategies as st
from sqlalchemy import insert, select, update
from tests import carried_copy, make, town

from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import Preview, preview
from outreach.entry.demo.clock import LeapingLoop
from outreach.entry.wiring import Clocks, Installation
from outreach.entry.worker import Worker
from outreach.model.occasion import NewOccasion, OccasionId, Scope
from outreach.model.words import CHANNEL_BITS, Channel, MessageState, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import tables as t

NOW = make.NOW
PEOPLE = 24
LOCALITIES = ("Ñuñoa", "Providencia", "San José de Maipo")
TEMPLATES = ("outage_opened", "outage_opened_priority")
LANGUAGES = ("es", "en", "pt")
_NAMES = count(1)

FACTS = (
    "{{ s }}", "{{ zone }}", "{{ start }}", "{{ asof }}", "{{ outage }}", "{{ link }}",
    "{{ personal.several }}", "{% if cause %}{{ cause }}{% endif %}",
    "{% if next %}{{ next }}{% endif %}", "{% if etr %}{{ etr }}{% else %}?{% endif %}",
    "{% if count %}{{ count }}{% endif %}",
)  # fmt: skip
LITERALS = st.text(alphabet="abc eñáçãü€^[]łЖ🙂. ", min_size=1, max_size=40)
TEXTS = st.lists(st.sampled_from(FACTS) | LITERALS, min_size=1, max_size=9).map(" ".join)
CAUSES = st.sampled_from(["", "árbol caído", "Überspannung"])
AUDIENCES = st.sets(st.integers(1, PEOPLE), min_size=1)


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    """People of all classes, languages and channels, some with two premises and some with one phone for two."""
    drawn = Random(7)  # noqa: S311  the same people every time
    with database.write() as session:
        for number in range(1, PEOPLE + 1):
            channel = drawn.choice([Channel.SMS, Channel.SMS, Channel.EMAIL, None])
            person = town.resident(
                session, number=number, order=number, locality=drawn.choice(LOCALITIES),
                priority=drawn.choice("ABCC"), channel=channel,
            )  # fmt: skip
            if channel is not None and number % 4 == 0:
                _second_premise(session, person, number, channel)
        locales = {number: drawn.choice(LANGUAGES) for number in range(1, PEOPLE + 1)}
        for number, locale in locales.items():
            mine = t.customer.c.ref == f"K-{number:04}"
            session.execute(update(t.customer).where(mine).values(locale=locale))
            theirs = select(t.customer.c.id).where(mine)
            session.execute(
                update(t.reach).where(t.reach.c.customer_id.in_(theirs)).values(locale=locale)
            )
    settings = town.workspace(tmp_path)
    carried_copy.own_templates(tmp_path)
    return town.engine(database, settings)


def _second_premise(session, person: int, number: int, channel: Channel) -> None:
    """At the place of the person before, under the same account and the same address."""
    r = t.reach.c
    row = session.execute(select(t.reach).where(r.customer_id == person)).mappings().one()
    [account] = session.scalars(select(t.account.c.id).where(t.account.c.customer_id == person))
    premise = make.make_premise(
        session, account=account, ref=f"S-{number:04}b", tree_order=number - 1, locality="Ñuñoa"
    )
    values = dict(row) | {"premise_id": premise, "tree_order": number - 1, "locality": "Ñuñoa"}
    assert values["channels"] == CHANNEL_BITS[channel]
    session.execute(insert(t.reach).values(**values))


def written(engine: Engine, texts: list[str]) -> None:
    """The texts as the staff's own files, in every language."""
    for (template, locale), text in zip(
        ((template, locale) for template in TEMPLATES for locale in LANGUAGES), texts, strict=True
    ):
        folder = engine.settings.workspace / "templates" / template / locale
        for name in ("sms.txt", "email.txt", "email.html"):
            (folder / name).write_text(text, encoding="utf-8")


def outage(engine: Engine, numbers: set[int], cause: str) -> OccasionId:
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=f"T-{next(_NAMES)}",
        zone=make.ZONE,
    )  # fmt: skip
    scope = Scope(premises=tuple(f"S-{number:04}" for number in sorted(numbers)))
    revision = revise.opened(scope, start_at=NOW, change=Change(cause=cause or None), now=NOW)
    return engine.open(new, revision, now=NOW).occasion.id


def over(engine: Engine, occasion: OccasionId) -> None:
    """As if it had never been: the next one stands alone."""
    with engine.database.write() as session:
        o, r = t.occasion, t.revision
        session.execute(update(o).where(o.c.id == occasion).values(open=False))
        session.execute(update(r).where(r.c.occasion_id == occasion).values(state="ended"))


def sent(engine: Engine) -> None:
    """Everything leaves, by the worker itself and the outbox."""
    loop = LeapingLoop(NOW + timedelta(minutes=6))
    of = Installation(
        settings=engine.settings, database=engine.database, keyring=engine.keyring,
        clocks=Clocks(now=loop.now, monotonic=loop.time, sleep=asyncio.sleep), owner="test",
    )  # fmt: skip

    async def round_() -> None:
        try:
            await Worker(of).once()
        finally:
            await of.close()

    try:
        loop.run_until_complete(round_())
    finally:
        loop.close()


Line = tuple[str, str, str, str, bytes]
"""Step, channel, class, locale, hash of the text."""


def ledger(engine: Engine, occasion: OccasionId) -> Iterator[tuple[Line, int]]:
    """Each message that left, with its segments."""
    m, w, r = t.message.c, t.step_run.c, t.run.c
    with engine.database.read() as session:
        rows = session.execute(
            select(w.step, m.channel, m.priority, m.locale, m.body_hash, m.segments, m.state)
            .join(t.step_run, w.id == m.step_run_id)
            .join(t.run, r.id == w.run_id)
            .where(r.occasion_id == occasion)
        ).all()
    for *line, segments, state in rows:
        assert state in {MessageState.ACCEPTED, MessageState.SENT, MessageState.DELIVERED,
                         MessageState.UNDELIVERED}  # fmt: skip
        yield tuple(line), segments


def agree(shown: Preview, left: list[tuple[Line, int]]) -> None:
    assert shown.messages == len(left)
    for step in shown.steps:
        mine = [(line, segments) for line, segments in left if line[0] == step.step]
        assert step.by_channel == Counter(line[1] for line, _segments in mine)
        assert step.by_class == Counter(line[2] for line, _segments in mine)
        assert step.by_locale == Counter(line[3] for line, _segments in mine)
        assert step.hashes == Counter(line[4] for line, _segments in mine)
        assert step.segments == sum(segments for line, segments in mine if line[1] == Channel.SMS)
        assert step.cost == pytest.approx(0.05 * step.segments)


@hypothesis(
    max_examples=10,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # an example costs a run of the worker: none to spare for shrinking
    suppress_health_check=list(HealthCheck),
)
@given(texts=st.lists(TEXTS, min_size=6, max_size=6), cause=CAUSES, numbers=AUDIENCES)
def test_what_was_shown_is_what_left_by_count_segments_cost_and_hash(engine, texts, cause, numbers):
    written(engine, texts)
    occasion = outage(engine, numbers, cause)
    shown = preview(engine, occasion, "unplanned-outage", now=NOW)

    engine.launch(occasion, "unplanned-outage", actor="ana", now=NOW)
    sent(engine)

    agree(shown, list(ledger(engine, occasion)))
    over(engine, occasion)
