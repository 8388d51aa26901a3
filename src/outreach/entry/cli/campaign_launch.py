"""`outreach campaign preview` and `launch`: what would go out, to whom, at what cost; and then it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import click

from outreach.campaigns import approving, pins
from outreach.campaigns.engine import Applied
from outreach.campaigns.preview import Preview, Sample, StepPreview, in_words, preview
from outreach.delivery.verdicts import body_hash
from outreach.entry import wiring
from outreach.entry.cli import (
    campaign_approve,
    identity,
    measurable,
    night,
    sizes,
    times,
    told,
)
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, found, zone_of
from outreach.entry.cli.occasions_named import CHANNELS, left_out_in_words
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.messages import sms_text
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion
from outreach.model.words import Channel, LeftOut
from outreach.store import audience, scopes


@command(
    "preview",
    N_("Show exactly what a launch would send: texts, counts, cost, minutes; nothing is sent."),
    example="outreach campaign preview unplanned-outage last",
)
@argument("name")
@argument("which", default=LAST)
def previewed(context: Context, name: str, which: str) -> None:
    shown = _Shown(context, name, which)
    if context.format is not Format.TABLE:
        context.out.record(shown.facts())
        return
    for line in shown.head():
        context.out.text(line)
    context.out.rows(
        [shown.row(step) for step in shown.preview.steps], headings=_COLUMNS, empty=_NOBODY
    )
    for line in (*shown.leaving(), *shown.samples(), *shown.tail()):
        context.out.text(line)


@command(
    "launch",
    N_("Tell everybody whom an occasion touches, after a look at the preview."),
    example="outreach campaign launch unplanned-outage last --yes\n"
    "outreach campaign launch advisory last --yes-to 18000",
    asks=True,
    sends=True,
)
@argument("name")
@argument("which", default=LAST)
@option("--yes-to", type=click.IntRange(min=0), help=sizes.YES_TO)
@option("--emergency", metavar="REASON", help=N_("Launch without a second person, and why."))
@option("--now-at-night", "wakes", metavar="REASON", help=night.REASON)
@option("--class", "classes", multiple=True, type=click.Choice(night.EVERYBODY), help=night.CLASSES)
@option("--as", "signed", metavar="NAME", help=identity.AS)
def launched(
    context: Context,
    name: str,
    which: str,
    *,
    yes_to: int | None,
    emergency: str | None,
    wakes: str | None,
    classes: tuple[str, ...],
    signed: str | None,
) -> None:
    actor = identity.person(context, signed)
    night.refuse(context, name, wakes, classes)
    shown = _Shown(context, name, which)
    if not context.dry_run:
        for line in (*shown.head(), *shown.leaving(), *shown.tail()):
            context.say(line, essential=not context.yes)
        _refuse_overlong(context, shown.preview)
        sizes.confirm(context, _("Send it?"), sizes.blast(context, shown.preview), yes_to)
    with told.engine(context) as engine:
        pinned = approving.unchanged(engine, shown.preview)
        if emergency is not None:
            applied = approving.emergency(
                engine, shown.occasion.id, name, actor=actor, reason=emergency, now=context.now
            )
        elif approving.is_needed(engine, shown.occasion.id, name):
            approval = approving.ask(engine, shown.occasion.id, name, author=actor, now=context.now)
            campaign_approve.waits(context, approval, shown.occasion)
            if wakes is not None:
                context.say(
                    _("once it is approved, launch it again with --now-at-night"), essential=True
                )
            return
        else:
            applied = engine.launch(
                shown.occasion.id, name, actor=actor, now=context.now, pinned=pinned
            )
        done = told.outcome(context, engine.database, applied)
        woken = None
        if wakes is not None:
            woken = night.released(
                context, engine.database, done,
                campaign=name, classes=classes, reason=wakes, actor=actor,
            )  # fmt: skip
    record = told.facts(done) | {"campaign": name, "is_new": bool(applied.launched), "woken": woken}
    said = [] if woken is None else [night.line(context, woken)]
    told.answer(context, record, [*_launched(done, applied, shown), *said])


def _refuse_overlong(context: Context, shown: Preview) -> None:
    """Most of what cannot drain in time would leave untrue, or die at the carrier."""
    zone = shown.occasion.zone
    said = [in_words(step, each, zone=zone) for step, each in shown.overlong]
    if not said or (shown.may_pass and context.yes):
        return
    hint = _("or send it all the same with --yes") if shown.may_pass else ""
    raise GuardRefused("; ".join([*said, *filter(None, [hint])]))


def _launched(done: told.Outcome, applied: Applied, shown: _Shown) -> list[str]:
    if not applied.launched:
        return [
            _("{campaign} was launched for {name} before: nothing new is sent").format(
                campaign=shown.preview.campaign, name=done.occasion.name
            )
        ]
    window = pins.read(done.context.settings, shown.preview.campaign).campaign.undo_for
    undo = _("the others wait {seconds} s at least, in which `outreach undo` takes them back")
    return [
        told.head(done),
        *told.leaving(done),
        *([] if done.context.dry_run else [undo.format(seconds=round(window.total_seconds()))]),
    ]


_NOBODY = N_("nobody would be written to")
_COLUMNS = {
    "step": N_("step"),
    "messages": N_("messages"),
    "channels": N_("channel"),
    "locales": N_("language"),
    "classes": N_("class"),
    "segments": N_("segments"),
    "cost": N_("cost"),
}


class _Shown:
    """A preview with what is said about it."""

    def __init__(self, context: Context, name: str, which: str) -> None:
        self.context = context
        self.engine = wiring.engine(context.database, context.settings, context.keyring)
        serves = pins.read(context.settings, name).campaign.serves
        self.occasion: Occasion = found(context, which, serves)
        self.preview: Preview = preview(self.engine, self.occasion.id, name, now=context.now)

    def head(self) -> Iterator[str]:
        """`unplanned-outage for ALM-F12 · out_… · version 1`, then who is touched."""
        yield _("{campaign} for {name} · {id} · version {version} · text {digest}").format(
            campaign=self.preview.campaign,
            name=self.occasion.name,
            id=shown_id(self.context.keyring, self.occasion),
            version=self.occasion.revision.version,
            digest=self.preview.digest[:12],
        )
        yield told.touched(self.context, self.preview.counts)

    def row(self, step: StepPreview) -> dict[str, object]:
        count = self.context.out.count
        return {
            "step": step.step,
            "messages": step.messages,
            "channels": _sums(
                count, {_(CHANNELS[Channel(key)]): many for key, many in step.by_channel.items()}
            ),
            "locales": _sums(count, step.by_locale),
            "classes": _sums(count, dict(sorted(step.by_class.items()))),
            "segments": step.segments,
            "cost": f"{step.cost:.2f}",
        }

    def samples(self) -> Iterator[str]:
        """A text for each step, channel and language; SMS with what they weigh and what was folded."""
        for step in self.preview.steps:
            for sample in step.samples:
                yield ""
                yield from self._sample(sample)

    def leaving(self) -> Iterator[str]:
        """`opened: 6 at once · 0 held for the night · first 02:48, last 02:51`."""
        count = self.context.out.count
        for step in self.preview.steps:
            line = _("{step}: {at_once} at once · {held} held for the night").format(
                step=step.step, at_once=count(step.at_once), held=count(step.held)
            )
            yield line + self._hears(step)
        yield from measurable.lines(self.context, self.preview)

    def tail(self) -> Iterator[str]:
        """What it comes to, who does not hear of it, and what is wrong."""
        count, shown = self.context.out.count, self.preview
        yield ""
        yield _("{messages} messages · {segments} segments · {cost} {currency}").format(
            messages=count(shown.messages),
            segments=count(shown.segments),
            cost=f"{shown.cost:.2f}",
            currency=self.context.settings.company.currency,
        )
        reasons = self.unreached()
        said = left_out_in_words(self.context, reasons) or _("nobody")
        yield _("not reached: {reasons}").format(reasons=said)
        for warning in shown.warnings:
            yield _("WARNING: {warning}").format(warning=warning)

    def unreached(self) -> dict[LeftOut, int]:
        """Affected customers whom no channel of these steps reaches, by reason."""
        with self.context.database.read() as session:
            rows = audience.unreachable(session, scopes.remaining(session, self.occasion))
        return dict(Counter(reason for _ref, _locality, _priority, reason in rows).most_common())

    def facts(self) -> dict[str, object]:
        """The same for machines."""
        shown = self.preview
        return {
            "id": shown_id(self.context.keyring, self.occasion),
            "campaign": shown.campaign,
            "digest": shown.digest,
            "version": self.occasion.revision.version,
            "customers": shown.counts.customers,
            "messages": shown.messages,
            "segments": shown.segments,
            "cost": shown.cost,
            "currency": self.context.settings.company.currency,
            "steps": [_step_facts(step) for step in shown.steps],
            "not_reached": self.unreached(),
            "warnings": shown.warnings,
        }

    def _hears(self, step: StepPreview) -> str:
        if step.drain is None or step.drain.first_at is None:
            return ""
        last = self._wall(step.drain.last_at) if step.drain.last_at else _("never")
        first = self._wall(step.drain.first_at)
        return " · " + _("first hears {first}, last {last}").format(first=first, last=last)

    def _wall(self, at: datetime) -> str:
        """The minute; with its day where that is another one."""
        zone, now = zone_of(self.occasion), self.context.now
        if at.astimezone(zone).date() == now.astimezone(zone).date():
            return f"{at.astimezone(zone):%H:%M}"
        return times.wall(at, now=now, zone=zone)

    def _sample(self, sample: Sample) -> Iterator[str]:
        title = f"{sample.step} · {_(CHANNELS[sample.channel])} · {sample.locale}"
        yield title + (f" · {_weight(sample)}" if sample.channel is Channel.SMS else "")
        if sample.content.subject:
            yield f"  {sample.content.subject}"
        for line in sample.content.text.splitlines():
            yield f"  {line}"
        if sample.unfolded:
            form = ngettext(
                "folded to GSM-7; with its accents it would be {count} segment:",
                "folded to GSM-7; with its accents it would be {count} segments:",
                sample.unfolded.segments,
            )
            yield "  " + form.format(count=sample.unfolded.segments)
            yield f"  {sample.unfolded.text}"


def _weight(sample: Sample) -> str:
    text, segments = sample.content.text, sample.content.segments
    said = ngettext("{count} segment", "{count} segments", segments).format(count=segments)
    characters = _("{count} characters").format(count=len(text))
    return f"{characters} · {sms_text.segments(text).encoding} · {said}"


def _sums(count: Callable[[float], str], sums: dict[str, int]) -> str:
    return " · ".join(f"{key} {count(many)}" for key, many in sums.items())


def _step_facts(step: StepPreview) -> dict[str, object]:
    drain = step.drain
    return {
        "step": step.step,
        "template": step.template,
        "messages": step.messages,
        "by_channel": step.by_channel,
        "by_locale": step.by_locale,
        "by_class": step.by_class,
        "segments": step.segments,
        "cost": step.cost,
        "at_once": step.at_once,
        "held": step.held,
        "first_at": drain.first_at if drain else None,
        "last_at": drain.last_at if drain else None,
        "measurable": measurable.facts(step.outlook),
        "samples": [
            {
                "channel": sample.channel,
                "locale": sample.locale,
                "area": sample.area,
                "subject": sample.content.subject,
                "text": sample.content.text,
                "segments": sample.content.segments,
                "unfolded": sample.unfolded.text if sample.unfolded else None,
                "text_hash": body_hash(sample.content).hex(),
            }
            for sample in step.samples
        ],
    }
