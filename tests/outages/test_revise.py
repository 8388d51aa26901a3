"""One truth, versioned: what each verb changes, promises and refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.outages.make_revision import F12, NOW, after, certain, make_advisory, make_outage

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Scope
from outreach.model.words import OccasionState
from outreach.outages import revise
from outreach.outages.revise import Change, Origin

FEED = Origin(author="oms", source="feed", source_seq=7)


def test_an_outage_opens_as_version_one_and_promises_news_after_its_cadence() -> None:
    outage = make_outage(cadence=timedelta(minutes=30), cause="UNKNOWN")

    assert (outage.version, outage.state) == (1, OccasionState.ACTIVE)
    assert (outage.public_etr, outage.next_update_at) == (None, after(minutes=30))
    assert outage.cause == "UNKNOWN"


def test_an_estimate_is_rounded_once_and_is_itself_the_next_news() -> None:
    outage = make_outage(etr_at=after(hours=2), etr_confidence="high")

    assert outage.etr_at == after(hours=2)
    assert outage.public_etr == outage.next_update_at == after(hours=2, minutes=2)
    assert outage.etr_confidence == "high"


def test_an_own_time_of_next_news_goes_before_the_estimate() -> None:
    outage = make_outage(etr_at=after(hours=2), next_update_at=after(hours=1))

    assert outage.next_update_at == after(hours=1)


def test_who_said_it_is_kept_with_the_sequence() -> None:
    outage = revise.opened(F12, start_at=NOW, change=Change(), now=NOW, origin=FEED)

    assert (outage.author, outage.source, outage.source_seq) == ("oms", "feed", 7)


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        pytest.param(
            {"etr_at": after(minutes=-35)}, "35 min in the past; give a later one", id="past"
        ),
        pytest.param({"etr_at": NOW}, "0 min in the past", id="this-minute"),
        pytest.param({"etr_at": after(minutes=8)}, "8 min away; confirm it", id="under-15-min"),
        pytest.param({"etr_at": after(hours=25)}, "1 d 1 h away; confirm it", id="over-24-h"),
        pytest.param(
            {"next_update_at": after(minutes=-90)}, "1 h 30 min in the past", id="news-past"
        ),
        pytest.param(
            {"next_update_at": after(days=3)}, "3 d 0 h away; confirm it", id="news-far-off"
        ),
    ],
)
def test_a_time_that_looks_like_a_slip_is_refused_with_advice(
    change: dict[str, Any], advice: str
) -> None:
    with pytest.raises(GuardRefused, match=advice):
        make_outage(**change)


@pytest.mark.parametrize("change", [{"etr_at": after(minutes=8)}, {"etr_at": after(hours=25)}])
def test_a_confirmed_estimate_may_be_very_near_or_far(change: dict[str, Any]) -> None:
    assert make_outage(**change, confirmed=True).etr_at == change["etr_at"]


def test_no_confirmation_lets_a_past_estimate_through() -> None:
    with pytest.raises(GuardRefused):
        make_outage(etr_at=after(minutes=-1), confirmed=True)


def test_an_estimate_before_the_start_is_refused() -> None:
    with pytest.raises(GuardRefused, match="before the start"):
        revise.opened(
            F12,
            start_at=after(minutes=4),
            change=Change(etr_at=after(minutes=3), confirmed=True),
            now=NOW,
        )


@pytest.mark.parametrize(
    ("start_at", "error", "advice"),
    [
        pytest.param(after(hours=2), GuardRefused, "planned work", id="ahead"),
        pytest.param(after(days=-8), GuardRefused, "8 d 0 h ago; confirm", id="long-ago"),
        pytest.param(NOW.replace(tzinfo=None), InputRefused, "has no zone", id="naive"),
    ],
)
def test_a_start_that_cannot_be_is_refused(
    start_at: datetime, error: type[Exception], advice: str
) -> None:
    with pytest.raises(error, match=advice):
        revise.opened(F12, start_at=start_at, change=Change(), now=NOW)


def test_an_outage_of_nothing_is_refused() -> None:
    with pytest.raises(InputRefused, match="nothing is named"):
        revise.opened(Scope(), start_at=NOW, change=Change(), now=NOW)


def test_an_update_is_the_next_version_and_keeps_the_rest() -> None:
    outage = make_outage(etr_at=after(hours=2))

    updated = certain(revise.updated(outage, Change(cause="TREE"), now=after(minutes=5)))

    assert updated == replace(outage, version=2, cause="TREE", recorded_at=after(minutes=5))


def test_an_update_without_news_is_no_version() -> None:
    outage = make_outage(cause="TREE", etr_at=after(hours=2))

    assert revise.updated(outage, Change(cause="TREE", etr_at=after(hours=2)), now=NOW) is None


def test_an_estimate_that_has_passed_meanwhile_is_told_no_more_and_news_is_promised() -> None:
    outage = make_outage(etr_at=after(hours=1))

    updated = certain(revise.updated(outage, Change(cause="TREE"), now=after(hours=3)))

    assert (updated.etr_at, updated.public_etr) == (after(hours=1), None)
    assert updated.next_update_at == after(hours=4)


def test_a_promised_time_of_news_stands_while_it_lies_ahead() -> None:
    outage = make_outage()

    updated = certain(revise.updated(outage, Change(cause="TREE"), now=after(minutes=20)))

    assert updated.next_update_at == outage.next_update_at


def test_a_withdrawn_estimate_leaves_none_and_promises_news() -> None:
    outage = make_outage(etr_at=after(hours=2))

    updated = certain(revise.updated(outage, Change(withdrawn=True), now=after(hours=1)))

    assert (updated.etr_at, updated.public_etr) == (None, None)
    assert updated.next_update_at == after(hours=2)


def test_a_new_scope_must_name_something() -> None:
    with pytest.raises(InputRefused):
        revise.updated(make_outage(), Change(scope=Scope()), now=NOW)


def test_a_repeated_sequence_changes_nothing_and_a_stale_one_is_refused() -> None:
    outage = replace(make_outage(), source_seq=7)

    assert revise.updated(outage, Change(cause="TREE"), now=NOW, origin=FEED) is None
    with pytest.raises(GuardRefused, match="sequence 6 is older than 7"):
        revise.updated(outage, Change(), now=NOW, origin=replace(FEED, source_seq=6))
    newer = certain(
        revise.updated(outage, Change(cause="TREE"), now=NOW, origin=replace(FEED, source_seq=9))
    )
    assert newer.source_seq == 9


def test_a_person_changes_a_feed_s_outage_without_touching_its_sequence() -> None:
    outage = replace(make_outage(), source_seq=7)

    updated = certain(revise.updated(outage, Change(cause="TREE"), now=NOW))

    assert updated.source_seq == 7


def test_parts_that_come_back_add_up_until_all_is_back() -> None:
    outage = make_outage(etr_at=after(hours=2))

    first = certain(
        revise.restored(
            outage, part=Scope(nodes=("F12-S2",)), known_how="meters", now=after(hours=1)
        )
    )
    second = certain(
        revise.restored(first, part=Scope(nodes=("F12-S3",)), known_how="crew", now=after(hours=1))
    )
    whole = certain(revise.restored(second, known_how="crew", now=after(hours=3)))

    assert (first.state, first.restored) == (OccasionState.PARTIAL, Scope(nodes=("F12-S2",)))
    assert first.public_etr == outage.public_etr
    assert second.restored == Scope(nodes=("F12-S2", "F12-S3"))
    assert (whole.state, whole.restored_at) == (OccasionState.RESTORED, after(hours=3))
    assert whole.restored == second.restored, "who learns it now is scope less restored"
    assert (whole.public_etr, whole.next_update_at, whole.known_how) == (None, None, "crew")


def test_a_part_that_is_back_already_is_no_version() -> None:
    part = Scope(nodes=("F12-S2",))
    partial = certain(revise.restored(make_outage(), part=part, known_how="crew", now=NOW))

    assert revise.restored(partial, part=part, known_how="crew", now=NOW) is None


def test_a_restoration_says_how_it_is_known() -> None:
    with pytest.raises(InputRefused, match="one of meters, crew, switching"):
        revise.restored(make_outage(), known_how="", now=NOW)


@pytest.mark.parametrize(
    ("restored_at", "advice"),
    [(after(hours=1), "1 h 00 min ahead"), (after(hours=-1), "before the start")],
)
def test_a_restoration_at_an_impossible_time_is_refused(restored_at: datetime, advice: str) -> None:
    with pytest.raises(GuardRefused, match=advice):
        revise.restored(make_outage(), known_how="crew", now=NOW, restored_at=restored_at)


def test_a_correction_carries_its_fact_for_one_version_also_after_the_end() -> None:
    restored = certain(revise.restored(make_outage(), known_how="crew", now=NOW))

    corrected = certain(revise.corrected(restored, " vuelve 06:45 ", now=after(minutes=1)))

    assert (corrected.text, corrected.known_how) == ("vuelve 06:45", revise.CORRECTION)
    assert corrected.state is OccasionState.RESTORED
    assert revise.corrected(corrected, "vuelve 06:45", now=after(minutes=2)) is None


def test_after_a_correction_the_next_version_is_no_correction() -> None:
    corrected = certain(revise.corrected(make_outage(), "es en F21", now=NOW))

    updated = certain(revise.updated(corrected, Change(cause="TREE"), now=NOW))

    assert updated.known_how == ""


def test_a_correction_without_a_fact_is_refused() -> None:
    with pytest.raises(InputRefused, match="say what is correct"):
        revise.corrected(make_outage(), "  ", now=NOW)


@pytest.mark.parametrize("fact", ["", "no hubo corte"])
def test_a_discarded_outage_corrects_what_was_told(fact: str) -> None:
    discarded = certain(revise.discarded(make_outage(), fact=fact, now=NOW))

    assert discarded.state is OccasionState.DISCARDED
    assert (discarded.text, discarded.known_how) == (fact, revise.CORRECTION)


@pytest.mark.parametrize("verb", [revise.discarded, revise.restored])
def test_a_repeat_of_a_closing_message_is_no_version(verb: Any) -> None:
    outage = replace(make_outage(), source_seq=7)
    how = {"known_how": "crew"} if verb is revise.restored else {}

    assert verb(outage, now=NOW, origin=FEED, **how) is None


def test_undoing_is_a_new_version_equal_to_the_truth_before() -> None:
    before = replace(make_outage(etr_at=after(hours=2)), source_seq=3)
    wrong = certain(
        revise.restored(before, known_how="crew", now=NOW, origin=replace(FEED, source_seq=4))
    )

    undone = revise.undone(wrong, before, now=after(minutes=1), origin=Origin(author="ana"))

    assert undone == replace(
        before, version=3, recorded_at=after(minutes=1), author="ana", source_seq=4
    )


def test_undoing_never_brings_back_an_estimate_that_has_passed() -> None:
    before = make_outage(etr_at=after(hours=1))
    wrong = certain(revise.updated(before, Change(etr_at=after(hours=6)), now=NOW))

    assert revise.undone(wrong, before, now=after(hours=2)).public_etr is None


def test_only_an_older_version_can_be_undone_to() -> None:
    outage = make_outage()

    with pytest.raises(GuardRefused, match="not older"):
        revise.undone(outage, outage, now=NOW)


def test_an_advisory_is_valid_until_its_end_and_then_over() -> None:
    advisory = make_advisory()

    ended = revise.ended(advisory, now=after(hours=12))

    assert (advisory.text, advisory.next_update_at) == ("Viento fuerte", after(hours=12))
    assert (ended.state, ended.version, ended.next_update_at) == (OccasionState.ENDED, 2, None)


def test_an_advisory_takes_a_new_text_and_a_new_end() -> None:
    updated = certain(
        revise.updated(
            make_advisory(), Change(text="Nieve", end_at=after(hours=20)), now=after(hours=1)
        )
    )

    assert (updated.text, updated.end_at) == ("Nieve", after(hours=20))


@pytest.mark.parametrize(
    ("text", "end_at", "advice"),
    [(" ", after(hours=1), "say what"), ("Viento", after(hours=-1), "give a later end")],
)
def test_an_advisory_without_text_or_validity_is_refused(
    text: str, end_at: datetime, advice: str
) -> None:
    with pytest.raises((InputRefused, GuardRefused), match=advice):
        revise.advised(F12, text, start_at=after(hours=-2), end_at=end_at, now=NOW)
