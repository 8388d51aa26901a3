"""What happened between two revisions: the table of notice_rules, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from tests.outages.make_revision import (
    NOW,
    after,
    certain,
    make_advisory,
    make_outage,
    make_work,
)

from outreach.model.campaign import Renotify
from outreach.model.occasion import Revision, Scope
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.outages import revise, revise_planned
from outreach.outages.notice_rules import events
from outreach.outages.revise import Change

OUTAGE, PLANNED, ADVISORY = OccasionKind.OUTAGE, OccasionKind.PLANNED, OccasionKind.ADVISORY
E = Event
KNOWN = make_outage(etr_at=after(hours=2))
UNKNOWN = make_outage()
WORK = make_work()
RUNNING = revise_planned.started(WORK, now=after(days=4))


def _happened(
    kind: OccasionKind, previous: Revision | None, current: Revision, told: datetime | None = None
) -> tuple[Event, ...]:
    return events(kind, previous, current, told_etr=told, now=NOW, rules=Renotify())


def _updated(revision: Revision, **changes: object) -> Revision:
    return certain(revise.updated(revision, Change(**changes), now=NOW))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "first", "happened"),
    [
        pytest.param(OUTAGE, UNKNOWN, (E.OPENED,), id="outage"),
        pytest.param(OUTAGE, KNOWN, (E.OPENED,), id="outage-with-estimate"),
        pytest.param(PLANNED, WORK, (), id="planned-waits-for-its-instants"),
        pytest.param(ADVISORY, make_advisory(), (E.ADVISED,), id="advisory"),
    ],
)
def test_the_first_revision_opens(
    kind: OccasionKind, first: Revision, happened: tuple[Event, ...]
) -> None:
    assert _happened(kind, None, first) == happened


@pytest.mark.parametrize(
    ("previous", "current", "told", "change"),
    [
        pytest.param(UNKNOWN, _updated(UNKNOWN, etr_at=after(hours=2)), None, E.ETR_SET, id="set"),
        pytest.param(
            KNOWN, _updated(KNOWN, etr_at=after(hours=4)), KNOWN.public_etr, E.ETR_LATER, id="later"
        ),
        pytest.param(
            KNOWN,
            _updated(KNOWN, etr_at=after(hours=1)),
            KNOWN.public_etr,
            E.ETR_EARLIER,
            id="earlier",
        ),
        pytest.param(
            KNOWN,
            _updated(KNOWN, etr_at=after(hours=2, minutes=10)),
            KNOWN.public_etr,
            None,
            id="hardly",
        ),
        pytest.param(
            KNOWN,
            _updated(KNOWN, withdrawn=True),
            KNOWN.public_etr,
            E.ETR_WITHDRAWN,
            id="withdrawn",
        ),
        pytest.param(KNOWN, _updated(KNOWN, withdrawn=True), None, None, id="withdrawn-untold"),
        pytest.param(UNKNOWN, _updated(UNKNOWN, cause="TREE"), None, None, id="cause"),
        pytest.param(
            _updated(KNOWN, withdrawn=True),
            _updated(_updated(KNOWN, withdrawn=True), cause="TREE"),
            KNOWN.public_etr,
            None,
            id="withdrawn-only-once",
        ),
        pytest.param(
            _updated(KNOWN, withdrawn=True),
            _updated(_updated(KNOWN, withdrawn=True), etr_at=after(hours=2)),
            KNOWN.public_etr,
            E.ETR_SET,
            id="set-anew-after-withdrawal",
        ),
        pytest.param(
            KNOWN,
            replace(KNOWN, version=2, public_etr=None),
            KNOWN.public_etr,
            None,
            id="passed-meanwhile",
        ),
    ],
)
def test_who_was_told_hears_the_change_and_who_was_not_the_whole(
    previous: Revision, current: Revision, told: datetime | None, change: Event | None
) -> None:
    expected = (change, E.JOINED) if change else (E.JOINED,)

    assert _happened(OUTAGE, previous, current, told) == expected


@pytest.mark.parametrize(
    "part", [Scope(nodes=("F12-S2",)), Scope(localities=("Ñuñoa",)), Scope(premises=("P1",))]
)
def test_a_part_that_came_back_swallows_a_new_estimate(part: Scope) -> None:
    partial = certain(revise.restored(KNOWN, part=part, known_how="crew", now=NOW))
    later = replace(partial, etr_at=after(hours=9), public_etr=after(hours=9))

    assert _happened(OUTAGE, KNOWN, later, KNOWN.public_etr) == (E.PARTIAL, E.JOINED)


def test_after_a_part_came_back_an_estimate_is_told_by_itself() -> None:
    partial = certain(
        revise.restored(KNOWN, part=Scope(nodes=("F12-S2",)), known_how="crew", now=NOW)
    )
    later = _updated(partial, etr_at=after(hours=9))

    assert _happened(OUTAGE, partial, later, KNOWN.public_etr) == (E.ETR_LATER, E.JOINED)


def test_a_restoration_that_is_undone_tells_who_heard_of_it_and_who_heard_nothing() -> None:
    restored = certain(revise.restored(KNOWN, known_how="crew", now=NOW))
    undone = revise.undone(restored, KNOWN, now=NOW)

    assert _happened(OUTAGE, restored, undone, KNOWN.public_etr) == (E.STILL_OUT, E.JOINED)


def test_a_part_that_is_not_back_after_all_is_told_as_such() -> None:
    partial = certain(revise.restored(KNOWN, part=Scope(nodes=("S2",)), known_how="crew", now=NOW))
    reopened = certain(revise.reopened(partial, now=NOW))

    assert _happened(OUTAGE, partial, reopened, KNOWN.public_etr) == (E.STILL_OUT, E.JOINED)


def test_a_false_restoration_with_another_estimate_tells_that_to_the_others_who_heard() -> None:
    restored = certain(revise.restored(KNOWN, known_how="crew", now=NOW))
    later = Change(etr_at=after(hours=6))
    reopened = certain(revise.reopened(restored, change=later, now=NOW))

    happened = _happened(OUTAGE, restored, reopened, KNOWN.public_etr)

    assert happened == (E.STILL_OUT, E.ETR_LATER, E.JOINED)


def test_a_cause_found_after_the_end_is_told_to_nobody() -> None:
    restored = certain(revise.restored(KNOWN, known_how="crew", now=NOW))

    assert _happened(OUTAGE, restored, _updated(restored, cause="TREE")) == ()


@pytest.mark.parametrize(
    ("current", "happened"),
    [
        pytest.param(
            revise_planned.moved(
                WORK, start_at=after(days=5), end_at=after(days=5, hours=4), now=NOW
            ),
            (E.MOVED, E.JOINED),
            id="moved",
        ),
        pytest.param(
            revise_planned.moved(
                WORK, start_at=WORK.start_at, end_at=after(days=4, hours=9), now=NOW
            ),
            (E.MOVED, E.JOINED),
            id="only-its-end-moved",
        ),
        pytest.param(
            revise.updated(WORK, Change(scope=Scope(nodes=("F13",))), now=NOW),
            (E.JOINED,),
            id="scope",
        ),
        pytest.param(RUNNING, (E.STARTED, E.JOINED), id="started"),
        pytest.param(revise_planned.cancelled(WORK, now=NOW), (E.CANCELLED,), id="cancelled"),
    ],
)
def test_a_scheduled_work_tells_what_became_of_it(
    current: Revision, happened: tuple[Event, ...]
) -> None:
    assert _happened(PLANNED, WORK, current) == happened


def test_a_running_work_that_takes_longer_is_delayed() -> None:
    delayed = certain(
        revise_planned.delayed(RUNNING, end_at=after(days=4, hours=6), now=after(days=4))
    )

    assert _happened(PLANNED, RUNNING, delayed) == (E.DELAYED, E.JOINED)


@pytest.mark.parametrize(
    ("changes", "happened"),
    [
        ({"text": "Nieve"}, (E.ADVISED, E.JOINED)),
        ({"end_at": after(hours=20)}, (E.ADVISED, E.JOINED)),
        ({"cause": "STORM"}, (E.JOINED,)),
    ],
)
def test_an_advisory_is_told_again_when_its_text_or_validity_changes(
    changes: dict[str, object], happened: tuple[Event, ...]
) -> None:
    advisory = make_advisory()

    assert _happened(ADVISORY, advisory, _updated(advisory, **changes)) == happened


@pytest.mark.parametrize(
    ("state", "happened"),
    [
        (OccasionState.RESTORED, (E.RESTORED,)),
        (OccasionState.CANCELLED, (E.CANCELLED,)),
        (OccasionState.ENDED, (E.ENDED,)),
        (OccasionState.MERGED, ()),
        (OccasionState.DISCARDED, (E.CORRECTION,)),
    ],
)
def test_a_closed_occasion_tells_its_end_and_nothing_else(
    state: OccasionState, happened: tuple[Event, ...]
) -> None:
    assert _happened(OUTAGE, KNOWN, replace(KNOWN, version=2, state=state)) == happened


def test_a_correction_is_told_also_after_the_end() -> None:
    restored = certain(revise.restored(KNOWN, known_how="crew", now=NOW))
    open_corrected = certain(revise.corrected(KNOWN, "es en F21", now=NOW))
    closed_corrected = certain(revise.corrected(restored, "es en F21", now=NOW))

    assert _happened(OUTAGE, KNOWN, open_corrected) == (E.CORRECTION, E.JOINED)
    assert _happened(OUTAGE, restored, closed_corrected) == (E.CORRECTION,)
