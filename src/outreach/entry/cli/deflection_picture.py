"""What a campaign did to the calls, as one picture: told against not yet told, and the effect."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outreach.deflection.estimate import Z
from outreach.entry.cli import deflection_words as words
from outreach.entry.cli.simulate_picture import refuse_missing
from outreach.entry.languages import _
from outreach.model.deflection import Bucket, Deflection, Interval, Verdict
from outreach.model.errors import InputRefused

__all__ = ["Rate", "bins", "draw", "refuse_missing"]

_WIDTHS = (5, 10, 15, 30)
"""Minutes of a point; the narrowest that holds enough calls."""
_ENOUGH = 20
"""Calls of both arms in an average point."""
_TOLD, _UNTOLD = "#0072b2", "#d55e00"  # blue and vermilion: told apart by every kind of eye
_INK, _FAINT, _PALE, _SLOTS = "#2b2f36", "#e3e5e9", "#d5d9df", "#f3efe2"
_SIZE = (12.0, 9.0)
_DOTS = 130
_PER = 1_000
_LEAST_SHARED = 0.05
"""Points that stand on less of what the fullest one has are left out: their lines jump about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Calls a minute of 1,000 households in one span, at equal class and minute; None: nobody to compare."""

    minute: int
    """Where it begins, since the outage began."""
    every: float
    """Of all at risk, whatever they were told."""
    told: float | None
    untold: float | None
    told_error: float = 0.0
    untold_error: float = 0.0
    shared: float = 0.0
    """Household-minutes on which the comparison stands."""
    told_share: float = 0.0
    """Of the household-minutes at risk."""


def width(buckets: Sequence[Bucket]) -> int:
    """Minutes of a point, so that an average one holds enough calls to be read."""
    compared = [each for each in buckets if each.t0 > 0 and each.t1 > 0]
    calls = sum(each.d0 + each.d1d + each.d1u for each in compared)
    minutes = len({each.minute for each in compared})
    for each in _WIDTHS:
        if calls * each >= _ENOUGH * minutes:
            return each
    return _WIDTHS[-1]


def bins(buckets: Sequence[Bucket], minutes: int) -> list[Rate]:
    """Rates by spans of so many minutes.

    Both arms are weighted to the same mixture of classes and minutes, as the estimator does: thrown
    together, the told would look worse, for those who call most are told first.
    """
    spans: dict[int, list[Bucket]] = {}
    for each in buckets:
        spans.setdefault(each.minute // minutes * minutes, []).append(each)
    return [_rate(start, spans[start]) for start in sorted(spans)]


def _rate(start: int, span: Sequence[Bucket]) -> Rate:
    at_risk = sum(each.t0 + each.t1 for each in span)
    calls = sum(each.d0 + each.d1d + each.d1u for each in span)
    common = sum(each.t0 * each.t1 / (each.t0 + each.t1) for each in span if each.t0 and each.t1)
    told, told_error = _weighted(span, common, lambda each: (each.d1d + each.d1u, each.t0))
    untold, untold_error = _weighted(span, common, lambda each: (each.d0, each.t1))
    return Rate(
        minute=start,
        every=_PER * calls / at_risk,
        told=told,
        untold=untold,
        told_error=told_error,
        untold_error=untold_error,
        shared=common,
        told_share=sum(each.t1 for each in span) / at_risk,
    )


def _weighted(
    span: Sequence[Bucket], common: float, of: Callable[[Bucket], tuple[int, float]]
) -> tuple[float | None, float]:
    """Mantel-Haenszel numerator over the time that both arms share, and its standard error."""
    if common <= 0:
        return None, 0.0
    parts = [(calls, other / (each.t0 + each.t1)) for each in span for calls, other in [of(each)]]
    total = sum(calls * weight for calls, weight in parts)
    error = math.sqrt(sum(calls * weight * weight for calls, weight in parts))
    return _PER * total / common, _PER * error / common


def compared(rates: Sequence[Rate]) -> list[Rate]:
    """Spans in which enough were told and enough were not."""
    most = max((each.shared for each in rates), default=0.0)
    return [each for each in rates if each.told is not None and each.shared >= _LEAST_SHARED * most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One row of the lower panel: a saving with its limits."""

    name: str
    share: float
    limits: Interval


