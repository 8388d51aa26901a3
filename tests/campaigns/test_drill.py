"""A drill, with live-looking credentials and a carrier that answers: marked texts, and not one call."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns import controlled
from tests.campaigns.opened import UNPLANNED, arm
from tests.delivery import driven
from tests.fakes.lane import Carrier
from tests.fakes.twilio import ACCOUNT, AUTH_TOKEN, TwilioFake

from outreach.campaigns import drill as rehearsing, tasks
from outreach.channels.outbox import FILE
from outreach.entry.http.live import Loader
from outreach.entry.wiring import Clocks, Installation
from outreach.entry.worker import Worker
from outreach.messages import drills
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Revision, Scope
from outreach.model.words import Channel, MessageState, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.settings import Delivery, Lane, Settings, Twilio
from outreach.store import claims, ivr, ledger, occasions, runs, tables as t
from outreach.store.claims import Claim

NOW = make.NOW
SCOPE = Scope(nodes=(town.FEEDER,))


def live(folder, carrier: TwilioFake) -> Settings:
    """Lanes for SMS, calls and posts, with what looks like real credentials."""
    lanes = (
        Lane(name="sms", channel=Channel.SMS, provider="twilio", sender="+56900000000", rate=1000),
        Lane(
            name="voice", channel=Channel.VOICE, provider="twilio_voice", sender="+56900000000",
            rate=1000,
        ),
        town.SOCIAL,
    )  # fmt: skip
    return town.workspace(folder, lanes=lanes).model_copy(
        update={
            "twilio": Twilio(
                account_sid=ACCOUNT, auth_token=SecretStr(AUTH_TOKEN), base_url=carrier.url
            ),
            "delivery": Delivery(only_loopback=True),
        }
    )


def new(**changes: Any) -> NewOccasion:
    values: dict[str, Any] = {
        "kind": OccasionKind.OUTAGE,
        "service": Service.ELECTRICITY,
        "name": "DRILL ALM-F12",
    }
    return NewOccasion(**(values | {"zone": make.ZONE} | changes))


def revision() -> Revision:
    return revise.opened(SCOPE, start_at=NOW, change=Change(), now=NOW)


@pytest.fixture
def carrier():
    with TwilioFake() as fake:
        yield fake


@pytest.fixture
def installation(sqlite_template, tmp_path, carrier) -> Installation:
    database = controlled.copied(sqlite_template, tmp_path / "db")
    with database.write() as session:
        town.build(session)
    return Installation(
        settings=live(tmp_path / "w", carrier), database=database, keyring=make.KEYRING,
        clocks=Clocks(now=lambda: NOW + timedelta(minutes=6)), owner="tests",
    )  # fmt: skip


@pytest.fixture
def drilled(installation: Installation) -> Installation:
    """The drill is launched, and every lane of the installation has had its turn."""
    rehearsing.drill(installation.engine, UNPLANNED, new(), revision(), actor="ana", now=NOW)

    async def work() -> None:
        await Worker(installation).once()
        await installation.close()

    asyncio.run(work())
    return installation


def bodies(folder) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / FILE) as store:
        return list(store.execute("SELECT channel, body FROM message"))


def test_no_provider_is_called_and_every_text_in_the_outbox_is_marked(drilled, carrier):
    sent = bodies(drilled.settings.workspace)

    with drilled.database.read() as session:
        counted = {state: count for state, count in ledger.counts(session).items() if count}
        providers = set(session.scalars(select(t.message.c.provider)))
    assert (carrier.ledger, carrier.calls) == ([], [])
    assert {channel for channel, _body in sent} == {"sms", "social"}
    assert len(sent) == sum(counted.values()) == 8
    assert MessageState.QUEUED not in counted
    assert all(body.startswith("SIMULACRO: ") for _channel, body in sent)
    assert providers == {"outbox"}


def test_it_says_itself_what_it_is_and_needs_no_second_person(drilled):
    with drilled.database.read() as session:
        [occasion] = occasions.open_ones(session)
        [run] = runs.every(session)

    assert (occasion.drill, run.drill, run.launched_by, run.approved_by) == (True, True, "ana", "")


def test_neither_ivr_nor_pages_nor_tasks_know_of_it(drilled):
    loader = Loader(drilled.database, shown=lambda _occasion: "out_1", now=lambda: NOW)

    with drilled.database.read() as session:
        spoken = ivr.live(session, since=NOW - timedelta(hours=2), shown=lambda _each: "out_1")
    raised = tasks.raise_due(drilled.database, now=NOW + timedelta(hours=1))

    assert (loader(), spoken, raised) == ([], [], 0)


def test_last_is_a_real_outage_before_any_drill(drilled):
    real = drilled.engine.open(new(name=town.FEEDER), revision(), now=NOW - timedelta(minutes=1))

    with drilled.database.read() as session:
        last = occasions.last(session, OccasionKind.OUTAGE)

    assert last is not None
    assert last.id == real.occasion.id


def test_what_is_armed_does_not_launch_for_a_drill(installation):
    arm(installation.engine)

    opened = installation.engine.open(new(drill=True), revision(), now=NOW)

    assert opened.launched == ()


def test_a_drill_of_a_campaign_for_something_else_is_refused_before_it_is_opened(installation):
    with pytest.raises(GuardRefused, match="advisory serves advisory"):
        rehearsing.drill(installation.engine, "advisory", new(), revision(), actor="a", now=NOW)

    with installation.database.read() as session:
        assert occasions.open_ones(session) == []


# ── in depth: each lock alone ────────────────────────────────────────────────────────────────────


def test_a_claim_gives_a_drill_to_no_lane_but_an_outbox(database):
    with database.write() as session:
        wave = make.make_step_run(session, run=make.make_run(session, drill=True))
        make.make_messages(session, 2, step_run=wave)

    def claimed(*, outbox: bool) -> list[bool]:
        wanted = Claim(
            lane="sms", pool="sms:CL", owner="w", now=NOW, lease=timedelta(seconds=30), limit=9,
            outbox=outbox,
        )  # fmt: skip
        with database.write() as session:
            return [one.drill for one in claims.claim(session, wanted)]

    assert claimed(outbox=False) == []
    assert claimed(outbox=True) == [True, True]


def test_a_sender_whose_channel_reaches_people_calls_it_for_no_drill(
    sqlite_template, tmp_path, monkeypatch
):
    database = controlled.copied(sqlite_template, tmp_path)
    carrier = Carrier()
    [message] = driven.given(database)
    with database.write() as session:
        session.execute(update(t.run).values(drill=True))
    real = claims.claim
    monkeypatch.setattr(
        "outreach.delivery.sender.claim",
        lambda session, wanted: real(session, _unlocked(wanted)),
    )

    driven.drive(database, carrier)

    row = driven.row(database, message)
    assert carrier.calls == []
    assert (row.state, row.reason) == ("failed", "a drill, and no outbox")


def _unlocked(wanted: Claim) -> Claim:
    """The first lock picked."""
    values = {name: getattr(wanted, name) for name in Claim.__slots__}
    return Claim(**(values | {"outbox": True}))


@pytest.mark.parametrize(
    ("file", "text", "locale", "marked"),
    [
        ("sms.txt", "corte", "es-CL", "SIMULACRO: corte"),
        ("voice.txt", "falta", "pt", "SIMULADO: falta"),
        ("email.subject.txt", "outage", "en", "DRILL: outage"),
        ("email.html", "no body", "en", "DRILL</p>no body"),
        ("email.html", "<html><body class='x'>hi</body>", "es", "SIMULACRO</p>hi</body>"),
    ],
)
def test_every_kind_of_text_is_marked_in_its_own_language(file, text, locale, marked):
    assert drills.marked(file, text, locale).endswith(marked)
