"""Segments in campaign files: read with their lines, checked against the record, and heeded by the freeze."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from tests import town
from tests.campaigns.tell import NOW, customer, opened

from outreach.campaigns import arming, faults
from outreach.campaigns.engine import Engine
from outreach.campaigns.files import parse_campaign
from outreach.campaigns.preview import preview
from outreach.campaigns.toml_lines import lines_of
from outreach.model.audience import Segment
from outreach.model.campaign import Campaign
from outreach.model.errors import InputRefused
from outreach.model.words import Channel
from outreach.store import tables as t

HEAD = 'name = "storm"\nserves = "outage"\nservices = []\nminimum_age = "0m"\n'
STEP = '[[step]]\nname = "opened"\non = "opened"\ntemplate = "outage_opened"\n'
FOLLOW = '[[step]]\nname = "news"\non = "etr_set"\naudience = "told"\ntemplate = "outage_etr"\n'


CORRECTION = (
    '[[step]]\nname = "correction"\non = "correction"\naudience = "told"\ntemplate = "correction"\n'
)


def parse(text: str) -> Campaign:
    return parse_campaign(text, path=Path("campaigns/storm.toml"))


def mistakes(text: str) -> list[str]:
    with pytest.raises(InputRefused) as refused:
        parse(text)
    return [line.removeprefix("campaigns/storm.toml:") for line in str(refused.value).splitlines()]


def test_every_key_of_a_segment_arrives_in_its_step():
    keys = (
        '[step.segment]\nlocales = ["pt"]\nlocalities = ["Ñuñoa", "Ñuñoa"]\n'
        'customer_types = ["hospital"]\ntags = ["vip"]\nchannels = ["sms"]\nnot_told_for = "6h"\n'
    )

    [step] = parse(HEAD + STEP + keys).steps

    assert step.segment == Segment(
        locales=("pt",), localities=("Ñuñoa",), customer_types=("hospital",), tags=("vip",),
        channels=(Channel.SMS,), not_told_for=timedelta(hours=6),
    )  # fmt: skip


def test_the_campaigns_segment_holds_for_each_step_that_chooses_key_by_key():
    shared = '[segment]\ntags = ["vip"]\nlocalities = ["Ñuñoa"]\n'
    own = 'segment = { localities = ["Providencia"] }\n'

    chosen, told = parse(HEAD + shared + STEP + own + FOLLOW).steps

    assert chosen.segment == Segment(tags=("vip",), localities=("Providencia",))
    assert told.segment.is_everybody


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (STEP + '[step.segment]\ntag = ["vip"]\n', "10: tag: unknown; did you mean 'tags'?"),
        (STEP + '[step.segment]\ntags = "vip"\n', "10: tags: 'vip' is not a list"),
        (STEP + "[step.segment]\ntags = []\n", "10: tags: empty; give at least 1"),
        (STEP + 'segment = { tags = [""] }\n', "9: tags: '' is not a text"),
        (STEP + 'segment = "vip"\n', "9: segment: must be a table of keys"),
        (STEP + '[step.segment]\nclasses = ["A"]\n', "10: classes: unknown"),
        ('[segment]\nnot_told_for = "6"\n' + STEP, "6: not_told_for: '6' is not a duration"),
        (STEP + FOLLOW + 'segment = { tags = ["vip"] }\n', "14: segment: told are those who heard"),
    ],
)
def test_a_mistake_is_named_with_its_line(text, expected):
    [found] = mistakes(HEAD + text)

    assert found.startswith(expected)


def test_a_table_under_a_step_is_found_under_its_number():
    lines = lines_of(HEAD + STEP + STEP + '[step.segment]\ntags = ["vip"]\n')

    assert lines["step", 1, "segment"] == 13
    assert lines["step", 1, "segment", "tags"] == 14


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    """The small town with a campaign `storm`; K-0002 carries the tag vip."""
    with database.write() as session:
        town.build(session)
    made = town.engine(database, town.workspace(tmp_path))
    with database.write() as session:
        session.execute(
            insert(t.customer_tag).values(tag="vip", customer_id=customer(made, "K-0002"))
        )
    return made


def write(engine: Engine, *parts: str) -> None:
    path = engine.settings.workspace / "campaigns" / "storm.toml"
    path.write_text(HEAD + "".join(parts), encoding="utf-8")


def written_to(engine: Engine) -> set[str]:
    with engine.database.read() as session:
        rows = session.execute(
            select(t.customer.c.ref).join(t.message, t.message.c.customer_id == t.customer.c.id)
        )
        return set(rows.scalars())


def launch(engine: Engine) -> None:
    occasion = opened(engine).occasion.id
    engine.launch(occasion, "storm", actor="ana", now=NOW)


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ('[step.segment]\ntags = ["VIP"]\n', {"K-0002"}),
        ('[step.segment]\nlocalities = ["nunoa"]\n', {"K-0005", "K-0006", "K-0007"}),
        ("", {f"K-000{number}" for number in range(1, 8)}),
    ],
    ids=["tag", "locality", "everybody"],
)
def test_a_launch_writes_to_the_segment_alone_and_leaves_nobody_else_out(engine, segment, expected):
    write(engine, STEP, segment)

    launch(engine)

    assert written_to(engine) == expected
    with engine.database.read() as session:
        assert session.execute(select(t.left_out)).all() == []


def test_a_preview_counts_the_segment(engine):
    write(engine, STEP, '[step.segment]\ntags = ["vip"]\n')

    shown = preview(engine, opened(engine).occasion.id, "storm", now=NOW)

    assert shown.messages == 1


def test_a_value_that_nobody_has_is_a_fault_with_its_line_and_what_is_near(engine):
    write(
        engine, '[segment]\nlocalities = ["Providencio"]\n', STEP,
        '[step.segment]\ntags = ["vi"]\n', STEP.replace('"opened"\non', '"again"\non'),
    )  # fmt: skip

    with engine.database.read() as session:
        found = faults.of_segments(session, engine.settings, "storm")

    assert [(one.line, one.message) for one in found] == [
        (6, "localities: 'Providencio': nobody in the record has it; near: Providencia"),
        (12, "tags: 'vi': nobody in the record has it; near: vip"),
    ]


def test_a_file_that_does_not_read_has_no_faults_of_segments(engine):
    write(engine, "[[step]]\n")

    with engine.database.read() as session:
        assert faults.of_segments(session, engine.settings, "storm") == []


def test_a_typo_launches_previews_and_arms_nothing(engine):
    write(engine, STEP, 'segment = { localities = ["Providencio"] }\n', CORRECTION)
    occasion = opened(engine).occasion.id

    with pytest.raises(InputRefused, match=r"storm.toml:9: localities: 'Providencio'"):
        engine.launch(occasion, "storm", actor="ana", now=NOW)
    with pytest.raises(InputRefused, match="near: Providencia"):
        preview(engine, occasion, "storm", now=NOW)
    with pytest.raises(InputRefused, match="near: Providencia"):
        arming.arm(engine, "storm", author="ana", approver="beto", until=None, now=NOW)
    assert written_to(engine) == set()
