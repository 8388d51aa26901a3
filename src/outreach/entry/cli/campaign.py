"""`outreach campaign`: its files are listed, checked and armed here; launching and watching lie beside."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.campaigns import arming, faults, pins
from outreach.campaigns.arming import Arming
from outreach.campaigns.faults import Fault
from outreach.entry import wiring
from outreach.entry.cli import (
    campaign_approve,
    campaign_canary,
    campaign_correct,
    campaign_drill,
    campaign_launch,
    campaign_status,
    campaign_stop,
    told,
)
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _, ngettext
from outreach.model.campaign import Campaign
from outreach.model.errors import InputRefused, StoreUnusable
from outreach.store import runs
from outreach.store.runs import Armed

group = Group("campaign")


@command(
    "list",
    N_("List the campaigns of the workspace, what they serve, and which are armed."),
    within=group,
    example="outreach campaign list",
)
def listed(context: Context) -> None:
    with context.database.read() as session:
        armed = {each.campaign: each for each in runs.armed(session, now=context.now)}
    context.out.rows(
        (_row(context, name, armed.get(name)) for name in faults.names(context.settings)),
        headings={
            "campaign": N_("campaign"),
            "serves": N_("serves"),
            "steps": N_("steps"),
            "file": N_("file"),
            "armed": N_("armed"),
        },
        empty=_("no campaign in the folder `campaigns`; `outreach init` lays out some"),
    )


def _row(context: Context, name: str, armed: Armed | None) -> dict[str, object]:
    mistakes = faults.of_file(context.settings, name)
    campaign = None if mistakes else pins.read(context.settings, name).campaign
    wrong = ngettext("{count} mistake", "{count} mistakes", len(mistakes))
    return {
        "campaign": name,
        "serves": campaign.serves.value if campaign else None,
        "steps": len(campaign.steps) if campaign else None,
        "file": wrong.format(count=len(mistakes)) if mistakes else _("reads"),
        "armed": _armed(context, armed) if armed else None,
    }


def _armed(context: Context, armed: Armed) -> str:
    parts = [
        _("by {author}, approved by {approver}").format(
            author=armed.author, approver=armed.approver
        )
    ]
    if armed.until:
        parts.append(_("until {time}").format(time=context.out.person(armed.until)))
    if not arming.is_of_today(context.settings, armed):
        parts.append(_("with an older text: arm it again"))
    return " · ".join(parts)


@command(
    "lint",
    N_("Check campaign files and every text they send; names each mistake with its line."),
    within=group,
    example="outreach campaign lint\noutreach campaign lint unplanned-outage",
)
@argument("name", required=False)
def lint(context: Context, *, name: str | None) -> None:
    names = [name] if name else faults.names(context.settings)
    found = dict.fromkeys(
        [one for each in names for one in faults.of_campaign(context.settings, each)]
        + list(_of_segments(context, names))
    )
    context.out.rows(
        (_fault(one) for one in found),
        headings={
            "file": N_("file"),
            "line": N_("line"),
            "message": N_("what is wrong, and what to do"),
        },
        empty=_("all is well"),
    )
    if found:
        said = ngettext("{count} thing is wrong", "{count} things are wrong", len(found))
        raise InputRefused(said.format(count=len(found)))


def _of_segments(context: Context, names: list[str]) -> Iterator[Fault]:
    """Checked against the record where there is one: a workspace is linted before it has any."""
    try:
        database = context.database
    except StoreUnusable:
        return
    with database.read() as session:
        for name in names:
            yield from faults.of_segments(session, context.settings, name)


def _fault(one: Fault) -> dict[str, object]:
    return {"file": one.file, "line": one.line, "message": one.message}


@command(
    "arm",
    N_("Let outages launch a campaign by themselves; author and approver are two people."),
    within=group,
    example="outreach campaign arm unplanned-outage --approver beatriz --until +12h",
)
@argument("name")
@option("--approver", required=True, help=N_("Who has read texts and limits, and says yes."))
@option("--until", help=N_("Until when: 07:00, +12h, 2026-08-01 00:00; by default until disarmed."))
@option("--author", help=N_("Who arms it; by default whoever is logged in."))
def arm(
    context: Context, name: str, *, approver: str, until: str | None, author: str | None
) -> None:
    done = arming.arm(
        wiring.engine(context.database, context.settings, context.keyring),
        name,
        author=author or operator(),
        approver=approver,
        until=context.at(until) if until else None,
        now=context.now,
    )
    told.answer(context, _arming(done), list(_said(context, done)))


def _arming(done: Arming) -> dict[str, object]:
    limits = done.pinned.campaign.limits
    return {
        "campaign": done.armed.campaign,
        "author": done.armed.author,
        "approver": done.armed.approver,
        "until": done.armed.until,
        "digest": done.armed.pinned,
        "max_audience": limits.max_audience,
        "max_cost": limits.max_cost,
        "audience_may_move": limits.audience_may_move,
    }


def _said(context: Context, done: Arming) -> Iterator[str]:
    yield _("{name}: armed {how} · text {digest}").format(
        name=done.armed.campaign, how=_armed(context, done.armed), digest=done.armed.pinned[:12]
    )
    yield _ceilings(context, done.pinned.campaign)
    yield _("to take it back: outreach campaign disarm {name}").format(name=done.armed.campaign)


def _ceilings(context: Context, campaign: Campaign) -> str:
    limits, currency = campaign.limits, context.settings.company.currency
    parts = []
    if limits.max_audience is not None:
        parts.append(
            _("at most {count} customers").format(count=context.out.count(limits.max_audience))
        )
    if limits.max_cost is not None:
        parts.append(
            _("at most {cost} {currency}").format(
                cost=context.out.count(limits.max_cost), currency=currency
            )
        )
    none = _("no ceiling: set max_audience and max_cost under [limits]")
    return _("by itself: {limits}").format(limits=" · ".join(parts) or none)


@command(
    "disarm",
    N_("Let outages no longer launch a campaign; what goes on already goes on."),
    within=group,
    example="outreach campaign disarm unplanned-outage",
)
@argument("name")
def disarm(context: Context, name: str) -> None:
    engine = wiring.engine(context.database, context.settings, context.keyring)
    was_armed = arming.disarm(engine, name, actor=operator(), now=context.now)
    form = _("{name}: disarmed") if was_armed else _("{name}: was not armed; nothing changed")
    told.answer(context, {"campaign": name, "disarmed": was_armed}, [form.format(name=name)])


for each in (
    campaign_launch.previewed,
    campaign_launch.launched,
    campaign_approve.approve,
    campaign_approve.refuse,
    campaign_status.status,
    campaign_status.watch,
    campaign_stop.pause,
    campaign_stop.resume,
    campaign_stop.cancel,
    campaign_correct.correct,
    campaign_canary.go,
    campaign_drill.drill,
):
    group.add_command(each)