def effects(measured: Deflection) -> list[Effect]:
    """What may be printed, the message itself first; nothing where too little is known."""
    if not measured.publishable:
        return []
    rows = (
        (_("a delivered message"), measured.theta_msg, measured.theta_interval),
        (_("sending, delivered or not"), measured.theta_itt, measured.itt_interval),
    )
    return [
        Effect(name=name, share=1 - theta, limits=Interval(low=1 - cut.high, high=1 - cut.low))
        for name, theta, cut in rows
        if theta is not None and cut is not None
    ]


def headline(measured: Deflection) -> str:
    """The finding in one sentence, as far as it may be said."""
    found = effects(measured)
    if not found:
        said = _(words.VERDICTS[words.verdict(measured)])
        return said[:1].upper() + said[1:]
    form = _("A delivered message saves {share} of the calls (95 %: {low} to {high}): {verdict}")
    limits = found[0].limits
    return form.format(
        share=f"{found[0].share:.0%}",
        low=f"{limits.low:.0%}",
        high=f"{limits.high:.0%}",
        verdict=_(words.VERDICTS[words.verdict(measured)]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """The points of the picture on the wall clock."""

    rates: Sequence[Rate]
    minutes: int
    """Width of a point."""
    start: datetime
    zone: ZoneInfo
    title: str

    def at(self, rates: Sequence[Rate], *, middle: bool = False) -> list[datetime]:
        shift = self.minutes / 2 if middle else 0
        return [self.start + timedelta(minutes=each.minute + shift) for each in rates]

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.rates[-1].minute + self.minutes)


def draw(
    buckets: Sequence[Bucket],
    measured: Deflection,
    path: Path,
    *,
    title: str,
    start: datetime,
    zone: ZoneInfo,
) -> None:
    """Writes the PNG. buckets: of one run, every wave. start: of the outage. Wall time of `zone`."""
    if not buckets:
        raise InputRefused(_("nothing to draw: nobody of this campaign was without supply yet"))
    minutes = width(buckets)
    frame = _Frame(
        rates=bins(buckets, minutes), minutes=minutes, start=start, zone=zone, title=title
    )
    library = import_module("matplotlib")
    library.use("agg")  # no screen is asked for
    with library.rc_context({"font.size": 10.5, "axes.edgecolor": _FAINT, "text.color": _INK}):
        plots = import_module("matplotlib.pyplot")
        figure, panels = plots.subplots(
            3, 1, figsize=_SIZE, height_ratios=(6, 1.6, 1.9), layout="constrained"
        )
        figure.suptitle(headline(measured), fontsize=14, fontweight="bold", x=0.01, ha="left")
        _fill(panels, frame, measured)
        figure.savefig(path, dpi=_DOTS, format="png")
        plots.close(figure)


def _fill(panels: Sequence[Any], frame: _Frame, measured: Deflection) -> None:
    calls, told, saved = panels
    _calls(calls, frame)
    if (
        words.verdict(measured) is not Verdict.REFUSED
    ):  # lines that must not be compared are not shown
        _arms(calls, frame)
    _told(told, frame)
    _effects(saved, measured)
    for panel in (calls, told):
        _shaded(panel, frame)
        _clock(panel, frame)
    calls.set_ylim(bottom=0)  # last: setting it stops the axis from growing with its lines
    calls.legend(loc="upper right", frameon=False, fontsize=10)


def _calls(panel: Any, frame: _Frame) -> None:
    panel.bar(
        frame.at(frame.rates), [each.every for each in frame.rates],
        width=timedelta(minutes=frame.minutes * 0.94), align="edge", color=_PALE,
        label=_("all without supply, all classes"),
    )  # fmt: skip
    said = _(
        "{title}: calls a minute of 1,000 households, points of {minutes} minutes; told and not yet told at equal class and minute"
    )
    panel.set_title(
        said.format(title=frame.title, minutes=frame.minutes), loc="left", fontsize=10.5
    )
    _quiet(panel)


def _arms(panel: Any, frame: _Frame) -> None:
    both = compared(frame.rates)
    at = frame.at(both, middle=True)
    untold = [(each.untold or 0.0, each.untold_error) for each in both]
    told = [(each.told or 0.0, each.told_error) for each in both]
    _line(panel, at, untold, {"color": _UNTOLD, "ls": "--", "marker": "s", "label": _("not yet told")})  # fmt: skip
    _line(panel, at, told, {"color": _TOLD, "ls": "-", "marker": "o", "label": _("told")})


def _line(
    panel: Any, at: list[datetime], values: list[tuple[float, float]], look: dict[str, str]
) -> None:
    low = [max(0.0, value - Z * error) for value, error in values]
    high = [value + Z * error for value, error in values]
    panel.fill_between(at, low, high, color=look["color"], alpha=0.14, linewidth=0)
    panel.plot(at, [value for value, _error in values], markersize=5, linewidth=2.2, **look)


def _told(panel: Any, frame: _Frame) -> None:
    at = frame.at(frame.rates, middle=True)
    shares = [each.told_share for each in frame.rates]
    panel.fill_between(at, shares, color=_TOLD, alpha=0.25, linewidth=0)
    panel.plot(at, shares, color=_TOLD, linewidth=1.6)
    panel.set_title(
        _("Share of the households without supply that are told"), loc="left", fontsize=10.5
    )
    panel.set_ylim(0, 1)
    panel.set_yticks([0, 0.5, 1])
    _quiet(panel)
    _in_percent(panel.yaxis)


def _effects(panel: Any, measured: Deflection) -> None:
    panel.set_title(
        _("Calls saved, with the 95 % interval; told against not yet told, in random order"),
        loc="left", fontsize=10.5,
    )  # fmt: skip
    found = effects(measured)
    _quiet(panel)
    panel.grid(visible=False)
    if not found:
        panel.set_axis_off()
        panel.text(0, 0.45, _silence(measured), transform=panel.transAxes, fontsize=12)
        return
    for place, each in enumerate(reversed(found)):
        _interval(panel, each, place)
    panel.axvline(0, color=_INK, linewidth=1)
    panel.set_yticks([])
    panel.set_ylim(-0.6, len(found) - 0.2)
    panel.set_xlim(
        min(-0.1, *(each.limits.low - 0.05 for each in found)),
        max(0.5, *(each.limits.high + 0.05 for each in found)),
    )
    _in_percent(panel.xaxis)


def _silence(measured: Deflection) -> str:
    """Why no number stands here."""
    if words.verdict(measured) is Verdict.REFUSED and measured.reasons:
        return _("refused: {reason}").format(reason=measured.reasons[0])
    return _("too few calls for a number; pool several campaigns, or send with a late tail")


def _interval(panel: Any, effect: Effect, place: int) -> None:
    low, high = effect.limits.low, effect.limits.high
    panel.plot([low, high], [place, place], color=_TOLD, linewidth=6, alpha=0.35, solid_capstyle="round")  # fmt: skip
    panel.plot([effect.share], [place], "o", color=_TOLD, markersize=10)
    said = f"{effect.name}: {effect.share:.0%} ({low:.0%} … {high:.0%})"
    panel.annotate(said, (effect.share, place), xytext=(0, 10), textcoords="offset points", ha="center", fontsize=10.5)  # fmt: skip


def _shaded(panel: Any, frame: _Frame) -> None:
    """The time in which messages leave: some are told, and others of their class are not."""
    both = frame.at([each for each in frame.rates if each.told is not None])
    if both:
        high = both[-1] + timedelta(minutes=frame.minutes)
        panel.axvspan(both[0], high, color=_SLOTS, zorder=0, label=_("messages are leaving"))


def _clock(panel: Any, frame: _Frame) -> None:
    dates = import_module("matplotlib.dates")
    panel.xaxis.set_major_locator(dates.AutoDateLocator(tz=frame.zone, minticks=5, maxticks=9))
    panel.xaxis.set_major_formatter(dates.DateFormatter("%H:%M", tz=frame.zone))
    panel.set_xlim(frame.start, frame.end)


def _in_percent(axis: Any) -> None:
    axis.set_major_formatter(import_module("matplotlib.ticker").PercentFormatter(1.0))


def _quiet(panel: Any) -> None:
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    panel.tick_params(length=0, pad=7, colors=_INK)
    panel.grid(axis="y", color=_FAINT, linewidth=0.7)
    panel.set_axisbelow(True)
