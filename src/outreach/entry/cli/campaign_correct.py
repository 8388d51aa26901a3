"""`outreach campaign correct`: whoever heard the mistake, or may have, hears the fact, everywhere, at once."""

from __future__ import annotations

from outreach.campaigns import correcting
from outreach.campaigns.correcting import Correction
from outreach.entry.cli import identity, stated, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.occasions_named import CHANNELS, any_kind
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.errors import DoneInPart
from outreach.outages import revise


@command(
    "correct",
    N_("Correct what was told wrongly: exactly those who heard it, or may have, hear the fact."),
    example='outreach campaign correct last --fact "solo afecta a Ñuñoa" --yes',
    asks=True,
    sends=True,
)
@argument("which")
@option("--fact", required=True, help=N_("What is correct, in the company's main language."))
def correct(context: Context, which: str, *, fact: str) -> None:
    occasion = any_kind(context, which)
    revision = revise.corrected(occasion.revision, fact, now=context.now, origin=stated.origin())
    if revision is None:
        told.nothing_new(context, occasion)
        return
    if not context.dry_run:
        name, shown = occasion.name, shown_id(context.keyring, occasion)
        question = _("{name} ({id}): tell all who heard of it that the correct is: {fact}?")
        context.confirm(question.format(name=name, id=shown, fact=revision.text))
    with told.engine(context) as engine:
        corrected = correcting.correct(
            engine, occasion.id, revision, actor=identity.account(), now=context.now
        )
        done = told.outcome(context, engine.database, corrected.applied)
    record = told.facts(done) | {
        "fact": revision.text,
        "hear": corrected.people,
        "told": {str(channel): count for channel, count in corrected.told.items()},
        "resumed": corrected.resumed,
        "silent": corrected.silent,
    }
    head = [told.head(done), _("correct is: {fact}").format(fact=revision.text)]
    told.answer(context, record, [*head, *_lines(context, corrected), *told.leaving(done)])
    if corrected.silent:
        raise DoneInPart(
            _(
                "{campaigns}: launched without a step for corrections: its people do not hear"
            ).format(campaigns=", ".join(corrected.silent))
        )


def _lines(context: Context, corrected: Correction) -> list[str]:
    """`8 who heard before hear it · SMS 7 · e-mail 1 · social 1`, and what is let go on for it."""
    count = context.out.count
    said = ngettext(
        "{count} who heard before hears it", "{count} who heard before hear it", corrected.people
    )
    channels = [f"{_(CHANNELS[each])} {count(many)}" for each, many in corrected.told.items()]
    lines = [" · ".join([said.format(count=count(corrected.people)), *channels])]
    if corrected.resumed:
        form = _("goes on for it, and for nothing older: {campaigns}")
        lines.append(form.format(campaigns=", ".join(corrected.resumed)))
    return lines
