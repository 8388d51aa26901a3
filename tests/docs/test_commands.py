"""Every command has help, an example and a place in the documents; what these show can be typed."""

from __future__ import annotations

import contextlib
import itertools
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click
import pytest
from tests.docs.commands import DOCUMENTS, ROOT, Line, commands, marked, unmarked
from tests.entry.cli_runs import run

LISTED = "<!-- commands -->"
"""The mark of the document that lists all commands."""
AS_A_PROGRAM = "readme"
"""The block that runs as the installed program, by today's clock; the others in this process at one instant."""
ALL = dict(commands())
BLOCKS = {
    name: tuple(lines)
    for name, lines in itertools.groupby(
        sorted((line for path in DOCUMENTS for line in marked(path)), key=lambda line: line.name),
        key=lambda line: line.name,
    )
}


@pytest.mark.parametrize("name", ALL)
def test_a_command_has_help_in_the_imperative_and_an_example_that_calls_it(name):
    command = ALL[name]

    assert command.help
    assert command.help.split()[0][0].isupper()
    assert command.help.endswith(".")
    assert command.example.startswith(f"outreach {name}")


@pytest.mark.parametrize("name", ALL)
def test_every_option_of_a_command_has_help(name):
    options = [each for each in ALL[name].params if isinstance(each, click.Option)]

    assert [each.name for each in options if not each.help] == []


@pytest.mark.parametrize("name", ALL)
def test_an_example_can_be_parsed(name):
    shown = ALL[name].example.splitlines()[0].partition(" > ")[0]  # a shell would take the rest
    words = shlex.split(shown)[1 + len(name.split()) :]

    with ALL[name].make_context(name, words, resilient_parsing=False):
        pass


def test_every_command_stands_in_the_documents_once_they_list_them():
    written = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    wanted = ALL if LISTED in written else {}

    assert [name for name in wanted if f"outreach {name}" not in written] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_block_of_commands_is_run_or_says_why_not(path):
    assert list(unmarked(path)) == []


@pytest.mark.parametrize("name", BLOCKS)
def test_the_commands_of_the_documents_run_as_written(name, tmp_path):
    folder = tmp_path
    type_in = typed if name == AS_A_PROGRAM else typed_within
    (folder / "docs").symlink_to(ROOT / "docs", target_is_directory=True)

    for line in BLOCKS[name]:
        folder = type_in(line, folder)


def typed(line: Line, folder: Path) -> Path:
    """The folder after the line: `cd` moves, everything else is run."""
    words = shlex.split(line.words)
    if words[0] == "cd":
        return folder / words[1]
    program = str(Path(sys.executable).with_name(words[0]))
    environment = {**os.environ, "OUTREACH_LANGUAGE": "en", "OUTREACH_DELIVERY__ONLY_LOOPBACK": "1"}  # noqa: TID251
    done = subprocess.run(  # noqa: S603  our own documents
        [program, *words[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == line.exits, f"{line.place}: {line.words}\n{done.stdout}{done.stderr}"
    return folder


def typed_within(line: Line, folder: Path) -> Path:
    """As `typed`, in this process: a twentieth of the time."""
    program, *words = shlex.split(line.words)
    if program == "cd":
        return folder / words[0]
    assert program == "outreach", f"{line.place}: {program} is not ours"
    with contextlib.chdir(folder):
        done = run(*words, env={"OUTREACH_DELIVERY__ONLY_LOOPBACK": "1"})
    assert done.exit_code == line.exits, f"{line.place}: {line.words}\n{done.output}"
    return folder


def test_marked_blocks_are_found_with_name_place_and_exit_code(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(
        "Say:\n\n<!-- run: first -->\n```sh\n$ outreach init luz --yes  # new\n# talk\ncd luz\n```\n"
        "<!-- run: first exits 1 -->\n```\noutreach doctor\n```\n```\nnot run\n```\n"
    )

    lines = [(line.name, line.words, line.exits, line.place) for line in marked(path)]

    assert lines == [
        ("first", "outreach init luz --yes", 0, "README.md:5"),
        ("first", "cd luz", 0, "README.md:7"),
        ("first", "outreach doctor", 1, "README.md:11"),
    ]


def test_a_block_that_is_neither_run_nor_excused_is_found(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(
        "<!-- run: first -->\n```sh\nls\n```\n<!-- not run: it serves for ever -->\n```sh\nls\n```\n"
        "```text\nanswer\n```\n<!-- not run:  -->\n```sh\nls\n```\n\n```sh\nls\n```\n"
    )

    assert list(unmarked(path)) == ["README.md:13", "README.md:17"]


@pytest.mark.parametrize("type_in", [typed, typed_within])
def test_a_line_that_fails_names_its_place(type_in, tmp_path):
    line = Line(name="a", words="outreach nonsense", exits=0, place="README.md:5")

    with pytest.raises(AssertionError, match=r"README\.md:5: outreach nonsense"):
        type_in(line, tmp_path)

    assert type_in(replace(line, words="cd x"), tmp_path) == tmp_path / "x"
    assert type_in(replace(line, exits=2), tmp_path) == tmp_path
