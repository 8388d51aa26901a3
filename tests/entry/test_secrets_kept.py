"""Nothing is served on secrets that are default, missing, or readable by others; the line says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests import make
from tests.entry.cli_runs import run

from outreach import settings
from outreach.addresses import write_keyring
from outreach.entry import secrets_kept

REAL = "9f2c51d0e7a84b36"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_keyring(make.KEYRING, tmp_path / "outreach.key")
    (tmp_path / "outreach.toml").write_text("")
    return tmp_path


def written(place: Path, toml: str, mode: int = 0o600) -> list[str]:
    path = place / "outreach.toml"
    path.write_text(toml)
    path.chmod(mode)
    return list(secrets_kept.findings(settings.load(place)))


def opened(name: str) -> Callable[[Path], Path]:
    def make_open(place: Path) -> Path:
        path = place / name
        path.parent.mkdir(exist_ok=True, mode=0o700)
        path.touch()
        path.chmod(0o640)
        return path

    return make_open


@pytest.mark.parametrize("name", ["outreach.key", "secrets/twilio", "secrets/smtp"])
def test_a_secret_file_that_others_can_read_is_named_with_the_chmod(place: Path, name: str):
    path = opened(name)(place)

    found = list(secrets_kept.findings(settings.load(place)))

    assert found == [f"{path}: holds secrets and others can read it; run `chmod 600 {path}`"]


def test_a_secrets_folder_that_others_can_list_is_named(place: Path):
    (place / "secrets").mkdir(mode=0o755)

    [found] = secrets_kept.findings(settings.load(place))

    assert found.endswith(f"run `chmod 700 {place / 'secrets'}`")


@pytest.mark.parametrize(
    "toml",
    [
        f'[twilio]\naccount_sid = "AC1"\nauth_token = "{REAL}"\n',
        f'[contactcenter]\ndirective_key = "{REAL * 4}"\n',
        'database_url = "postgresql://luz:hunter2@db/luz"\n',
    ],
)
def test_settings_are_private_only_where_a_secret_stands_in_them(place: Path, toml: str):
    [found] = written(place, toml, 0o644)

    assert "chmod 600" in found
    assert "hunter2" not in found
    assert written(place, toml, 0o600) == []
    assert written(place, '[company]\nname = "Luz"\n', 0o644) == []


@pytest.mark.parametrize(
    "secret",
    ["changeme", "CHANGE-ME", "your-token", "your_api_key", "secret", "password1", "xxxxxxxx", "aaaa", "<token>", "123456", "admin", "example-token"],
)  # fmt: skip
def test_a_word_from_a_manual_is_no_secret(place: Path, secret: str):
    [found] = written(place, f'[sendgrid]\napi_key = "{secret}"\n')

    assert found == "sendgrid.api_key: a word from a manual, not a secret; set the real one"


@pytest.mark.parametrize("secret", [REAL, "SG.secret-of-9f2c51d0e7a84b36", "correct horse battery"])
def test_a_real_secret_is_taken(place: Path, secret: str):
    assert written(place, f'[sendgrid]\napi_key = "{secret}"\n') == []


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ('[twilio]\naccount_sid = "AC1"\n', "twilio.auth_token"),
        ('[twilio.accounts.sur]\naccount_sid = "AC2"\n', "twilio.accounts.sur.auth_token"),
        ('[smtp]\nhost = "mail"\nusername = "luz"\n', "smtp.password"),
        (f'[x]\nconsumer_key = "{REAL}"\nconsumer_secret = "{REAL}"\naccess_token = "{REAL}"\n', "x.access_token_secret"),
    ],
)  # fmt: skip
def test_half_a_sign_in_is_refused_before_its_messages_end_in_the_outbox(
    place: Path, toml: str, key: str
):
    [found] = written(place, toml)

    assert found.startswith(f"{key}: empty")


@pytest.mark.parametrize("command", ["serve", "web", "worker", "scheduler"])
def test_no_process_starts_on_open_secrets(folder: Path, command: str):
    secret = opened("secrets/twilio")(folder)

    refused = run(command, workspace=folder)

    assert refused.exit_code == 1
    assert f"chmod 600 {secret}" in refused.stderr.replace("\n", " ")
    assert len(refused.stderr.strip().splitlines()) <= 2


def test_the_doctor_names_each_of_them(folder: Path):
    opened("secrets/a")(folder)
    opened("secrets/b")(folder)

    told = run("doctor", "--format", "json", workspace=folder)

    assert told.stdout.count("chmod 600") == 2
