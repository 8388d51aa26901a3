"""Who is in the dark, or was a moment ago, is spared bills and offers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import make, town
from tests.campaigns.opened import NOW, make_engine, open_outage, restore
from tests.entry.web import World, browser, make_app

from outreach.model.occasion import Scope
from outreach.store import mutes
from outreach.store.mutes import Muted

HOUR = timedelta(hours=1)
PHONE = "+56970000001"
OUT = {"muted": True, "until": None, "purposes": ["commercial", "billing", "price", "usage"]}
QUIET: dict[str, object] = {"muted": False, "until": None, "purposes": []}


@pytest.fixture
def engine(database, tmp_path):
    return make_engine(database, tmp_path)


def of(engine, ref: str = "S-0001", *, after: timedelta = HOUR) -> Muted:
    with engine.database.read() as session:
        return mutes.of_premise(session, ref, now=NOW + after)


def test_a_premise_is_muted_from_the_outage_until_two_hours_after_its_return(engine):
    before = of(engine)
    outage = open_outage(engine)
    during = of(engine)
    restore(engine, outage, after=2 * HOUR)

    assert (before, during) == (Muted(), Muted(muted=True))
    assert of(engine, after=3 * HOUR) == Muted(muted=True, until=NOW + 4 * HOUR)
    assert of(engine, after=4 * HOUR) == Muted()


def test_after_a_partial_return_the_rest_is_muted_on_and_the_returned_for_two_hours(engine):
    outage = open_outage(engine)
    restore(engine, outage, after=HOUR, part=Scope(nodes=(town.SOUTH,)))

    assert of(engine, "S-0005", after=2 * HOUR) == Muted(muted=True, until=NOW + 3 * HOUR)
    assert of(engine, "S-0005", after=4 * HOUR) == Muted()
    assert of(engine, "S-0001", after=4 * HOUR) == Muted(muted=True)


def test_what_is_not_out_or_not_known_is_not_muted(engine):
    open_outage(engine, node=town.NORTH)

    assert of(engine, "S-0005") == of(engine, "nowhere") == Muted()


def test_other_systems_ask_by_premise_account_or_phone(engine):
    open_outage(engine, node=town.NORTH)
    world = World(now=NOW + HOUR)
    app = make_app(engine.database, world)
    asks = browser(app)

    answers = [
        asks.get("/v1/mutes", params={"premise": "S-0001"}).json(),
        *(
            asks.post("/v1/mutes", json=whom).json()
            for whom in ({"premise": "S-0001"}, {"account": "C-0001"}, {"phone": PHONE})
        ),
    ]
    elsewhere = asks.post("/v1/mutes", json={"account": "C-0005"}).json()

    assert answers == [OUT] * 4
    assert elsewhere == QUIET
    world.close()


@pytest.mark.parametrize(
    "asked",
    [
        lambda web: web.get("/v1/mutes", params={"phone": PHONE}),
        lambda web: web.get("/v1/mutes", params={"account": "C-0001", "premise": "S-0001"}),
        lambda web: web.get("/v1/mutes"),
        lambda web: web.post("/v1/mutes", json={}),
        lambda web: web.post("/v1/mutes", json={"premise": "S-0001", "phone": PHONE}),
        lambda web: web.post("/v1/mutes", json={"phone": "none"}),
    ],
    ids=["phone in the URL", "account in the URL", "nobody", "empty", "two", "no number"],
)
def test_a_wrong_question_is_refused_as_a_problem_that_repeats_nothing_of_it(database, asked):
    world = World(now=make.NOW)

    answer = asked(browser(make_app(database, world)))

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert PHONE.removeprefix("+") not in answer.text
    world.close()
