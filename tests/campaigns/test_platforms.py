"""The platforms minute by minute: on within a minute, only changes, off by itself; trouble there stops nothing here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest
from tests import databases
from tests.contactcenter.make_truths import NIGHT, RULES, make_truth, minutes, speak
from tests.contactcenter.platforms_made import Leaping, make_genesys, make_settings
from tests.fakes.genesys import COLUMNS, GROUP, GenesysFake

from outreach.campaigns import platform_rows, platforms
from outreach.campaigns.platform_links import LONGEST_REST_S, Links, Rest, links
from outreach.campaigns.platform_rows import Saying
from outreach.campaigns.platforms import Looks
from outreach.contactcenter import genesys_watch
from outreach.contactcenter.genesys_groups import Group
from outreach.contactcenter.genesys_watch import LEASE, OVERDUE, Step, Watch
from outreach.contactcenter.platform_rows import fitting
from outreach.model.contactcenter import Directive, DirectiveKind, DirectiveState, LiveTruth
from outreach.model.forecast import Forecast, ForecastStatus, Quarter
from outreach.model.platforms import EVERYWHERE, Fate, Outcome, ZoneRow
from outreach.settings import Settings
from outreach.settings_contactcenter import ContactCenter, Genesys
from outreach.store import directives as stored, expected, pushed
from outreach.store.session import Database

SAYING = Saying(speak=speak, rules=RULES, locale="es")
TRUTH = make_truth(customers=6_000)
ETR = make_truth(
    customers=6_000, version=2, etr_at=NIGHT + minutes(7), public_etr=NIGHT + minutes(7)
)


def make_front(shown_id: str = "out_1", **changes: Any) -> Directive:
    values: dict[str, Any] = {
        "id": f"ivr_upfront:{shown_id}",
        "kind": DirectiveKind.IVR_UPFRONT,
        "scope": {"zones": ["Ñuñoa", "Providencia"], "queue": "outages"},
        "priority": 60,
        "params": {"text_class": "investigating", "text_ref": "outage.ivr@1", "seconds": 13.0},
        "state_since": NIGHT,
        "issued_at": NIGHT,
        "expires_at": NIGHT + minutes(30),
        "reason": {"metric": "affected_customers", "value": 6_000},
        "evidence": {"status": "prior"},
        "approved_by": "auto",
    }
    return Directive(**(values | changes))


def row_of(found: list[ZoneRow], key: str) -> ZoneRow:
    (row,) = (each for each in found if each.key == key)
    return row


def rows_of(*live: LiveTruth, held: Sequence[Directive] = (), **center: Any) -> list[ZoneRow]:
    given = ContactCenter(genesys=platforms_settings(), **center)
    return platform_rows.rows(live, held, SAYING, given, forecast=None, now=NIGHT)


def platforms_settings(**changes: Any) -> Genesys:
    return make_settings(GenesysFake(), **({"api_url": "http://127.0.0.1:1"} | changes))


def make_forecast(p95: float, **changes: Any) -> Forecast:
    quarter = Quarter(start_at=NIGHT, mean=p95, p05=p95, p50=p95, p80=p95, p95=p95)
    values: dict[str, Any] = {"queue": "outages", "made_at": NIGHT, "quarters": (quarter,)}
    return Forecast(**(values | {"status": ForecastStatus.SEEN} | changes))


def test_each_zone_of_a_front_message_has_a_row_in_the_words_of_the_ivr():
    found = rows_of(TRUTH, held=[make_front()])

    assert [row.key for row in found] == [EVERYWHERE, "Ñuñoa", "Providencia"]
    row = row_of(found, "Ñuñoa")
    assert row.text == "outage_opened es Ñuñoa news 07:40"
    assert (row.status, row.generation, row.weight) == ("investigating", 1, 6_000)


def test_no_row_outlives_its_estimate_its_directive_or_ten_minutes():
    short = make_front(expires_at=NIGHT + minutes(4))

    assert row_of(rows_of(TRUTH, held=[make_front()]), "Ñuñoa").expires_at == NIGHT + minutes(10)
    assert row_of(rows_of(TRUTH, held=[short]), "Ñuñoa").expires_at == NIGHT + minutes(4)
    assert row_of(rows_of(ETR, held=[make_front()]), "Ñuñoa").expires_at == NIGHT + minutes(7)


def test_a_truth_without_a_front_message_or_no_longer_fresh_has_no_row():
    stale = make_truth(next_update_at=NIGHT - minutes(1))

    assert [row.key for row in rows_of(TRUTH)] == [EVERYWHERE]
    assert [row.key for row in rows_of(stale, held=[make_front()])] == [EVERYWHERE]
    assert [row.key for row in rows_of(held=[make_front()])] == [EVERYWHERE]


def test_a_danger_has_its_zone_s_row_and_stays_in_a_table_that_is_full():
    wire = make_truth(2, customers=3, areas=("Ñuñoa",))
    danger = make_front(
        "out_2", scope={"zones": ["Ñuñoa"]}, params={"text_class": "safety"},
        reason={"metric": "danger", "value": 3},
    )  # fmt: skip

    found = rows_of(TRUTH, wire, held=[make_front(), danger])

    row = row_of(found, "Ñuñoa")
    assert row.text == "outage_opened es Ñuñoa news 07:40"
    assert row.weight > 10**8 > row_of(found, "Providencia").weight
    assert next(iter(fitting(found[1:], now=NIGHT))) == "Ñuñoa"


def test_callers_without_a_place_hear_large_outages_only():
    small = make_truth(customers=100)

    assert row_of(rows_of(TRUTH, held=[make_front()]), EVERYWHERE).text
    assert row_of(rows_of(small, held=[make_front()]), EVERYWHERE).text == ""
    assert row_of(rows_of(), EVERYWHERE).status == "none"


def test_a_zone_has_the_keys_by_which_the_flow_looks_it_up():
    keys = {"Ñuñoa": ["13120", "7750000"]}

    found = rows_of(TRUTH, held=[make_front()], zone_keys=keys)

    assert [row.key for row in found] == [EVERYWHERE, "13120", "7750000", "Providencia"]
    assert found[1].text == found[2].text


def test_the_wait_travels_with_every_row():
    wait = make_front(id="wait_announcement:outages", kind=DirectiveKind.WAIT_ANNOUNCEMENT)
    wait = type(wait)(**{name: getattr(wait, name) for name in wait.__slots__} | {"params": {"band": "5_10"}})  # fmt: skip

    found = rows_of(TRUTH, held=[make_front(), wait])

    assert {row.wait_band for row in found} == {"5_10"}


@pytest.mark.parametrize(
    ("forecast", "is_on", "percent"),
    [
        (None, False, 100),
        (None, True, 24),
        (make_forecast(15_000), True, 57),
        (make_forecast(150), True, 100),
        (make_forecast(150, status=ForecastStatus.PRIOR), True, 24),
        (make_forecast(150, made_at=NIGHT - minutes(11)), True, 24),
    ],
    ids=["quiet", "unknown", "many", "few", "only a prior", "old"],
)
def test_how_many_may_be_asked_about_follows_the_calls_expected(forecast, is_on, percent):
    shared = platform_rows.share(forecast, platforms_settings(), is_on=is_on, now=NIGHT)

    assert shared == percent


def test_a_platform_in_trouble_rests_but_never_for_long():
    rest, now = Rest(), 0.0

    for _failure in range(8):
        rest.saw(trouble=True, now=now)

    assert rest.is_on(LONGEST_REST_S - 1)
    assert not rest.is_on(LONGEST_REST_S)
    rest.saw(trouble=False, now=now)
    rest.saw(trouble=True, now=500.0)
    assert not rest.is_on(500.0)


def test_without_credentials_there_is_nothing_to_link():
    found = links(Settings(), monotonic=Leaping(), sleep=lambda _s: None)

    assert (found.genesys, found.connect) == (None, None)


class Night:
    """One installation with a Genesys Cloud on loopback, its minutes counted from 02:40."""

    def __init__(self, database: Database, fake: GenesysFake, clock: Leaping) -> None:
        self.database, self.fake, self.clock = database, fake, clock
        self.live = [TRUTH]
        self.links = self.started()

    def started(self) -> Links:
        """A process that begins anew."""
        return Links(monotonic=self.clock, genesys=make_genesys(self.fake, self.clock))

    def settings(self, **changes: Any) -> Settings:
        genesys = make_settings(self.fake, **changes.pop("genesys", {}))
        return Settings(contactcenter=ContactCenter(genesys=genesys, **changes))

    def directs(self, *held: Directive) -> None:
        states = [
            DirectiveState(
                kind=each.kind, scope_key=each.id.partition(":")[2], generation=1, on=True,
                state_since=NIGHT, evidence_at=NIGHT, expires_at=each.expires_at, directive=each,
            )
            for each in held
        ]  # fmt: skip
        with self.database.write() as session:
            stored.save(session, states)

    def minute(self, number: float, **changes: Any) -> list[Outcome]:
        self.clock.seconds = 1_000 + 60 * number
        looks = Looks(load_live=lambda: self.live, saying=SAYING)
        return platforms.minute(
            self.database, self.settings(**changes), self.links, looks, now=NIGHT + minutes(number)
        )


@pytest.fixture
def night(kept_sqlite, sqlite_template) -> Iterator[Night]:
    """On SQLite alone: the only SQL here is of store/pushed.py, whose own test runs on both."""
    databases.refilled(kept_sqlite, sqlite_template)
    clock = Leaping()
    with GenesysFake(clock) as fake:
        made = Night(databases.as_new(kept_sqlite), fake, clock)
        yield made
        made.links.close()


def test_a_front_message_is_on_within_a_minute_and_only_changes_travel(night):
    night.fake.rows["left over"] = dict.fromkeys(COLUMNS, "")
    night.directs(make_front())

    (first,) = night.minute(0)
    written = len(night.fake.requests)
    (second,) = night.minute(1)

    assert (first.done, first.left, first.trouble) == (5, 0, "")
    assert sorted(night.fake.rows) == ["*", "Providencia", "Ñuñoa"]
    assert night.fake.group["enabled"]
    assert second.done == 0
    asked = [request.path for request in night.fake.requests[written:]]
    assert all("/analytics/" in path or "/estimatedwaittime" in path for path in asked)


def test_what_is_over_goes_off_and_the_queue_is_read_all_along(night):
    night.directs(make_front())
    night.minute(0)
    night.directs()

    (outcome,) = night.minute(1)

    assert sorted(night.fake.rows) == ["*"]
    assert not night.fake.group["enabled"]
    assert outcome.done == 4  # two zones, the switch, and what everybody hears
    with night.database.read() as session:
        reading = expected.reading(session, "outages")
    assert reading is not None
    assert (reading.agents, reading.at) == (8, NIGHT + minutes(1))


def test_a_night_costs_few_calls_and_every_row_stays_true(night):
    night.directs(make_front(expires_at=NIGHT + minutes(30)))

    for number in range(20):
        night.minute(number)
        until = {key: row["expires_at"] for key, row in night.fake.rows.items()}
        at = f"{NIGHT + minutes(number + 1):%Y-%m-%dT%H:%M:%S.000Z}"
        assert min(until.values()) > at

    written = [one for one in night.fake.requests if "/rows/" in one.path or "groups" in one.path]
    assert len(written) < 30


def test_killed_outright_both_row_and_group_are_off_in_time(night):
    """Outreach dies after minute 3: the flow ignores the row at its expiry, the watchdog does the rest."""
    night.directs(make_front())
    for number in range(4):
        night.minute(number)
    group = Group(make_genesys(night.fake, night.clock), GROUP)
    watch = Watch(heard_at=NIGHT + minutes(3), looked_at=NIGHT + minutes(3))
    steps: dict[Step, datetime] = {}

    for quarter in range(13, 60):
        now = NIGHT + minutes(quarter / 4)
        until = night.clock.seconds + 5
        watch = genesys_watch.look(watch, None, group, now=now, until=until)
        steps.setdefault(watch.step, now)

    group._genesys.http.close()
    expires = night.fake.rows["Ñuñoa"]["expires_at"]
    assert expires <= f"{NIGHT + minutes(13):%Y-%m-%dT%H:%M:%S.000Z}"
    assert steps[Step.OFF] <= NIGHT + minutes(3) + LEASE + OVERDUE
    assert not night.fake.group["enabled"]


def test_a_process_that_died_before_it_noted_anything_is_put_right_by_the_next(night):
    night.directs(make_front())
    night.minute(0)
    with night.database.write() as session:
        known = pushed.standing(session, "genesys")
        pushed.note(session, "genesys", [], ended=known)
    night.links.close()
    night.links = night.started()

    (outcome,) = night.minute(1)

    assert (outcome.done, outcome.trouble) == (4, "")
    assert sorted(night.fake.rows) == ["*", "Providencia", "Ñuñoa"]


def test_a_platform_that_is_down_costs_little_and_what_waited_follows(night):
    night.directs(make_front())
    night.fake.always(503)

    troubled = [night.minute(number) for number in range(6)]
    asked = len(night.fake.requests)
    night.fake._always = None
    (outcome,) = night.minute(10)

    assert all("503" in found[-1].trouble for found in troubled[:3])
    assert troubled[3] == []
    assert asked < 60
    assert outcome.left == 0
    assert "Ñuñoa" in night.fake.rows


def test_in_shadow_mode_everything_is_taken_away_and_nothing_put_there(night):
    night.directs(make_front())
    night.minute(0)

    night.minute(1, mode="shadow")

    assert night.fake.rows == {}
    assert not night.fake.group["enabled"]


def test_the_plan_says_what_would_change_and_calls_nobody(night):
    night.directs(make_front())
    looks = Looks(load_live=lambda: night.live, saying=SAYING)

    planned = platforms.planned(night.database, night.settings(), looks, now=NIGHT)
    off = platforms.planned(night.database, Settings(), looks, now=NIGHT)

    assert [(change.fate, change.key) for change in planned] == [
        (Fate.SWITCH_ON, f"emergency group {GROUP}"),
        (Fate.WRITE, "*"),
        (Fate.WRITE, "Providencia"),
        (Fate.WRITE, "Ñuñoa"),
    ]
    assert off == []
    assert night.fake.requests == []


def test_a_table_of_other_columns_is_said_once_and_not_tried_for_every_row(night):
    night.directs(make_front(scope={"zones": [f"z{n}" for n in range(30)]}))
    night.live = [make_truth(customers=6_000, areas=tuple(f"z{n}" for n in range(30)))]
    for _row in range(60):
        night.fake.next(400)

    asked_before = len(night.fake.requests)
    outcomes = night.minute(0, genesys={"queues": {}, "emergency_group": ""})

    assert "genesys" in outcomes[-1].trouble
    assert len(night.fake.requests) - asked_before < 15
    night.fake._scripts.clear()
