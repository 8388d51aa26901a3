"""Settings: in which order they come, what they refuse, and what they never show."""

from __future__ import annotations

import pytest

from outreach import settings
from outreach.entry import workspace
from outreach.model.errors import InputRefused


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "SENDGRID_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / settings.FILE).write_text('[company]\nname = "Luz"\n')
    return tmp_path


def refusal(folder, text) -> str:
    (folder / settings.FILE).write_text(text)
    with pytest.raises(InputRefused) as refused:
        settings.load(folder)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_workspace_has_its_own_database_and_key(folder):
    loaded = settings.load(folder)

    assert loaded.company.name == "Luz"
    assert loaded.database == f"sqlite:///{folder / 'outreach.db'}"
    assert loaded.keys == folder / "outreach.key"


def test_the_environment_comes_before_the_file(folder, monkeypatch):
    monkeypatch.setenv("OUTREACH_COMPANY__NAME", "Agua")

    assert settings.load(folder).company.name == "Agua"


def test_the_dotenv_of_the_workspace_is_read_wherever_one_stands(folder):
    path = folder / ".env"
    path.write_text("OUTREACH_COMPANY__NAME=Gas\nTWILIO_AUTH_TOKEN=abc\nOTHER=1\n")
    path.chmod(0o600)

    loaded = settings.load(folder)

    assert loaded.company.name == "Gas"
    assert loaded.twilio.auth_token.get_secret_value() == "abc"


def test_secrets_readable_by_others_are_refused(folder):
    (folder / ".env").write_text("X=1")
    (folder / ".env").chmod(0o644)

    with pytest.raises(InputRefused, match="chmod 600"):
        settings.load(folder)


def test_the_vendors_own_names_fill_what_ours_leave_open(folder, monkeypatch):
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "theirs")
    monkeypatch.setenv("OUTREACH_TWILIO__AUTH_TOKEN", "ours")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@127.0.0.1/x")

    loaded = settings.load(folder)

    assert loaded.twilio.account_sid == "AC1"
    assert loaded.twilio.auth_token.get_secret_value() == "ours"
    assert loaded.database.startswith("postgresql://")


def test_a_secrets_folder_is_read(folder):
    (folder / "secrets").mkdir()
    (folder / "secrets" / "outreach_key_file").write_text("other.key")

    assert settings.load(folder).keys == folder / "other.key"


def test_no_secret_is_ever_printed(folder, monkeypatch):
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "hidden-token")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hidden-word@127.0.0.1/x")

    shown = repr(settings.load(folder))

    assert "hidden" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[compny]\n", "compny: no such setting; did you mean 'company'?"),
        ("[zzz]\n", "zzz: no such setting"),
        ("[company]\nnme = 'x'\n", "company.nme"),
        ("[company]\nzone = 'America/Santigo'\n", "unknown zone 'america/santigo'"),
        ("[company]\nzone = '§'\n", "near: america/santiago"),
        ("[company]\nsender = 'much too long a sender'\n", "company.sender"),
        ("not toml", "outreach.toml:"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(folder, text, said):
    assert said in refusal(folder, text)


def test_a_broken_value_of_the_environment_is_refused_in_one_line(folder, monkeypatch):
    monkeypatch.setenv("OUTREACH_LANES", "[{")

    with pytest.raises(InputRefused, match=r"outreach\.toml"):
        settings.load(folder)


def test_a_folder_without_settings_names_init(tmp_path):
    with pytest.raises(InputRefused, match="outreach init"):
        settings.load(tmp_path)


def test_what_the_program_carries_is_found_in_a_checkout_and_in_a_wheel(tmp_path, monkeypatch):
    assert (settings.carried("alembic") / "env.py").exists()

    (tmp_path / "_carried" / "alembic").mkdir(parents=True)
    monkeypatch.setattr(settings, "__file__", str(tmp_path / "settings.py"))

    assert settings.carried("alembic") == tmp_path / "_carried" / "alembic"


def test_no_color_asks_for_plain_output(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    assert settings.no_colour()


def test_the_nearest_workspace_upwards_is_found(folder):
    inner = folder / "a" / "b"
    inner.mkdir(parents=True)

    assert workspace.FILE == settings.FILE
    assert workspace.nearest(inner) == folder
    assert workspace.found(None, inner) == folder
    assert workspace.found(inner, folder) == inner


def test_outside_a_workspace_the_way_to_one_is_named(tmp_path):
    with pytest.raises(InputRefused, match="outreach init DIR"):
        workspace.found(None, tmp_path)


LANES = """
[[lanes]]
name = "a"
channel = "sms"
sender = "+56900000000"
[[lanes]]
name = "b"
channel = "sms"
sender = "+56911111111"
"""


def test_a_lane_may_send_through_an_account_of_its_own(folder):
    text = f'{LANES}account = "backup"\n[twilio.accounts.backup]\naccount_sid = "AC2"\n'
    (folder / settings.FILE).write_text(text)

    loaded = settings.load(folder)

    assert [loaded.twilio.named(lane.account).account_sid for lane in loaded.lanes] == ["", "AC2"]
    assert [lane.pool for lane in loaded.lanes] == ["sms:*", "sms:*"]


def test_a_lane_without_its_account_is_refused(folder):
    assert "add [twilio.accounts.backup]" in refusal(folder, f'{LANES}account = "backup"\n')


def test_lanes_of_one_queue_must_allow_the_same_countries(folder):
    said = refusal(folder, f'{LANES}countries = ["CL"]\n')

    assert said.endswith("lane b: the lanes of sms:* must have the same `countries`")
