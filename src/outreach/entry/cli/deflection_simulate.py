"""`outreach deflection simulate`: is the estimator right? Outages of known deflection, thousands of them."""

from __future__ import annotations

import os
from typing import Any

import click

from outreach.deflection import numerics
from outreach.deflection.acceptance import LARGE, SMALL, TRUTHS, Design
from outreach.deflection.acceptance_lines import FULL, QUICK, Study, failed, lines
from outreach.deflection.what_if import CHANGES, HOUSEHOLDS, Found, tried
from outreach.entry.cli import deflection_proof
from outreach.entry.cli.command import Context, command, option
from outreach.entry.cli.deflection_study import Asked, studied
from outreach.entry.languages import N_, _
from outreach.model.errors import DoneInPart, InputRefused

_SIZES = {str(SMALL): (SMALL,), str(LARGE): (LARGE,), "both": (SMALL, LARGE)}
_HOLDOUTS = (Design.HOLDOUT_5, Design.HOLDOUT_10)
_DESIGNS = {
    "free": (Design.FREE,),
    "tail": (Design.TAIL,),
    "holdout": _HOLDOUTS,
    "all": (Design.FREE, Design.TAIL, *_HOLDOUTS),
}
_WHAT_IF = ("all", *(each.name for each in CHANGES))
_MOST_JOBS = 4
_QUICK_HOUSEHOLDS = 1_000_000


@command(
    "simulate",
    N_("Prove the estimator on outages of known deflection; exit 4 where it fails."),
    example="outreach deflection simulate\n"
    "outreach deflection simulate --quick --design tail --format json\n"
    "outreach deflection simulate --what-if latency --what-if fade",
)
@option(
    "--size",
    type=click.Choice(tuple(_SIZES)),
    default="both",
    show_default=True,
    help=N_("Households of an outage."),
)
@option(
    "--design",
    type=click.Choice(tuple(_DESIGNS)),
    default="all",
    show_default=True,
    help=N_("Order of sending: everybody in turn, with a late tail, or some held out."),
)
@option(
    "--true",
    "truths",
    default=",".join(f"{each:g}" for each in TRUTHS),
    show_default=True,
    metavar="SHARES",
    help=N_("Shares of calls that a message really prevents, with commas between."),
)
@option(
    "--replications",
    type=click.IntRange(2, 100_000),
    help=N_("Outages of each kind; by default 1,000 small, 500 large and 200 pools of 20."),
)
@option("--seed", type=click.IntRange(0), default=1, show_default=True, help=N_("Of the drawing."))
@option(
    "--quick", is_flag=True, help=N_("A tenth of the outages, and limits wider by luck's part.")
)
@option(
    "--naive/--no-naive",
    "beside",
    default=True,
    show_default=True,
    help=N_("Show what methods without a comparison would claim."),
)
@option(
    "--what-if",
    "names",
    multiple=True,
    type=click.Choice(_WHAT_IF),
    help=N_("Change one thing of the world instead, and see what the estimate becomes."),
)
@option(
    "--jobs",
    type=click.IntRange(1, 64),
    help=N_("Processes to run on; by default as many as there are cores, four at most."),
)
def simulate(context: Context, *, names: tuple[str, ...], **given: Any) -> None:
    numerics.numpy()  # refused before anything is drawn
    if names:
        _try_changes(context, names, quick=given["quick"], seed=given["seed"])
        return
    found = studied(_asked(**given), progress=context.progress)
    held_to = lines(found.rows)
    deflection_proof.show(context, found, held_to, seed=given["seed"])
    wrong = failed(held_to)
    if wrong:
        raise DoneInPart(
            _("{count} of {all} conditions fail: do not trust this estimator before they hold").format(
                count=len(wrong), all=len(held_to)
            )
        )  # fmt: skip


def _asked(**given: Any) -> Asked:
    return Asked(
        designs=_DESIGNS[given["design"]],
        sizes=_SIZES[given["size"]],
        truths=_truths(given["truths"]),
        study=_study(given["replications"], quick=given["quick"]),
        seed=given["seed"],
        beside=given["beside"],
        jobs=given["jobs"] or min(_MOST_JOBS, os.cpu_count() or 1),
    )


def _truths(typed: str) -> tuple[float, ...]:
    try:
        truths = tuple(float(each) for each in typed.split(","))
    except ValueError:
        truths = ()
    if not truths or not all(-1 <= each < 1 for each in truths):
        raise InputRefused(
            _("--true takes shares from -1 to below 1, such as 0,.15,.40; not {typed}").format(
                typed=typed
            )
        )
    return tuple(dict.fromkeys(truths))


def _study(replications: int | None, *, quick: bool) -> Study:
    if replications is None:
        return QUICK if quick else FULL
    return Study(small=replications, large=replications, pools=max(1, replications // 5))


def _try_changes(context: Context, names: tuple[str, ...], *, quick: bool, seed: int) -> None:
    households = _QUICK_HOUSEHOLDS if quick else HOUSEHOLDS
    chosen = [each for each in CHANGES if "all" in names or each.name in names]
    found: list[Found] = []
    for change in chosen:
        found.append(tried(change, households=households, seed=seed))
        context.progress(len(found) * households, len(chosen) * households)
    deflection_proof.show_changes(context, found)
    wrong = [each.change.name for each in found if not each.agrees]
    if wrong:
        raise DoneInPart(
            _(
                "not as the figures of reference: {names}; find out why before you trust an estimate"
            ).format(names=", ".join(wrong))
        )
