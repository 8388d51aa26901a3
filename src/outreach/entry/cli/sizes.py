"""The typed confirmation: who sends to unusually many types how many, a `y` is not enough."""

from __future__ import annotations

import click

from outreach.campaigns import blast as deciding
from outreach.campaigns.blast import Blast, Why
from outreach.campaigns.preview import Preview
from outreach.entry.cli.command import Context
from outreach.entry.languages import N_, _
from outreach.model.errors import GuardRefused
from outreach.store import approvals, runs

YES_TO = N_("The number of customers, where a launch is unusually large; in place of typing it.")


def blast(context: Context, shown: Preview) -> Blast | None:
    """Whether this is unusually large for this company; None for a drill, and for a usual launch."""
    if shown.occasion.drill:
        return None
    with context.database.read() as session:
        everybody = approvals.everybody(session)
        recent = runs.sizes(session, newest=deciding.NEWEST)
    return deciding.blast(
        shown.counts.customers, shown.messages, everybody=everybody, recent=recent
    )


def confirm(context: Context, question: str, large: Blast | None, yes_to: int | None) -> None:
    """Goes on after the number, or, for a usual launch, after a yes.

    GuardRefused where another number is typed, or `--yes` alone is to stand for it.
    """
    if large is None:
        if yes_to is None:
            context.confirm(question)
        return
    why = in_words(context, large)
    given = yes_to if yes_to is not None or not context.interactive else _typed(why)
    if given == large.customers:
        return
    if given is None and not context.interactive:
        raise GuardRefused(
            _("{why}; --yes is not enough: --yes-to {number}").format(
                why=why, number=large.customers
            )
        )
    raise GuardRefused(_("{why}; that was another number, and nothing was done").format(why=why))


def of_moved(customers: int, moved: float) -> Blast:
    """An audience that is not the one it was asked for: its number is typed too."""
    return Blast(why=Why.MOVED, customers=customers, share=moved, largest=0)


def in_words(context: Context, large: Blast) -> str:
    """`18,000 customers, 32 % of all` or `… , 5 times the largest of the last 20 launches`."""
    count = context.out.count
    if large.why is Why.MOVED:
        return _("{customers} customers, {share} % more or less than asked for").format(
            customers=count(large.customers), share=round(large.share * 100, 1)
        )
    if large.why is Why.SHARE:
        return _("{customers} customers, {share} % of all").format(
            customers=count(large.customers), share=round(large.share * 100)
        )
    return _(
        "{customers} customers, more than {times} times the largest of the last {newest} launches ({largest})"
    ).format(
        customers=count(large.customers),
        times=deciding.TIMES,
        newest=deciding.NEWEST,
        largest=count(large.largest),
    )


def _typed(why: str) -> int | None:
    asked = _("{why}. Type the number of customers to send it").format(why=why)
    return deciding.typed(click.prompt(asked, default="", show_default=False, err=True))
