"""Whom: the conditions of a segment as people type them, checked against the record, and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Any

import click

from outreach.audience import segments
from outreach.audience.segments import Unknown
from outreach.entry.cli.command import option
from outreach.entry.cli.durations import duration, spelled
from outreach.entry.cli.occasions_named import CHANNELS
from outreach.entry.languages import N_, _
from outreach.model.audience import Segment
from outreach.model.errors import InputRefused
from outreach.model.words import Channel, PriorityClass
from outreach.store.session import Session

_PERSONAL = (Channel.SMS, Channel.EMAIL, Channel.VOICE)
_TYPED = {
    "locales": "--locale",
    "localities": "--in-locality",
    "customer_types": "--type",
    "tags": "--tag",
}
_OPTIONS = (
    option(
        "--class",
        "classes",
        multiple=True,
        type=click.Choice([str(each) for each in PriorityClass]),
        help=N_("Only supplies of this class; can be repeated."),
    ),
    option(
        "--locale", "locales", multiple=True, help=N_("Only who is written to in this language.")
    ),
    option(
        "--in-locality", "in_localities", multiple=True, help=N_("Only supplies in this locality.")
    ),
    option("--type", "customer_types", multiple=True, help=N_("Only customers of this type.")),
    option("--tag", "tags", multiple=True, help=N_("Only customers with this tag.")),
    option(
        "--channel",
        "channels",
        multiple=True,
        type=click.Choice([str(each) for each in _PERSONAL]),
        help=N_("Only who can be written to on this channel; can be repeated."),
    ),
    option(
        "--not-told-for",
        help=N_("Only whom no message was sent to within this time: 6h, 90m."),
    ),
)


def whom(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a segment; the function gets them together, as `segment`, not yet checked."""

    @wraps(function)
    def bundled(*args: Any, **given: Any) -> Any:
        since = given.pop("not_told_for")
        segment = Segment(
            classes=tuple(PriorityClass(each) for each in given.pop("classes")),
            locales=given.pop("locales"),
            localities=given.pop("in_localities"),
            customer_types=given.pop("customer_types"),
            tags=given.pop("tags"),
            channels=tuple(Channel(each) for each in given.pop("channels")),
            not_told_for=duration(since) if since else None,
        )
        return function(*args, segment=segment, **given)

    made: Callable[..., Any] = bundled
    for each in reversed(_OPTIONS):
        made = each(made)
    return made


def known(session: Session, segment: Segment) -> Segment:
    """In the record's own spelling; InputRefused names the first that nobody has, and what is near."""
    checked = segments.checked(session, segment)
    if checked.unknown:
        raise InputRefused(_strange(checked.unknown[0]))
    return checked.segment


def _strange(one: Unknown) -> str:
    told = _("{option} {value!r}: nobody in the record has it").format(
        option=_TYPED[one.key], value=one.value
    )
    shown = ", ".join(one.near)
    return _("{told}; near: {near}").format(told=told, near=shown) if shown else told


def sentences(segment: Segment) -> Iterator[tuple[str, Segment]]:
    """One sentence a condition, with the segment up to it."""
    for key, so_far in segments.growing(segment):
        yield _sentence(key, segment), so_far


def _sentence(key: str, segment: Segment) -> str:
    if key == "not_told_for" and segment.not_told_for is not None:
        length = spelled(segment.not_told_for)
        return _("whom nothing was sent to in the last {length}").format(length=length)
    values: Iterable[str] = getattr(segment, key)
    if key == "channels":
        values = [_(CHANNELS[channel]) for channel in segment.channels]
    return _(_SENTENCES[key]).format(values=_(" or ").join(values))


_SENTENCES = {
    "classes": N_("whose supply is of class {values}"),
    "locales": N_("who are written to in {values}"),
    "localities": N_("whose supply is in {values}"),
    "customer_types": N_("who are customers of type {values}"),
    "tags": N_("who carry the tag {values}"),
    "channels": N_("who can be written to by {values}"),
}
