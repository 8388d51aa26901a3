"""What a command is given: now, settings, database, questions and typed times."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.entry.cli_runs import NOW, lay_out

from outreach import clock
from outreach.entry import languages
from outreach.entry.cli import frame
from outreach.entry.cli.command import Context, Given, Group, argument, command, option
from outreach.model.errors import DoneInPart

CHOICES = {"meters": "meters", "crew": "crew on site"}


@pytest.fixture
def folder(tmp_path, sqlite_template):
    return lay_out(tmp_path, database=sqlite_template)


class _Trial(frame.Root):
    trial: Group

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self.trial if cmd_name == "trial" else None


def made(function: Any, **given: Any) -> _Trial:
    """A root with one command made of `function`."""
    group = Group(help="Trial.")
    command("try", "Try it.", within=group, example="outreach trial try", **given)(function)
    root = _Trial({}, help="Root.")
    root.trial = group
    return root


def run(
    function: Any,
    *words: str,
    workspace: Path | None = None,
    interactive: bool = False,
    typed: str | None = None,
    **given: Any,
) -> Result:
    return CliRunner().invoke(
        made(function, **given),
        ["trial", "try", *words],
        input=typed,
        env={"OUTREACH_LANGUAGE": "en"},
        obj=Given(now=NOW, interactive=interactive, workspace=workspace),
    )


def test_a_command_is_given_its_own_options_and_the_common_ones():
    @argument("node")
    @option("--etr")
    def tried(context: Context, node: str, *, etr: str | None) -> None:
        click.echo(
            f"{node} {etr} {context.now:%H:%M} {context.format} {context.yes} {context.dry_run}"
        )

    shown = run(
        tried, "F12", "--etr", "5", "--yes", "--dry-run", "--format", "json", asks=True, sends=True
    )

    assert shown.output == "F12 5 06:43 json True True\n"


def test_a_command_without_an_answer_has_no_format():
    shown = run(lambda _context: None, "--format", "json", answers=False)

    assert shown.exit_code == 2


def test_the_format_can_stand_in_the_environment(monkeypatch):
    monkeypatch.setenv("OUTREACH_FORMAT", "jsonl")

    shown = run(lambda context: click.echo(context.format))

    assert shown.output == "jsonl\n"


def test_the_exit_code_is_that_of_the_error():
    def tried(context: Context) -> None:
        raise DoneInPart("half of it")

    assert run(tried).exit_code == 4


def test_the_clock_is_read_once_where_no_time_is_given():
    context = Context()

    assert context.now is context.now
    assert clock.now() - context.now < timedelta(minutes=1)


def test_the_database_is_opened_at_this_versions_schema_and_closed(folder):
    seen = []

    def tried(context: Context) -> None:
        seen.append(context.database)
        with context.database.read():
            click.echo(context.database is context.database)
        click.echo(context.keyring)

    assert run(tried, workspace=folder).output == "True\nKeyring(…)\n"
    assert seen[0].is_sqlite


def test_an_empty_database_names_the_command_that_mends_it(folder):
    (folder / "outreach.db").write_bytes(b"")

    shown = run(lambda context: context.database, workspace=folder)

    assert shown.exit_code == 1
    assert "outreach db upgrade" in shown.stderr


def test_a_database_can_be_handed_in(folder, database):
    context = Context(given=Given(database=database))

    assert context.database is database


def test_an_answer_outside_a_workspace_is_in_utc(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    shown = run(lambda context: context.out.record({"at": context.now}))

    assert shown.output == "at  2026-07-16 06:43\n"


def test_an_answer_in_a_workspace_is_in_its_zone(folder, monkeypatch):
    monkeypatch.chdir(folder)

    shown = run(lambda context: context.out.record({"at": context.now, "n": 18000}))

    assert shown.output == "at  2026-07-16 02:43\nn   18,000\n"


@pytest.mark.parametrize(("interactive", "talk"), [(True, "a\nb\n\r1\r2 / 2\n"), (False, "b\n")])
def test_talk_is_for_terminals_unless_it_is_essential(interactive, talk):
    def tried(context: Context) -> None:
        context.say("a")
        context.say("b", essential=True)
        context.progress(1)
        context.progress(2, 2)

    shown = run(tried, interactive=interactive)

    assert shown.stderr == talk
    assert shown.stdout == ""


def test_a_typed_time_is_echoed_in_the_areas_wall_time(folder):
    def tried(context: Context) -> None:
        click.echo(context.at("05:30").isoformat())
        click.echo(context.at("02:40", past=True).isoformat())

    shown = run(tried, workspace=folder)

    assert shown.stdout == "2026-07-16T09:30:00+00:00\n2026-07-16T06:40:00+00:00\n"
    assert shown.stderr == "Thu 16 Jul 05:30, in 2 h 47 min\nThu 16 Jul 02:40, 3 min ago\n"


@pytest.mark.parametrize(
    ("text", "typed", "interactive", "code"),
    [
        ("05:30", None, False, 0),
        ("+5m", "y\n", True, 0),
        ("+5m", "n\n", True, 1),
        ("+5m", None, False, 1),
        ("2026-07-16 01:00", None, False, 3),
    ],
)
def test_an_odd_estimate_is_confirmed_and_a_past_one_refused(
    folder, text, typed, interactive, code
):
    def tried(context: Context) -> None:
        click.echo(context.etr(text).isoformat())

    shown = run(tried, workspace=folder, typed=typed, interactive=interactive, asks=True)

    assert shown.exit_code == code


@pytest.mark.parametrize(
    ("language", "typed", "code"),
    [
        ("en", "yes", 0),
        ("es", "Sí", 0),
        ("es", "s", 0),
        ("pt", "sim", 0),
        ("en", "", 1),
        ("en", "s", 1),
    ],
)
def test_a_question_is_answered_in_the_operators_language(language, typed, code):
    shown = CliRunner().invoke(
        made(lambda context: context.confirm("Sure?"), asks=True),
        ["trial", "try"],
        input=f"{typed}\n",
        env={"OUTREACH_LANGUAGE": language},
        obj=Given(interactive=True),
    )

    assert shown.exit_code == code


def test_without_a_person_a_question_names_the_option_that_answers_it():
    shown = run(lambda context: context.confirm("Sure?"), asks=True)

    assert shown.exit_code == 1
    assert shown.stderr == "error: Sure? Say so with --yes\n"


def test_yes_answers_a_question():
    assert run(lambda context: context.confirm("Sure?"), "--yes", asks=True).exit_code == 0


def test_a_choice_is_made_by_its_number():
    def tried(context: Context) -> None:
        click.echo(context.choose("How known?", CHOICES, option="--known"))

    shown = run(tried, interactive=True, typed="2\n")

    assert shown.stdout.splitlines()[-1] == "crew"
    assert "2  crew on site" in shown.stderr


def test_a_choice_without_a_person_names_the_option():
    def tried(context: Context) -> None:
        context.choose("How known?", CHOICES, option="--known")

    shown = run(tried)

    assert shown.stderr == "error: How known? Give --known: meters, crew\n"


@pytest.mark.parametrize(
    ("interactive", "typed", "answer"),
    [(True, "Luz\n", "Luz"), (True, "\n", "Outreach"), (False, None, "Outreach")],
)
def test_a_line_is_asked_for_with_a_default(interactive, typed, answer):
    def tried(context: Context) -> None:
        click.echo(context.ask("Name", "Outreach"))

    shown = run(tried, interactive=interactive, typed=typed)

    assert shown.stdout.splitlines()[-1] == answer


def test_a_terminal_is_told_from_a_pipe():
    assert Context().interactive is False


def test_a_missing_database_names_the_command_that_makes_it(folder):
    (folder / "outreach.db").unlink()

    shown = run(lambda context: context.unchecked_database(), workspace=folder)

    assert shown.exit_code == 1
    assert "outreach db upgrade" in shown.stderr


def test_help_of_an_option_is_translated_when_it_is_shown():
    def tried() -> None: ...

    shown = vars(option("--x", help="yes")(tried))["__click_params__"][0]

    languages.use("es")
    assert shown.help == "sí"
    languages.use("en")
    assert shown.help == "yes"
