"""Nobody is kept back for a measurement but by a second person's name, and never from a notice that is owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from tests import make
from tests.campaigns.opened import NOW, make_engine, open_outage

from outreach.campaigns import approving, pins, withholding
from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import preview
from outreach.model.campaign import Campaign, Measurement
from outreach.model.errors import GuardRefused
from outreach.model.pack import Certainty, Pack, Rule, RuleKind
from outreach.model.words import OccasionKind, Purpose, Service
from outreach.settings import Company, Settings
from outreach.store import sent_segments, tables as t
from outreach.store.session import Database

CAMPAIGN = "ordinary"
FILE = """
name = "ordinary"
serves = "outage"

[measurement]
tail_share = 0.5
tail_minutes = 45

[[step]]
name = "opened"
on = "opened"
classes = ["B", "C"]
template = "outage_opened"
"""


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Engine:
    """In Peru, whose law asks for no notice of an unplanned outage."""
    made = make_engine(database, tmp_path)
    (tmp_path / "campaigns" / f"{CAMPAIGN}.toml").write_text(FILE)
    company = made.settings.company.model_copy(update={"country": "PE"})
    return replace(made, settings=made.settings.model_copy(update={"company": company}))


def leaving(engine: Engine) -> dict[str, set[datetime]]:
    """class -> instants before which its messages may not leave."""
    m = t.message.c
    with engine.database.read() as session:
        found: dict[str, set[datetime]] = {}
        for row in session.execute(select(m.priority, m.not_before)):
            found.setdefault(row.priority, set()).add(row.not_before)
        return found


def test_a_tail_leaves_only_with_a_second_persons_name_and_after_all_others(engine: Engine):
    outage = open_outage(engine).occasion.id
    seen = preview(engine, outage, CAMPAIGN, now=NOW)

    with pytest.raises(GuardRefused, match="a second person stands by name"):
        engine.launch(outage, CAMPAIGN, actor="ana", now=NOW)
    assert approving.is_needed(engine, outage, CAMPAIGN)
    asked = approving.ask(engine, outage, CAMPAIGN, author="ana", now=NOW)
    approving.approve(engine, asked.id, approver="beto", now=NOW)

    [step] = seen.steps
    assert step.outlook is not None
    times = leaving(engine)
    late = step.outlook.tail_at
    assert late is not None
    assert set(times) == {"B", "C"}
    every = {at for instants in times.values() for at in instants}
    regular = every - {late}
    assert late in every
    assert regular
    assert late - max(regular) >= timedelta(minutes=45)


def test_an_emergency_of_one_person_keeps_nobody_back(engine: Engine):
    outage = open_outage(engine).occasion.id

    with pytest.raises(GuardRefused, match="a second person stands by name"):
        approving.emergency(engine, outage, CAMPAIGN, actor="ana", reason="storm", now=NOW)


def test_a_text_that_would_be_untrue_by_then_has_no_tail(engine: Engine, tmp_path: Path):
    outage = open_outage(engine).occasion.id
    file = tmp_path / "campaigns" / f"{CAMPAIGN}.toml"
    file.write_text(FILE.replace("tail_minutes = 45", "tail_minutes = 1440"))

    [step] = preview(engine, outage, CAMPAIGN, now=NOW).steps

    assert step.outlook is not None
    assert (step.outlook.tail_at, step.outlook.tail_households) == (None, 0)


@pytest.mark.parametrize(
    ("serves", "kind", "is_owed"),
    [
        pytest.param(OccasionKind.PLANNED, RuleKind.PLANNED_NOTICE, True, id="planned"),
        pytest.param(OccasionKind.PLANNED, RuleKind.PRIVACY, False, id="no rule of notices"),
        pytest.param(OccasionKind.OUTAGE, RuleKind.EVENT_CLOCK, True, id="outage"),
        pytest.param(OccasionKind.OUTAGE, RuleKind.PLANNED_NOTICE, False, id="of works alone"),
    ],
)
def test_a_holdout_gives_way_to_a_rule_of_the_country(serves, kind, is_owed):
    rule = Rule(
        id="pe.some", kind=kind, value="48 h", source="norm 1", as_of=make.NOW.date(),
        certainty=Certainty.SEEN,
    )  # fmt: skip
    campaign = Campaign(name="works", serves=serves, services=(Service.ELECTRICITY,))

    reasons = list(withholding.owed_by(Pack(country="PE", rules=(rule,)), campaign, Settings()))

    assert [("pe.some" in reason) for reason in reasons] == ([True] if is_owed else [])


def test_the_shipped_pack_of_peru_refuses_a_holdout_of_planned_works_alone():
    settings = Settings(company=Company(country="PE"))
    held = Measurement(holdout_share=0.1)
    works = Campaign(name="works", serves=OccasionKind.PLANNED, measurement=held)

    with pytest.raises(GuardRefused, match=r"holdout_share: refused: rule pe\.planned_notice"):
        withholding.refuse_unlawful(works, settings)
    withholding.refuse_unlawful(replace(works, serves=OccasionKind.OUTAGE), settings)
    withholding.refuse_unlawful(replace(works, purpose=Purpose.COMMERCIAL), settings)
    withholding.refuse_unlawful(replace(works, measurement=Measurement()), settings)


def test_the_file_itself_is_refused_where_the_law_wants_the_notice(engine: Engine, tmp_path: Path):
    text = FILE.replace("tail_share = 0.5", "holdout_share = 0.1").replace("outage", "planned", 1)
    text = text.replace('on = "opened"', 'on = "notice"\nlead = "72h"')
    text = text.replace('"outage_opened"', '"planned_notice"')
    (tmp_path / "campaigns" / f"{CAMPAIGN}.toml").write_text(text)

    with pytest.raises(GuardRefused, match=r"measurement\.holdout_share"):
        pins.read(engine.settings, CAMPAIGN)


def test_segments_are_those_of_the_newest_sms(database: Database):
    with database.write() as session:
        before = sent_segments.average(session)
        for segments in (1, 2):
            make.make_message(session, segments=segments)
        make.make_message(session, channel="email", segments=9)
        after = sent_segments.average(session)

    assert (before, after) == (1.0, 1.5)
