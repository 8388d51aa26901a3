"""Events on their way: at least once under one id, dead letters, replays, endpoints that are gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import make
from tests.campaigns.listening import (
    declare,
    happened,
    listening,
    post,
    tell,
)
from tests.campaigns.opened import (
    NOW,
)
from tests.campaigns.test_webhooks import Receiver, endpoint

from outreach.campaigns import news, webhooks
from outreach.campaigns.webhooks import Answer
from outreach.model.alarm import AlarmKind
from outreach.model.errors import InputRefused
from outreach.settings import Settings
from outreach.store import alarms, endpoints, outgoing
from outreach.store.session import Database

MINUTE = timedelta(minutes=1)
GONE, DOWN = Answer(status=410), Answer(status=503)


def test_every_event_arrives_and_a_later_one_replaces_none(database: Database):
    settings = listening()
    declare(database, settings)
    for number in range(3):
        tell(database, number=number)

    assert [one["data"]["number"] for one in happened(database, settings)] == [0, 1, 2]


def test_a_process_killed_in_mid_delivery_delivers_again_under_the_same_id(database: Database):
    settings = listening()
    declare(database, settings)
    tell(database)
    first = Receiver()

    def killed(to, body: bytes, headers: dict[str, str]) -> Answer:
        first(to, body, headers)
        raise KeyboardInterrupt  # after the receiver has it, before we wrote so

    with pytest.raises(KeyboardInterrupt):
        webhooks.deliver(database, settings, make.KEYRING, now=NOW, http=killed)
    again = Receiver()
    early = post(database, settings, again, now=NOW + timedelta(seconds=59))
    late = post(database, settings, again, now=NOW + timedelta(seconds=60))

    assert (early["sent"], late["sent"]) == (0, 1)
    assert first.got[0][1] == again.got[0][1]
    assert first.got[0][2]["webhook-id"] == again.got[0][2]["webhook-id"]


def test_after_the_last_gap_it_is_a_dead_letter_and_a_replay_sends_it_as_it_was(database: Database):
    settings = listening()
    declare(database, settings)
    tell(database)
    receiver, now = Receiver(crm=DOWN), NOW
    done = post(database, settings, receiver)
    for gap in webhooks.GAPS:
        now += gap
        done = post(database, settings, receiver, now=now)

    with database.write() as session:
        revived = outgoing.revive(session, now=now, endpoint="crm")
    receiver.answers = {}
    sent = post(database, settings, receiver, now=now)

    assert (done["dead"], len(revived), sent["sent"]) == (1, 1, 1)
    assert len(receiver.got) == len(webhooks.GAPS) + 2
    assert len({body for _, body, _ in receiver.got}) == 1
    assert len({headers["webhook-id"] for _, _, headers in receiver.got}) == 1


def test_an_endpoint_that_is_gone_is_paused_with_an_alarm_until_a_test_is_taken(
    database: Database,
):
    settings = listening()
    declare(database, settings)
    tell(database, number=1)
    tell(database, number=2)
    receiver = Receiver(crm=GONE)

    first = post(database, settings, receiver)
    later = post(database, settings, receiver, now=NOW + timedelta(hours=1))
    with database.read() as session:
        raised = alarms.open_ones(session, kinds=[AlarmKind.ENDPOINT_GONE])
    receiver.answers = {}
    answer = webhooks.send_one(
        database, settings, make.KEYRING, "crm", now=NOW + timedelta(hours=2), http=receiver
    )
    after = post(database, settings, receiver, now=NOW + timedelta(hours=2))

    assert (first["dead"], first["put_off"], later.total()) == (1, 1, 0)
    assert [one.subject for one in raised] == ["endpoint:crm"]
    assert answer.is_taken
    assert after["sent"] == 1
    with database.read() as session:
        assert alarms.open_ones(session, kinds=[AlarmKind.ENDPOINT_GONE]) == []
        assert endpoints.paused(session) == {}


def test_a_paused_endpoint_goes_on_where_its_address_was_changed(database: Database):
    settings = listening()
    declare(database, settings)
    tell(database, number=1)
    tell(database, number=2)
    post(database, settings, Receiver(crm=GONE))
    receiver = Receiver()

    changed_to = listening(url="https://new.example/hook")
    done = post(database, changed_to, receiver, now=NOW + webhooks.RESTS)

    assert done["sent"] == 1
    with database.read() as session:
        assert alarms.open_ones(session, kinds=[AlarmKind.ENDPOINT_GONE]) == []


def test_a_test_that_is_not_taken_leaves_nothing_to_be_tried_again(database: Database):
    settings = listening("outage.*")
    receiver = Receiver(crm=DOWN)

    answer = webhooks.send_one(database, settings, make.KEYRING, "crm", now=NOW, http=receiver)
    later = post(database, settings, receiver, now=NOW + timedelta(hours=1))

    assert (answer.status, later.total(), len(receiver.got)) == (503, 0, 1)
    with pytest.raises(InputRefused, match="there is: crm"):
        webhooks.send_one(database, settings, make.KEYRING, "cmr", now=NOW, http=receiver)


def test_what_waits_for_a_week_is_over(database: Database):
    settings = listening()
    declare(database, settings)
    tell(database)

    done = post(database, settings, Receiver(), now=NOW + news.KEEPS)

    assert done["expired"] == 1


def test_what_the_settings_want_is_known_after_the_first_round(database: Database):
    settings = listening("case.opened")
    quiet = tell(database)

    post(database, settings, Receiver())

    assert (quiet, tell(database)) == (0, 1)
    post(database, Settings(), Receiver())
    assert tell(database) == 0


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────


def test_while_a_secret_changes_both_sign_and_either_verifies():
    new = "whsec_" + "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldyE="
    changing = endpoint("crm", secret=new, old_secret=endpoint("crm").secret)
    parcel = outgoing.Parcel(
        id=1, endpoint="crm", kind="case.opened", subject="evt_1", body="{}", created_at=NOW,
        expires_at=None, state="waiting", failures=0, next_at=None, last_status="",
    )  # fmt: skip

    headers = webhooks.headers(parcel, changing, now=NOW)

    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{{}}".encode()
    both = [webhooks.signature(key, signed) for key in changing.keys]
    assert headers["webhook-signature"].split(" ") == both
    assert both[1] == webhooks.signature(endpoint("crm").keys[0], signed)
    assert "whsec_" not in repr(changing)
