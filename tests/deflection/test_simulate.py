"""A simulated outage is one that the product would measure: keyed order, receipts, calls of households."""

from __future__ import annotations

import pytest

from outreach.deflection import simulate
from outreach.deflection.estimate import estimate
from outreach.deflection.refusals import Design, inversions
from outreach.model.deflection import Deflection, Verdict


def measure(world: simulate.World, number: int) -> Deflection:
    drawn = simulate.draw(world, number)
    design = Design(seed=drawn.seed, seed_stored_at=simulate.START, first_sent_at=simulate.START)
    return estimate(drawn.slots, drawn.calls, start=simulate.START, design=design)


@pytest.mark.parametrize("tail", [0.0, 0.2])
def test_the_order_is_the_one_that_the_seed_gives(tail):
    drawn = simulate.draw(simulate.World(households=3_000, tail_share=tail), 7)

    assert inversions(drawn.slots, drawn.seed) == 0
    assert inversions(drawn.slots, b"\1" * 32) > 500


def test_a_strong_effect_is_seen_and_a_message_that_adds_calls_too():
    fewer = measure(
        simulate.World(households=8_000, calls_each=0.6, deflection=0.6, tail_share=0.2), 1
    )
    more = measure(
        simulate.World(households=8_000, calls_each=0.6, deflection=-1.0, tail_share=0.2), 1
    )

    assert fewer.verdict is Verdict.DEFLECTS
    assert more.verdict is Verdict.ADDS_CALLS


def test_the_same_number_draws_the_same_outage():
    world = simulate.World(households=200)

    assert simulate.draw(world, 3) == simulate.draw(world, 3)
    assert simulate.draw(world, 3) != simulate.draw(world, 4)


def test_class_a_is_never_in_the_late_tail():
    drawn = simulate.draw(simulate.World(households=3_000, tail_share=0.5), 2)

    assert {slot.priority for slot in drawn.slots if slot.queue == "tail"} == {"B", "C"}


def test_the_held_out_have_no_slot_and_nobody_of_class_a_is_among_them():
    drawn = simulate.draw(simulate.World(households=3_000, holdout_share=0.5), 2)

    held = [slot for slot in drawn.slots if slot.slot_at is None]
    assert {slot.priority for slot in held} == {"B", "C"}
    assert 0.4 < len(held) / 3_000 < 0.6
    assert all(slot.receipt_at is None for slot in held)
