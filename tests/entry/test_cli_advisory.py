"""`outreach advisory`: a warning for an area, changed and closed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import Result
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.model.occasion import Occasion
from outreach.model.words import OccasionState
from outreach.store import occasions

OPEN = ("advisory", "open", "--locality", "nunoa", "--text", "Viento fuerte desde el viernes")


def lines(shown: Result) -> list[str]:
    return shown.stdout.splitlines()


def newest(night: Night) -> Occasion:
    with night.database.read() as session:
        return occasions.every(session)[0]


def test_an_advisory_says_its_text_until_when_and_to_whom(night):
    night.arm("advisory")

    shown = night.run(*OPEN, "--until", "fri 08:00")

    assert shown.exit_code == 0, shown.output
    assert lines(shown)[0].startswith("Viento fuerte desde · adv_")
    assert lines(shown)[1:] == [
        "«Viento fuerte desde el viernes»",
        "holds until Fri 17 Jul 08:00",
        "3 premises · 3 customers · 0 priority · Ñuñoa",
        "reachable: SMS 3 · e-mail 0 · on no channel 0",
        "launched: advisory",
        "advised: 3 at 07:00 · 1 post",
        "to take it back: outreach undo · they leave in 30 s",
    ]


def test_an_advisory_can_begin_later_elsewhere_and_under_a_name(night):
    told = night.answer(
        *OPEN, "--until", "fri 08:00", "--from", "12:00", "--zone", "America/Punta_Arenas",
        "--name", "viento",
    )  # fmt: skip

    assert told["name"] == "viento"
    assert newest(night).revision.start_at == NOW + timedelta(hours=8, minutes=17)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((*OPEN, "--until", "2026-07-01 08:00"), 3, "has ended"),
        (("advisory", "open", "--text", "x", "--until", "+2h"), 1, "nothing is named"),
        (("advisory", "update", "last"), 1, "give --text or --until"),
        (("advisory", "close", "last"), 1, "there is no advisory yet"),
    ],
)
def test_what_cannot_be_is_refused(night, words, code, said):
    shown = night.run(*words)

    assert shown.exit_code == code
    assert said in shown.stderr


def test_its_validity_and_text_change_once(night):
    night.run(*OPEN, "--until", "fri 08:00")

    words = ("advisory", "update", "last", "--until", "fri 10:00")
    changed = night.run(*words, "--text", "Viento muy fuerte")
    again = night.run(*words)

    assert lines(changed)[1:3] == ["«Viento muy fuerte»", "holds until Fri 17 Jul 10:00"]
    assert "nothing changed" in again.stdout
    assert newest(night).revision.version == 2


def test_a_closed_advisory_counts_nobody(night):
    night.run(*OPEN, "--until", "fri 08:00")

    trial = night.run("advisory", "close", "--dry-run")
    shown = night.run("advisory", "close")

    assert lines(trial)[0].startswith("TRIAL")
    assert not any("premises" in line for line in lines(shown))
    assert newest(night).revision.state is OccasionState.ENDED


def test_advisories_that_hold_are_listed(night):
    assert night.run("advisory", "list").stderr == "no advisory holds\n"

    night.run(*OPEN, "--until", "fri 08:00")

    assert [row["state"] for row in night.answer("advisory", "list")] == ["active"]
