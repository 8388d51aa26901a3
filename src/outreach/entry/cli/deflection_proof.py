"""The proof of the estimator as people read it: rows of accuracy, conditions, naive claims beside."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby

from outreach.deflection.acceptance import POOL, Accuracy, Claimed, Design, Estimator
from outreach.deflection.acceptance_lines import Figure, Line
from outreach.deflection.naive import Method
from outreach.deflection.what_if import Found
from outreach.entry.cli.command import Context
from outreach.entry.cli.deflection_study import Studied
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _

_NAMES = {
    (Estimator.MESSAGE, Design.FREE): N_("theta_msg, free"),
    (Estimator.MESSAGE, Design.TAIL): N_("theta_msg, tail"),
    (Estimator.SENT, Design.FREE): N_("theta_ITT, free"),
    (Estimator.POOLED, Design.FREE): N_("pooled, free"),
    (Estimator.POOLED, Design.TAIL): N_("pooled, tail"),
    (Estimator.HOLDOUT, Design.HOLDOUT_5): N_("holdout 5 %"),
    (Estimator.HOLDOUT, Design.HOLDOUT_10): N_("holdout 10 %"),
}
_FIGURES = {
    Figure.COVERAGE: N_("coverage"),
    Figure.BIAS: N_("bias, its size"),
    Figure.RMSE: N_("RMSE"),
    Figure.FALSE_DEFLECTS: N_('false "deflects"'),
    Figure.POWER: N_("power"),
}
_METHODS = {
    Method.BEFORE_AFTER: N_("the hour after sending / first hour"),
    Method.UNDELIVERED: N_("after their turn: delivered / not"),
    Method.IMMORTAL: N_("told before first call / the rest"),
    Method.HISTORY: N_("calls per customer / past outages"),
    Method.CRUDE: N_("told / not told, minutes ignored"),
    Method.DELIVERED: N_("by minute: delivered / all others"),
    Method.NO_CLASS: N_("by minute: told / not, no classes"),
}
_CHANGES = {
    "base": N_("nothing changed"),
    "rollout-10": N_("sent within 10 minutes"),
    "rollout-180": N_("sent within 180 minutes"),
    "latency": N_("receipts take 5 min, grace 2"),
    "fade": N_("the effect fades, in 120 minutes"),
    "fade-30": N_("the effect fades, in 30 minutes"),
    "bump": N_("+50 % calls in the first 5 min"),
    "frailty": N_("propensity varies four times more"),
    "propensity": N_("four times as many calls"),
    "repeats": N_("half of the calls are repeated"),
    "undelivered": N_("40 % undelivered, who call double"),
    "adds": N_("a message that adds calls"),
    "identified": N_("more are recognised once told"),
    "identified-0": N_("the same, and nothing true"),
    "heavy-first": N_("heaviest callers told first"),
    "feeder": N_("feeder by feeder, nothing true"),
    "contacts": N_("contacts counted, not households"),
    "all-calls": N_("all calls counted, not episodes"),
    "no-grace": N_("no grace after sending"),
    "no-grace-10": N_("no grace, sent within 10 minutes"),
}


def show(context: Context, found: Studied, held_to: Sequence[Line], *, seed: int) -> None:
    """Tables for people; one object, or the rows of accuracy, for machines."""
    match context.format:
        case Format.TABLE:
            _tables(context, found, held_to, seed=seed)
        case Format.JSON:
            context.out.record(
                {
                    "seed": seed,
                    "accepted": all(line.holds for line in held_to),
                    "rows": [_row(row) for row in found.rows],
                    "conditions": [_line(line) for line in held_to],
                    "not_causal": [_claim(each) for each in found.naive],
                }
            )
        case Format.JSONL | Format.CSV:
            context.out.rows([_row(row) for row in found.rows], headings={})


def _tables(context: Context, found: Studied, held_to: Sequence[Line], *, seed: int) -> None:
    say = context.out.text
    say(_("How near the estimator comes to what is true: simulated outages, seed {seed}").format(seed=seed))  # fmt: skip
    say(_drawn(found.rows))
    say(_("each column: bias · RMSE · coverage of the 95 % interval · share of intervals without 0"))  # fmt: skip
    context.out.rows(_shown_rows(found.rows), headings=_row_headings(found.rows))
    silent = sum(row.silent for row in found.rows)
    if silent:
        say(_("{count} estimates were refused: too few calls").format(count=silent))
    if found.naive:
        say("")
        say(_("NOT CAUSAL: what methods without a comparison claim of the same large outages"))
        context.out.rows(_shown_claims(found.naive), headings=_claim_headings(found.naive))
    say("")
    say(_verdict(held_to))
    context.out.rows(_conditions(held_to), headings=_CONDITION_HEADINGS)
    if any(line.slack for line in held_to):
        say(_("Few outages: each limit is wider, by three standard errors of its figure."))


def _drawn(rows: Sequence[Accuracy]) -> str:
    """`1,000 of 5k households, 500 of 50k households, 200 pools of 20`."""
    pools = {row.trials for row in rows if row.estimator is Estimator.POOLED}
    counts = {row.households: row.trials for row in rows if row.estimator is not Estimator.POOLED}
    parts = [
        _("{count} of {size} households").format(count=f"{count:,}", size=_size(households))
        for households, count in counts.items()
    ]
    parts += [_("{count} pools of {pool}").format(count=count, pool=POOL) for count in pools]
    return _("outages: {counts}; tail: 20 % told an hour after all others").format(
        counts=", ".join(parts)
    )


def _verdict(held_to: Sequence[Line]) -> str:
    held = sum(line.holds for line in held_to)
    return _("Acceptance: {held} of {all} conditions hold").format(held=held, all=len(held_to))


def _row_headings(rows: Sequence[Accuracy]) -> dict[str, str]:
    truths = dict.fromkeys(row.true for row in rows)
    return {
        "estimator": N_("estimator"),
        "size": N_("size"),
        **{f"{true}": _("true {true}").format(true=f"{true:.2f}") for true in truths},
    }


_CONDITION_HEADINGS = {
    "condition": N_("condition"),
    "limit": N_("limit"),
    "rows": N_("rows"),
    "worst": N_("worst"),
    "where": N_("where"),
    "verdict": N_("verdict"),
}


def _name(row: Accuracy) -> str:
    return _(_NAMES[row.estimator, row.design])


def _shown_rows(rows: Sequence[Accuracy]) -> Iterator[dict[str, object]]:
    """One line for an estimator and a size, a column for each truth."""
    for (name, households), alike in groupby(rows, key=lambda row: (_name(row), row.households)):
        listed = list(alike)
        cells: dict[str, object] = {f"{row.true}": _cell(row) for row in listed}
        yield {"estimator": name, "size": _size(households), **cells}


def _cell(row: Accuracy) -> str:
    bias = f"{row.bias:+.3f}".replace("0.", ".")
    return " ".join([bias, *(_bare(value) for value in (row.rmse, row.coverage, row.rejection))])


def _bare(share: float) -> str:
    """Without the zero before the point, four places wide: .954, 1.00."""
    return f"{share:.3f}"[1:] if share < 0.9995 else f"{share:.2f}"  # noqa: PLR2004  rounds to one


def _size(households: int) -> str:
    return f"{households // 1000}k"


def _row(row: Accuracy) -> dict[str, object]:
    return {
        "estimator": str(row.estimator),
        "design": str(row.design),
        "households": row.households,
        "true": row.true,
        "target": row.target,
        "outages": row.trials,
        "silent": row.silent,
        "mean": _number(row.mean),
        "bias": _number(row.bias),
        "rmse": _number(row.rmse),
        "coverage": _number(row.coverage),
        "rejection": _number(row.rejection),
        "false_deflects": _number(row.false_deflects),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _line(line: Line) -> dict[str, object]:
    return {
        "figure": str(line.figure),
        "estimator": str(line.row.estimator),
        "design": str(line.row.design),
        "households": line.row.households,
        "true": line.row.true,
        "value": _number(line.value),
        "least": _number(line.least - line.slack),
        "most": _number(line.most + line.slack),
        "holds": line.holds,
    }


def _conditions(held_to: Sequence[Line]) -> Iterator[dict[str, object]]:
    """Lines with one figure and one limit are one condition; its worst row speaks for it."""
    for (place, _least, _most), alike in groupby(sorted(held_to, key=_limit), key=_limit):
        listed = list(alike)
        worst = max(listed, key=lambda line: math.inf if math.isnan(line.beyond) else line.beyond)
        yield {
            "condition": _(_FIGURES[list(Figure)[place]]),
            "limit": _limits(worst),
            "rows": len(listed),
            "worst": f"{worst.value:.3f}",
            "where": _where(worst.row),
            "verdict": _("PASS") if all(line.holds for line in listed) else _("FAIL"),
        }


def _limit(line: Line) -> tuple[int, float, float]:
    return list(Figure).index(line.figure), line.least, line.most


def _limits(line: Line) -> str:
    least, most = f"{line.least - line.slack:.3f}", f"{line.most + line.slack:.3f}"
    if math.isinf(line.least):
        return f"≤ {most}"
    return f"≥ {least}" if math.isinf(line.most) else f"{least}-{most}"


def _where(row: Accuracy) -> str:
    return (
        f"{_name(row)} {_size(row.households)}, {_('true {true}').format(true=f'{row.true:.2f}')}"
    )


def _claim(each: Claimed) -> dict[str, object]:
    return {
        "method": str(each.method),
        "true": each.true,
        "outages": each.trials,
        "mean": _number(each.mean),
        "median": _number(each.median),
        "rmse": _number(each.rmse),
        "coverage": _number(each.coverage),
        "significant": _number(each.significant),
    }


def _claim_headings(naive: Sequence[Claimed]) -> dict[str, str]:
    truths = dict.fromkeys(each.true for each in naive)
    return {
        "method": N_("method"),
        "what": N_("what it compares"),
        **{f"{true}": _("true {true}").format(true=f"{true:.2f}") for true in truths},
        "coverage": N_("coverage"),
    }


def _shown_claims(naive: Sequence[Claimed]) -> Iterator[dict[str, object]]:
    for method in Method:
        said = [each for each in naive if each.method is method]
        yield {
            "method": str(method),
            "what": _(_METHODS[method]),
            **{f"{each.true}": f"{_center(each):+.2f}" for each in said},
            "coverage": " ".join(f"{each.coverage:.2f}" for each in said),
        }


def _center(each: Claimed) -> float:
    """The mean claim; the median where how severe the outage was decides it."""
    return each.median if each.method is Method.HISTORY else each.mean


_CHANGE_HEADINGS = {
    "change": N_("what if"),
    "what": N_("change"),
    "true": N_("true"),
    "estimate": N_("estimate"),
    "error": N_("± error"),
    "reference": N_("reference"),
    "agrees": N_("agrees"),
}


def show_changes(context: Context, found: Sequence[Found]) -> None:
    """Each change with the estimate it leads to, its error, and the figure of reference."""
    table = context.format is Format.TABLE
    if table:
        context.out.text(
            _("One change at a time to the simulated world; what the estimate becomes")
        )
    rows = [_shown_change(each) if table else _change(each) for each in found]
    context.out.rows(rows, headings=_CHANGE_HEADINGS)


def _change(each: Found) -> dict[str, object]:
    return {
        "change": each.change.name,
        "true": each.change.world.deflection,
        "estimate": _number(each.share),
        "error": _number(each.error),
        "reference": each.change.reference,
        "reference_error": each.change.reference_error,
        "agrees": each.agrees,
    }


def _shown_change(each: Found) -> dict[str, object]:
    reference = each.change.reference
    return {
        "change": each.change.name,
        "what": _(_CHANGES[each.change.name]),
        "true": f"{each.change.world.deflection:+.2f}",
        "estimate": f"{each.share:+.3f}",
        "error": f"{each.error:.3f}",
        "reference": _("nonsense") if reference is None else f"{reference:+.3f}",
        "agrees": each.agrees,
    }
