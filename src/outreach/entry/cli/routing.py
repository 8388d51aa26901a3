"""`outreach routing`: what the contact center is told to do, why, until when, and whether it arrived."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from outreach.campaigns import routing
from outreach.contactcenter import directives
from outreach.contactcenter.directive_rules import Rules
from outreach.entry.cli.command import Context, Group, command, option
from outreach.entry.cli.output import Format
from outreach.entry.cli.routing_push import push, undelivered
from outreach.entry.cli.routing_simulate import simulate
from outreach.entry.cli.routing_watch import watch
from outreach.entry.cli.routing_words import KINDS, because, effect, unasked, waits_for
from outreach.entry.languages import N_, _
from outreach.model.contactcenter import Directive, DirectiveKind, DirectiveState
from outreach.store import directives as stored

group = Group("routing")
group.add_command(push)
group.add_command(simulate)
group.add_command(watch)

LIVE, STALE, NEVER = N_("live"), N_("stale"), N_("never decided")
SHADOW = N_("shadow: everybody only logs them")


@command(
    "show",
    N_("Show the directives in force with reason, evidence and expiry."),
    within=group,
    example="outreach routing show\noutreach routing show --all\noutreach routing show --undelivered",
)
@option("--all", "off", is_flag=True, help=N_("Those that are off too, and what they wait for."))
@option(
    "--undelivered",
    "letters",
    is_flag=True,
    help=N_("Webhooks that did not arrive: dead letters, and what is tried again."),
)
def show(context: Context, *, off: bool, letters: bool) -> None:
    if letters:
        undelivered(context)
        return
    with context.database.read() as session:
        states = stored.load(session)
    held = directives.active(states, now=context.now)
    mode = _mode(context, directives.decided_at(states))
    if context.format is not Format.TABLE:
        context.out.record(_facts(context, states, mode, off=off))
        return
    for each in held:
        for line in _lines(context, each):
            context.out.text(line)
    if not held:
        context.out.text(_("no directive: the contact center goes by its own flow"))
    if off:
        _show_off(context, states, held)
    context.out.text(_("mode: {mode}").format(mode=_(mode)))
    if mode not in {LIVE, SHADOW}:
        context.say(_("nobody decides them now: is `outreach serve` running?"), essential=True)


def _facts(
    context: Context, states: Sequence[DirectiveState], mode: str, *, off: bool
) -> dict[str, object]:
    document = routing.document(context.database, context.settings, now=context.now)
    word = mode.partition(":")[0].replace(" ", "_")
    facts = document | {"mode": word, "evidence_at": directives.decided_at(states)}
    held = directives.active(states, now=context.now)
    return facts | ({"off": _off(context, states, held)} if off else {})


def _lines(context: Context, each: Directive) -> Iterator[str]:
    shown = context.out.person
    yield " · ".join(
        (
            _(KINDS[each.kind]),
            shown(each.scope),
            _("since {time}").format(time=shown(each.state_since)),
            _("expires {time}").format(time=shown(each.expires_at)),
        )
    )
    yield _("  does: {params}").format(params=shown(each.params))
    yield _("  because: {reason}").format(reason=because(each.reason))
    yield _("  evidence: {evidence}").format(evidence=effect(each.evidence))


_OFF = {
    "kind": N_("off"),
    "about": N_("about"),
    "heard": N_("last heard"),
    "waits_for": N_("waits for"),
}


def _show_off(
    context: Context, states: Sequence[DirectiveState], held: Sequence[Directive]
) -> None:
    rows = [
        row | {"kind": _(KINDS[DirectiveKind(str(row["kind"]))])}
        for row in _off(context, states, held)
    ]
    if rows:
        context.out.rows(rows, headings=_OFF)


def _off(
    context: Context, states: Sequence[DirectiveState], held: Sequence[Directive]
) -> list[dict[str, object]]:
    on = {each.id for each in held}
    rows: list[dict[str, object]] = [
        {
            "kind": state.kind,
            "about": state.scope_key,
            "heard": because(state.heard),
            "waits_for": waits_for(context, state),
            "since": state.state_since,
        }
        for state in states
        if f"{state.kind}:{state.scope_key}" not in on
    ]
    known = {state.kind for state in states}
    rows += [
        {"kind": kind, "about": "", "heard": "", "waits_for": unasked(kind), "since": None}
        for kind in DirectiveKind
        if kind not in known
    ]
    return rows


def _mode(context: Context, newest: datetime | None) -> str:
    """Stale evidence renews nothing: what holds runs out by itself."""
    if newest is None:
        return NEVER
    if context.now - newest > Rules().fresh_for:
        return STALE
    return SHADOW if context.settings.contactcenter.mode == "shadow" else LIVE
