"""A mailbox is read once, from where it was left, and its trouble waits for the next look."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from tests import databases
from tests.campaigns.replied import make_desk, rows, suppressed, town_engine
from tests.campaigns.tell import NOW

from outreach.channels import imap_mailbox
from outreach.channels.imap_mailbox import Mark
from outreach.entry import inbox
from outreach.model.errors import InputRefused
from outreach.settings_replies import Imap
from outreach.store import known, tables as t

STOP = b"From: vecino1@town.example\r\nTo: avisos@example.com\r\nSubject: x\r\n\r\nBAJA\r\n"
THANKS = STOP.replace(b"vecino1", b"vecino2").replace(b"BAJA", b"gracias")
NOBODY = b"Subject: x\r\n\r\nBAJA\r\n"


class Mailbox(socketserver.ThreadingTCPServer):
    """As much of IMAP as a reader asks for: uid -> e-mail, read-only."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, mails: dict[int, bytes], *, validity: int = 7) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails, self.validity, self.asked = mails, validity, list[str]()


class _Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, verb, *words = line.decode().split()
            self.server.asked.append(verb.upper())
            if verb.upper() == "LOGIN" and words[-1] != '"secret"':
                self.wfile.write(f"{tag} NO wrong\r\n".encode())
                continue
            self.wfile.write(
                b"".join(self._said(verb.upper(), words)) + f"{tag} OK done\r\n".encode()
            )

    def _said(self, verb: str, words: list[str]) -> list[bytes]:
        box = self.server
        if verb == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1\r\n"]
        if verb == "EXAMINE":
            return [b"* %d EXISTS\r\n* OK [UIDVALIDITY %d] x\r\n" % (len(box.mails), box.validity)]
        if verb == "UID" and words[0] == "SEARCH":
            last = int(words[2].partition(":")[0])
            found = [n for n in box.mails if n >= last] or [max(box.mails)]
            return [b"* SEARCH " + b" ".join(b"%d" % n for n in found) + b"\r\n"]
        if verb == "UID":
            raw = box.mails[int(words[1])]
            return [b"* 1 FETCH (UID 1 BODY[]<0> {%d}\r\n" % len(raw), raw, b")\r\n"]
        return []


@contextlib.contextmanager
def serving(mails: dict[int, bytes], **given):
    with Mailbox(mails, **given) as box:
        thread = threading.Thread(target=box.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield box
        box.shutdown()
        thread.join()


def settings(box: Mailbox, **changes: Any) -> Imap:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": box.server_address[1],
        "username": "avisos",
        "tls": "none",
    }
    return Imap(**(given | {"password": SecretStr("secret")} | changes))


@pytest.fixture
def desk(kept_sqlite, sqlite_template, tmp_path):
    """On SQLite alone: what replies do is tried on both elsewhere."""
    databases.refilled(kept_sqlite, sqlite_template)
    database = databases.as_new(kept_sqlite)
    return make_desk(town_engine(database, tmp_path, north="C", south="C"))


def test_new_e_mails_are_acted_upon_once_and_the_mark_is_kept(desk):
    with serving({3: STOP, 5: NOBODY, 9: THANKS}) as box:
        first = inbox.take_new(desk, settings(box), now=NOW)
        again = inbox.take_new(desk, settings(box), now=NOW + timedelta(minutes=1))

    assert (first, again) == (2, 0)
    assert {each["meaning"] for each in rows(desk.engine, t.reply)} == {"opt_out", "thanks"}
    assert suppressed(desk.engine, "vecino1@town.example") == {
        ("email", "opted out by reply (email)")
    }
    assert "SELECT" not in box.asked, "nothing is marked as read"
    with desk.engine.database.read() as session:
        mark = known.of(session, "imap:127.0.0.1:INBOX")
    assert mark is not None
    assert imap_mailbox.mark(mark.value) == Mark(validity=7, uid=9)


def test_what_our_own_server_disowns_is_not_acted_upon(desk):
    forged = b"Authentication-Results: mx.example.com; spf=fail\r\n" + STOP
    other = b"Authentication-Results: mx.other.example; spf=fail\r\n" + STOP

    with serving({3: forged}) as box:
        inbox.take_new(desk, settings(box, authserv_id="mx.example.com"), now=NOW)
        assert suppressed(desk.engine, "vecino1@town.example") == set()

        box.mails = {4: other}
        inbox.take_new(desk, settings(box, authserv_id="mx.example.com"), now=NOW)
        assert suppressed(desk.engine, "vecino1@town.example") != set()


def test_a_mailbox_that_was_numbered_anew_is_read_again_without_a_second_effect(desk):
    with serving({3: STOP}) as box:
        inbox.take_new(desk, settings(box), now=NOW)
        box.validity, box.mails = 8, {1: STOP}
        inbox.take_new(desk, settings(box), now=NOW + timedelta(minutes=1))

    assert len(rows(desk.engine, t.reply)) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": SecretStr("other")}, "error"),
        ({"port": 1}, "Refused"),
        ({"host": "imap.example.com"}, "only_loopback"),
    ],
)
def test_trouble_names_the_host_and_never_the_password(changes, why):
    with serving({3: STOP}) as box, pytest.raises(InputRefused, match=why) as refused:
        list(imap_mailbox.new_mails(settings(box, **changes), Mark(), only_loopback=True))

    assert "other" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "x", "1", "1:x", ":"])
def test_a_mark_that_is_none_is_the_beginning(text):
    assert imap_mailbox.mark(text) == Mark()
