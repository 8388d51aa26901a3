"""Whom a wave can find at all, for little or nothing has moved since people were told.

A storm opens the waves for who joined and who left at every revision of every outage, and nearly always
nobody has. To find that out in the record costs a look at all people of the scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from outreach.campaigns.freezing import Telling
from outreach.model.campaign import Step
from outreach.model.occasion import Revision
from outreach.model.words import Audience, Event, PriorityClass
from outreach.outages import scoping
from outreach.store import occasions, scopes, told_waves
from outreach.store.freezing import Freezing, Untold
from outreach.store.runs import Wave
from outreach.store.session import Session

_FIRST = {Audience.AFFECTED, Audience.JOINED}


def narrowed(session: Session, plan: Freezing, telling: Telling) -> Freezing:
    """The plan for whom it may find: of who joined, or whom a new prediction lets go; of no class where it finds nobody.

    Of an outage whose people follow from no other.
    """
    wave, step = plan.wave, telling.step
    if step.on is not Event.JOINED or step.lists or not step.segment.is_everybody:
        return plan
    if wave.audience is Audience.LEFT:
        return _who_left(session, plan, telling)
    if wave.audience is Audience.JOINED:
        return _who_joined(session, plan, telling)
    return plan


def _for_nobody(plan: Freezing) -> Freezing:
    return replace(plan, wave=replace(plan.wave, classes=()))


def _before(telling: Telling) -> list[Wave]:
    return [one for one in telling.beside if one.id != telling.wave.id]


def _who_left(session: Session, plan: Freezing, telling: Telling) -> Freezing:
    """Whoever was told of places that all lie in the scope, in the record as it is, has not left it."""
    told = [
        one for one in _before(telling) if not one.is_empty and one.audience is not Audience.LEFT
    ]
    versions = {one.version for one in told}
    held = {
        each.version: each.scope
        for each in telling.same.ask(occasions.history, session, telling.occasion.id)
        if each.version in versions
    }
    scope = telling.revision.scope
    inside = {each for each in {*held.values()} if scopes.holds(session, scope, each)}
    first = {
        one.id
        for one in told
        if one.audience in _FIRST
        and one.generation == plan.wave.generation
        and held[one.version] in inside
    }
    if all(one.id in first for one in told if one.audience in _FIRST):
        return _for_nobody(plan)
    return replace(plan, heard_in=tuple(one.id for one in told if one.id not in first))


def _who_joined(session: Session, plan: Freezing, telling: Telling) -> Freezing:
    """Where the newest waves that told these classes the whole told all of these places: whom they did not reach."""
    wave, occasion = telling.wave, telling.occasion.id
    steps = {step.name: step for step in telling.campaign.steps}
    first = _telling_first(_before(telling), steps)
    version = _told_whole(wave, first, steps)
    if version is None:
        return plan
    stood = telling.same.found(
        (occasions.history, occasion, version),
        lambda: occasions.history(session, occasion, since=version),
    )
    now = telling.revision
    if not all(_stands_as(each, now) for each in stood if each.version <= wave.version):
        return plan
    untold = _untold(session, telling, first)
    if untold is not None and not untold.customers:
        return _for_nobody(plan)
    return replace(plan, untold=untold)


def _untold(session: Session, telling: Telling, first: list[Wave]) -> Untold | None:
    """Looked for once for all classes: what the wave of one class has just written is of no other."""
    waves, classes = [one.id for one in first], {*telling.step.classes}
    every = telling.same.found(
        (told_waves.missed, telling.run.id, telling.wave.version),
        lambda: told_waves.missed(session, waves),
    )
    if every is None:
        return told_waves.untold(session, waves, classes)
    return told_waves.of_classes(session, every, classes)


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
