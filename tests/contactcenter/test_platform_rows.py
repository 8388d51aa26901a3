"""Which rows of a platform's table change now: only news travels, the ended first, nothing beyond the limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings, strategies as st
from tests.contactcenter.platforms_made import NOW, make_row

from outreach.contactcenter.platform_rows import (
    LEASE,
    MOST_ROWS,
    RENEW_BEFORE,
    ask_percent,
    changes,
    digest,
    fitting,
)
from outreach.model.platforms import EVERYWHERE, Fate, Pushed, ZoneRow


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def told(row: ZoneRow, **more: Any) -> Pushed:
    """What stands there after this row was written."""
    stands = Pushed(key=row.key, digest=digest(row), pushed_at=NOW, expires_at=row.expires_at)
    return replace(stands, **more)


def fates(
    wanted: Sequence[ZoneRow], standing: Sequence[Pushed], *, now: datetime = NOW
) -> list[tuple[str, Fate, str]]:
    found = changes(
        {row.key: row for row in wanted}, {one.key: one for one in standing}, target="g", now=now
    )
    return [(change.key, change.fate, change.why) for change in found]


def test_what_stands_there_already_does_not_travel():
    assert fates([make_row()], [told(make_row())]) == []


def test_a_later_expiry_alone_waits_until_the_row_runs_short():
    later = make_row(expires_at=NOW + minutes(15))

    assert fates([later], [told(make_row())], now=NOW + minutes(5)) == []
    assert fates([later], [told(make_row())], now=NOW + LEASE - RENEW_BEFORE) == [
        ("Ñuñoa", Fate.RENEW, "renewed")
    ]


def test_a_row_that_must_end_earlier_than_it_says_travels_at_once():
    earlier = make_row(expires_at=NOW + minutes(3))

    assert fates([earlier], [told(make_row())]) == [("Ñuñoa", Fate.WRITE, "ends earlier")]


def test_ended_rows_go_first_the_longest_expired_before_all():
    gone = [
        told(make_row("ended"), expires_at=NOW + minutes(5)),
        told(make_row("expired"), expires_at=NOW - minutes(1)),
    ]
    wanted = [make_row("small", weight=60), make_row("large", weight=9_000)]
    shown = told(make_row("short"), expires_at=NOW + minutes(1))

    found = fates([*wanted, make_row("short")], [*gone, shown])

    assert found == [
        ("expired", Fate.END, "expired"),
        ("ended", Fate.END, "no directive says it any more"),
        ("large", Fate.WRITE, "new"),
        ("small", Fate.WRITE, "new"),
        ("short", Fate.RENEW, "renewed"),
    ]


def test_other_words_another_version_or_another_wait_are_news():
    for change in ({"text": "b"}, {"generation": 4}, {"wait_band": "5_10"}, {"ask_percent": 10}):
        assert fates([make_row(**change)], [told(make_row())]) == [("Ñuñoa", Fate.WRITE, "changed")]


def test_the_heartbeat_of_a_quiet_night_is_renewed_and_not_rewritten():
    quiet = make_row(EVERYWHERE, text="", status="none")
    later = replace(quiet, as_of=NOW + minutes(7), expires_at=NOW + minutes(17))

    assert fates([later], [told(quiet)], now=NOW + minutes(7)) == [
        (EVERYWHERE, Fate.RENEW, "renewed")
    ]


def test_what_exceeds_the_platform_is_left_out_and_so_ends():
    rows = [
        make_row("k" * 257),
        make_row("long", text="x" * 1_001),
        make_row("silent", text=""),
        make_row("over", expires_at=NOW),
        make_row("good"),
    ]

    kept = fitting(rows, now=NOW)

    assert list(kept) == ["good"]


def test_no_more_rows_than_the_table_holds_and_the_largest_of_them():
    rows = [make_row(f"z{number}", weight=number) for number in range(MOST_ROWS + 20)]

    kept = fitting([*rows, make_row(EVERYWHERE, weight=0)], now=NOW)

    assert len(kept) == MOST_ROWS
    assert next(iter(kept)) == EVERYWHERE
    assert "z21" in kept
    assert "z20" not in kept


def test_the_share_of_callers_to_ask_about_keeps_below_the_limit():
    assert ask_percent(3_000, 720) == 24
    assert ask_percent(300, 720) == 100
    assert ask_percent(0, 720) == 100
    assert ask_percent(3_000, 0) == 0


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3)),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 3)),
)
@settings(max_examples=40, deadline=None)
def test_carrying_out_the_changes_makes_the_table_what_is_wanted(wanted, standing):
    rows = {key: make_row(key, generation=number) for key, number in wanted.items()}
    before = {key: told(make_row(key, generation=number)) for key, number in standing.items()}

    after = dict(before)
    for change in changes(rows, before, target="g", now=NOW):
        if change.fate is Fate.END:
            del after[change.key]
        else:
            assert change.row is not None
            after[change.key] = told(change.row)

    assert {key: one.digest for key, one in after.items()} == {
        key: digest(row) for key, row in rows.items()
    }
    assert changes(rows, after, target="g", now=NOW) == []
