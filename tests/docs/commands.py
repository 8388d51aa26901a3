"""Commands that stand in the documents, found by their marks, and run as they are written.

In a Markdown file a fenced block of commands is run when the line before it is `<!-- run: NAME -->`; blocks of one NAME
share a folder and run in order. `<!-- run: NAME exits 3 -->` expects that exit code. A line is one command; a `$ `
before it is dropped, lines that begin with `#` are talk. What cannot be run says why: `<!-- not run: it serves for ever -->`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from outreach.entry.cli.command import Command
from outreach.entry.cli.main import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_MARKED = re.compile(
    r"^<!-- run: (?P<name>[\w-]+)(?: exits (?P<code>\d))? -->\n```\w*\n(?P<body>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_FENCED = re.compile(r"^```sh\n.*?^```", re.MULTILINE | re.DOTALL)
_EXCUSED = re.compile(r"<!-- not run: \S.{9,} -->\n\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One command of a document."""

    name: str
    words: str
    exits: int
    place: str


def marked(path: Path) -> Iterator[Line]:
    """The commands of a document's marked blocks, in order."""
    text = path.read_text(encoding="utf-8")
    for block in _MARKED.finditer(text):
        first = text.count("\n", 0, block.start("body")) + 1
        for number, line in enumerate(block["body"].splitlines()):
            words = line.removeprefix("$ ").partition("  #")[0].strip()
            if words and not words.startswith("#"):
                yield Line(
                    name=block["name"],
                    words=words,
                    exits=int(block["code"] or 0),
                    place=f"{path.name}:{first + number}",
                )


def unmarked(path: Path) -> Iterator[str]:
    """Places of a document's blocks of commands that are neither run nor excused."""
    text = path.read_text(encoding="utf-8")
    run = {block.end() for block in _MARKED.finditer(text)}
    for block in _FENCED.finditer(text):
        if block.end() not in run and not _EXCUSED.search(text, 0, block.start()):
            yield f"{path.name}:{text.count(chr(10), 0, block.start()) + 1}"


def commands() -> Iterator[tuple[str, Command]]:
    """Every command that is no group, by the words that call it."""
    context = click.Context(cli, info_name="outreach")
    for name in cli.list_commands(context):
        found = cli.get_command(context, name)
        verbs = found.commands if isinstance(found, click.Group) else {"": found}
        for verb, each in verbs.items():
            assert isinstance(each, Command)
            yield f"{name} {verb}".strip(), each
