"""`outreach record switch`: opens and closes points of the network, and says who is fed another way."""

from __future__ import annotations

from collections.abc import Sequence

from outreach.entry.cli import told
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import InputRefused
from outreach.record import switching
from outreach.record.switching import Moved, Switched

_NAMED = 8


@command(
    "switch",
    N_("Open and close points of the network; premises move under what feeds them now."),
    example="outreach record switch --close TIE-12-21 --open ALM-F12-2 --dry-run\n"
    "outreach record switch --list",
    asks=True,
    sends=True,
)
@option("--open", "opened", multiple=True, help=N_("Edge that is open now; can be repeated."))
@option("--close", "closed", multiple=True, help=N_("Edge that is closed now; can be repeated."))
@option("--normal", is_flag=True, help=N_("Put every point back as planned."))
@option("--list", "listed", is_flag=True, help=N_("Show the points that are not as planned."))
def switch(
    context: Context,
    *,
    opened: tuple[str, ...],
    closed: tuple[str, ...],
    normal: bool,
    listed: bool,
) -> None:
    if bool(opened or closed) + normal + listed != 1:
        raise InputRefused(_("say one of: --open and --close, --normal, --list"))
    if listed:
        _list(context)
        return
    if normal:
        opened, closed = _back_to_plan(context)
    _tell(context, _switched(context, opened, closed))


def _list(context: Context) -> None:
    context.out.rows(
        (
            {"edge": ref, "from": a, "to": b, "is_open": is_open, "planned_open": planned}
            for ref, a, b, is_open, planned in switching.off_plan(context.database)
        ),
        headings={
            "edge": N_("edge"),
            "from": N_("from"),
            "to": N_("to"),
            "is_open": N_("open"),
            "planned_open": N_("open as planned"),
        },
        empty=_("every point is as planned"),
    )


def _back_to_plan(context: Context) -> tuple[tuple[str, ...], tuple[str, ...]]:
    edges = switching.off_plan(context.database)
    opened = tuple(edge[0] for edge in edges if edge[4])
    return opened, tuple(edge[0] for edge in edges if not edge[4])


def _switched(context: Context, opened: Sequence[str], closed: Sequence[str]) -> Switched:
    if context.dry_run:
        return switching.tried(context.database, opened=opened, closed=closed)
    return switching.switch(
        context.database,
        opened=opened,
        closed=closed,
        now=context.now,
        actor=operator(),
        force=context.yes,
    )


def _tell(context: Context, done: Switched) -> None:
    if not (done.opened or done.closed):
        lines = [_("nothing changed: every point is so already")]
        told.answer(context, _facts(done), lines)
        return
    lines = [_points(done), *(_moved(context, each) for each in done.moved)]
    if not done.moved:
        lines.append(_("nobody is fed another way"))
    lines += _warnings(context, done)
    lines.append(_next(context, done))
    told.answer(context, _facts(done), lines)


def _points(done: Switched) -> str:
    """`open: ALM-F12-2 · closed: TIE-12-21`."""
    parts = []
    if done.opened:
        parts.append(_("open: {edges}").format(edges=_some(done.opened)))
    if done.closed:
        parts.append(_("closed: {edges}").format(edges=_some(done.closed)))
    return " · ".join(parts)


def _some(refs: Sequence[str]) -> str:
    named = list(refs[:_NAMED])
    if len(refs) > _NAMED:
        named.append(_("{count} more").format(count=len(refs) - _NAMED))
    return ", ".join(named)


def _moved(context: Context, each: Moved) -> str:
    """`ALM-F12 -> ALM-F21: 2,000 premises · 1,810 customers`."""
    customers = ngettext("{count} customer", "{count} customers", each.customers)
    return _("{old} -> {new}: {premises} · {customers}").format(
        old=each.old or _("no feeder"),
        new=each.new or _("no feeder"),
        premises=told.premises(context, each.premises),
        customers=customers.format(count=context.out.count(each.customers)),
    )


def _warnings(context: Context, done: Switched) -> list[str]:
    lines = []
    if done.lit:
        form = _("fed again: {premises}")
        lines.append(form.format(premises=told.premises(context, done.lit)))
    if done.dark:
        form = _("on no substation now: {premises}; they stay under what fed them last")
        lines.append(form.format(premises=told.premises(context, done.dark)))
    if done.loops:
        lines.append(_("a ring is closed at {edges}").format(edges=_some(done.loops)))
    return lines


def _next(context: Context, done: Switched) -> str:
    if context.dry_run:
        return _("refused without --yes") if done.dark or done.loops else _("to do it: without --dry-run")  # fmt: skip
    if done.dark:
        return _("next: outreach outage open at the node that is dark, unless one is open")
    return _("open outages and the IVR follow · to put it back: outreach record switch --normal")


def _facts(done: Switched) -> dict[str, object]:
    return {
        "opened": done.opened,
        "closed": done.closed,
        "premises": done.premises,
        "moved": [
            {
                "old": each.old,
                "new": each.new,
                "premises": each.premises,
                "customers": each.customers,
            }
            for each in done.moved
        ],
        "dark": done.dark,
        "lit": done.lit,
        "loops": done.loops,
    }
