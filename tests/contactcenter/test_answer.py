"""What a caller hears at each minute, and what nobody may ever hear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import pytest
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    minutes,
    speak,
)

from outreach.contactcenter import answer as answers
from outreach.contactcenter.answer import Caller, Offers, Rules, answer
from outreach.contactcenter.lookup import Lookup
from outreach.model.contactcenter import AnswerStatus, IvrAnswer, LiveTruth, Match, Part
from outreach.model.words import OccasionKind, OccasionState


def said(
    live: Sequence[LiveTruth],
    at: datetime = NIGHT,
    caller: Caller | None = None,
    rules: Rules = RULES,
    **more: Any,
) -> IvrAnswer:
    found = caller or make_caller(make_premise())
    whole = answer(found, live, speak, now=at, rules=rules, **more)
    narrowed = Lookup(live, large_from=rules.large_from).candidates(found)
    assert answer(found, narrowed, speak, now=at, rules=rules, **more) == whole
    return whole


def storm_at(minute: int) -> LiveTruth:
    """02:40 opened; 03:10 back at 05:30; 04:55 at 06:45; 07:05 a part is back; 08:10 all is."""
    steps: list[tuple[int, dict[str, Any]]] = [
        (0, {"next_update_at": NIGHT + minutes(60)}),
        (30, {"public_etr": NIGHT + minutes(170), "next_update_at": NIGHT + minutes(170)}),
        (135, {"public_etr": NIGHT + minutes(245), "next_update_at": NIGHT + minutes(260)}),
        (265, {"state": OccasionState.PARTIAL, "next_update_at": NIGHT + minutes(340),
               "back": Part(spans=((100, 140),))}),
        (330, {"state": OccasionState.RESTORED, "restored_at": NIGHT + minutes(330),
               "next_update_at": None}),
    ]  # fmt: skip
    since, change = [step for step in steps if step[0] <= minute][-1]
    return make_truth(recorded_at=NIGHT + minutes(since), **change)


@pytest.mark.parametrize(
    ("minute", "status", "heard"),
    [
        (0, AnswerStatus.INVESTIGATING, "outage_opened es Ñuñoa news 07:40"),
        (29, AnswerStatus.INVESTIGATING, "outage_opened es Ñuñoa news 07:40"),
        (30, AnswerStatus.ETR, "outage_etr es Ñuñoa etr 09:30 news 09:30"),
        (169, AnswerStatus.ETR, "outage_etr es Ñuñoa etr 10:45 news 11:00"),
        (244, AnswerStatus.ETR, "outage_etr es Ñuñoa etr 10:45 news 11:00"),
        (245, AnswerStatus.INVESTIGATING, "outage_next_news es Ñuñoa news 11:00"),
        (260, AnswerStatus.STALE, ""),
        (265, AnswerStatus.INVESTIGATING, "outage_opened es Ñuñoa news 12:20"),
        (330, AnswerStatus.RESTORED, "outage_restored es Ñuñoa"),
        (449, AnswerStatus.RESTORED, "outage_restored es Ñuñoa"),
        (450, AnswerStatus.NONE, ""),
    ],
)
def test_the_caller_hears_the_truth_of_the_minute(minute, status, heard):
    heard_now = said([storm_at(minute)], at=NIGHT + minutes(minute))

    assert (heard_now.status, heard_now.text) == (status, heard)


def test_no_minute_of_a_storm_speaks_a_past_estimate_or_outlives_its_truth():
    for minute in range(500):
        now = NIGHT + minutes(minute)
        truth = storm_at(minute)

        heard = said([truth], at=now)

        etr = truth.occasion.revision.public_etr
        assert not heard.etr_iso or heard.etr_iso > now.isoformat()
        assert heard.expires_at > now
        if heard.status is AnswerStatus.ETR:
            assert etr is not None
            assert heard.expires_at <= etr


def test_an_answer_expires_with_its_estimate():
    truth = make_truth(public_etr=NIGHT + minutes(0.2), next_update_at=NIGHT + minutes(60))

    heard = said([truth])

    assert heard.expires_at == NIGHT + minutes(0.2)


def test_a_restored_part_hears_so_while_the_rest_is_still_out():
    truth = make_truth(
        state=OccasionState.PARTIAL, back=Part(spans=((100, 140),)), recorded_at=NIGHT
    )

    back = said([truth], caller=make_caller(make_premise(tree_order=120)))
    out = said([truth], caller=make_caller(make_premise(tree_order=150)))

    assert back.status is AnswerStatus.RESTORED
    assert out.status is AnswerStatus.INVESTIGATING


def test_of_several_supplies_the_one_out_of_service_is_answered_for_the_sector():
    caller = make_caller(make_premise(tree_order=5, locality="Maipú"), make_premise(premise_id=2))

    heard = said([make_truth()], caller=caller)

    assert heard.zone_name == "su sector"
    assert heard.status is AnswerStatus.INVESTIGATING


def test_a_sector_without_a_phrase_is_named_by_its_locality():
    caller = make_caller(
        make_premise(tree_order=5, locality="Maipú"), make_premise(premise_id=2), locale="fr"
    )

    assert said([make_truth()], caller=caller).zone_name == "Ñuñoa"


@pytest.mark.parametrize(
    ("scope", "supply"),
    [
        (Part(localities=frozenset({"Ñuñoa"})), {"tree_order": -1}),
        (Part(premise_ids=frozenset({7})), {"premise_id": 7, "tree_order": -1}),
        (Part(spans=((1, 5), (150, 150))), {}),
    ],
    ids=["locality", "named premise", "span"],
)
def test_a_scope_touches_by_node_locality_and_name(scope, supply):
    caller = make_caller(make_premise(**supply))

    assert said([make_truth(scope=scope)], caller=caller).status is AnswerStatus.INVESTIGATING


def test_who_is_known_and_not_out_hears_nothing():
    heard = said([make_truth()], caller=make_caller(make_premise(tree_order=700)))

    assert (heard.status, heard.text, heard.outage_id) == (AnswerStatus.NONE, "", "")


def test_of_two_outages_the_fresh_then_the_larger_is_told():
    stale = make_truth(1, next_update_at=NIGHT - minutes(1), customers=9000)
    small = make_truth(2, customers=60)
    large = make_truth(3, customers=600)

    assert said([stale, small, large]).outage_id == "out_3"


def test_a_running_outage_is_told_before_planned_works_and_advisories():
    works = make_truth(1, kind=OccasionKind.PLANNED, state=OccasionState.SCHEDULED,
                       start_at=NIGHT + minutes(600), end_at=NIGHT + minutes(900))  # fmt: skip
    storm = make_truth(2, kind=OccasionKind.ADVISORY, text="Viento fuerte")
    outage = make_truth(3)

    assert said([works, storm, outage]).outage_id == "out_3"
    assert said([works, storm]).status is AnswerStatus.PLANNED


@pytest.mark.parametrize(
    ("now", "state", "status"),
    [
        (-73 * 60, OccasionState.SCHEDULED, AnswerStatus.NONE),
        (-72 * 60, OccasionState.SCHEDULED, AnswerStatus.PLANNED),
        (10, OccasionState.ACTIVE, AnswerStatus.PLANNED),
        (180, OccasionState.SCHEDULED, AnswerStatus.NONE),
        (180, OccasionState.ACTIVE, AnswerStatus.INVESTIGATING),
        (240, OccasionState.ACTIVE, AnswerStatus.STALE),
        (10, OccasionState.CANCELLED, AnswerStatus.KNOWN),
        (180, OccasionState.CANCELLED, AnswerStatus.NONE),
        (10, OccasionState.DISCARDED, AnswerStatus.NONE),
        (10, OccasionState.ENDED, AnswerStatus.RESTORED),
    ],
)
def test_planned_works_are_told_from_three_days_before_until_their_end(now, state, status):
    works = make_truth(
        kind=OccasionKind.PLANNED,
        state=state,
        end_at=NIGHT + minutes(180),
        next_update_at=None,
        recorded_at=NIGHT,
    )

    assert said([works], at=NIGHT + minutes(now)).status is status


def test_delayed_works_speak_of_their_new_end():
    works = make_truth(
        kind=OccasionKind.PLANNED, end_at=NIGHT - minutes(5), public_etr=NIGHT + minutes(45)
    )

    assert said([works]).text.startswith("planned_delayed es Ñuñoa etr 07:25")


def test_a_cancelled_outage_or_advisory_says_nothing():
    assert said([make_truth(state=OccasionState.CANCELLED)]).text == ""


def test_works_that_overrun_speak_of_the_next_news():
    works = make_truth(
        kind=OccasionKind.PLANNED, end_at=NIGHT - minutes(5), next_update_at=NIGHT + minutes(30)
    )

    assert said([works]).text.startswith("outage_next_news")


@pytest.mark.parametrize(("minute", "status"), [(-1, "none"), (0, "known"), (60, "none")])
def test_an_advisory_is_told_while_it_is_valid(minute, status):
    storm = make_truth(
        kind=OccasionKind.ADVISORY, text="Viento", end_at=NIGHT + minutes(60), next_update_at=None
    )

    assert said([storm], at=NIGHT + minutes(minute)).status == status


def test_an_advisory_that_is_over_is_never_restored():
    storm = make_truth(kind=OccasionKind.ADVISORY, state=OccasionState.ENDED)

    assert said([storm]).status is AnswerStatus.NONE


def test_what_a_feed_says_is_silent_once_its_heartbeat_lapses():
    truth = make_truth(is_feed=True, heartbeat_at=NIGHT, source="feed:adms")

    assert said([truth], at=NIGHT + minutes(4.9)).status is AnswerStatus.INVESTIGATING
    assert said([truth], at=NIGHT + minutes(5)).status is AnswerStatus.STALE
    assert said([replace(truth, heartbeat_at=None)], at=NIGHT + minutes(5)).text == ""


def test_an_outage_without_promised_news_is_fresh_for_an_hour():
    truth = make_truth(next_update_at=None)

    assert said([truth], at=NIGHT + minutes(59)).text
    assert not said([truth], at=NIGHT + minutes(60)).text


def test_an_unrecognised_caller_hears_of_a_large_outage_with_three_zones_at_most():
    truth = make_truth(areas=("A", "B", "C", "D"), customers=5000)
    caller = make_caller(match=Match.NONE)

    assert said([truth], caller=caller).zone_name == "A, B y C"
    assert said([replace(truth, areas=("A",))], caller=caller).zone_name == "A"
    assert said([replace(truth, areas=())], caller=caller).zone_name == "ALM-F12"
    assert said([replace(truth, customers=499)], caller=caller).status is AnswerStatus.NONE


def test_a_typed_locality_is_answered_whatever_its_case():
    caller = make_caller(match=Match.POSTAL, locality="ÑUÑOA")

    assert said([make_truth()], caller=caller).match is Match.POSTAL
    elsewhere = make_caller(match=Match.ZONE, locality="Arica")
    assert said([make_truth()], caller=elsewhere).status is AnswerStatus.NONE


@pytest.mark.parametrize(
    ("supply", "priority"),
    [({"priority": "A"}, "high"), ({"customer_type": "hospital"}, "high"), ({}, "normal")],
)
def test_priority_is_high_for_class_a_and_for_the_types_that_configuration_adds(supply, priority):
    rules = Rules(high_priority_types=frozenset({"hospital"}))
    caller = make_caller(make_premise(**supply))

    heard = said([make_truth()], caller=caller, rules=rules)

    assert heard.priority == priority
    assert heard.skip_upfront == (priority == "high")


def test_danger_is_told_before_a_larger_outage_and_skipped_by_nobody():
    large, small = make_truth(1, customers=9_000), make_truth(2, customers=3)
    caller = make_caller(make_premise(priority="A"))

    heard = said([large, small], caller=caller, offers=Offers(dangers=frozenset({"out_2"})))

    assert (heard.outage_id, heard.priority, heard.skip_upfront) == ("out_2", "high", False)
    assert said([large, small], caller=caller).outage_id == "out_1"


def test_a_danger_that_is_over_for_the_caller_or_no_longer_fresh_comes_before_nothing():
    out, back = make_truth(1), make_truth(2, back=Part(spans=((100, 199),)))
    stale = make_truth(3, next_update_at=NIGHT - minutes(1))
    dangers = Offers(dangers=frozenset({"out_2", "out_3"}))

    assert said([out, back, stale], offers=dangers).outage_id == "out_1"


def test_a_priority_caller_is_offered_no_link():
    offers = Offers(sms_link=True, callback=True, wait_band="5_10")

    normal = said([make_truth()], caller=make_caller(make_premise(takes_sms=True)), offers=offers)
    urgent = said(
        [make_truth()],
        caller=make_caller(make_premise(priority="A", takes_sms=True)),
        offers=offers,
    )

    assert normal.offer_sms_link
    assert (urgent.offer_sms_link, urgent.offer_callback, urgent.wait_band) == (False, True, "5_10")


def test_nothing_of_the_caller_is_in_the_answer():
    caller = make_caller(
        make_premise(premise_id=987654, customer_id=918273, customer_type="dialysis-at-home")
    )

    shown = str(asdict(said([make_truth()], caller=caller)))

    assert not any(secret in shown for secret in ("987654", "918273", "dialysis"))


def test_equal_decisions_within_half_a_minute_so_that_they_can_be_kept():
    caller = make_caller(make_premise())
    first, second = (
        answers.decide(caller, [make_truth()], now=NIGHT + minutes(m), rules=RULES)
        for m in (0.02, 0.4)
    )

    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize(
    ("customers", "band"),
    [(49, ""), (50, "50-499"), (1200, "500-4999"), (20_000, "5000-49999"), (90_000, "50000-")],
)
def test_the_band_of_affected_customers_is_coarse(customers, band):
    assert answers.band(customers) == band


def test_the_package_carries_the_sector_in_three_languages():
    assert answers.read_sectors().keys() == {"es", "pt", "en"}
