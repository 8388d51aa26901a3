"""Campaign files: read whole, refused whole, with the line of every mistake."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from outreach.campaigns.files import parse_campaign, read_campaign, read_campaigns
from outreach.campaigns.toml_lines import line_of, lines_of
from outreach.model.campaign import Campaign, Limits, Measurement, QuietHours, Renotify
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.words import (
    AtNight,
    Audience,
    Channel,
    PriorityClass,
    Purpose,
    Service,
    Tier,
)

SOUND = """\
name = "storm"
serves = "outage"

[[step]]
name = "opened"
on = "opened"
template = "outage_opened"
"""


def _parse(text: str, **options: Any) -> Campaign:
    return parse_campaign(text, path=Path("campaigns/storm.toml"), **options)


def _mistakes(text: str, **options: Any) -> list[str]:
    with pytest.raises(InputRefused) as refused:
        _parse(text, **options)
    return [line.removeprefix("campaigns/storm.toml:") for line in str(refused.value).splitlines()]


# ── Reading ──────────────────────────────────────────────────────────────────────────────────


def test_every_key_arrives_in_the_campaign() -> None:
    campaign = _parse(
        """
name = "storm"
serves = "outage"
services = ["water", "gas", "water"]
purpose = "commercial"
basis = "consent"
fold = false
cadence = "1h30m"
minimum_age = "90s"
undo_for = "0s"
pause_after_errors = 20
quiet_hours = { start = 22:00:00, end = "06:30" }
[limits]
max_audience = 1000
max_cost = 12.5
audience_may_move = 0.05
[renotify]
later_by = "20m"
earlier_by = "2h"
expiring_within = "10m"
[measurement]
tail_share = 0.1
tail_minutes = 30
holdout_share = 0
grace_minutes = 3
[[step]]
name = "notice"
on = "joined"
when = "etr"
audience = "joined"
classes = ["B", "C"]
channels = ["email", "sms"]
template = "t"
at_night = "class_a_only"
tier = "restoration"
too_late_after = "1d"
"""
    )

    step = campaign.steps[0]
    assert campaign.services == (Service.WATER, Service.GAS)
    assert (campaign.purpose, campaign.fold) == (Purpose.COMMERCIAL, False)
    assert (campaign.cadence, campaign.minimum_age, campaign.undo_for) == (
        timedelta(minutes=90), timedelta(seconds=90), timedelta(),
    )  # fmt: skip
    assert campaign.pause_after_errors == 20
    assert campaign.quiet_hours == QuietHours(start=time(22), end=time(6, 30))
    assert campaign.limits == Limits(max_audience=1000, max_cost=12.5, audience_may_move=0.05)
    assert campaign.renotify == Renotify(
        later_by=timedelta(minutes=20),
        earlier_by=timedelta(hours=2),
        expiring_within=timedelta(minutes=10),
    )
    assert campaign.measurement == Measurement(tail_share=0.1, tail_minutes=30, grace_minutes=3)
    assert (step.when, step.audience, step.at_night, step.tier) == (
        "etr", Audience.JOINED, AtNight.CLASS_A_ONLY, Tier.RESTORATION,
    )  # fmt: skip
    assert step.channels == (Channel.EMAIL, Channel.SMS)
    assert step.too_late_after == timedelta(days=1)


def test_what_a_file_leaves_out_has_its_default() -> None:
    campaign = _parse(SOUND)

    assert (campaign.quiet_hours, campaign.limits) == (QuietHours(), Limits())
    assert campaign.steps[0].classes == tuple(PriorityClass)


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────


def test_all_mistakes_come_at_once_with_line_and_key() -> None:
    text = """\
