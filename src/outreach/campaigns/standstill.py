"""Whether a wave surely finds nobody, for nothing has moved since people were told.

A storm opens the waves for who joined and who left at every revision of every outage, and nearly always
nobody has. To find that out in the record costs a look at all people of the scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from outreach.model.campaign import Step
from outreach.model.occasion import OccasionId, Revision
from outreach.model.words import Audience, Event, PriorityClass
from outreach.outages import scoping
from outreach.store import occasions, told_waves
from outreach.store.runs import Wave
from outreach.store.session import Session

_FIRST = {Audience.AFFECTED, Audience.JOINED}


def finds_nobody(
    session: Session,
    wave: Wave,
    occasion: OccasionId,
    revision: Revision,
    *,
    beside: Iterable[Wave],
    steps: Mapping[str, Step],
) -> bool:
    """Of a wave for who joined, or whom a new prediction lets go, of an outage whose people follow from no other.

    `beside`: all waves of its run; `steps` of its campaign by name.
    """
    step = steps[wave.step]
    if step.on is not Event.JOINED or step.lists or not step.segment.is_everybody:
        return False
    before = [one for one in beside if one.id != wave.id]
    if wave.audience is Audience.LEFT:
        return _nobody_left(session, wave, occasion, revision, before)
    if wave.audience is Audience.JOINED:
        first = _telling_first(before, steps)
        return _nobody_joined(session, wave, occasion, revision, first, steps)
    return False


def _nobody_left(
    session: Session,
    wave: Wave,
    occasion: OccasionId,
    revision: Revision,
    before: Iterable[Wave],
) -> bool:
    """All were told of the same places, in the record as it is."""
    told = [one for one in before if not one.is_empty]
    held = {
        each.scope
        for each in occasions.history(session, occasion)
        if each.version in {one.version for one in told}
    }
    return held <= {revision.scope} and all(one.generation == wave.generation for one in told)


def _nobody_joined(
    session: Session,
    wave: Wave,
    occasion: OccasionId,
    revision: Revision,
    first: list[Wave],
    steps: Mapping[str, Step],
) -> bool:
    """The newest waves that told these classes the whole told all of these places, in the record as it is."""
    classes = {*steps[wave.step].classes}
    version = _told_whole(wave, first, steps)
    if version is None:
        return False
    stood = occasions.history(session, occasion, since=version)
    if not all(_stands_as(each, revision) for each in stood if each.version <= wave.version):
        return False
    return not told_waves.has_untold(session, [one.id for one in first], classes)


def _told_whole(wave: Wave, first: list[Wave], steps: Mapping[str, Step]) -> int | None:
    """The newest version at which everybody whom this step speaks to was told, on all its channels."""
    wanted = {*steps[wave.step].classes}
    for version in sorted({one.version for one in first}, reverse=True):
        told = [one for one in first if (one.version, one.generation) == (version, wave.generation)]
        if _classes(told, steps[wave.step], steps) >= wanted:
            return version
    return None


def _stands_as(then: Revision, now: Revision) -> bool:
    """Whether it held the same places, of which at most some are back since."""
    back = scoping.without(then.restored, now.restored)
    return then.state.is_open and then.scope == now.scope and back.is_empty


def _telling_first(before: Iterable[Wave], steps: Mapping[str, Step]) -> list[Wave]:
    """Waves that tell the whole to who has not heard, and whose audience was looked for."""
    return [
        one
        for one in before
        if one.audience in _FIRST
        and one.was_written
        and (step := steps.get(one.step)) is not None
        and not step.lists
    ]


def _classes(waves: Iterable[Wave], wanted: Step, steps: Mapping[str, Step]) -> set[PriorityClass]:
    """Of whom these waves told everybody on all the channels that a step has."""
    return {
        each
        for one in waves
        for each in one.classes
        if steps[one.step].segment.is_everybody
        and {*wanted.channels} <= {*steps[one.step].channels}
    }
