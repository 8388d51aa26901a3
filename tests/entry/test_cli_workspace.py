"""The commands of the workspace: database, doctor, templates."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from tests.entry.cli_runs import NOW, run

from outreach.entry.cli import doctor, template
from outreach.entry.cli.command import Context, Given
from outreach.model.words import MessageState
from outreach.store import audit, ledger
from outreach.store.session import Database


def append(folder: Path, text: str) -> None:
    with (folder / "outreach.toml").open("a") as file:
        file.write(text)


def findings(folder, *, about=None, **given) -> list[str]:
    shown = run("doctor", "--format", "json", workspace=folder, **given)
    rows = json.loads(shown.stdout)
    return [row["what"] for row in rows if about in {None, row["about"]}]


# ── db ───────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_database_is_made_and_then_agrees(folder):
    (folder / "outreach.db").unlink()

    made = run("db", "upgrade", "--format", "json", workspace=folder)
    checked = run("db", "check", workspace=folder)

    assert json.loads(made.stdout)["schema"]
    assert checked.stdout == "schema  agrees\n"
    assert stat.S_IMODE((folder / "outreach.db").stat().st_mode) == 0o600


def test_an_upgrade_leaves_an_existing_database_at_its_mode(folder):
    (folder / "outreach.db").chmod(0o660)

    assert run("db", "upgrade", workspace=folder).exit_code == 0
    assert stat.S_IMODE((folder / "outreach.db").stat().st_mode) == 0o660


def test_a_database_newer_than_the_code_is_named(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()

    shown = run("db", "check", workspace=folder)

    assert shown.exit_code == 1
    assert "newer" in shown.stderr


def test_tables_that_differ_are_named(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    with database.write() as session:
        session.execute(text("CREATE TABLE stranger (id INTEGER)"))
    database.close()

    shown = run("db", "check", workspace=folder)

    assert shown.exit_code == 1
    assert "stranger" in shown.stderr


# ── doctor ───────────────────────────────────────────────────────────────────────────────────


def test_a_sound_workspace_is_called_well(folder, monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"key": doctor._key, "database": doctor._schema})

    shown = run("doctor", workspace=folder)

    assert shown.exit_code == 0
    assert shown.stderr == "all is well\n"


def test_everything_wrong_is_said_and_counted(folder):
    (folder / "outreach.key").chmod(0o644)
    shutil.rmtree(folder / "templates")

    shown = run("doctor", workspace=folder)

    assert shown.exit_code == 1
    assert "chmod 600" in " ".join(shown.stdout.split())
    assert "templates" in shown.stdout
    assert "things are wrong" in shown.stderr


@pytest.mark.parametrize(
    ("written", "about", "said"),
    [
        ('[twilio]\nauth_token = "x"\n', "settings", "holds secrets"),
        ("", "record", "no customers yet"),
        ("", "campaigns", "no campaign"),
        (
            '[[lanes]]\nname="a"\nchannel="sms"\nprovider="twilio"\nsender="+1"\n',
            "credentials",
            "lane a: twilio without TWILIO_ACCOUNT_SID",
        ),
        (
            '[[lanes]]\nname="a"\nchannel="social"\nprovider="x"\nsender="@a"\n',
            "credentials",
            "OUTREACH_X__CONSUMER_KEY",
        ),
        (
            '[[lanes]]\nname="a"\nchannel="email"\nprovider="smtp"\nsender="a@b.cl"\n',
            "public address",
            "give an https address",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(folder, written, about, said):
    append(folder, written)
    (folder / "outreach.toml").chmod(0o644)

    assert said in findings(folder, about=about)[0]


def test_secrets_in_a_file_for_its_owner_alone_are_let_be(folder):
    append(folder, '[twilio]\nauth_token = "9f2c51d0e7a84b36"\n')
    (folder / "outreach.toml").chmod(0o600)

    assert findings(folder, about="settings") == []


def test_an_empty_folder_of_templates_is_said(folder):
    shutil.rmtree(folder / "templates")
    (folder / "templates").mkdir()

    assert "no template" in findings(folder, about="templates")[0]


def test_a_record_loaded_lately_is_well_and_an_old_one_is_not(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    micros = int(NOW.timestamp()) * 1_000_000
    with database.write() as session:
        session.execute(
            text("INSERT INTO record_load (source, loaded_at, counts) VALUES ('a', :at, '{}')"),
            {"at": micros},
        )
    assert findings(folder, about="record") == []

    with database.write() as session:
        session.execute(
            text("UPDATE record_load SET loaded_at = :at"), {"at": micros - 8 * 86_400_000_000}
        )
    database.close()

    assert findings(folder, about="record") == ["the record is from 2026-07-08; import it again"]


def test_a_stopped_lane_is_said_with_its_reason(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    with database.write() as session:
        session.execute(
            text(
                "INSERT INTO lane (name, pool, channel, sender, rate, fence, stopped_at,"
                " stopped_reason) VALUES ('sms', 'sms:*', 'sms', '+1', 1, 0, 1, 'HTTP 401')"
            )
        )
    database.close()

    assert findings(folder, about="lanes") == [
        "lane sms: stopped: HTTP 401; mend it, then start `outreach serve` again"
    ]


def test_doubts_and_books_that_do_not_balance_are_said(folder, monkeypatch):
    counts = dict.fromkeys(MessageState, 0) | {MessageState.IN_DOUBT: 2}
    monkeypatch.setattr(ledger, "counts", lambda _session: counts)
    monkeypatch.setattr(ledger, "adds_up", lambda _session: False)

    assert "2 messages are in doubt" in findings(folder, about="doubts")[0]
    assert "do not add up" in findings(folder, about="database")[0]


def test_messages_that_wait_while_nobody_serves_are_said(folder, monkeypatch):
    counts = dict.fromkeys(MessageState, 0) | {MessageState.QUEUED: 3}
    monkeypatch.setattr(ledger, "counts", lambda _session: counts)
    monkeypatch.setattr(ledger, "adds_up", lambda _session: True)

    assert findings(folder, about="senders") == [
        "3 messages wait and nobody sends; run `outreach serve`"
    ]


def test_an_altered_link_of_the_audit_chain_is_said(folder):
    database = Database(f"sqlite:///{folder / 'outreach.db'}")
    with database.write() as session:
        for number in range(3):
            audit.write(session, "ana", "test", f"occasion:{number}", now=NOW, waves=[])
    assert findings(folder, about="audit") == []

    with database.write() as session:
        session.execute(text("UPDATE audit SET actor = 'eva' WHERE id = 2"))
    database.close()

    assert "link 2 of the audit chain was altered" in findings(folder, about="audit")[0]


def test_a_key_file_without_seals_is_said(folder):
    path = folder / "outreach.key"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seals": {}}))

    assert findings(folder, about="key") == ["the key file holds no key"]


@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("https://example.com/luz", ["not your own"]),
        ("https://luz.cl", []),
        ("https://a.example", ["not"]),
    ],
)
def test_a_status_page_that_is_not_ones_own_is_said(folder, monkeypatch, link, said):
    monkeypatch.setenv("OUTREACH_COMPANY__LINK", link)

    found = findings(folder, about="status page")

    assert [word in sentence for word, sentence in zip(said, found, strict=True)] == [True] * len(
        said
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda: httpx2.Response(200), []),
        (lambda: httpx2.Response(404), ["answers 404"]),
        (lambda: (_ for _ in ()).throw(httpx2.ConnectError("no")), ["answers ConnectError"]),
    ],
    ids=["well", "missing", "unreachable"],
)
def test_the_status_page_is_fetched(folder, monkeypatch, answer, said):
    monkeypatch.setenv("OUTREACH_COMPANY__LINK", "http://127.0.0.1:9/luz")
    monkeypatch.setattr(httpx2, "get", lambda *_given, **_options: answer())

    found = findings(folder, about="status page")

    assert len(found) == len(said)
    assert all(word in sentence for word, sentence in zip(said, found, strict=True))


def test_every_check_survives_a_folder_that_is_no_workspace(tmp_path):
    context = Context(given=Given(workspace=tmp_path))

    for check in doctor.CHECKS.values():
        assert all("\n" not in sentence for sentence in doctor._sentences(check, context))


# ── template ─────────────────────────────────────────────────────────────────────────────────


def test_templates_are_listed_with_language_and_files(folder):
    shown = run("template", "list", "--format", "json", workspace=folder)

    assert json.loads(shown.stdout) == [
        {"template": "notice", "locale": "es", "files": ["sms.txt"]}
    ]


def test_a_text_is_shown_with_its_segments(folder):
    shown = run(
        "template", "render", "notice", "--area", "Ñuñoa", "--format", "json", workspace=folder
    )

    assert json.loads(shown.stdout) == {
        "text": "Outreach: corte de luz en Ñuñoa.",
        "segments": 1,
    }


def test_an_email_is_shown_with_its_subject(folder):
    texts = folder / "templates" / "notice" / "es"
    (texts / "email.subject.txt").write_text("Corte en {{ zone }}")
    (texts / "email.txt").write_text("Corte.")
    (texts / "email.html").write_text("<p>Corte.</p>")

    words = ("template", "render", "notice", "--channel", "email", "--kind", "planned")
    shown = run(*words, workspace=folder)

    assert "subject   Corte en Providencia" in shown.stdout


def test_an_unknown_template_is_one_line(folder):
    shown = run("template", "render", "nothing", workspace=folder)

    assert shown.exit_code == 1
    assert "nothing" in shown.stderr


def test_lint_names_what_is_wrong_and_fails(folder):
    shown = run("template", "lint", "--format", "json", workspace=folder)

    assert shown.exit_code == 1
    assert "missing-file" in {row["rule"] for row in json.loads(shown.stdout)}


def test_lint_that_finds_nothing_says_so(folder, monkeypatch):
    monkeypatch.setattr(template, "findings", lambda *_given, **_options: [])

    shown = run("template", "lint", workspace=folder)

    assert shown.exit_code == 0
    assert shown.stderr == "all is well\n"
