"""`outreach key`: a secret is shown once; the rest can be listed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from tests.entry.cli_runs import NOW, lay_out, run

from outreach.model.api_key import digest_of
from outreach.store import api_keys, audit
from outreach.store.session import Database


@pytest.fixture
def folder(tmp_path, sqlite_template) -> Path:
    return lay_out(tmp_path / "luz", database=sqlite_template)


@pytest.fixture
def database(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    yield database
    database.close()


def key(folder: Path, *words: str) -> Result:
    return run("key", *words, workspace=folder)


def facts(folder: Path, *words: str) -> dict[str, object]:
    result = key(folder, *words, "--format", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_a_secret_is_shown_once_and_is_nowhere_in_the_workspace(folder, database):
    made = key(folder, "create", "ivr-north", "--scope", "ivr", "--expires", "90d")

    secret = made.stdout.splitlines()[0]
    with database.read() as session:
        kept = api_keys.every(session)[0]
    assert (kept.digest, kept.hint) == (digest_of(secret), secret[-4:])
    assert kept.expires_at == NOW + timedelta(days=90)
    assert all(secret.encode() not in file.read_bytes() for file in folder.rglob("*") if file.is_file())  # fmt: skip
    assert secret not in key(folder, "list").stdout


def test_two_keys_of_one_name_are_refused(folder):
    facts(folder, "create", "crm", "--scope", "mutes:read")

    refused = key(folder, "create", "crm", "--scope", "mutes:read")

    assert refused.exit_code == 3
    assert "outreach key rotate crm" in refused.stderr


def test_a_rotated_key_has_a_new_secret_and_the_old_one_holds_a_day(folder, database):
    old = facts(folder, "create", "crm", "--scope", "mutes:read", "--per-minute", "60")

    new = facts(folder, "rotate", "crm")

    with database.read() as session:
        was, now = api_keys.named(session, "crm", now=NOW)
    assert new["secret"] != old["secret"]
    assert (was.expires_at, now.expires_at) == (NOW + timedelta(hours=24), None)
    assert (now.scopes, now.per_minute, now.replaces) == (was.scopes, 60, was.id)


def test_rotating_twice_leaves_no_old_secret_longer_than_its_overlap(folder, database):
    facts(folder, "create", "crm", "--scope", "mutes:read")
    facts(folder, "rotate", "crm", "--overlap", "2h")

    facts(folder, "rotate", "crm", "--overlap", "5h")

    with database.read() as session:
        ends = [each.expires_at for each in api_keys.named(session, "crm", now=NOW)]
    assert ends == [NOW + timedelta(hours=2), NOW + timedelta(hours=5), None]


def test_revoking_ends_the_old_secret_and_the_new(folder, database):
    facts(folder, "create", "crm", "--scope", "mutes:read")
    facts(folder, "rotate", "crm")

    done = facts(folder, "revoke", "crm", "--yes")

    with database.read() as session:
        left = api_keys.named(session, "crm", now=NOW)
        trail = [(each.action, each.subject) for each in audit.newest(session)]
    assert (done["revoked"], left) == (2, [])
    assert {("key.create", "key:crm"), ("key.rotate", "key:crm"), ("key.revoke", "key:crm")} <= {*trail}  # fmt: skip


def test_the_list_says_what_each_key_may_and_how_it_stands(folder):
    facts(folder, "create", "crm", "--scope", "mutes:read", "--expires", "5d")
    facts(folder, "create", "gone", "--scope", "ivr")
    facts(folder, "revoke", "gone", "--yes")

    rows = json.loads(key(folder, "list", "--all", "--format", "json").stdout)
    table = key(folder, "list").stdout

    states = {row["name"]: row["state"] for row in rows}
    assert states == {"gone": "revoked", "crm": "good for 5 d"}
    assert "crm" in table
    assert "gone" not in table
    assert all(len(line) <= 100 for line in table.splitlines())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["create", "No Name", "--scope", "ivr"], "use a-z", id="a name"),
        pytest.param(["create", "a", "--scope", "ivr", "--expires", "9"], "72h", id="a length"),
        pytest.param(["rotate", "nobody"], "no such key", id="none to rotate"),
        pytest.param(["revoke", "nobody", "--yes"], "no such key", id="none to revoke"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(folder, words, says):
    refused = key(folder, *words)

    assert refused.exit_code == 1
    assert says in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_key_without_a_scope_is_refused(folder):
    assert key(folder, "create", "crm").exit_code == 2
