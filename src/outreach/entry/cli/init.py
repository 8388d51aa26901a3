"""`outreach init`: lays out a workspace, whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from outreach import settings as configuration
from outreach.addresses import new_keyring, write_keyring
from outreach.entry import languages
from outreach.entry.cli import layout, times
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.db import brought_up
from outreach.entry.languages import LANGUAGES, N_, _
from outreach.model.errors import InputRefused


@command(
    "init",
    N_("Lay out a new workspace: settings, campaigns, templates, key and database."),
    example="outreach init luz --company 'Compañía Eléctrica Río Claro' --country CL --language es",
    answers=False,
    asks=True,
)
@argument("folder", type=click.Path(file_okay=False, path_type=Path))
@option("--company", help=N_("The company's name, as people know it."))
@option("--country", help=N_("Two letters, such as CL; sets zone and emergency number."))
@option("--zone", help=N_("IANA zone, by default the country's, such as America/Santiago."))
@option(
    "--language",
    type=click.Choice(LANGUAGES),
    help=N_("Language of the program for its operators."),
)
def init(
    context: Context,
    folder: Path,
    *,
    company: str | None,
    country: str | None,
    zone: str | None,
    language: str | None,
) -> None:
    """Builds it beside `folder` and moves it in at the end, so that nothing half-made stays."""
    _refuse_taken(folder)
    if language:
        languages.use(language)
    name = company or context.ask(_("Name of the company"), "Outreach")
    place = layout.place((country or context.ask(_("Country (two letters)"), "CL")).upper())
    chosen_zone = times.zone_named(zone or place.zone).key
    text = layout.settings_text(name, place, chosen_zone, language or languages.spoken())
    _build(folder, text)
    for line in layout.next_steps(folder):
        click.echo(line)


def _refuse_taken(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise InputRefused(
            _("{folder}: not empty; give a new folder, or an empty one").format(folder=folder)
        )


def _build(folder: Path, settings_text: str) -> None:
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    built = Path(tempfile.mkdtemp(prefix=".outreach-", dir=folder))
    try:
        _fill(built, settings_text)
        for each in built.iterdir():
            each.rename(folder / each.name)
    except BaseException:
        if is_new:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _fill(folder: Path, settings_text: str) -> None:
    (folder / configuration.FILE).write_text(settings_text, encoding="utf-8")
    (folder / ".gitignore").write_text(layout.GITIGNORE, encoding="utf-8")
    for name in ("campaigns", "templates"):
        shutil.copytree(configuration.carried(name), folder / name)
    loaded = configuration.load(folder)
    write_keyring(new_keyring(), loaded.keys)
    brought_up(loaded.database)
