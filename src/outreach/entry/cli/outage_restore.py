"""`outreach outage restore`: all of it is back, or a part, or all but a part."""

from __future__ import annotations

from collections.abc import Sequence

import click

from outreach.campaigns.engine import Applied
from outreach.entry.cli import outage_typed, outage_update, promised, scopes, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, found, zone_of
from outreach.entry.cli.stated import origin
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Occasion, Revision, Scope
from outreach.model.record import AffectedCounts
from outreach.model.words import Audience, OccasionKind
from outreach.outages import partial, revise
from outreach.store import audience, network, record, scopes as store_scopes
from outreach.store.session import Session

HOW = {
    "meters": N_("meters: they answer again"),
    "crew": N_("crew: seen on site"),
    "switching": N_("switching: the breaker is closed"),
}


@command(
    "restore",
    N_("Say that power is back: everywhere, at some nodes, or everywhere except some."),
    asks=True,
    example="outreach outage restore last --how meters\n"
    "outreach outage restore last --node ALM-F12-S2 --dry-run",
    sends=True,
)
@argument("which", required=False)
@option("--event", help=outage_typed.EVENT)
@option("--node", "nodes", multiple=True, help=N_("Only this node is back; can be repeated."))
@option(
    "--except", "excepted", multiple=True, help=N_("All but this node is back; can be repeated.")
)
@option(
    "--how",
    type=click.Choice(list(HOW)),
    help=N_("How it is known; asked for on a terminal."),
)
@option("--at", "typed", help=N_("When it came back, by default now: 08:05, -10m."))
def restored(
    context: Context,
    which: str | None,
    *,
    event: str | None,
    nodes: tuple[str, ...],
    excepted: tuple[str, ...],
    how: str | None,
    typed: str | None,
) -> None:
    if nodes and excepted:
        raise InputRefused(_("--node and --except say opposite things; give one of them"))
    if event is not None:
        if which is not None or nodes or excepted:
            raise InputRefused(_("--event restores whole outages; leave the others out"))
        _all_of(context, outage_typed.of_event(context, event), how, typed)
        return
    occasion = found(context, which or LAST, OccasionKind.OUTAGE, OccasionKind.PLANNED)
    at = context.at(typed, zone=zone_of(occasion), past=True) if typed else None
    part, before = _part(context, occasion, nodes, excepted)
    revision = revise.restored(
        occasion.revision,
        part=part,
        known_how=how or _how(context),
        now=context.now,
        restored_at=at,
        origin=origin(),
    )
    if revision is None:
        told.nothing_new(context, occasion)
        return
    _restore(context, occasion, revision, before)


def _all_of(context: Context, members: list[Occasion], how: str | None, typed: str | None) -> None:
    """Every outage of a storm, whole; what is refused for one is named, the others are told."""
    number = len(members)
    question = ngettext(
        "{count} outage is restored. Is it?", "{count} outages are restored. Are they?", number
    )
    if not context.dry_run:
        context.confirm(question.format(count=context.out.count(number)))
    known_how = how or _how(context)
    applied: list[Applied] = []
    refused: list[str] = []
    with told.engine(context) as engine:
        for each in members:
            at = context.at(typed, zone=zone_of(each), past=True) if typed else None
            try:
                revision = revise.restored(
                    each.revision,
                    known_how=known_how,
                    now=context.now,
                    restored_at=at,
                    origin=origin(),
                )
                if revision is not None:
                    applied.append(engine.revise(each.id, revision, now=context.now))
            except GuardRefused as error:
                refused.append(f"{each.name}: {error}")
    outage_update.summary(
        context, applied, unchanged=number - len(applied) - len(refused), refused=refused
    )


def _restore(
    context: Context, occasion: Occasion, revision: Revision, before: AffectedCounts
) -> None:
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
        settled = promised.settled_now(engine.database, applied.occasion, context.now)
    back = before.premises - applied.counts.premises
    hear = told.people(done, Audience.LEFT if revision.state.is_open else Audience.TOLD)
    record = told.facts(done) | {
        "restored_premises": back,
        "told_before": hear,
        "known_how": revision.known_how,
        "promises": [promised.facts(each) for each in settled],
    }
    lines = [
        told.head(done),
        _who_is_back(context, applied.counts, back=back, hear=hear),
        *promised.lines(settled, wall=[done.wall(each.etr_at) for each in settled]),
        *told.leaving(done),
        _closing(done),
        *told.take_back(done),
    ]
    told.answer(context, record, lines)


def _how(context: Context) -> str:
    """A trial need not be known from anybody."""
    if context.dry_run:
        return revise.KNOWN_HOW[0]
    choices = {key: _(shown) for key, shown in HOW.items()}
    return context.choose(_("How is it known?"), choices, option="--how")


def _part(
    context: Context, occasion: Occasion, nodes: Sequence[str], excepted: Sequence[str]
) -> tuple[Scope | None, AffectedCounts]:
    """What is back (None: all of it), and who was out until now."""
    with context.database.read() as session:
        before = audience.affected(session, store_scopes.remaining(session, occasion))
        if excepted:
            return _all_but(session, occasion, scopes.known_nodes(session, excepted)), before
        if nodes:
            return _only(session, occasion, scopes.known_nodes(session, nodes)), before
    return None, before


def _only(session: Session, occasion: Occasion, refs: tuple[str, ...]) -> Scope:
    """Nodes of a scope by more than nodes cannot be checked in the tree: whoever is under them is back."""
    scope = occasion.revision.scope
    by_node_only = scope == Scope(nodes=scope.nodes, less=scope.less)
    if scope.nodes and by_node_only:
        strange = partial.outside(scope, refs, network.under(session, (*scope.nodes, *refs)))
        if strange:
            raise GuardRefused(
                _("{nodes}: not within what is out ({scope})").format(
                    nodes=", ".join(strange), scope=", ".join(scope.nodes)
                )
            )
    return Scope(nodes=refs)


def _all_but(session: Session, occasion: Occasion, refs: tuple[str, ...]) -> Scope:
    """Premises that hang on a node above an excepted one come back by name."""
    scope = occasion.revision.scope
    tree = network.under(session, scope.nodes)
    found = partial.all_but(scope, refs, tree)
    orders = [node.order for node in tree if node.ref in found.passed]
    hung = record.premises_on(session, orders)
    return Scope(nodes=found.part.nodes, premises=(*found.part.premises, *hung))


def _who_is_back(context: Context, left: AffectedCounts, *, back: int, hear: int) -> str:
    """`11,400 premises restored (10,020 told before hear it) · 6,600 remain, 19 priority`."""
    form = _(
        "{premises} restored ({told} told before hear it) · {remaining} remain, {priority} priority"
    )
    return form.format(
        premises=told.premises(context, back),
        told=context.out.count(hear),
        remaining=context.out.count(left.premises),
        priority=context.out.count(left.priority_customers),
    )


def _closing(done: told.Outcome) -> str:
    back_at = done.occasion.revision.restored_at
    if back_at is not None:
        return _("the IVR says it already · back since {time}").format(time=done.wall(back_at))
    if done.applied.counts.premises:
        return told.next_news(done)
    hint = _("nobody remains out; to close it: outreach outage restore {id}")
    return hint.format(id=done.shown_id)
