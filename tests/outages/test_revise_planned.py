"""Planned works, versioned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.outages.make_revision import F12, NOW, after, certain, make_outage, make_work

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import revise, revise_planned
from outreach.outages.revise import Change, Origin

START, END = after(days=4), after(days=4, hours=4)
SECOND = Origin(source="file", source_seq=2)


def test_a_work_is_scheduled_with_its_news_at_its_start() -> None:
    work = make_work(cause="Cambio de postes")

    assert (work.state, work.version, work.cause) == (
        OccasionState.SCHEDULED, 1, "Cambio de postes",
    )  # fmt: skip
    assert (work.start_at, work.end_at, work.next_update_at) == (START, END, START)


@pytest.mark.parametrize(
    ("start_at", "end_at", "advice"),
    [
        pytest.param(START, START, "ends before it starts", id="upside-down"),
        pytest.param(after(hours=-1), after(hours=3), "started 1 h 00 min ago", id="begun"),
        pytest.param(START, after(days=12), "confirm", id="eight-days-long"),
        pytest.param(after(days=400), after(days=400, hours=1), "confirm", id="in-two-years"),
    ],
)
def test_a_work_at_impossible_times_is_refused(
    start_at: datetime, end_at: datetime, advice: str
) -> None:
    with pytest.raises(GuardRefused, match=advice):
        revise_planned.planned(F12, start_at=start_at, end_at=end_at, now=NOW)


def test_a_long_work_can_be_confirmed() -> None:
    work = revise_planned.planned(
        F12, start_at=START, end_at=after(days=12), now=NOW, change=Change(confirmed=True)
    )

    assert work.end_at == after(days=12)


def test_a_moved_work_has_new_times_and_may_have_a_new_scope() -> None:
    moved = certain(
        revise_planned.moved(
            make_work(),
            start_at=after(days=5),
            end_at=after(days=5, hours=2),
            now=NOW,
            change=Change(scope=Scope(nodes=("F13",))),
        )
    )

    assert (moved.version, moved.state) == (2, OccasionState.SCHEDULED)
    assert (moved.start_at, moved.next_update_at) == (after(days=5), after(days=5))
    assert moved.scope.nodes == ("F13",)


def test_a_move_to_the_same_times_is_no_version() -> None:
    assert revise_planned.moved(make_work(), start_at=START, end_at=END, now=NOW) is None


def test_a_move_to_an_empty_scope_is_refused() -> None:
    with pytest.raises(InputRefused):
        revise_planned.moved(
            make_work(), start_at=START, end_at=END, now=NOW, change=Change(scope=Scope())
        )


def test_a_work_that_runs_is_delayed_not_moved_nor_cancelled() -> None:
    running = revise_planned.started(make_work(), now=START)

    with pytest.raises(GuardRefused, match="cannot move: it has begun"):
        revise_planned.moved(running, start_at=after(days=5), end_at=after(days=6), now=START)
    with pytest.raises(GuardRefused, match="cannot cancel: it has begun"):
        revise_planned.cancelled(running, now=START)
    delayed = certain(
        revise_planned.delayed(running, end_at=after(days=4, hours=6), now=after(days=4, hours=3))
    )

    assert (running.state, running.next_update_at) == (OccasionState.ACTIVE, END)
    assert (delayed.end_at, delayed.next_update_at) == (after(days=4, hours=6),) * 2


def test_a_delay_to_the_same_end_is_no_version_and_one_to_a_past_end_is_refused() -> None:
    running = revise_planned.started(make_work(), now=START)

    assert revise_planned.delayed(running, end_at=END, now=START) is None
    with pytest.raises(GuardRefused, match="new end is past"):
        revise_planned.delayed(running, end_at=END, now=END)


def test_a_work_does_not_start_before_its_time() -> None:
    with pytest.raises(GuardRefused, match="not reached its start"):
        revise_planned.started(make_work(), now=NOW)


def test_a_work_that_has_not_begun_is_not_delayed_nor_restored() -> None:
    with pytest.raises(GuardRefused, match="move or cancel it"):
        revise_planned.delayed(make_work(), end_at=END, now=NOW)
    with pytest.raises(GuardRefused, match="move or cancel it"):
        revise.restored(make_work(), known_how="crew", now=NOW)


def test_a_finished_work_is_restored() -> None:
    running = revise_planned.started(make_work(), now=START)

    assert certain(revise.restored(running, known_how="crew", now=END)).restored_at == END


def test_a_cancelled_work_promises_nothing_and_stays_cancelled() -> None:
    cancelled = certain(revise_planned.cancelled(make_work(), now=NOW))

    assert (cancelled.state, cancelled.next_update_at) == (OccasionState.CANCELLED, None)
    with pytest.raises(GuardRefused, match="it is cancelled"):
        revise_planned.cancelled(cancelled, now=NOW)


def test_a_repeated_version_of_the_file_changes_nothing() -> None:
    work = replace(make_work(), source_seq=2)

    assert revise_planned.cancelled(work, now=NOW, origin=SECOND) is None
    assert revise_planned.moved(work, start_at=NOW, end_at=NOW, now=NOW, origin=SECOND) is None
    assert revise_planned.delayed(work, end_at=NOW, now=NOW, origin=SECOND) is None


def test_an_outage_is_not_a_work() -> None:
    with pytest.raises(GuardRefused, match="cannot move"):
        revise_planned.moved(make_outage(), start_at=START, end_at=END, now=NOW)


# ── Past its end ─────────────────────────────────────────────────────────────────────────────


def test_a_work_past_its_end_has_none_any_more_and_promises_news() -> None:
    running = revise_planned.started(walled(make_work()), now=START)

    over = revise_planned.overran(running, now=END)
    still = revise_planned.overran(over, now=after(days=4, hours=5))

    assert (over.version, over.state, over.end_at, over.end_wall) == (
        3, OccasionState.ACTIVE, None, None,
    )  # fmt: skip
    assert over.next_update_at == after(days=4, hours=5)
    assert (still.end_at, still.next_update_at) == (None, after(days=4, hours=6))


@pytest.mark.parametrize("hours", [0, 3])
def test_a_work_does_not_overrun_before_its_end_nor_before_it_began(hours: int) -> None:
    scheduled = make_work()
    running = revise_planned.started(scheduled, now=START)

    with pytest.raises(GuardRefused, match="not reached its end"):
        revise_planned.overran(running, now=after(days=4, hours=hours))
    with pytest.raises(GuardRefused, match="cannot overrun"):
        revise_planned.overran(scheduled, now=END)


def test_a_work_that_overran_can_be_given_a_new_end_and_be_finished() -> None:
    over = revise_planned.overran(revise_planned.started(make_work(), now=START), now=END)
    later = after(days=4, hours=7)

    delayed = certain(revise_planned.delayed(over, end_at=later, now=after(days=4, hours=5)))

    assert delayed.end_at == later
    assert certain(revise.restored(over, known_how="crew", now=later)).restored_at == later


# ── The wall ─────────────────────────────────────────────────────────────────────────────────


def walled(work: Revision) -> Revision:
    return certain(
        revise_planned.walled(
            work, start=datetime(2026, 7, 20, 2, 43), end=datetime(2026, 7, 20, 6, 43)  # noqa: DTZ001  wall times
        )
    )  # fmt: skip


def test_times_stand_as_typed_until_they_are_moved() -> None:
    work = walled(make_work())

    wider = certain(
        revise_planned.moved(work, start_at=START, end_at=after(days=4, hours=5), now=NOW)
    )
    cancelled = certain(revise_planned.cancelled(work, now=NOW))

    assert (work.start_wall, work.end_wall) == ("2026-07-20T02:43", "2026-07-20T06:43")
    assert (wider.start_wall, wider.end_wall) == ("2026-07-20T02:43", None)
    assert cancelled.start_wall == work.start_wall
    assert revise_planned.walled(None) is None


def test_the_second_of_two_hours_has_no_wall_time_that_names_it() -> None:
    first = datetime(2026, 4, 5, 2, 30, tzinfo=UTC)  # 23:30, before the clock goes back

    assert revise_planned.wall_of(first, "America/Santiago") == datetime(2026, 4, 4, 23, 30)  # noqa: DTZ001  a wall time
    assert revise_planned.wall_of(first + timedelta(hours=1), "America/Santiago") is None
