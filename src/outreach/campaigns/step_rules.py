"""Rules between the keys of a campaign: which steps make sense, and who may never be held back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from outreach.campaigns.toml_lines import Place
from outreach.model.campaign import Campaign, Step
from outreach.model.words import Audience, Channel, Event, OccasionKind, PriorityClass, Purpose

DUTY_TO_INFORM = frozenset({"AR", "BR", "CL"})
"""Countries where customers have a right to the notice (field-rules.md section 1.1)."""

_ANY = frozenset({Event.JOINED, Event.PARTIAL, Event.RESTORED, Event.CORRECTION})
EVENTS = {
    OccasionKind.OUTAGE: _ANY
    | {
        Event.OPENED,
        Event.STILL_UNKNOWN,
        Event.ETR_SET,
        Event.ETR_LATER,
        Event.ETR_EARLIER,
        Event.ETR_WITHDRAWN,
        Event.ETR_EXPIRING,
        Event.STILL_OUT,
    },
    OccasionKind.PLANNED: _ANY
    | {
        Event.NOTICE,
        Event.STARTED,
        Event.DELAYED,
        Event.OVERRUN,
        Event.MOVED,
        Event.CANCELLED,
    },
    OccasionKind.ADVISORY: frozenset(
        {Event.ADVISED, Event.ENDED, Event.JOINED, Event.CORRECTION, Event.NOTICE}
    ),
}
"""What can happen to each kind of occasion."""

Mistake = tuple[Place, str]

_CHOOSES = frozenset({Audience.AFFECTED, Audience.JOINED})
"""Audiences that are read from the record, so that a segment of it can be taken."""


def mistakes(serves: OccasionKind, steps: Mapping[int, Step]) -> Iterator[Mistake]:
    """What does not fit together, each with its place; `steps` by their number in the file."""
    names = Counter(step.name for step in steps.values())
    for number, step in steps.items():
        if names[step.name] > 1:
            yield ("step", number, "name"), f"{step.name!r} is the name of {names[step.name]} steps"
        for key, message in _of_step(step, serves):
            yield ("step", number, key), message


def _of_step(step: Step, serves: OccasionKind) -> Iterator[tuple[str, str]]:
    if step.on not in EVENTS[serves]:
        allowed = ", ".join(sorted(EVENTS[serves]))
        yield "on", f"{step.on.value!r} never happens to this kind ({serves}); allowed: {allowed}"
    if (step.on is Event.NOTICE) != (step.lead is not None):
        yield "lead", "a step on notice needs a lead, and no other step has one"
    if step.on in {Event.OPENED, Event.ADVISED} and step.audience is not Audience.AFFECTED:
        yield "audience", "at the first notice nobody was told yet; use affected"
    if step.audience not in _CHOOSES and not step.segment.is_everybody:
        yield "segment", f"{step.audience.value} are those who heard before; leave the segment out"
    if step.audience is Audience.LEFT and step.on not in {Event.PARTIAL, Event.JOINED}:
        yield "audience", "people leave at partial, or where the scope changes (on joined)"
    yield from _of_channels(step)
    yield from _of_lists(step)


def _of_channels(step: Step) -> Iterator[tuple[str, str]]:
    """Keys that say what several channels are for."""
    people = [channel for channel in step.channels if channel is not Channel.SOCIAL]
    for key in ("together", "ladder_after"):
        if getattr(step, key) and len(people) < 2:  # noqa: PLR2004  more than one
            yield key, "needs two channels or more in this step; a post counts for none"
    strangers = [one.value for one in step.together if one not in step.classes]
    if strangers:
        yield "together", f"{', '.join(strangers)}: not among the classes of this step"


def _of_lists(step: Step) -> Iterator[tuple[str, str]]:
    """A step for contact lists has no customer: what chooses among customers has no meaning in it."""
    if not step.lists:
        return
    if step.audience is not Audience.AFFECTED:
        yield "audience", "a step for lists speaks to whom it concerns; leave the audience out"
    for key in ("together", "ladder_after"):
        if getattr(step, key):
            yield key, "is for customers, and this step is for lists; leave it out"
    if not {Channel.SMS, Channel.EMAIL}.issuperset(step.channels):
        yield "channels", "lists hear by sms and email"


def with_shared(step: Step, shared: Mapping[str, Any]) -> Step:
    """With the keys of the campaign's [segment] that the step has not of its own.

    Who was told before, or left, is known from the ledger: the steps that told them chose already. Contact
    lists hold no customers.
    """
    if step.audience not in _CHOOSES or step.lists or not shared:
        return step
    own = {key: value for key in shared if (value := getattr(step.segment, key))}
    return replace(step, segment=replace(step.segment, **{**shared, **own}))


def held_back(campaign: Campaign, country: str) -> Iterator[Mistake]:
    """Tail and holdout where a customer must not wait for the notice."""
    for key in ("tail_share", "holdout_share"):
        if getattr(campaign.measurement, key) > 0:
            place: Place = ("measurement", key)
            yield from ((place, message) for message in _who_may_not_wait(campaign, country))


def _who_may_not_wait(campaign: Campaign, country: str) -> Iterator[str]:
    if country.upper() in DUTY_TO_INFORM and campaign.purpose is not Purpose.COMMERCIAL:
        yield f"refused: {country.upper()} has a duty to inform; set it to 0"
    if campaign.purpose is Purpose.EMERGENCY:
        yield "refused: in an emergency nobody is held back; set it to 0"
    to_class_a = [step.name for step in campaign.steps if PriorityClass.A in step.classes]
    if to_class_a:
        yield (
            f"refused: class A is never held back, and step {to_class_a[0]!r} speaks to it; "
            'set it to 0, or give the steps classes = ["B", "C"]'
        )
