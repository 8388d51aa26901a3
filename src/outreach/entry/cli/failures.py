"""Every failure in one line on stderr, with the exit code that says whose turn it is."""

from __future__ import annotations

import errno
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from outreach.entry.languages import N_, _
from outreach.model.errors import OutreachError

log = logging.getLogger(__name__)

FAILED = 1
INTERRUPTED = 130
"""128 + SIGINT, as shells say it."""
PIPE_CLOSED = 141
"""128 + SIGPIPE."""

_ADVICE = {
    errno.ENOSPC: N_("no disk space left; free some and try again"),
    errno.EDQUOT: N_("no disk space left; free some and try again"),
    errno.EACCES: N_("no permission; change the owner or the mode"),
    errno.EPERM: N_("no permission; change the owner or the mode"),
    errno.ENOENT: N_("no such file or folder"),
    errno.EISDIR: N_("is a folder, and a file is wanted"),
    errno.EROFS: N_("the disk is read-only"),
    errno.EIO: N_("the disk fails; check it before going on"),
}


@contextmanager
def in_one_line(*, debug: bool) -> Iterator[None]:
    """Says what went wrong and exits; a traceback only with `--debug`."""
    try:
        yield
    except BrokenPipeError:
        _leave_the_pipe()
        sys.exit(PIPE_CLOSED)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:  # the one place where everything ends
        if debug:
            traceback.print_exception(error)
        log.debug("command failed", exc_info=error)
        code, sentence = told(error)
        for line in sentence.splitlines():
            click.echo(click.style(_("error: "), fg="red", bold=True) + line, err=True)
        sys.exit(code)


def told(error: Exception) -> tuple[int, str]:
    """Exit code and sentence, a line a mistake; of what we did not foresee only type and place.

    The text of an unforeseen error may hold an address or a key, so it is not shown.
    """
    match error:
        case OutreachError():
            return error.exit_code, str(error)
        case click.UsageError():
            return error.exit_code, _with_help(error)
        case click.ClickException():
            return error.exit_code, _one_line(error.format_message())
        case click.Abort():
            return _aborted(error)
        case OSError():
            return FAILED, _of_the_system(error)
        case _:
            return FAILED, _unforeseen(error)


def _with_help(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "outreach"
    return _("{mistake} See `{path} --help`").format(
        mistake=_one_line(error.format_message()), path=path
    )


def _aborted(error: click.Abort) -> tuple[int, str]:
    if isinstance(error.__cause__, KeyboardInterrupt):
        return INTERRUPTED, _("interrupted; what was committed before stands")
    return FAILED, _("nothing was done")


def _of_the_system(error: OSError) -> str:
    advice = _ADVICE.get(error.errno or 0)
    said = _(advice) if advice else (error.strerror or type(error).__name__)
    return f"{error.filename}: {said}" if error.filename else said


def _unforeseen(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return _("unexpected {kind} at {place}; run it again with --debug and report it").format(
        kind=type(error).__name__, place=place
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _leave_the_pipe() -> None:
    """Python flushes stdout once more at exit, and must find it open."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
