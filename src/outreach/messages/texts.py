"""Reads the template folder into values, refusing what could lead outside it; picks locale and file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from outreach.model.errors import InputRefused
from outreach.model.notice import Texts
from outreach.model.words import Channel

LAYOUT = "_layout"
"""The folder of the frames that e-mails extend; not a template itself."""
REPLIES = "replies"
"""The folder of what answers people's own words; `messages.reply_texts` reads it."""

FILES = (
    "sms.txt",
    "email.subject.txt",
    "email.txt",
    "email.html",
    "voice.txt",
    "social.txt",
    "ivr.txt",
    "agent.txt",
)
FILES_OF = {
    Channel.SMS: ("sms.txt",),
    Channel.EMAIL: ("email.subject.txt", "email.txt", "email.html"),
    Channel.VOICE: ("voice.txt",),
    Channel.SOCIAL: ("social.txt",),
}

MAX_BYTES = {".txt": 8_000, ".html": 64_000}
MAX_FILES = 5_000
_TEMPLATE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?\Z")
_File = tuple[tuple[str, ...], "os.DirEntry[str]"]
"""Where it stands in the folder, and the file."""


def read_texts(folder: Path) -> Texts:
    """Every template under `folder`: <name>/<locale>/<file>.

    InputRefused for a missing folder, a symbolic link, an unknown file or an unsafe name, a file
    too large, not UTF-8, or with a NUL; the message names the file.
    """
    if not folder.is_dir():
        raise InputRefused(f"{folder}: no such folder of templates; run `outreach init`")
    texts: Texts = {}
    for number, (parts, entry) in enumerate(_files_under(str(folder))):
        if number >= MAX_FILES:
            raise InputRefused(f"{folder}: more than {MAX_FILES} files; is it the right folder?")
        name, locale, file = _placed(parts, entry.path)
        texts.setdefault(name, {}).setdefault(locale, {})[file] = _read(entry)
    return texts


def chosen(texts: Texts, template: str, locale: str, file: str, *, main: str) -> tuple[str, str]:
    """(locale found, text) of a file: es-CL, then es, then the company's main locale.

    InputRefused when the name is unsafe or unknown, or no locale has the file.
    """
    by_locale = _by_locale(texts, template)
    for candidate in fallbacks(locale, main):
        if (text := by_locale.get(candidate, {}).get(file)) is not None:
            return candidate, text
    raise InputRefused(f"template {template}: no {file} for {locale}, nor for {main}")


def fallbacks(locale: str, main: str) -> tuple[str, ...]:
    """es-CL, es, then the main locale and its language, each once."""
    wanted = [locale, locale.split("-", maxsplit=1)[0], main, main.split("-", maxsplit=1)[0]]
    return tuple(dict.fromkeys(wanted))


def pinned(texts: Texts, templates: set[str]) -> Texts:
    """Only these templates and the layout: all that a launch must keep to render them again."""
    return {name: texts[name] for name in sorted({*templates, LAYOUT}) if name in texts}


def _by_locale(texts: Texts, template: str) -> dict[str, dict[str, str]]:
    if not _TEMPLATE.match(template):
        raise InputRefused(f"template {template!r}: a name is lower-case letters, digits, _ and -")
    if template not in texts:
        raise InputRefused(f"template {template}: not found in templates/")
    return texts[template]


def _files_under(folder: str, inside: tuple[str, ...] = ()) -> Iterator[_File]:
    """Files, never through a link; hidden ones (.git, .DS_Store) and notes (*.md) are not ours."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        parts = (*inside, entry.name)
        if entry.name.startswith(".") or parts == (REPLIES,) or entry.name.endswith(".md"):
            continue
        if entry.is_symlink():
            raise InputRefused(f"{entry.path}: a symbolic link; templates must be plain files")
        if entry.is_dir():
            yield from _files_under(entry.path, parts)
        elif entry.is_file():
            yield parts, entry


def _placed(parts: tuple[str, ...], path: str) -> tuple[str, str, str]:
    if len(parts) != 3:  # noqa: PLR2004  name, locale, file
        raise InputRefused(f"{path}: does not stand as <template>/<locale>/<file>")
    name, locale, file = parts
    if not (_TEMPLATE.match(name) or name == LAYOUT) or not _LOCALE.match(locale):
        raise InputRefused(f"{path}: unsafe name; use <template>/<locale>, as in outage_etr/es-CL")
    if file not in FILES:
        raise InputRefused(f"{path}: unknown file; use one of {', '.join(FILES)}")
    return name, locale, file


def _read(entry: os.DirEntry[str]) -> str:
    """Read anew only where the file is another one or was written since: clocks read the folder each minute."""
    now = entry.stat()
    seen = (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns)
    if seen not in _READ:
        if len(_READ) >= MAX_FILES:
            _READ.clear()
        _READ[seen] = _content(Path(entry.path))
    return _READ[seen]


_READ: dict[tuple[int, int, int, int], str] = {}


def _content(path: Path) -> str:
    largest = MAX_BYTES[path.suffix]
    with path.open("rb") as file:
        raw = file.read(largest + 1)
    if len(raw) > largest:
        raise InputRefused(f"{path}: larger than {largest} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputRefused(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    if "\0" in text:
        raise InputRefused(f"{path}: holds a NUL character")
    return text.replace("\r\n", "\n")
