"""The text that a caller asks for leads to the caller's own page, and is the same when it is rendered again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make
from tests.campaigns.opened import NOW, make_engine, open_outage

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.campaigns.pressed import Keys, Pressed
from outreach.campaigns.telling import Teller
from outreach.settings import Http
from outreach.store import claims, tables as t

PUBLIC = "https://avisos.example.cl"
NUMBER = "+56970000002"


@pytest.fixture
def asked(database, tmp_path):
    """An engine, and the message of who pressed 1."""
    engine = make_engine(database, tmp_path)
    applied = open_outage(engine)
    key = Pressed(
        digit="1", call_id="c", occasion=applied.occasion.id, addresses=(make.KEYRING.hash(NUMBER),)
    )
    Keys(engine=engine)(key, NOW)
    claim = claims.Claim(
        lane="sms", pool="sms:*", owner="w", now=NOW, lease=timedelta(minutes=1), limit=9
    )
    with database.write() as session:
        [recipient] = claims.claim(session, claim)
    return engine, recipient


@pytest.mark.parametrize("public_url", [PUBLIC, "http://avisos.example.cl"])
def test_the_text_carries_the_page_of_its_own_reader(asked, public_url):
    engine, recipient = asked
    settings = engine.settings.model_copy(update={"http": Http(public_url=public_url)})

    first, again = (
        Teller(engine.database, settings, make.KEYRING).render(recipient, "") for _time in range(2)
    )

    assert (first.text, first.segments) == (again.text, 1)
    if public_url != PUBLIC:
        assert first.text.endswith(settings.company.link.removeprefix("https://"))
        return
    token = first.text.rpartition(f"{PUBLIC}/s/")[2]
    named = page_links.read(make.KEYRING, Page.STATUS, token, now=NOW)
    with engine.database.read() as session:
        c = t.customer.c
        customer = session.execute(select(c.id).where(c.ref == "K-0002")).scalar_one()
    assert named is not None
    assert named.number == customer
