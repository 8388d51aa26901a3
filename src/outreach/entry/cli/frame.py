"""The frame of the command line: lazy commands, help in the operator's language, one-line errors."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from outreach.entry import languages, workspace
from outreach.entry.cli import failures
from outreach.entry.languages import _

PROGRAM = "outreach"
CONTEXT_SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
}


class _Translated:
    """An attribute that is set in English and read in the operator's language."""

    def __get__(self, holder: Any, _owner: type) -> str | None:
        text: str | None = vars(holder).get("help")
        return _(text) if text else text

    def __set__(self, holder: Any, text: str | None) -> None:
        vars(holder)["help"] = text


class Option(click.Option):
    """An option whose help is translated when it is shown."""

    help = _Translated()


class _Helped(click.Command):
    """A command whose help is translated when it is shown, with an example below."""

    example = ""

    help = _Translated()

    def get_short_help_str(self, limit: int = 45) -> str:
        """The first sentence, whole: a line that breaks off helps nobody."""
        return (self.help or "").partition("\n")[0].partition("; ")[0].rstrip(".") + "."

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.example:
            with formatter.section(_("Example")):
                for line in self.example.splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Command(_Helped):
    """A command of a noun, or one that stands alone."""

    def __init__(self, name: str, **given: Any) -> None:
        super().__init__(name, context_settings=CONTEXT_SETTINGS, **given)


class Group(_Helped, click.Group):
    """A noun with its verbs."""

    def __init__(self, name: str | None = None, **given: Any) -> None:
        super().__init__(name, context_settings=CONTEXT_SETTINGS, **given)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the file, which is the order of the work."""
        return list(self.commands)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One noun of the program: where its command lives and what it is for, known unloaded."""

    where: str
    """`module:attribute`."""
    help: str

    def is_built(self) -> bool:
        return importlib.util.find_spec(self.where.partition(":")[0]) is not None

    def load(self) -> click.Command:
        module, _colon, attribute = self.where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        if not command.help:
            command.help = self.help
        return command


class Root(Group):
    """`outreach`: its commands are loaded when one of them is asked for."""

    def __init__(self, sections: Mapping[str, Mapping[str, Row]], **given: Any) -> None:
        super().__init__(PROGRAM, no_args_is_help=True, **given)
        self.sections = sections
        self.rows = {name: row for rows in sections.values() for name, row in rows.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name, row in self.rows.items() if row.is_built()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        row = self.rows.get(cmd_name)
        return row.load() if row and row.is_built() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Near matches are looked for among all nouns, loaded or not."""
        try:
            return super().resolve_command(ctx, args)
        except NoSuchCommand as error:
            raise NoSuchCommand(error.command_name, possibilities=self.rows, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table: nothing is loaded while a person presses Tab."""
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=_(self.rows[name].help)) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """By section; nothing is loaded for it."""
        for title, rows in self.sections.items():
            built = [(name, _(row.help)) for name, row in rows.items() if row.is_built()]
            if built:
                with formatter.section(_(title)):
                    formatter.write_dl(built, col_max=14)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT001, FBT002  Click's own signature
        windows_expand_args: bool = True,  # noqa: FBT001, FBT002
        **extra: Any,
    ) -> Any:
        """Speaks the right language first, and answers every failure in one line."""
        words = list(sys.argv[1:] if args is None else args)
        with failures.in_one_line(debug="--debug" in words):
            languages.use(self.language(words))
            code = super().main(
                words,
                PROGRAM,
                complete_var,
                standalone_mode=False,
                windows_expand_args=False,
                **extra,
            )
            sys.exit(code if isinstance(code, int) else 0)

    def language(self, words: Sequence[str]) -> str:
        """OUTREACH_LANGUAGE, else the workspace's, else the system's; read before Click parses."""
        named = _peeked(words, "--workspace") or environment("OUTREACH_WORKSPACE")
        folder = Path(named) if named else workspace.nearest(Path.cwd())
        return languages.chosen(
            environment("OUTREACH_LANGUAGE"),
            workspace.operator_language(folder),
            environment("LC_ALL", "LC_MESSAGES", "LANG"),
        )


def environment(*names: str) -> str | None:
    """The first of these variables that is set; read by Click, since settings load too slowly here."""
    option = click.Option(["--wanted"], envvar=names)
    return option.resolve_envvar_value(click.Context(click.Command(PROGRAM)))


def _peeked(words: Sequence[str], name: str) -> str | None:
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == name:
            return following
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
    return None
