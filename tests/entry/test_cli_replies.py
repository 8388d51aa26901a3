"""Replies and cases at the terminal: masked in lists, opened for who reads one, and shown beside what was sent."""

from __future__ import annotations

import getpass

import pytest
from sqlalchemy import select
from tests.campaigns.replied import C, text
from tests.entry.cli_runs import NOW
from tests.entry.telling import lines, night

from outreach.campaigns.replying import take
from outreach.entry.cli.command import Context, Given
from outreach.entry.cli.reply import desk
from outreach.store import audit, cases, tables as t

MAIL = b"From: vecino2@town.example\nTo: avisos@example.com\nSubject: hola\n\n%s\n"


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    """A neighbour who wrote twice: words that nobody can read, and a stop."""
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    monkeypatch.setattr(getpass, "getuser", lambda: "ana")
    context = Context(given=Given(now=NOW, database=made.database, workspace=made.folder))
    for words in ("BAJA PRECIO?", "BAJA"):
        take(desk(context), text(words, C), now=NOW)
    return made


def test_lists_say_what_became_of_each_and_show_neither_number_nor_words(terminal):
    shown = "\n".join(lines(terminal.run("reply", "list")))
    stops = terminal.answer("reply", "list", "--meaning", "opt_out")

    assert "for a person to read" in shown
    assert "opted out" in shown
    assert C not in shown
    assert "PRECIO" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert [one["outcome"] for one in stops] == ["opted out"]


def test_a_reply_is_shown_with_its_words_and_the_next_step(terminal):
    (found,) = terminal.answer("reply", "list", "--meaning", "unsure")

    shown = "\n".join(lines(terminal.run("reply", "show", found["id"])))

    assert "> BAJA PRECIO?" in shown
    assert f"outreach case close {found['case']}" in shown
    assert terminal.run("reply", "show", "rep_nobody").exit_code == 1


def test_a_case_is_read_then_closed_and_the_audit_keeps_both(terminal):
    listed = "\n".join(lines(terminal.run("case", "list")))
    shown = "\n".join(lines(terminal.run("case", "show", "last")))
    (case,) = terminal.answer("case", "list")

    closed = terminal.run("case", "close", case["id"], "--outcome", "asked for a price")
    again = terminal.run("case", "close", case["id"], "--outcome", "x")

    assert "unclear words" in listed
    assert C not in listed
    assert "> BAJA PRECIO?" in shown
    assert "answer them at" in shown
    assert closed.exit_code == 0
    assert "asked for a price" in closed.stdout
    assert again.exit_code == 3
    assert terminal.answer("case", "list") == []
    with terminal.database.read() as session:
        assert audit.last(session, ("case.show",)) is not None
        assert audit.last(session, ("case.close",)) is not None


def test_a_case_that_meant_stop_is_closed_as_one(terminal):
    terminal.run("case", "close", "last", "--outcome", "wants no more", "--opt-out")

    with terminal.database.read() as session:
        assert cases.count_open(session) == {}
        reasons = set(session.scalars(select(t.suppression.c.reason)))
    assert "opted out by reply (sms)" in reasons


def test_explain_shows_what_they_wrote_beside_what_they_were_sent(terminal):
    shown = terminal.run("message", "explain", "K-0002").stdout
    (facts,) = terminal.answer("message", "explain", "K-0002")

    assert "> BAJA PRECIO?" in shown
    assert "done: opted out" in shown
    assert "SUPPRESSED" in shown
    assert [one["meaning"] for one in facts["replies"]] == ["unsure", "opt_out"]


def test_a_mailbox_is_read_once_and_what_cannot_be_read_is_counted(terminal, tmp_path):
    good, bad = tmp_path / "good.eml", tmp_path / "bad.eml"
    good.write_bytes(MAIL % b"BAJA")
    bad.write_bytes(b"Subject: nobody\n\nBAJA\n")

    first = terminal.answer("reply", "import", str(good))
    second = terminal.answer("reply", "import", str(good))
    unread = terminal.run("reply", "import", str(bad))

    assert first == second == [{"outcome": "opted out", "count": 1}]
    assert len(terminal.answer("reply", "list", "--channel", "email")) == 1
    assert unread.exit_code == 4
    assert "look at them by hand" in unread.stderr


def test_a_forged_e_mail_of_a_file_is_a_case_that_says_why(terminal, tmp_path):
    file, settings = tmp_path / "forged.eml", terminal.folder / "outreach.toml"
    file.write_bytes(b"Authentication-Results: mx.example.com; dmarc=fail\n" + MAIL % b"BAJA")
    settings.write_text(settings.read_text() + '\n[imap]\nauthserv_id = "mx.example.com"\n')
    why = "the e-mail is not proven to be from this address"

    (read,) = terminal.answer("reply", "import", str(file))
    (reply,) = terminal.answer("reply", "list", "--channel", "email")
    shown = "\n".join(lines(terminal.run("reply", "show", reply["id"])))
    case = terminal.run("case", "show", reply["case"]).stdout

    assert read["outcome"] == reply["outcome"] == f"case: {why}"
    assert f"done: case: {why} · answer: not answered" in shown
    assert "> BAJA" in case
    assert f"done: case: {why}" in case
    assert f"· {why} ·" in case
    assert "not_proven" in {one["kind"] for one in terminal.answer("case", "list")}
    assert terminal.answer("case", "show", reply["case"])["done"] == f"case: {why}"
