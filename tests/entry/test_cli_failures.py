"""What went wrong, in one line, with the exit code of the design."""

from __future__ import annotations

import errno
import os
import sys

import click
import pytest

from outreach.entry.cli import failures
from outreach.model.errors import DoneInPart, GuardRefused, InputRefused, StoreUnusable


def ended(error: BaseException, *, debug: bool = False) -> object:
    with pytest.raises(SystemExit) as left, failures.in_one_line(debug=debug):
        raise error
    return left.value.code


def interrupted() -> click.Abort:
    abort = click.Abort()
    abort.__cause__ = KeyboardInterrupt()
    return abort


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputRefused("a.csv: row 3: no number"), 1, "error: a.csv: row 3: no number"),
        (StoreUnusable("full"), 1, "error: full"),
        (GuardRefused("past"), 3, "error: past"),
        (DoneInPart("half"), 4, "error: half"),
        (click.UsageError("No."), 2, "error: No. See `outreach --help`"),
        (click.FileError("x", "gone"), 1, "error: Could not open file 'x': gone"),
        (OSError(errno.ENOSPC, "x", "/d/f"), 1, "error: /d/f: no disk space left"),
        (OSError(errno.ENOTEMPTY, "Directory not empty"), 1, "error: Directory not empty"),
        (OSError("odd"), 1, "error: OSError"),
        (interrupted(), 130, "error: interrupted"),
        (click.Abort(), 1, "error: nothing was done"),
    ],
    ids=range(11),
)
def test_an_error_is_one_line_and_one_code(capsys, error, code, said):
    assert ended(error) == code

    shown = capsys.readouterr()
    assert shown.err.startswith(said)
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


def test_each_of_several_mistakes_has_its_line(capsys):
    ended(InputRefused("a.toml:3: wrong\na.toml:9: wrong"))

    assert capsys.readouterr().err.splitlines() == [
        "error: a.toml:3: wrong",
        "error: a.toml:9: wrong",
    ]


@pytest.mark.says_personal
def test_what_was_not_foreseen_shows_its_place_but_not_its_text(capsys):
    assert ended(KeyError("+56911112222")) == 1

    shown = capsys.readouterr().err
    assert "unexpected KeyError at test_cli_failures.py:" in shown
    assert "--debug" in shown
    assert "569" not in shown


def test_without_a_traceback_there_is_still_a_sentence():
    assert failures.told(KeyError("x")) == (
        1,
        "unexpected KeyError at ?; run it again with --debug and report it",
    )


def test_debug_shows_the_traceback(capsys):
    ended(KeyError("x"), debug=True)

    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_a_closed_pipe_is_quiet(capsys, monkeypatch):
    class Closed:
        def fileno(self):
            raise OSError

    monkeypatch.setattr(sys, "stdout", Closed())

    assert ended(BrokenPipeError()) == 141
    assert capsys.readouterr().err == ""


def test_a_closed_pipe_is_replaced_so_that_the_last_flush_succeeds(monkeypatch, tmp_path):
    file = (tmp_path / "out").open("w")
    monkeypatch.setattr(sys, "stdout", file)

    assert ended(BrokenPipeError()) == 141

    file.write("lost")
    file.close()
    assert (tmp_path / "out").read_text() == ""


def test_the_outlet_of_a_real_pipe_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(SystemExit) as left, failures.in_one_line(debug=False):
        os.write(writer, b"x")
    os.close(writer)

    assert left.value.code == 141


def test_no_words_show_the_help(capsys):
    command = click.Group("outreach", help="Words.")

    assert ended(click.exceptions.NoArgsIsHelpError(click.Context(command))) == 2
    assert "Words." in capsys.readouterr().err
