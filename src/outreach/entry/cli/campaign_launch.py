"""`outreach campaign preview` and `launch`: what would go out, to whom, at what cost; and then it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from outreach.campaigns import pins
from outreach.campaigns.engine import Applied
from outreach.campaigns.preview import Preview, Sample, StepPreview, preview
from outreach.entry import wiring
from outreach.entry.cli import times, told
from outreach.entry.cli.command import Context, argument, command
from outreach.entry.cli.naming import LAST, found, operator, zone_of
from outreach.entry.cli.occasions_named import CHANNELS, left_out_in_words
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.messages import sms_text
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
    example="outreach campaign launch unplanned-outage last --yes",
    asks=True,
    sends=True,
)
@argument("name")
@argument("which", default=LAST)
def launched(context: Context, name: str, which: str) -> None:
    shown = _Shown(context, name, which)
    if not context.dry_run:
        for line in (*shown.head(), *shown.leaving(), *shown.tail()):
            context.say(line, essential=not context.yes)
        context.confirm(_("Send it?"))
    with told.engine(context) as engine:
        applied = engine.launch(shown.occasion.id, name, actor=operator(), now=context.now)
        done = told.outcome(context, engine.database, applied)
    record = told.facts(done) | {"campaign": name, "is_new": bool(applied.launched)}
    told.answer(context, record, _launched(done, applied, shown))


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
        "samples": [
            {
                "channel": sample.channel,
                "locale": sample.locale,
                "area": sample.area,
                "subject": sample.content.subject,
                "text": sample.content.text,
                "segments": sample.content.segments,
                "unfolded": sample.unfolded.text if sample.unfolded else None,
            }
            for sample in step.samples
        ],
    }
