"""Holds a planned notice against the rules of its country: what is broken, by which rule, and by how much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from outreach.model.pack import (
    Broken,
    Hours,
    Item,
    Lead,
    Pack,
    PlannedNotice,
    Rule,
    RuleKind,
    Stated,
)
from outreach.model.words import PriorityClass

CHECKED = (
    RuleKind.PLANNED_NOTICE,
    RuleKind.PLANNED_REPEAT,
    RuleKind.PLANNED_ITEMS,
    RuleKind.PLANNED_WINDOW,
    RuleKind.LIFE_SUPPORT_NOTICE,
    RuleKind.LIFE_SUPPORT_MANNER,
    RuleKind.PLANNED_CANCEL,
)
_WRITTEN = frozenset({"sms", "email"})
_SPOKEN = frozenset({"voice"})
_MANNERS = {"personal": _WRITTEN | _SPOKEN, "written": _WRITTEN, "spoken": _SPOKEN}
"""Manner -> any of these channels does it; a post is to everybody, and so to nobody by name."""
_EPSILON = timedelta(seconds=1)


def check(notice: PlannedNotice, pack: Pack) -> tuple[Broken, ...]:
    """Every rule that this notice breaks, in the order of the pack; of rules in `CHECKED` alone."""
    found = []
    for rule in pack.of(notice.service, *CHECKED):
        found += [Broken(rule=rule, why=why) for why in _CHECKS[rule.kind](rule, notice)]
    return tuple(found)


def basis(rule: Rule) -> str:
    """What a rule may be called: `rule`, or only what our configuration says."""
    if rule.certainty.may_be_called_legal:
        return "rule"
    return "configured value, not confirmed"


def in_words(broken: Broken) -> str:
    """One line: what is broken, the rule with its number, where it was read, how sure we are."""
    rule = broken.rule
    return (
        f"{broken.why} [{rule.id}: {rule.value}; {basis(rule)}; "
        f"source: {rule.source}, {rule.as_of}, certainty {rule.certainty.value}]"
    )


def _everybody(leads: tuple[Lead, ...]) -> timedelta | None:
    """The longest lead with which everybody hears, whatever their class."""
    longest = [_longest(leads, each.value) for each in PriorityClass]
    known = [lead for lead in longest if lead is not None]
    return min(known) if len(known) == len(longest) else None


def _longest(leads: tuple[Lead, ...], priority: str) -> timedelta | None:
    return max((lead.before for lead in leads if priority in lead.classes), default=None)


def _notice(rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    yield from _ahead(rule, notice, _everybody(notice.leads), "people")


def _life_support(rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    if notice.priority_customers:
        longest = _longest(notice.leads, PriorityClass.A.value)
        yield from _ahead(rule, notice, longest, "priority customers")


def _ahead(rule: Rule, notice: PlannedNotice, lead: timedelta | None, who: str) -> Iterator[str]:
    wanted = rule.lead or timedelta()
    if lead is None or lead < wanted:
        has = f"the campaign tells them {_span(lead)} ahead" if lead else "the campaign never does"
        yield f"{who} must hear {_span(wanted)} before the start; {has}"
    by = notice.start_at - wanted
    if notice.told_at > by + _EPSILON:
        yield (
            f"{who} must hear by {_wall(by, notice.zone)}, {_span(wanted)} before the start; "
            f"that is {_span(notice.told_at - by)} too late"
        )


def _repeat(rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    wanted = rule.lead or timedelta()
    first = _everybody(notice.leads)
    again = [lead for lead in notice.leads if wanted <= lead.before < (first or timedelta.max)]
    if not any("C" in lead.classes for lead in again):
        yield f"the notice must be repeated {_span(wanted)} before the start; no step does"


def _items(rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    for text in notice.stated:
        missing = [item.name for item in rule.items if not _states(text, item)]
        if missing:
            yield f"{text.where} does not state: {', '.join(missing)}"


def _states(text: Stated, item: Item) -> bool:
    if item.every and text.fields.issuperset(item.every):
        return True
    return not text.fields.isdisjoint(item.fields) or any(word in text.text for word in item.words)


def _window(rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    zone = ZoneInfo(notice.zone)
    start, end = notice.start_at.astimezone(zone), notice.end_at.astimezone(zone)
    if rule.hours is not None and not _inside(rule.hours, start, end):
        yield (
            f"works may only be done {rule.value}; this one lasts from {_local(start)} to {_local(end)}"
        )


def _inside(hours: Hours, start: datetime, end: datetime) -> bool:
    """Of several days each must be one whole window, so only one day can be."""
    same_day = start.date() == end.date() and start.weekday() in hours.days
    ends = end.time() if end.time() != time() else time.max
    return same_day and hours.start <= start.time() and ends <= hours.end


def _manner(rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    if not notice.priority_customers:
        return
    used = {name for lead in notice.leads if "A" in lead.classes for name in lead.channels}
    missing = [manner for manner in rule.manners if used.isdisjoint(_MANNERS[manner])]
    if missing:
        yield f"priority customers must be told in this manner: {', '.join(missing)}; no step is"


def _cancel(_rule: Rule, notice: PlannedNotice) -> Iterator[str]:
    if not notice.tells_cancelled:
        yield "those who were told must hear of a cancellation; no step answers to it"


_CHECKS: dict[RuleKind, Callable[[Rule, PlannedNotice], Iterator[str]]] = {
    RuleKind.PLANNED_NOTICE: _notice,
    RuleKind.PLANNED_REPEAT: _repeat,
    RuleKind.PLANNED_ITEMS: _items,
    RuleKind.PLANNED_WINDOW: _window,
    RuleKind.LIFE_SUPPORT_NOTICE: _life_support,
    RuleKind.LIFE_SUPPORT_MANNER: _manner,
    RuleKind.PLANNED_CANCEL: _cancel,
}


def _wall(at: datetime, zone: str) -> str:
    return _local(at.astimezone(ZoneInfo(zone)))


def _local(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _span(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    if minutes < 60:  # noqa: PLR2004  an hour
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if rest else f"{hours} h"
