"""`outreach routing push`: what would go to other systems, what goes now, and what did not arrive."""

from __future__ import annotations

import time
from functools import partial

from outreach.campaigns import platforms, routing, webhooks
from outreach.campaigns.platform_rows import Saying
from outreach.campaigns.platforms import Looks
from outreach.contactcenter import directives
from outreach.contactcenter.answer import Rules
from outreach.entry import posting, wiring
from outreach.entry.cli.command import Context, command, option
from outreach.entry.http.live import Loader
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.errors import DoneInPart, InputRefused
from outreach.store import outgoing

_PLANNED = {
    "to": N_("to"),
    "what": N_("what"),
    "does": N_("does"),
    "why": N_("why"),
    "expires_at": N_("expires"),
}
_LETTERS = {
    "endpoint": N_("endpoint"),
    "kind": N_("what"),
    "state": N_("state"),
    "created_at": N_("queued at"),
    "failures": N_("tries"),
    "next_at": N_("next try"),
    "last_status": N_("answered"),
}
_STATES = {
    outgoing.WAITING: N_("tried again"),
    outgoing.DEAD: N_("dead letter"),
}
_NOWHERE = N_("no [[endpoints]] and no platform in outreach.toml: consumers pull /v1/directives")


@command(
    "push",
    N_("Send the directives to the endpoints now; with --again what had been given up."),
    sends=True,
    example="outreach routing push --dry-run\noutreach routing push --again",
)
@option("--again", is_flag=True, help=N_("Dead letters too, unless a newer one has arrived."))
def push(context: Context, *, again: bool) -> None:
    if context.dry_run:
        _show_planned(context)
        return
    if not context.settings.endpoints:
        raise InputRefused(_(_NOWHERE))
    revived = _revived(context) if again else 0
    routing.enqueue(context.database, context.settings, now=context.now)
    poster = posting.poster(context.settings, time.monotonic)
    done = webhooks.deliver(
        context.database, context.settings, context.keyring, now=context.now, http=poster
    )
    failed = done["again"] + done["dead"] + done["put_off"]
    said = ngettext("{count} webhook arrived", "{count} webhooks arrived", done["sent"])
    record = {"sent": done["sent"], "failed": failed, "revived": revived}
    context.out.record(
        record | {"said": said.format(count=done["sent"])}, headings={"said": N_("done")}
    )
    if failed:
        raise DoneInPart(
            _("{count} did not arrive; see `outreach routing show --undelivered`").format(
                count=failed
            )
        )


def _revived(context: Context) -> int:
    with context.database.write() as session:
        return len(outgoing.revive(session, now=context.now))


def _show_planned(context: Context) -> None:
    rows = [*_to_endpoints(context), *_to_platforms(context)]
    context.out.rows(rows, headings=_PLANNED, empty=_(_NOWHERE))
    context.say(_("nothing was sent; leave --dry-run out to send it"))


def _to_endpoints(context: Context) -> list[dict[str, object]]:
    document = routing.document(context.database, context.settings, now=context.now)
    count = len(document["directives"])
    what = ngettext("{count} directive", "{count} directives", count).format(count=count)
    return [
        {
            "to": endpoint.name,
            "what": what,
            "does": _("webhook"),
            "why": _("generation {number}, {size} bytes").format(
                number=document["generation"], size=len(directives.as_bytes(document))
            ),
            "expires_at": document["not_after"],
        }
        for endpoint in context.settings.endpoints
        if webhooks.DIRECTIVES in endpoint.kinds
    ]


def _to_platforms(context: Context) -> list[dict[str, object]]:
    settings = context.settings
    saying = Saying(speak=wiring.speaker(settings), rules=Rules(), locale=settings.company.locale)
    live = Loader(
        context.database, shown=partial(shown_id, context.keyring), now=lambda: context.now
    )
    looks = Looks(load_live=live, saying=saying)
    return [
        {
            "to": change.target,
            "what": change.key,
            "does": str(change.fate),
            "why": change.why,
            "expires_at": change.expires_at,
        }
        for change in platforms.planned(context.database, settings, looks, now=context.now)
    ]


def undelivered(context: Context) -> None:
    """What `routing show --undelivered` answers."""
    with context.database.read() as session:
        found = outgoing.undelivered(session)
    rows = [
        {
            "endpoint": letter.endpoint,
            "kind": letter.kind,
            "state": _(_STATES[letter.state]),
            "created_at": letter.created_at,
            "failures": letter.failures,
            "next_at": letter.next_at,
            "last_status": letter.last_status,
            "expires_at": letter.expires_at,
        }
        for letter in found
    ]
    context.out.rows(rows, headings=_LETTERS, empty=_("everything arrived"))
    if any(letter.state == outgoing.DEAD for letter in found):
        context.say(_("to send dead letters again: outreach routing push --again"))
