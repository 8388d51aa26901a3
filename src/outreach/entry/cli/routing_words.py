"""Puts directives into an operator's words: what each is, why it stands, and what one that is off waits for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from outreach.contactcenter.directive_rules import Rules, confirmations_needed
from outreach.contactcenter.directive_words import filled
from outreach.entry.cli import times
from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _
from outreach.model.contactcenter import DirectiveKind, DirectiveState

KINDS = {
    DirectiveKind.IVR_UPFRONT: N_("front message"),
    DirectiveKind.WAIT_ANNOUNCEMENT: N_("wait announcement"),
    DirectiveKind.CALLBACK_OFFER: N_("callback offer"),
    DirectiveKind.DIGITAL_SHIFT: N_("offer by SMS"),
    DirectiveKind.OVERFLOW_QUEUE: N_("overflow queue"),
    DirectiveKind.PRIORITY_QUEUE: N_("priority queue"),
    DirectiveKind.SKILL_CALM: N_("calm agents"),
    DirectiveKind.CAMPAIGN_PACE: N_("campaign pace"),
}
_BECAUSE = {
    "class_a_caller": N_("who depends on electricity to live never waits"),
    "affected_customers": N_("{value} customers are out; told up front from {on}"),
    "danger": N_("people are in danger; {value} customers are touched"),
    "p80_wait_s": N_(
        "4 of 5 callers wait up to {value} s ({source}); on from {on} s, off at {off} s"
    ),
    "agents_ratio": N_(
        "the next quarter-hour may need {value} times the agents staffed; on above {on} for 15 min, off below {off}"
    ),
    "repeated_callers": N_("{value} households have called again within 2 h; on from {on}"),
    "urgent_load": N_("the queue is full and an outage is {value} h old; on from {on} h"),
    "missed_estimates": N_(
        "{value} estimates of this outage have passed; on from {on}, off when it is over"
    ),
    "kappa_lo": N_(
        "told households call at least {value} times as often as untold ones; on above {on} while calls exceed capacity"
    ),
}
_SOURCES = {
    "calls": N_("measured on calls"),
    "live": N_("read live"),
    "erlang": N_("computed from live agents"),
}
_LACKS = {
    "waits": N_("measured waits or a live reading of the queue"),
    "staffing": N_("agents staffed and a fresh forecast"),
    "forecast": N_("a fresh forecast"),
    "falling": N_("calls that are expected to fall within the hour"),
    "agents": N_("agents on queue, or planned"),
    "target": N_("contactcenter.overflow_queue in outreach.toml"),
    "capacity": N_("free agents in the overflow queue"),
    "measure": N_("a measured effect of this campaign"),
    "calls": N_("calls of the last 2 h"),
    "open": N_("an open outage"),
    "news": N_("a word of its feed"),
    "approval": N_("a launched campaign: only approved text is told"),
    "short_text": N_("a text of at most 20 s"),
}
_UNASKED = {
    DirectiveKind.IVR_UPFRONT: N_("an open outage"),
    DirectiveKind.CAMPAIGN_PACE: N_("a campaign that is sending"),
}
_EFFECT = {
    "prior": N_("effect of messages not measured yet; assumed {theta} ({lo} to {hi})"),
    "estimated": N_("told households call {theta} times as often as untold ones ({lo} to {hi})"),
    "insufficient": N_("not enough calls yet to say what messages do"),
}


def because(reason: Mapping[str, object]) -> str:
    """Why, in the operator's language."""
    shown = {name: _(words) for name, words in _SOURCES.items()}
    form = _BECAUSE.get(str(reason.get("metric")))
    return filled(_(form), reason, source=shown) if form else ""


def effect(evidence: Mapping[str, object]) -> str:
    """What is known of the messages' effect."""
    figures = {name: _two(evidence.get(name)) for name in ("theta", "lo", "hi")}
    return _(_EFFECT[str(evidence["status"])]).format(**figures)


def waits_for(context: Context, state: DirectiveState) -> str:
    """What one that is off still lacks to switch on."""
    rules = Rules()
    if lacking := str(state.heard.get("lacks") or ""):
        return _(_LACKS[lacking])
    if state.confirmations:
        return _("{count} of {needed} minutes in a row").format(
            count=state.confirmations, needed=confirmations_needed(state, rules)
        )
    rested_at = state.state_since + rules.least_off
    if rested_at > context.now:
        return _("rests until {time}").format(time=_hour(context, rested_at))
    return _("a figure over its threshold")


def unasked(kind: DirectiveKind) -> str:
    """What a kind without any state waits for."""
    return _(_UNASKED.get(kind, N_("a first decision")))


def _hour(context: Context, at: datetime) -> str:
    return times.wall(at, now=context.now, zone=context.zone)


def _two(figure: object) -> str:
    return f"{figure:.2f}" if isinstance(figure, int | float) else "?"
