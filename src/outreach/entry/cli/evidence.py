"""`planned evidence`, `outage evidence` and `evidence verify`: a signed bundle of who was told what when."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from outreach.campaigns import evidence
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import found
from outreach.entry.cli.output import Format, unspoiled
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.errors import GuardRefused
from outreach.model.words import OccasionKind
from outreach.outages import packs

group = Group("evidence")

_HELP = N_("Write the signed evidence: who was told what when, by which channel, with receipts.")
_TO = option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help=N_("Folder for it, new or empty."),
)


@command(
    "evidence",
    _HELP,
    example="outreach planned evidence TP-2026-014 --to exports/TP-2026-014",
)
@argument("which")
@_TO
def of_work(context: Context, which: str, *, folder: Path) -> None:
    _write(context, which, OccasionKind.PLANNED, folder)


@command("evidence", _HELP, example="outreach outage evidence ALM-F12 --to exports/ALM-F12")
@argument("which")
@_TO
def of_outage(context: Context, which: str, *, folder: Path) -> None:
    _write(context, which, OccasionKind.OUTAGE, folder)


def _write(context: Context, which: str, kind: OccasionKind, folder: Path) -> None:
    occasion = found(context, which, kind)
    company = context.settings.company
    pack = packs.read_pack(company.country, context.settings.workspace)
    subject = evidence.Subject(
        occasion=occasion,
        public_id=shown_id(context.keyring, occasion),
        about={
            "company": company.name,
            "tenant": company.tenant,
            "program": f"outreach {version('outreach')}",
        },
        rules=pack.rules,
    )
    bundle = evidence.write(
        context.database, subject, folder, keyring=context.keyring, guard=unspoiled, now=context.now
    )
    rows = [{"file": name, **facts} for name, facts in sorted(bundle.files.items())]
    tables = [row for row in rows if "rows" in row]
    if context.format is Format.TABLE:
        context.out.rows(tables, headings=_HEADINGS)
        texts = len(rows) - len(tables)
        form = ngettext(
            "{count} text, and {manifest}, signed", "{count} texts, and {manifest}, signed", texts
        )
        context.out.text(form.format(count=texts, manifest=evidence.MANIFEST))
        context.out.text(_("to check it later: outreach evidence verify {to}").format(to=folder))
        return
    context.out.record({"folder": str(folder), "signature": bundle.signature, "files": rows})


@command(
    "verify",
    N_("Say whether one byte of an evidence folder changed since it was signed."),
    within=group,
    example="outreach evidence verify exports/TP-2026-014",
)
@argument("folder", type=click.Path(file_okay=False, path_type=Path))
def verified(context: Context, *, folder: Path) -> None:
    wrong = evidence.faults(folder, context.keyring)
    if context.format is not Format.TABLE:
        context.out.record({"folder": str(folder), "sound": not wrong, "faults": wrong})
    if wrong:
        raise GuardRefused("\n".join(f"{folder}: {each}" for each in wrong))
    context.out.text(_("{folder}: as it was signed").format(folder=folder))


_HEADINGS = {
    "file": N_("file"),
    "rows": N_("rows"),
    "bytes": N_("bytes"),
    "sha256": N_("SHA-256"),
}
