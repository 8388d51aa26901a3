"""Collects what the days left in the ledger, as plain values for the summary and for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from outreach.deflection.estimate import reduction
from outreach.deflection.measure import measure
from outreach.entry.demo.asking import Asked
from outreach.entry.demo.callers import DEFLECTED
from outreach.entry.demo.living import Switched
from outreach.entry.demo.story import Lived
from outreach.model.deflection import Deflection
from outreach.model.words import TOLD_STATES, Channel, MessageState
from outreach.settings import Settings
from outreach.store import ledger, occasions, promises, runs, status, tallies
from outreach.store.session import Session
from outreach.store.tallies import Tally

UNTOLD = (
    MessageState.SUPERSEDED,
    MessageState.EXPIRED,
    MessageState.CANCELLED,
    MessageState.SUPPRESSED,
    MessageState.FAILED,
    MessageState.UNDELIVERED,
    MessageState.QUEUED,
)
Figures = dict[str, Any]


def collected(lived: Lived) -> Figures:
    """Everything of the summary; times aware, counts whole, money in the company's currency."""
    of = lived.installation
    with of.database.read() as session:
        found = runs.every(session)[::-1]
        counted = {run.id: tallies.of(session, run.id) for run in found}
        every = [one for parts in counted.values() for one in parts]
        return {
            "record": _record(lived),
            "outages": [of.shown_id(occasions.get(session, each)) for each in lived.outages],
            "messages": sum(one.messages for one in every),
            "adds_up": ledger.adds_up(session),
            "steps": [row for run in found for row in _steps(session, run, counted[run.id])],
            "by_channel": _sums(every, lambda one: one.channel.value),
            "by_class": _sums(every, lambda one: one.priority.value),
            "by_language": _sums((one for one in every if one.locale), lambda one: one.locale),
            "states": _sums(every, lambda one: one.state.value),
            **_cost(every, of.settings),
            "left_out": _left_out(session, found),
            "ivr": [_asked(each) for each in lived.asked],
            "promises": [row for each in lived.outages for row in _promises(session, each)],
            "calls": lived.living.imported,
            "truth": DEFLECTED,
            "deflection": _measured(
                measure(
                    session,
                    runs.of(session, lived.outages[0])[0].id,
                    now=lived.ended_at,
                    outage_numbers=of.settings.contactcenter.outage_numbers,
                )
            ),
            "directives": [_switched(each) for each in lived.living.switched],
        }


def _record(lived: Lived) -> Figures:
    report = lived.report
    return {
        "customers": report.people.customers,
        "premises": report.premises.taken,
        "contacts": report.reach,
        "rejected": len(report.refused),
        "nodes": report.network.kinds,
    }


def _steps(session: Session, run: runs.Run, parts: list[Tally]) -> Iterable[Figures]:
    name = occasions.get(session, run.occasion_id).name  # type: ignore[arg-type]  # its own number
    for step in dict.fromkeys(one.step for one in parts):
        mine = [one for one in parts if one.step == step]
        states = _sums(mine, lambda one: one.state.value)
        told = sum(one.messages for one in mine if one.state in TOLD_STATES | {MessageState.SENT})
        yield {
            "occasion": name,
            "step": step,
            "messages": sum(one.messages for one in mine),
            "told": told,
            "by_channel": _sums(mine, lambda one: one.channel.value),
            "by_class": _sums(mine, lambda one: one.priority.value),
            "by_language": _sums(mine, lambda one: one.locale),
            "states": states,
            "untold": {state.value: states[state] for state in UNTOLD if state in states},
        }


def _sums(parts: Iterable[Tally], key: Callable[[Tally], str]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in parts:
        found[key(one)] += one.messages
    return dict(found.most_common())


def _cost(parts: list[Tally], settings: Settings) -> Figures:
    """Of what left: what never left was never rendered and has no segments."""
    prices = settings.delivery.sms_price
    sms = [one for one in parts if one.channel is Channel.SMS]
    cost = sum(
        one.segments * prices.get(one.pool.partition(":")[2], prices.get("*", 0.0)) for one in sms
    )
    return {
        "segments": sum(one.segments for one in sms),
        "cost": cost,
        "currency": settings.company.currency,
    }


def _left_out(session: Session, found: list[runs.Run]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for run in found:
        total.update(
            {reason.value: count for reason, count in status.left_out(session, run.id).items()}
        )
    return dict(total.most_common())


def _asked(each: Asked) -> Figures:
    answer = each.answer
    return {
        "caller": each.who,
        "at": each.at,
        "status": answer.status.value,
        "match": answer.match.value,
        "language": answer.locale,
        "says": answer.text,
    }


def _promises(session: Session, occasion: Any) -> Iterable[Figures]:
    name = occasions.get(session, occasion).name
    for promise in promises.of(session, occasion):
        yield {
            "occasion": name,
            "promised": promise.etr_at,
            "made_at": promise.made_at,
            "kept": promise.kept,
            "missed_by_s": promise.missed_by_s,
        }


def _measured(measured: Deflection) -> Figures:
    printed = reduction(measured)
    avoided = measured.calls_avoided if printed else None
    counts = measured.counts
    return {
        "verdict": measured.verdict.value,
        "reduction": printed[0] if printed else None,
        "low": printed[1].low if printed else None,
        "high": printed[1].high if printed else None,
        "calls_avoided": avoided,
        "identified_share": measured.identified_share,
        "episodes": counts.episodes if counts else 0,
        "reasons": list(measured.reasons),
    }


def _switched(each: Switched) -> Figures:
    return {"at": each.at, "kind": each.kind, "on": each.is_on, "scope": each.scope}
