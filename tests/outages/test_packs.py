"""Country packs: what we ship, what a file may say, and what a notice breaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.model.errors import InputRefused
from outreach.model.pack import Certainty, Lead, Pack, PlannedNotice, RuleKind, Stated
from outreach.model.words import Service
from outreach.outages import pack_check, packs

START = datetime(2026, 9, 17, 12, tzinfo=UTC)
"""A Thursday, 09:00 in Buenos Aires and São Paulo, 06:00 in Costa Rica."""
H = timedelta(hours=1)
ALL = frozenset("ABC")
SMS = frozenset({"sms", "email"})
RULE = """
country = "AR"
[[rule]]
rule = "planned_notice"
value = 48
unit = "h"
source = "the gazette"
date = 2026-11-01
certainty = "W"
"""


def shipped(country: str) -> Pack:
    return packs.read_pack(country, Path("/nowhere"))


def lead(hours: float, classes: frozenset[str] = ALL, channels: frozenset[str] = SMS) -> Lead:
    return Lead(step=f"notice_{hours:g}h", before=hours * H, classes=classes, channels=channels)


def make_notice(**changes: Any) -> PlannedNotice:
    whole = PlannedNotice(
        service=Service.ELECTRICITY, zone="America/Argentina/Buenos_Aires",
        start_at=START, end_at=START + 4 * H, told_at=START - 240 * H,
        leads=(lead(200), lead(72), lead(24)),
    )  # fmt: skip
    return replace(whole, **changes)


def broken(country: str, **changes: Any) -> dict[str, str]:
    """Rule id -> what breaks it."""
    found = pack_check.check(make_notice(**changes), shipped(country))
    return {one.rule.id: one.why for one in found}


# ── What we ship ─────────────────────────────────────────────────────────────────────────────


def test_every_country_of_the_field_rules_has_a_pack_and_every_rule_its_source() -> None:
    known = packs.countries(Path("/nowhere"))

    rules = [rule for country in known for rule in shipped(country).rules]

    assert known == ("AR", "BR", "CL", "CO", "CR", "MX", "PE", "US")
    assert all(rule.source and rule.as_of == date(2026, 11, 1) and rule.value for rule in rules)


@pytest.mark.parametrize(
    ("rule", "value", "certainty"),
    [
        ("cl.planned_notice.electricity", "72 h", "R"),
        ("cl.planned_notice.water", "48 h", "X"),
        ("ar.planned_notice.electricity", "48 h", "W"),
        ("ar.planned_repeat.electricity", "24 h", "W"),
        ("br.planned_notice.electricity", "72 h", "D"),
        ("br.life_support_notice.electricity", "5 d", "D"),
        ("br.cause_clock.electricity", "15 min", "W"),
        ("br.event_clock.electricity", "60 min", "W"),
        ("pe.planned_notice.electricity", "48 h", "W"),
        ("cr.planned_notice.electricity", "8 d", "W"),
        ("cr.planned_window.electricity", "mon tue wed thu fri sat 05:00-22:00", "W"),
    ],
)
def test_the_numbers_are_those_of_the_field_rules(rule: str, value: str, certainty: str) -> None:
    found = next(one for one in shipped(rule[:2]).rules if one.id == rule)

    assert (found.value, found.certainty.value) == (value, certainty)


def test_what_is_recalled_or_unsettled_is_never_called_a_rule() -> None:
    rules = [rule for country in packs.countries(Path("/x")) for rule in shipped(country).rules]

    called = {rule.certainty: pack_check.basis(rule) for rule in rules}

    assert called == {
        Certainty.SEEN: "rule",
        Certainty.REPORTED: "rule",
        Certainty.RECALLED: "configured value, not confirmed",
        Certainty.UNSETTLED: "configured value, not confirmed",
    }
    assert not any(rule.refuses for rule in rules if rule.certainty is Certainty.UNSETTLED)


def test_a_country_without_a_pack_has_no_rules() -> None:
    assert shipped("UY") == Pack(country="UY")


# ── What a notice breaks ─────────────────────────────────────────────────────────────────────


def test_a_campaign_in_time_with_everything_in_its_texts_breaks_nothing() -> None:
    assert broken("AR") == broken("PE") == broken("CL") == {}


def test_a_notice_too_late_says_until_when_it_had_to_go_and_where_that_was_read() -> None:
    notice = make_notice(told_at=START - 40 * H)

    (found,) = pack_check.check(notice, shipped("AR"))

    assert found.why == (
        "people must hear by 2026-09-15 09:00, 48 h before the start; that is 8 h too late"
    )
    assert "[ar.planned_notice.electricity: 48 h; rule; source: ENRE 2023" in (
        pack_check.in_words(found)
    )
    assert "certainty W]" in pack_check.in_words(found)


@pytest.mark.parametrize(("seconds", "is_broken"), [(0, False), (1, False), (2, True)])
def test_the_last_instant_still_keeps_the_period(seconds: int, is_broken: bool) -> None:  # noqa: FBT001
    told_at = START - 48 * H + timedelta(seconds=seconds)

    assert bool(broken("AR", told_at=told_at)) is is_broken


def test_a_campaign_whose_longest_lead_is_shorter_than_the_rule_breaks_it_however_early() -> None:
    found = broken("AR", leads=(lead(30), lead(24)))

    assert found == {
        "ar.planned_notice.electricity": "people must hear 48 h before the start; "
        "the campaign tells them 30 h ahead"
    }


def test_a_lead_that_leaves_a_class_out_does_not_count_for_everybody() -> None:
    found = broken("PE", leads=(lead(72, frozenset("A")),))

    assert found["pe.planned_notice.electricity"].endswith("the campaign never does")


def test_a_notice_that_is_not_repeated_breaks_the_rule_that_asks_for_it() -> None:
    assert set(broken("AR", leads=(lead(72),))) == {"ar.planned_repeat.electricity"}


STATED = {"date", "zone", "a", "b", "danger_planned"}


@pytest.mark.parametrize(
    ("without", "text", "missing"),
    [
        ("", "por obras", ""),
        ("", "corte", "reason"),
        ("danger_planned", "por obras", "precautions"),
        ("zone", "por obras", "date and area"),
        ("b", "por obras", "restoration"),
        ("a", "por obras", "start"),
    ],
)
def test_each_of_the_five_items_must_be_in_every_text(
    without: str, text: str, missing: str
) -> None:
    texts = Stated(
        where="planned_notice/es/sms.txt", fields=frozenset(STATED - {without}), text=text
    )

    found = broken("AR", stated=(texts,))

    why = f"planned_notice/es/sms.txt does not state: {missing}"
    assert found == ({"ar.planned_items.electricity": why} if missing else {})


@pytest.mark.parametrize(
    ("start", "hours", "is_allowed"),
    [
        (datetime(2026, 9, 17, 11, tzinfo=UTC), 4, True),  # Thursday 05:00
        (datetime(2026, 9, 17, 10, 59, tzinfo=UTC), 4, False),
        (datetime(2026, 9, 18, 0, tzinfo=UTC), 4, True),  # Thursday 18:00 to 22:00
        (datetime(2026, 9, 18, 0, 1, tzinfo=UTC), 4, False),
        (datetime(2026, 9, 20, 15, tzinfo=UTC), 4, False),  # a Sunday
        (datetime(2026, 9, 17, 11, tzinfo=UTC), 30, False),  # over a night
        (datetime(2026, 9, 18, 2, tzinfo=UTC), 4, False),  # until midnight
    ],
)
def test_a_work_lies_in_the_hours_and_days_that_are_allowed(
    start: datetime,
    hours: int,
    is_allowed: bool,  # noqa: FBT001
) -> None:
    found = broken(
        "CR", zone="America/Costa_Rica", start_at=start, end_at=start + hours * H,
        told_at=start - 300 * H,
    )  # fmt: skip

    assert ("cr.planned_window.electricity" not in found) is is_allowed


def test_life_support_has_a_longer_period_and_a_manner_but_only_where_somebody_is_on_the_register() -> (
    None
):
    late = {"told_at": START - 100 * H, "leads": (lead(80, channels=frozenset({"voice"})),)}

    nobody = broken("BR", **late)
    somebody = broken("BR", **late, priority_customers=3)

    assert nobody == {}
    assert set(somebody) == {
        "br.life_support_notice.electricity",
        "br.life_support_manner.electricity",
    }
    assert "written" in somebody["br.life_support_manner.electricity"]


def test_a_cancellation_must_be_told_where_the_pack_says_so() -> None:
    assert "us.planned_cancel.electricity" in broken("US", tells_cancelled=False)


def test_rules_are_of_their_service_alone() -> None:
    water = broken("CL", service=Service.WATER, told_at=START - 30 * H)

    assert set(water) == {"cl.planned_notice.water"}
    assert broken("AR", service=Service.GAS, told_at=START - H) == {}


# ── The workspace's own ──────────────────────────────────────────────────────────────────────


def own(folder: Path, text: str) -> Path:
    (folder / "packs").mkdir()
    (folder / "packs" / "ar.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_rule_of_the_workspace_wins_over_ours_and_names_its_file(tmp_path: Path) -> None:
    text = RULE.replace("48", "96").replace("certainty", 'service = "electricity"\ncertainty')

    pack = packs.read_pack("AR", own(tmp_path, text))

    (notice,) = pack.of(Service.ELECTRICITY, RuleKind.PLANNED_NOTICE)
    assert (notice.value, notice.source) == ("96 h", "the gazette")
    assert notice.file.endswith("packs/ar.toml")
    assert pack.of(Service.ELECTRICITY, RuleKind.PLANNED_ITEMS)


def test_a_company_of_a_country_without_a_pack_can_bring_its_own(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    (tmp_path / "packs" / "uy.toml").write_text(RULE.replace("AR", "UY"))

    assert "UY" in packs.countries(tmp_path)
    assert [rule.id for rule in packs.read_pack("UY", tmp_path).rules] == ["uy.planned_notice"]


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        ('country = "AR"', 'country = "Argentina"', "country: must be two letters"),
        ('country = "AR"', 'country = "BR"', "this file is AR's"),
        ('"planned_notice"', '"planed_notice"', "did you mean 'planned_notice'?"),
        ("value = 48", "value = -1", "value: -1 is not a number above 0"),
        ('unit = "h"', 'unit = "hours"', "unit: 'hours' is unknown"),
        ('source = "the gazette"', 'source = " "', "source: empty"),
        ('source = "the gazette"', "", "source: missing"),
        ("date = 2026-11-01", 'date = "2026"', "date: '2026'; write it bare"),
        ('certainty = "W"', 'certainty = "sure"', "certainty: 'sure' is unknown"),
        ('certainty = "W"', 'certainty = "W"\nservise = "gas"', "servise: 'servise' is unknown; did you mean"),
        ('certainty = "W"', 'certainty = "W"\nrefuse = "no"', "refuse: must be true or false"),
        ('"planned_notice"', '"planned_window"', 'must be { days = ["mon", "sat"]'),
        ('"planned_notice"', '"planned_items"', "must be a list of { item"),
        ('"planned_notice"', '"life_support_manner"', "a list of personal, written, spoken"),
        ("[[rule]]", "[rules]", "rule: missing; begin each rule with [[rule]]"),
        ("[[rule]]", "[[rule", "ar.toml: "),
    ],
)  # fmt: skip
def test_every_mistake_names_the_file_and_the_key(
    tmp_path: Path, change: str, to: str, said: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        packs.read_pack("AR", own(tmp_path, RULE.replace(change, to)))

    assert said in str(refused.value)
    assert "packs/ar.toml" in str(refused.value)


def test_all_mistakes_come_at_once_with_the_number_of_the_rule(tmp_path: Path) -> None:
    twice = RULE + RULE.partition("[[rule]]")[2].join(["[[rule]]", ""]).replace("W", "Y")

    with pytest.raises(InputRefused) as refused:
        packs.read_pack("AR", own(tmp_path, twice))

    assert [line.partition("ar.toml: ")[2].partition(":")[0] for line in str(refused.value).splitlines()] == [
        "rule 2", "rule 2",
    ]  # fmt: skip
