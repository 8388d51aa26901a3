"""An order that is not shown to be random is not measured, and every reason is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from outreach.deflection.episodes import exposure
from outreach.deflection.refusals import Design, inversions, refusals, warnings
from outreach.model import order
from outreach.model.deflection import Slot

START = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
SEED = bytes(range(32))
GOOD = Design(
    seed=SEED,
    seed_hash=order.commitment(SEED),
    seed_stored_at=START,
    first_sent_at=START + timedelta(minutes=10),
)


def keyed_slots(count: int = 40) -> list[Slot]:
    refs = sorted(
        (f"H-{number}" for number in range(1, count + 1)), key=lambda ref: order.digest(SEED, ref)
    )
    return [
        Slot(
            household=ref,
            priority="C",
            channel="sms",
            wave="1",
            order=place,
            slot_at=START + timedelta(minutes=10 + place),
            delivered=True,
            receipt_at=START + timedelta(minutes=10.5 + place),
            until=START + timedelta(minutes=300),
        )
        for place, ref in enumerate(refs)
    ]


def reasons(slots: list[Slot], design: Design) -> tuple[str, ...]:
    return refusals(slots, exposure(slots, START, {"sms": 2.0}), design)


def test_the_keyed_order_itself_is_measured():
    assert reasons(keyed_slots(), GOOD) == ()


def test_four_known_households_come_in_the_order_of_the_specification():
    assert [slot.household for slot in keyed_slots(4)] == ["H-2", "H-1", "H-4", "H-3"]


@pytest.mark.parametrize(
    ("changes", "sign"),
    [
        pytest.param({"seed": None}, "seed of the send order is missing", id="no seed"),
        pytest.param({"seed": b"x" * 32}, "not the one whose hash", id="another seed"),
        pytest.param({"seed_stored_at": None}, "not stored before", id="seed never stored"),
        pytest.param(
            {"seed_stored_at": START + timedelta(hours=1)},
            "not stored before",
            id="seed stored late",
        ),
        pytest.param({"order": "feeder"}, "by feeder, not random", id="order by feeder"),
        pytest.param({"changed_waves": ("1",)}, "content changed inside wave 1", id="content"),
        pytest.param(
            {"matched_later": True}, "loaded after the audience was frozen", id="later contacts"
        ),
    ],
)
def test_a_broken_design_is_refused(changes, sign):
    found = reasons(keyed_slots(), replace(GOOD, **changes))

    assert any(sign in reason for reason in found)


def test_a_household_released_out_of_its_turn_is_refused():
    slots = keyed_slots()
    slots[0] = replace(slots[0], slot_at=START + timedelta(minutes=200))

    assert inversions(slots, SEED) == 1
    assert "1 households left out of the order that the seed gives" in reasons(slots, GOOD)


def test_the_order_inside_one_release_batch_is_free():
    at_once = [replace(slot, slot_at=START) for slot in reversed(keyed_slots())]

    assert inversions(at_once, SEED) == 0


def test_ranks_of_other_classes_and_queues_are_not_compared():
    slots = keyed_slots()
    late = replace(slots[0], slot_at=START + timedelta(minutes=200))

    assert inversions([*slots[1:], replace(late, priority="B")], SEED) == 0
    assert inversions([*slots[1:], replace(late, queue="tail")], SEED) == 0


def test_a_message_that_restoration_dropped_breaks_no_order():
    slots = keyed_slots()
    slots[0] = replace(slots[0], slot_at=None, until=START + timedelta(minutes=5))

    assert inversions(slots, SEED) == 0


def test_a_rollout_shorter_than_the_grace_has_nothing_to_compare():
    at_once = [replace(slot, slot_at=START + timedelta(minutes=10)) for slot in keyed_slots()]

    assert any("at no minute" in reason for reason in reasons(at_once, GOOD))


def test_few_known_receipts_are_a_warning():
    slots = [
        replace(slot, delivered=None, receipt_at=None) if slot.order < 8 else slot
        for slot in keyed_slots()
    ]

    assert warnings(slots, {"sms": 2.0}) == (
        "receipts are known for only 80% of the households sent to",
    )


def test_receipts_slower_than_the_grace_are_a_warning():
    slots = [
        replace(slot, receipt_at=START + timedelta(minutes=14 + slot.order))
        for slot in keyed_slots()
    ]

    assert warnings(slots, {"sms": 2.0}) == (
        "sms receipts need a grace of 5.0 min, longer than the one used",
    )


def test_nothing_sent_yet_warns_of_nothing():
    slots = [replace(slot, slot_at=None, delivered=None, receipt_at=None) for slot in keyed_slots()]

    assert warnings(slots, {"sms": 2.0}) == ()
