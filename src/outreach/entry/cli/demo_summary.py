"""The summary of the demo for people: at most 100 columns, in the operator's language."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from outreach.entry.cli.durations import spelled
from outreach.entry.cli.occasions_named import CHANNELS, LEFT_OUT, STATES
from outreach.entry.cli.output import Output
from outreach.entry.cli.routing_words import KINDS
from outreach.entry.demo.figures import Figures
from outreach.entry.demo.story import FEEDER, ZONE
from outreach.entry.languages import N_, _
from outreach.model.contactcenter import DirectiveKind
from outreach.model.deflection import Verdict
from outreach.model.words import Channel, LeftOut, MessageState

WIDTH = 98
_HEADINGS = {
    "step": N_("who was told"),
    "messages": N_("messages"),
    "told": N_("told"),
    "channels": N_("SMS/e-mail/post"),
    "classes": "A/B/C",
    "languages": "es/pt/en",
    "untold": N_("not told"),
}
_CALLERS = {
    "out": N_("who still waits"),
    "restored": N_("who has light again"),
    "unknown": N_("a number nobody knows"),
}
_VERDICTS = {
    Verdict.DEFLECTS: N_("deflects calls"),
    Verdict.ADDS_CALLS: N_("adds calls"),
    Verdict.NO_DIFFERENCE: N_("no difference shown"),
    Verdict.NOT_ENOUGH: N_("not enough calls yet"),
    Verdict.REFUSED: N_("refused"),
}
_NEXT = (
    ("cd {folder}", ""),
    ("outreach campaign status {outage}", N_("where every message stands")),
    ("outreach message explain {account}", N_("all that one customer was sent, and why")),
    ("outreach deflection show {outage}", N_("how many calls that saved")),
    ("outreach outage open ALB-F13", N_("a night of your own")),
    ("outreach serve", N_("then http://127.0.0.1:8020/outbox: every message, to read")),
)


def shown(found: Figures, out: Output, *, folder: Path, account: str) -> None:
    """Writes the summary; `account` is one that `message explain` has much to say about."""
    for occasion in dict.fromkeys(one["occasion"] for one in found["steps"]):
        mine = [one for one in found["steps"] if one["occasion"] == occasion]
        out.text(f"\n{occasion}")
        out.rows([_step(one, out) for one in mine], headings=_HEADINGS)
    for line in _lines(found, out):
        out.text(line)
    out.text("")
    out.text(_("Next:"))
    for line in next_steps(folder=folder, outage=FEEDER, account=account):
        out.text(line)


def next_steps(**named: object) -> list[str]:
    """The commands to type next, with what each is for."""
    commands = [(command.format(**named), why) for command, why in _NEXT]
    width = max(len(command) for command, why in commands if why)  # a path may be long
    return [f"  {command.ljust(width)}  {_(why)}".rstrip() for command, why in commands]


def _step(one: Figures, out: Output) -> dict[str, object]:
    return {
        "step": one["step"],
        "messages": one["messages"],
        "told": one["told"],
        "channels": _side_by_side(one["by_channel"], ("sms", "email", "social")),
        "classes": _side_by_side(one["by_class"], "ABC"),
        "languages": _side_by_side(one["by_language"], ("es", "pt", "en")),
        "untold": _states(one["untold"], out),
    }


def _side_by_side(counts: Mapping[str, int], keys: Any) -> str:
    return "/".join(str(counts.get(key, 0)) for key in keys)


def _states(counts: Mapping[str, int], out: Output) -> str:
    return ", ".join(
        f"{_(STATES[MessageState(state)])} {out.count(number)}" for state, number in counts.items()
    )


def _lines(found: Figures, out: Output) -> Iterator[str]:
    yield ""
    yield from _wrapped(_sums(found, out))
    yield from _wrapped(
        _("{segments} SMS segments, {currency} {cost}; nothing left this machine").format(
            segments=out.count(found["segments"]),
            currency=found["currency"],
            cost=out.count(found["cost"]),
        )
    )
    reasons = ", ".join(
        f"{_(LEFT_OUT[LeftOut(reason)])} {out.count(number)}"
        for reason, number in found["left_out"].items()
    )
    yield from _wrapped(
        _("customers whom a step could not write to: {reasons}").format(reasons=reasons)
    )
    for part in (_ivr, _promises, _directives):
        yield ""
        yield from part(found)
    yield ""
    yield from _deflection(found, out)


def _sums(found: Figures, out: Output) -> str:
    channels = ", ".join(
        f"{_(CHANNELS[Channel(name)])} {out.count(number)}"
        for name, number in found["by_channel"].items()
    )
    form = _("{messages} messages ({channels}): {states}; the states add up to the audience")
    if not found["adds_up"]:
        form = _("{messages} messages ({channels}): {states}; THE STATES DO NOT ADD UP")
    return form.format(
        messages=out.count(found["messages"]),
        channels=channels,
        states=_states(found["states"], out),
    )


def _ivr(found: Figures) -> Iterator[str]:
    for asked in found["ivr"]:
        says = (
            f"“{asked['says']}”"
            if asked["says"]
            else _("nothing: the call goes on in the contact center's own flow")
        )
        yield from _wrapped(
            _("{time} IVR to {caller}: {says}").format(
                time=_clock(asked["at"]), caller=_(_CALLERS[asked["caller"]]), says=says
            )
        )


def _promises(found: Figures) -> Iterator[str]:
    for promise in found["promises"]:
        late = timedelta(seconds=promise["missed_by_s"] or 0)
        outcome = _("kept") if promise["kept"] else _("missed by {length}").format(
            length=spelled(late)
        )  # fmt: skip
        yield _("promise of {made}: {name} back by {promised}: {outcome}").format(
            made=_clock(promise["made_at"]),
            name=promise["occasion"],
            promised=_clock(promise["promised"]),
            outcome=outcome,
        )


def _directives(found: Figures) -> Iterator[str]:
    for each in found["directives"]:
        form = (
            _("{time} {directive} on: {scope}")
            if each["on"]
            else _("{time} {directive} off: {scope}")
        )
        scope = (
            each["scope"].get("zones") or each["scope"].get("classes") or [each["scope"]["queue"]]
        )
        yield form.format(
            time=_clock(each["at"]),
            directive=_(KINDS[DirectiveKind(each["kind"])]),
            scope=", ".join(scope),
        )


def _deflection(found: Figures, out: Output) -> Iterator[str]:
    measured = found["deflection"]
    yield from _wrapped(
        _("{calls} calls came, {share} from a known number · {name}: {verdict}").format(
            calls=out.count(found["calls"]),
            share=_percent(measured["identified_share"]),
            name=FEEDER,
            verdict=_(_VERDICTS[Verdict(measured["verdict"])]),
        )
    )
    if measured["reduction"] is not None:
        yield from _wrapped(
            _(
                "a message that arrives saves {share} of the calls (95 %: {low} to {high}); the demo's callers"
                " were told to make {truth} fewer while it is fresh"
            ).format(
                share=_percent(measured["reduction"]),
                low=_percent(measured["low"]),
                high=_percent(measured["high"]),
                truth=_percent(found["truth"]),
            )
        )
    for reason in measured["reasons"]:
        yield from _wrapped(_("note: {reason}").format(reason=reason))


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _clock(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%H:%M}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent="    ")
