"""The frame: lazy, in the operator's language, and brief about what went wrong."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from tests.entry.cli_runs import run

from outreach.entry import languages
from outreach.entry.cli import frame
from outreach.entry.cli.main import SECTIONS, cli

HEAVY = "sqlalchemy alembic fastapi twilio sendgrid tweepy babel pydantic rich httpx2 phonenumbers jinja2"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["--version"], ["nonsense"]])
def test_nothing_slow_is_loaded_for_help(words):
    program = (
        "import sys\n"
        "from outreach.entry.cli.main import cli\n"
        "try:\n"
        f"    cli.main({words!r})\n"
        "except SystemExit:\n"
        f"    print(sorted(set({HEAVY.split()!r}) & set(sys.modules)), file=sys.stderr)\n"
    )

    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("language", "usage", "nouns"),
    [
        ("en", "Usage:", "Say what is wrong with this installation."),
        ("es", "Uso:", "Decir qué falla en esta instalación."),
        ("pt", "Uso:", "Dizer o que há de errado nesta instalação."),
    ],
)
def test_help_speaks_the_operators_language(language, usage, nouns):
    shown = run("--help", language=language)

    assert shown.exit_code == 0
    assert usage in shown.output
    assert nouns in shown.output


def test_help_of_a_command_shows_its_options_and_its_example():
    shown = run("template", "render", "--help", language="es")

    assert "Ejemplo:\n  outreach template render outage_etr --locale pt" in shown.output
    assert "Canal cuyo texto se muestra." in shown.output


def test_help_of_a_group_lists_its_verbs_whole():
    shown = run("db", "-h")

    assert "Upgrade, check, back up and restore the database." in shown.output
    assert "  check    Say whether the database and this version agree." in shown.output


def test_no_words_at_all_show_the_help_and_count_as_misuse():
    shown = run()

    assert shown.exit_code == 2
    assert "Usage: outreach" in shown.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["doctr"], "error: No such command 'doctr'. Did you mean 'doctor'? See `outreach --help`"),
        (["db", "chek"], "See `outreach db --help`"),
        (["db", "check", "--zzz"], "error: No such option '--zzz'. See `outreach db check --help`"),
        (["--nope"], "error: No such option '--nope'."),
        (["template", "render"], "error: Missing argument 'TEMPLATE'."),
        (["db", "check", "--format", "xml"], "error: Invalid value for '--format'"),
    ],
)
def test_misuse_is_answered_in_one_line_with_exit_code_2(words, said):
    shown = run(*words)

    assert shown.exit_code == 2
    assert said in shown.stderr
    assert len(shown.stderr.splitlines()) == 1


def test_misuse_is_answered_in_the_operators_language():
    shown = run("db", "check", "--zzz", language="es")

    assert shown.stderr.startswith(
        "error: No existe la opción '--zzz'. Vea `outreach db check --help`"
    )


def test_the_version_is_shown():
    assert "outreach, version 0." in run("--version").output


@pytest.mark.parametrize(
    ("environment", "heading"),
    [
        ({"OUTREACH_LANGUAGE": "pt_BR", "LANG": "es_CL.UTF-8"}, "Opções:"),
        ({"LC_ALL": "es_CL.UTF-8", "LANG": "pt_BR.UTF-8"}, "Opciones:"),
        ({"LANG": "pt_BR.UTF-8"}, "Opções:"),
        ({"LANG": "C.UTF-8"}, "Options:"),
        ({}, "Options:"),
    ],
)
def test_the_language_comes_from_the_environment_outside_a_workspace(
    tmp_path, monkeypatch, environment, heading
):
    monkeypatch.chdir(tmp_path)
    nothing = dict.fromkeys(("LC_ALL", "LC_MESSAGES", "LANG"))

    assert heading in run("-h", language="", env={**nothing, **environment}).output


@pytest.mark.parametrize("named", [["--workspace", "{}"], ["--workspace={}"], []])
def test_the_workspaces_language_comes_before_the_systems(tmp_path, monkeypatch, named):
    (tmp_path / "outreach.toml").write_text('[company]\noperator_language = "es"\n')
    monkeypatch.chdir(tmp_path if not named else tmp_path.parent)
    words = [word.format(tmp_path) for word in named]

    shown = run(*words, "-h", language="", env={"LC_ALL": "pt_BR.UTF-8"})

    assert "Opciones:" in shown.output


@pytest.mark.parametrize("text", ["not toml", "company = 1", "[company]\n"])
def test_a_broken_settings_file_does_not_break_the_help(tmp_path, monkeypatch, text):
    (tmp_path / "outreach.toml").write_text(text)
    monkeypatch.chdir(tmp_path)

    assert "Options:" in run("-h", language="", env={"LC_ALL": "C", "LANG": "C"}).output


def test_completion_offers_nouns_from_the_table_alone():
    env = {
        "_OUTREACH_COMPLETE": "zsh_complete",
        "COMP_WORDS": "outreach d",
        "COMP_CWORD": "1",
    }

    shown = run(language="es", env=env)

    assert "doctor\nDecir qué falla en esta instalación." in shown.output
    assert "template" not in shown.output


def test_completion_offers_verbs():
    env = {
        "_OUTREACH_COMPLETE": "bash_complete",
        "COMP_WORDS": "outreach template re",
        "COMP_CWORD": "2",
    }

    assert run(env=env).output == "plain,render\n"


def test_a_noun_that_is_not_built_is_not_offered():
    row = frame.Row(where="outreach.entry.cli.nowhere:group", help="Never built.")
    root = frame.Root({"Section": {"nowhere": row}})
    context = click.Context(root)

    assert root.list_commands(context) == []
    assert root.get_command(context, "nowhere") is None
    assert "nowhere" not in root.get_help(context)


def test_the_console_script_ends_with_an_exit_code():
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])

    assert ended.value.code == 0


def test_every_noun_of_the_table_is_named_once():
    names = [name for rows in SECTIONS.values() for name in rows]

    assert len(names) == len(set(names))


def test_a_language_that_we_do_not_speak_is_english():
    assert languages.chosen("fr_FR.UTF-8", None, "") == "en"
    assert languages._("") == ""
