"""`outreach routing`: the directives that the contact center holds now, why, and until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from outreach.campaigns import routing
from outreach.contactcenter import directives
from outreach.contactcenter.directive_rules import Rules
from outreach.entry.cli.command import Context, Group, command
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.contactcenter import Directive, DirectiveKind
from outreach.store import directives as stored

group = Group("routing")

_KINDS = {
    DirectiveKind.IVR_UPFRONT: N_("front message"),
    DirectiveKind.WAIT_ANNOUNCEMENT: N_("wait announcement"),
    DirectiveKind.DIGITAL_SHIFT: N_("offer by SMS"),
    DirectiveKind.PRIORITY_QUEUE: N_("priority queue"),
}
LIVE, STALE, NEVER = N_("live"), N_("stale"), N_("never decided")


@command(
    "show",
    N_("Show the directives in force with reason, evidence and expiry."),
    within=group,
    example="outreach routing show\noutreach routing show --format json",
)
def show(context: Context) -> None:
    with context.database.read() as session:
        states = stored.load(session)
    held = directives.active(states, now=context.now)
    newest = max((state.evidence_at for state in states), default=None)
    mode = _mode(newest, context.now)
    if context.format is not Format.TABLE:
        document = routing.document(context.database, context.settings, now=context.now)
        context.out.record(document | {"mode": mode.replace(" ", "_"), "evidence_at": newest})
        return
    for each in held:
        for line in _lines(context, each):
            context.out.text(line)
    if not held:
        context.out.text(_("no directive: the contact center goes by its own flow"))
    context.out.text(_("mode: {mode}").format(mode=_(mode)))
    if mode is not LIVE:
        context.say(_("nobody decides them now: is `outreach serve` running?"), essential=True)


def _lines(context: Context, each: Directive) -> Iterator[str]:
    shown = context.out.person
    yield " · ".join(
        (
            _(_KINDS[each.kind]),
            shown(each.scope),
            _("since {time}").format(time=shown(each.state_since)),
            _("expires {time}").format(time=shown(each.expires_at)),
        )
    )
    yield _("  does: {params}").format(params=shown(each.params))
    yield _("  because: {reason}").format(reason=shown(_said(each.reason)))
    yield _("  evidence: {evidence}").format(evidence=shown(_said(each.evidence)))


def _said(mapping: Mapping[str, object]) -> dict[str, object]:
    """What is known of it."""
    return {key: value for key, value in mapping.items() if value is not None}


def _mode(newest: datetime | None, now: datetime) -> str:
    """Stale evidence renews nothing: what holds runs out by itself."""
    if newest is None:
        return NEVER
    return LIVE if now - newest <= Rules().fresh_for else STALE
