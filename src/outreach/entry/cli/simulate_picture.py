"""A simulated storm as one picture: messages by step, open outages, and calls with and without messages."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from outreach.campaigns.simulated import QUARTER, open_at
from outreach.deflection.calls_expected import HALF_HOUR
from outreach.entry.cli.simulate_shown import Simulated
from outreach.entry.languages import _
from outreach.model.errors import InputRefused

_MOST_STEPS = 8
"""Steps with a colour of their own; the rest are one."""
_COLOURS = (
    "#1f5a8c", "#e08a1e", "#3a9a6b", "#b5403f", "#7d62a8", "#8a6a4f", "#d277a8", "#7a7f87",
    "#c9ccd1",
)  # fmt: skip
_INK, _FAINT, _PALE, _CALM = "#2b2f36", "#e3e5e9", "#b4bbc5", "#1f5a8c"
_SIZE = (12.0, 10.0)
_DOTS = 130
_ROOM = 1.22
"""Above the highest bar, for the names of the steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Stacked bars: step -> messages, a value for each instant."""

    at: tuple[datetime, ...]
    steps: dict[str, tuple[int, ...]]


def refuse_missing() -> None:
    """InputRefused where the library for pictures is not installed; asked before anything is played."""
    try:
        import_module("matplotlib")
    except ImportError:
        raise InputRefused(
            _("--picture needs matplotlib; install it: pip install 'outreach[report]'")
        ) from None


def bars(found: Simulated) -> Bars:
    """Messages by quarter of an hour; the largest steps by name, the others together at the end."""
    sums: Counter[tuple[datetime, str]] = Counter()
    totals: Counter[str] = Counter()
    for each in found.figures.sums:
        sums[each.at, each.step] += each.messages
        totals[each.step] += each.messages
    named = [step for step, _count in totals.most_common(_MOST_STEPS)]
    first = found.began_at - (found.began_at - found.began_at.replace(minute=0)) % QUARTER
    first = first.replace(second=0, microsecond=0)
    instants = tuple(
        first + number * QUARTER for number in range((found.ended_at - first) // QUARTER + 1)
    )
    steps = {step: tuple(sums[at, step] for at in instants) for step in named}
    others = [step for step in totals if step not in named]
    if others:
        rest = tuple(sum(sums[at, step] for step in others) for at in instants)
        steps[_("other steps")] = rest
    return Bars(at=instants, steps=steps)


def draw(found: Simulated, path: Path, *, zone: ZoneInfo) -> None:
    """Writes the PNG. Times on the company's wall clock."""
    library = import_module("matplotlib")
    library.use("agg")  # no screen is asked for
    with library.rc_context({"font.size": 10, "axes.edgecolor": _FAINT, "text.color": _INK}):
        plots = import_module("matplotlib.pyplot")
        figure, panels = plots.subplots(
            3, 1, figsize=_SIZE, sharex=True, height_ratios=(5, 2, 4), layout="constrained"
        )
        figure.suptitle(_title(found), fontsize=13, fontweight="bold", x=0.01, ha="left")
        _messages(panels[0], bars(found))
        _open(panels[1], found)
        _calls(panels[2], found)
        for panel in panels:
            _quiet(panel)
        dates = import_module("matplotlib.dates")
        panels[2].xaxis.set_major_locator(dates.HourLocator(interval=1, tz=zone))
        panels[2].xaxis.set_major_formatter(
            lambda value, _place: _clock(dates.num2date(value, tz=zone))
        )
        panels[2].set_xlim(found.began_at, found.calls[-1].at + HALF_HOUR)
        figure.savefig(path, dpi=_DOTS, format="png")
        plots.close(figure)


def _clock(at: datetime) -> str:
    """The hour; at midnight the day that begins."""
    return f"{at:%H:%M}\n{at:%Y-%m-%d}" if at.hour == 0 else f"{at:%H:%M}"


def _title(found: Simulated) -> str:
    told = found.figures
    return _("{storm}: {outages} outages, {messages} messages, {wrong} stale or contradictory").format(
        storm=found.storm, outages=len(told.heard), messages=f"{told.messages:,}",
        wrong=sum(told.wrong.values()),
    )  # fmt: skip


def _messages(panel: Any, shown: Bars) -> None:
    below = [0] * len(shown.at)
    width = QUARTER * 0.92
    for (step, counts), colour in zip(shown.steps.items(), _COLOURS, strict=False):
        panel.bar(
            shown.at, counts, width=width, bottom=below, align="edge", color=colour, label=step
        )
        below = [one + other for one, other in zip(below, counts, strict=True)]
    panel.set_title(_("Messages in a quarter of an hour, by step"), loc="left", fontsize=10.5)
    if shown.steps:
        panel.set_ylim(top=max(*below, 1) * _ROOM)
        panel.legend(loc="upper left", frameon=False, fontsize=9, ncols=5)


def _open(panel: Any, found: Simulated) -> None:
    steps = [(found.began_at, open_at(found.figures.open, found.began_at)), *found.figures.open]
    steps.append((found.ended_at, steps[-1][1]))
    at, counts = [each for each, _count in steps], [count for _at, count in steps]
    panel.fill_between(at, counts, step="post", color=_CALM, alpha=0.18, linewidth=0)
    panel.step(at, counts, where="post", color=_CALM, linewidth=1.6)
    panel.set_title(_("Outages open"), loc="left", fontsize=10.5)


def _calls(panel: Any, found: Simulated) -> None:
    at = [each.at for each in found.calls]
    without = [each.calls_without for each in found.calls]
    told = [each.calls_with for each in found.calls]
    panel.bar(
        at, without, width=HALF_HOUR * 0.92, align="edge", color=_PALE,
        label=_("without messages: {count}").format(count=f"{found.calls_without:,.0f}"),
    )  # fmt: skip
    panel.bar(
        at, told, width=HALF_HOUR * 0.92, align="edge", color=_CALM,
        label=_("with messages: {count}").format(count=f"{found.calls_with:,.0f}"),
    )  # fmt: skip
    title = _(
        "Calls expected in half an hour — a model: a message is assumed to prevent {share} of them"
    )
    panel.set_title(title.format(share=f"{found.model.deflection:.0%}"), loc="left", fontsize=10.5)
    panel.legend(loc="upper right", frameon=False, fontsize=9)


def _quiet(panel: Any) -> None:
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    panel.tick_params(length=0, colors=_INK)
    panel.grid(axis="y", color=_FAINT, linewidth=0.7)
    panel.set_axisbelow(True)
    panel.set_ylim(bottom=0)
    panel.yaxis.set_major_formatter("{x:,.0f}")
