"""The campaigns that ship: sound, complete, and fair to each class."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from outreach.campaigns.files import read_campaigns
from outreach.campaigns.step_rules import EVENTS
from outreach.model.campaign import Campaign
from outreach.model.words import (
    AtNight,
    Audience,
    Channel,
    Event,
    OccasionKind,
    PriorityClass,
    Tier,
)

SHIPPED = Path(__file__).parents[2] / "campaigns"
TEMPLATES = {
    "outage_opened", "outage_opened_priority", "outage_still_unknown", "outage_etr",
    "outage_etr_later", "outage_etr_earlier", "outage_etr_withdrawn", "outage_next_news",
    "outage_restored", "outage_still_out", "outage_reopened", "outage_left", "outage_authority", "outage_authority_restored", "correction", "planned_notice", "planned_reminder",
    "planned_started", "planned_delayed", "planned_overrun", "planned_moved", "planned_cancelled",
    "planned_restored", "planned_left", "advisory", "advisory_ended",
}  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> dict[str, Campaign]:
    return {one.name: one for one in read_campaigns(SHIPPED, templates=TEMPLATES, country="CL")}


def test_the_shipped_campaigns_are_sound_and_serve_every_kind(shipped: dict[str, Campaign]) -> None:
    assert {name: one.serves for name, one in shipped.items()} == {
        "advisory": OccasionKind.ADVISORY,
        "planned-outage": OccasionKind.PLANNED,
        "unplanned-outage": OccasionKind.OUTAGE,
    }


def test_the_outage_campaign_answers_everything_that_can_happen(
    shipped: dict[str, Campaign],
) -> None:
    answered = {step.on for step in shipped["unplanned-outage"].steps}

    assert answered == EVENTS[OccasionKind.OUTAGE]


@pytest.mark.parametrize("event", [Event.OPENED, Event.JOINED])
@pytest.mark.parametrize("known", ["etr", "no_etr"])
@pytest.mark.parametrize("priority", PriorityClass)
def test_each_class_hears_of_an_outage_exactly_once_with_or_without_an_estimate(
    shipped: dict[str, Campaign], event: Event, known: str, priority: PriorityClass
) -> None:
    steps = shipped["unplanned-outage"].steps_on(event)

    of_class = [step for step in steps if priority in step.classes and not step.lists]
    of_class = [step for step in of_class if step.audience is not Audience.LEFT]
    heard = [step for step in of_class if step.when in {"", known}]

    assert len(heard) == 1
    assert (heard[0].tier is Tier.SAFETY) == (priority is PriorityClass.A)


def test_class_a_is_never_held_for_the_night_when_an_outage_opens(
    shipped: dict[str, Campaign],
) -> None:
    first = shipped["unplanned-outage"].steps[0]

    assert (first.name, first.at_night) == ("opened_priority", AtNight.SEND)
    assert first.channels[:2] == (Channel.SMS, Channel.VOICE)


def test_whoever_was_told_hears_the_end_and_every_correction(shipped: dict[str, Campaign]) -> None:
    closing = {Event.RESTORED, Event.CANCELLED, Event.ENDED, Event.MOVED, Event.CORRECTION}

    audiences = {
        step.audience
        for one in shipped.values()
        for step in one.steps
        if step.on in closing and not step.lists
    }

    assert audiences == {Audience.TOLD}


def test_planned_works_are_announced_72_and_24_hours_ahead(shipped: dict[str, Campaign]) -> None:
    notices = shipped["planned-outage"].steps_on(Event.NOTICE)

    assert [(step.lead, step.template) for step in notices] == [
        (timedelta(hours=72), "planned_notice"),
        (timedelta(hours=24), "planned_reminder"),
    ]
