"""A workspace is laid out whole, or not at all."""

from __future__ import annotations

import stat
import tomllib

import pytest
from tests.entry.cli_runs import run

from outreach import settings
from outreach.addresses import read_keyring
from outreach.entry.cli import init as command, layout
from outreach.store import migrations
from outreach.store.session import Database


@pytest.fixture(autouse=True)
def _own_database(monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)


def test_a_workspace_is_complete_and_loads(tmp_path):
    folder = tmp_path / "luz"

    shown = run("init", str(folder), "--company", 'Luz "del" Sur', "--yes")

    assert shown.exit_code == 0, shown.output
    loaded = settings.load(folder)
    assert loaded.company.name == 'Luz "del" Sur'
    assert loaded.company.zone == "America/Santiago"
    assert read_keyring(loaded.keys).seals
    assert stat.S_IMODE(loaded.keys.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "outreach.db").stat().st_mode) == 0o600
    assert {path.name for path in folder.iterdir()} == {
        ".gitignore",
        "campaigns",
        "outreach.db",
        "outreach.key",
        "outreach.toml",
        "templates",
    }
    assert list((folder / "campaigns").glob("*.toml"))
    migrations.refuse_other_schema(Database(loaded.database), settings.carried("alembic"))


def test_what_is_secret_or_personal_is_kept_out_of_git(tmp_path):
    folder = tmp_path / "luz"
    run("init", str(folder), "--yes")

    ignored = (folder / ".gitignore").read_text().splitlines()

    assert {"outreach.key", ".env", "*.db", "rejected/", "exports/", "outbox/"} <= set(ignored)


def test_the_next_commands_are_printed(tmp_path):
    shown = run("init", str(tmp_path / "luz"), "--yes")

    assert "is ready. Next:" in shown.stdout
    assert "outreach doctor" in shown.stdout
    assert "outreach record import --mapping record.toml" in shown.stdout


@pytest.mark.parametrize(
    ("country", "zone", "locale"),
    [("br", "America/Sao_Paulo", "pt"), ("AR", "America/Argentina/Buenos_Aires", "es")],
)
def test_a_country_sets_zone_language_and_emergency_number(tmp_path, country, zone, locale):
    folder = tmp_path / "luz"

    run("init", str(folder), "--country", country, "--language", "pt", "--yes")

    company = settings.load(folder).company
    assert (company.zone, company.locale, company.operator_language) == (zone, locale, "pt")
    assert "# Abre cada SMS" in (folder / "outreach.toml").read_text()


def test_a_person_is_asked_for_name_and_country(tmp_path):
    folder = tmp_path / "luz"

    run("init", str(folder), interactive=True, typed="Enel\nPE\n")

    company = settings.load(folder).company
    assert (company.name, company.country, company.zone) == ("Enel", "PE", "America/Lima")


def test_an_empty_folder_may_be_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert run("init", ".", "--yes").exit_code == 0
    assert settings.load(tmp_path).workspace == tmp_path


def test_a_folder_in_use_is_refused_in_one_line(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")

    shown = run("init", str(tmp_path), "--yes")

    assert shown.exit_code == 1
    assert shown.stderr == f"error: {tmp_path}: not empty; give a new folder, or an empty one\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--country", "XX"], "no such country"), (["--zone", "America/Nowhere"], "no such zone")],
)
def test_an_unknown_place_is_refused_before_anything_is_made(tmp_path, words, said):
    folder = tmp_path / "luz"

    shown = run("init", str(folder), "--yes", *words)

    assert shown.exit_code == 1
    assert said in shown.stderr
    assert not folder.exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch, exists):
    folder = tmp_path / "luz"
    if exists:
        folder.mkdir()

    def full(*_given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "brought_up", full)

    shown = run("init", str(folder), "--yes")

    assert shown.exit_code == 1
    assert "no disk space left" in shown.stderr
    assert not folder.exists() or not list(folder.iterdir())


@pytest.mark.parametrize(
    ("company", "sender"),
    [
        ("Luz", "Luz"),
        ("Compañía Eléctrica", "Compañía"),
        ("Luz del Sur SA", "Luz del Sur"),
        ("Electrodistribuidora", "Electrodistr"),
    ],
)
def test_the_sender_is_as_many_words_as_fit(company, sender):
    text = layout.settings_text(company, layout.place("CL"), "America/Santiago", "en")

    assert tomllib.loads(text)["company"]["sender"] == sender
