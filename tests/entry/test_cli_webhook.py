"""`outreach webhook`: what the endpoints were told, what is dead, and sending it again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.campaigns.test_webhooks import SECRET
from tests.entry.cli_runs import NOW
from tests.entry.telling import lines, night
from tests.fakes.http import HttpFake

from outreach.campaigns import news
from outreach.entry.http import webhook_metrics
from outreach.model.news import NewsKind
from outreach.settings import load
from outreach.store import audit, endpoints, outgoing


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    found = night(tmp_path / "luz", sqlite_template, monkeypatch)
    written = found.folder / "outreach.toml"
    written.write_text(
        f'{written.read_text()}\n[[endpoints]]\nname = "crm"\nurl = "https://crm.example/t0ken"\n'
        f'secret = "{SECRET}"\nkinds = ["*"]\n'
    )
    with found.database.write() as session:
        news.declare(session, load(found.folder), now=NOW)
    return found


def tell(terminal, *, state: str = "", status: str = "500") -> None:
    with terminal.database.write() as session:
        news.tell(session, NewsKind.CASE_OPENED, "cas:7", {}, now=NOW)
        [parcel] = outgoing.newest(session, limit=1)
        if state:
            outgoing.settle(session, parcel, state=state, status=status, now=NOW)


def test_the_list_says_how_each_fares_and_shows_no_secret(terminal):
    tell(terminal)
    tell(terminal, state=outgoing.DEAD)
    tell(terminal, state=outgoing.SENT, status="204")

    shown = terminal.run("webhook", "list", interactive=True)
    [row] = terminal.answer("webhook", "list")

    assert (row["state"], row["waiting"], row["dead"], row["sent"]) == ("answers", 1, 1, 1)
    assert "dead letters: outreach webhook dead" in shown.stderr
    assert all(len(line) <= 100 for line in lines(shown))
    for secret in ("t0ken", "whsec", "MfKQ9r8"):
        assert secret not in shown.output + str(row)


def test_a_paused_endpoint_says_how_to_start_it_again(terminal):
    with terminal.database.write() as session:
        endpoints.pause(session, "crm", why="410 Gone", where="x", now=NOW)

    shown = terminal.run("webhook", "list", interactive=True)

    assert "paused" in shown.stdout
    assert "outreach webhook test NAME" in shown.stderr


def test_dead_letters_are_listed_and_one_is_sent_again(terminal):
    tell(terminal, state=outgoing.DEAD)
    tell(terminal, state=outgoing.DEAD)
    newer, older = terminal.answer("webhook", "dead", "crm")

    tried = terminal.answer("webhook", "replay", older["id"], "--dry-run")
    shown = terminal.run("webhook", "replay", older["id"])

    assert (older["kind"], older["tries"], older["answered"]) == ("case.opened", 1, "500")
    assert tried["replayed"] == 1
    assert shown.stdout.splitlines() == ["1 webhook waits again: crm 1"]
    [left] = terminal.answer("webhook", "dead")
    assert left["id"] == newer["id"]
    with terminal.database.read() as session:
        last = audit.last(session, ("webhook.replay",))
    assert last is not None
    assert last.detail["letters"] == 1


def test_all_dead_letters_are_sent_again_but_those_that_are_over(terminal):
    tell(terminal, state=outgoing.DEAD)

    late = terminal.answer("webhook", "replay", "--all", at=NOW + timedelta(days=8))
    shown = terminal.run("webhook", "replay", "--endpoint", "crm")

    assert (late["replayed"], late["left"]) == (0, 1)
    assert "1 webhook waits again" in shown.stdout
    assert terminal.answer("webhook", "dead") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay",), "say which: an ID, --endpoint NAME, or --all"),
        (("replay", "--all", "--endpoint", "crm"), "say which"),
        (("replay", "msg"), "'msg': no id of a webhook"),
        (("replay", "msg_99_6955b900"), "no such dead letter"),
        (("replay", "--endpoint", "cmr"), "no endpoint 'cmr' in outreach.toml; there is: crm"),
        (("dead", "cmr"), "there is: crm"),
        (("test", "cmr"), "there is: crm"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(terminal, words, said: str):
    shown = terminal.run("webhook", *words)

    assert shown.exit_code == 1
    assert said in shown.stderr


def test_the_log_says_what_became_of_each(terminal):
    tell(terminal, state=outgoing.SENT, status="204")
    tell(terminal)

    rows = terminal.answer("webhook", "log", "--limit", "5")
    shown = terminal.run("webhook", "log", "crm")

    assert [(one["state"], one["answered"]) for one in rows] == [("waiting", ""), ("sent", "204")]
    assert all(one["event"].startswith("evt_") for one in rows)
    assert all(len(line) <= 100 for line in lines(shown))


@pytest.mark.parametrize(("status", "code"), [(204, 0), (500, 4)])
def test_a_test_posts_one_signed_event_and_says_the_answer(terminal, status: int, code: int):
    with HttpFake() as server:
        server.next(status)
        written = terminal.folder / "outreach.toml"
        written.write_text(written.read_text().replace("https://crm.example", server.url))
        tried = terminal.answer("webhook", "test", "crm", "--dry-run")

        answer = terminal.answer("webhook", "test", "crm", code=code)

    [request] = server.requests
    assert tried["dry_run"]
    assert (answer["answered"], answer["taken"]) == (str(status), code == 0)
    assert request.headers["webhook-signature"].startswith("v1,")
    assert b'"type":"outreach.endpoint.tested"' in request.body


def test_the_metrics_name_every_endpoint(terminal):
    tell(terminal, state=outgoing.DEAD)
    context = type("Context", (), {"settings": load(terminal.folder), "now": lambda _self: NOW})()

    with terminal.database.read() as session:
        families = webhook_metrics.read(session, context)

    found = {
        one.name: {sample.labels["endpoint"]: sample.value for sample in one.samples}
        for one in families
    }
    assert found == {
        "outreach_webhooks_waiting": {"crm": 0.0},
        "outreach_webhooks_dead": {"crm": 1.0},
        "outreach_webhooks_oldest_seconds": {"crm": 0.0},
        "outreach_webhooks_paused": {"crm": 0.0},
    }
