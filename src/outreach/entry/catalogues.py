"""Keeps the catalogues in step with the code: `python -m outreach.entry.catalogues` after a new string.

It adds what is new without translation (a test names what lacks one), drops what is gone, and compiles. Click's own
messages stand in the same catalogues, since operators read them too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from outreach.entry.languages import DOMAIN, LANGUAGES, LOCALES, SOURCE

Text = str | tuple[str, str]

TRANSLATED = tuple(language for language in LANGUAGES if language != SOURCE)
_UNSEEN = ("_termui_impl.py", "_winconsole.py", "shell_completion.py", "utils.py")
_FIXED = datetime(2026, 1, 1, tzinfo=UTC)
"""Dates in the headers would change the files at every run."""


def texts() -> Iterator[Text]:
    """Every marked string of `entry`, then those of Click that an operator can come to see."""
    for folder in (Path(__file__).parent, Path(click.__file__).parent):
        for file, _line, text, _comments, _context in extract_from_dir(folder):
            if Path(file).name not in _UNSEEN:
                yield text[:2] if isinstance(text, tuple) else text  # type: ignore[misc]


def path_of(language: str, kind: str) -> Path:
    """The catalogue file: `po` for people, `mo` for gettext."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.{kind}"


def renewed(language: str) -> Catalog:
    """The catalogue with exactly today's strings and the translations it had."""
    known = read(language)
    catalogue = Catalog(
        locale=language,
        domain=DOMAIN,
        header_comment="# What operators read.",
        project=DOMAIN,
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        creation_date=_FIXED,
        revision_date=_FIXED,
        fuzzy=False,
    )
    for text in texts():
        held = known.get(text[0] if isinstance(text, tuple) else text)
        catalogue.add(text, held.string if held else None)
    return catalogue


def read(language: str) -> Catalog:
    """The catalogue as it stands; empty if there is none yet."""
    path = path_of(language, "po")
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """What gettext reads."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    """Renews and compiles every catalogue."""
    for language in TRANSLATED:
        catalogue = renewed(language)
        path = path_of(language, "po")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalogue, no_location=True, sort_output=True, width=100)
        path_of(language, "mo").write_bytes(compiled(read(language)))


if __name__ == "__main__":
    main()
