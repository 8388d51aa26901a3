"""`outreach template`: the texts that go out, listed, checked, and tried on sample facts."""

from __future__ import annotations

from datetime import timedelta

import click

from outreach.campaigns.pins import words
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.languages import N_, _, ngettext
from outreach.messages.lint import findings
from outreach.messages.render import Renderer
from outreach.messages.texts import LAYOUT, read_texts
from outreach.model.errors import InputRefused
from outreach.model.notice import Facts
from outreach.model.words import Channel, OccasionKind, OccasionState

group = Group("template")


@command(
    "list",
    N_("List the templates with their languages and channels."),
    within=group,
    example="outreach template list --format json",
)
def listed(context: Context) -> None:
    texts = read_texts(context.settings.workspace / "templates")
    context.out.rows(
        (
            {"template": name, "locale": locale, "files": sorted(files)}
            for name, by_locale in texts.items()
            if name != LAYOUT
            for locale, files in by_locale.items()
        ),
        headings={"template": N_("template"), "locale": N_("language"), "files": N_("files")},
    )


@command(
    "lint",
    N_("Check every text: fields, wording, length, and whether a language lacks one."),
    within=group,
    example="outreach template lint",
)
@option(
    "--keep-accents",
    is_flag=True,
    help=N_("Check for campaigns that do not fold á í ó ú to GSM-7."),
)
def lint(context: Context, *, keep_accents: bool) -> None:
    company = context.settings.company
    found = findings(
        read_texts(context.settings.workspace / "templates"),
        words(company),
        fold=not keep_accents,
        services=(company.service,),
    )
    context.out.rows(
        (
            {"file": each.file, "line": each.line, "rule": each.rule, "message": each.message}
            for each in found
        ),
        headings={
            "file": N_("file"),
            "line": N_("line"),
            "rule": N_("rule"),
            "message": N_("what is wrong, and what to do"),
        },
        empty=_("all is well"),
    )
    if found:
        said = ngettext("{count} thing is wrong", "{count} things are wrong", len(found))
        raise InputRefused(said.format(count=len(found)))


@command(
    "render",
    N_("Show a text as it would go out, with sample facts; nothing is sent."),
    within=group,
    example="outreach template render outage_etr --locale pt --channel sms",
)
@argument("template")
@option("--locale", help=N_("Language, such as es, es-CL or pt; by default the company's."))
@option(
    "--channel",
    type=click.Choice([str(channel) for channel in Channel]),
    default="sms",
    show_default=True,
    help=N_("Channel whose text is shown."),
)
@option(
    "--kind",
    type=click.Choice([str(kind) for kind in OccasionKind]),
    default="outage",
    show_default=True,
    help=N_("Kind of occasion of the sample facts."),
)
@option("--area", default="Providencia", show_default=True, help=N_("Area named in the text."))
def render(
    context: Context, template: str, *, locale: str | None, channel: str, kind: str, area: str
) -> None:
    company = context.settings.company
    renderer = Renderer(
        read_texts(context.settings.workspace / "templates"), words(company), main=company.locale
    )
    facts = _sample(context, OccasionKind(kind), area)
    composed = renderer.compose(template, locale or company.locale, Channel(channel), facts)
    content = renderer.fill(composed, {})
    record = {"text": content.text, "segments": content.segments}
    if content.subject:
        record = {"subject": content.subject, **record}
    context.out.record(
        record,
        headings={key: title for key, title in _TITLES.items() if key in record},
    )


_TITLES = {"subject": N_("subject"), "text": N_("text"), "segments": N_("segments")}


def _sample(context: Context, kind: OccasionKind, area: str) -> Facts:
    """An occasion in the middle of its life, so that every field that may have a value has one."""
    now = context.now.replace(second=0, microsecond=0)
    hour = timedelta(hours=1)
    return Facts(
        kind=kind,
        state=OccasionState.SCHEDULED if kind is OccasionKind.PLANNED else OccasionState.ACTIVE,
        service=context.settings.company.service,
        area=area,
        zone=context.settings.company.zone,
        start_at=now - hour,
        as_of=now,
        end_at=now + 6 * hour,
        etr_at=now + 3 * hour,
        old_etr_at=now + 2 * hour,
        old_start_at=now - 2 * hour,
        old_end_at=now + 5 * hour,
        next_update_at=now + hour,
        restored_at=now,
        fact=area,
        sent_at=now - hour,
        customers=1234,
    )