name = "other"
serves = "outages"
cadense = "60m"
[limits]
max_audience = -1
[[step]]
name = "opened"
on = "opened"
template = "outage_opned"
[[step]]
on = "joined"
tmeplate = "outage_opened"
classes = ["D"]
"""

    found = _mistakes(text, templates=["outage_opened", "outage_etr"])

    assert [mistake.split("allowed")[0] for mistake in found] == [
        "1: name: must be the file's name, 'storm'",
        "2: serves: 'outages' is unknown; did you mean 'outage'? ",
        "3: cadense: unknown; did you mean 'cadence'? ",
        "5: max_audience: -1 is not a whole number from 0 to 1000000000",
        "9: template: unknown; did you mean 'outage_opened'? ",
        "10: name: missing",
        "10: template: missing",
        "12: tmeplate: unknown; did you mean 'template'? ",
        "13: classes: 'D' is unknown; ",
    ]
    assert found[-1].endswith("allowed: A, B, C")


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        pytest.param('cadence = "60 minutes"', "is not a duration", id="duration"),
        pytest.param('cadence = ""', "is not a duration", id="empty-duration"),
        pytest.param("cadence = 60", "is not a duration", id="number-for-duration"),
        pytest.param('cadence = "1m"', "'1m' is shorter than 0:05:00", id="cadence-too-short"),
        pytest.param("fold = 1", "neither true nor false", id="boolean"),
        pytest.param("pause_after_errors = true", "not a whole number from 1 to 200", id="whole"),
        pytest.param('services = "water"', "is not a list", id="list"),
        pytest.param("limits = 3", "must be a table of keys", id="table"),
        pytest.param("limits.max_cost = true", "is not a number from 0", id="dotted-key"),
        pytest.param('quiet_hours = { start = "9pm" }', "is not a time of day", id="clock"),
        pytest.param("purpose = 4", "4 is unknown", id="word"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(line: str, mistake: str) -> None:
    (only,) = _mistakes(SOUND.replace("\n\n", f"\n{line}\n\n", 1))

    assert only.startswith("3: ")
    assert mistake in only


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        pytest.param('lead = "72h"', "8: lead: a step on notice needs a lead", id="lead-of-opened"),
        pytest.param(
            'audience = "told"', "8: audience: at the first notice nobody", id="told-first"
        ),
        pytest.param("channels = []", "8: channels: empty; give at least 1", id="no-channel"),
        pytest.param(
            'channels = ["whatsapp", "sms"]',
            "8: channels: 'whatsapp' only comes in: replies by it are read and answered, but no",
            id="whatsapp",
        ),
        pytest.param(
            'segment.channels = ["whatsapp"]',
            "8: channels: 'whatsapp' only comes in",
            id="whatsapp-segment",
        ),
        pytest.param('when = "sometimes"', "8: when: 'sometimes' is unknown", id="when"),
    ],
)
def test_keys_of_a_step_must_fit_together(lines: str, mistake: str) -> None:
    (only,) = _mistakes(SOUND + lines + "\n")

    assert only.startswith(mistake)


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        pytest.param(
            ('on = "opened"', 'on = "moved"'),
            "6: on: 'moved' never happens to this kind (outage); allowed: ",
            id="event-of-another-kind",
        ),
        pytest.param(
            ('on = "opened"', 'on = "restored"\naudience = "left"'),
            "7: audience: people leave at partial",
            id="left-at-restored",
        ),
        pytest.param(
            ('template = "outage_opened"', 'template = ""'),
            "7: template: '' is not a text",
            id="text",
        ),
    ],
)
def test_a_step_that_could_never_speak_is_a_mistake(change: tuple[str, str], mistake: str) -> None:
    (only,) = _mistakes(SOUND.replace(*change))

    assert only.startswith(mistake)


def test_two_steps_of_one_name_are_both_pointed_at() -> None:
    twice = SOUND + SOUND[SOUND.index("[[step]]") :]

    assert _mistakes(twice) == [
        "5: name: 'opened' is the name of 2 steps",
        "9: name: 'opened' is the name of 2 steps",
    ]


def test_rules_point_at_the_right_step_though_an_earlier_one_is_incomplete() -> None:
    text = 'name = "storm"\nserves = "outage"\n[[step]]\nname = "x"\n[[step]]\nname = "y"\non = "moved"\ntemplate = "t"\n'

    assert [mistake.split(":")[0] for mistake in _mistakes(text)] == ["3", "3", "7"]


def test_a_campaign_without_steps_or_with_a_step_that_is_no_table_is_a_mistake() -> None:
    assert _mistakes('name = "storm"\nserves = "outage"\n') == [
        "1: step: missing; begin each step with [[step]]"
    ]
    assert _mistakes('name = "storm"\nserves = "outage"\nstep = [1]\n') == [
        "3: step: must be a table of keys"
    ]


def test_a_file_that_is_no_toml_is_refused_with_its_line() -> None:
    with pytest.raises(InputRefused, match=r"storm\.toml: .*line 2"):
        _parse('name = "storm"\nserves = outage\n')


@pytest.mark.parametrize("content", [None, b"\xe9"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "storm.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(InputRefused, match=r"storm\.toml: (cannot be read|not UTF-8 at byte 0)"):
        read_campaign(path)


def test_the_mistakes_of_all_files_of_a_folder_come_at_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(SOUND)

    with pytest.raises(InputRefused) as refused:
        read_campaigns(tmp_path)

    assert [line.split(": ", 1)[1] for line in str(refused.value).splitlines()] == [
        "name: must be the file's name, 'a'",
        "name: must be the file's name, 'b'",
    ]


# ── Nobody is held back whom the law or a life protects ──────────────────────────────────────


@pytest.mark.parametrize("share", ["tail_share", "holdout_share"])
@pytest.mark.parametrize(
    ("changes", "country", "reason"),
    [
        pytest.param("", "PE", "class A is never held back, and step 'opened'", id="class-a"),
        pytest.param('classes = ["B"]\n', "cl", "CL has a duty to inform", id="chile"),
        pytest.param('classes = ["B"]\n', "BR", "BR has a duty to inform", id="brazil"),
        pytest.param('classes = ["B"]\n', "AR", "AR has a duty to inform", id="argentina"),
    ],
)
def test_nobody_is_held_back_from_a_notice_that_is_owed(
    share: str, changes: str, country: str, reason: str
) -> None:
    text = f"{SOUND}{changes}[measurement]\n{share} = 0.1\n"

    with pytest.raises(GuardRefused, match=f"{share}: refused: {reason}"):
        _parse(text, country=country)


def test_in_an_emergency_nobody_is_held_back_anywhere() -> None:
    text = SOUND.replace("\n\n", '\npurpose = "emergency"\n\n', 1)

    with pytest.raises(GuardRefused, match="in an emergency"):
        _parse(text + 'classes = ["B"]\n[measurement]\ntail_share = 0.1\n', country="PE")


@pytest.mark.parametrize(("purpose", "country"), [("commercial", "CL"), ("service", "PE")])
def test_others_may_be_measured_with_a_tail(purpose: str, country: str) -> None:
    basis = "consent" if purpose == "commercial" else "contract"
    text = SOUND.replace("\n\n", f'\npurpose = "{purpose}"\nbasis = "{basis}"\n\n', 1)

    campaign = _parse(
        text + 'classes = ["B", "C"]\n[measurement]\ntail_share = 0.1\n', country=country
    )

    assert campaign.measurement.tail_share == 0.1


@pytest.mark.parametrize(
    ("purpose", "basis", "says"),
    [
        pytest.param("commercial", "contract", 'write basis = "consent"', id="commerce"),
        pytest.param("service", "vital_interest", "only purpose", id="no emergency"),
    ],
)
def test_a_basis_in_law_that_does_not_carry_its_purpose_is_refused(
    purpose: str, basis: str, says: str
) -> None:
    text = SOUND.replace("\n\n", f'\npurpose = "{purpose}"\nbasis = "{basis}"\n\n', 1)

    with pytest.raises(InputRefused, match=says):
        _parse(text)


def test_a_folder_refused_by_guards_alone_is_refused_as_guard(tmp_path: Path) -> None:
    (tmp_path / "storm.toml").write_text(SOUND + "[measurement]\ntail_share = 0.1\n")

    with pytest.raises(GuardRefused, match=r"storm\.toml:9: tail_share"):
        read_campaigns(tmp_path)


def test_lines_are_found_for_tables_keys_and_arrays_of_tables() -> None:
    lines = lines_of('a = 1\n[b]\n"c-d" = 2\n[[e]]\nf.g = 3\n# h = 4\n[[e]]  # again\nf = 5\n')

    assert lines == {
        ("a",): 1,
        ("b",): 2,
        ("b", "c-d"): 3,
        ("e", 0): 4,
        ("e", 0, "f", "g"): 5,
        ("e", 1): 7,
        ("e", 1, "f"): 8,
    }
    assert line_of(lines, ("e", 1, "nowhere")) == 7
    assert line_of(lines, ("nowhere",)) == 1
