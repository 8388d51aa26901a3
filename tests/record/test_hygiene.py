"""What is wrong with an entry of the life-support register."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from outreach.model.words import Channel, LifeSupportState
from outreach.record import hygiene
from outreach.record.hygiene import Finding
from outreach.store.hygiene import Entry

TODAY = date(2026, 7, 12)
WELL = Entry(
    account_id=1,
    account="7",
    customer_id=1,
    state=LifeSupportState.VALID,
    until=date(2027, 1, 1),
    locality="Talca",
    channels=frozenset({Channel.SMS, Channel.VOICE}),
    is_twice=False,
    delivered_at=datetime(2026, 7, 1, tzinfo=UTC),
    comes_back=False,
)


def _findings(**changes: object) -> list[Finding]:
    entry = replace(WELL, **changes)  # type: ignore[arg-type]
    return [one.finding for one in hygiene.check([entry], today=TODAY)]


def test_an_entry_that_holds_and_hears_us_is_well():
    assert _findings() == []
    assert _findings(until=None) == []


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-1, [Finding.EXPIRED]), (0, [Finding.EXPIRING]), (30, [Finding.EXPIRING]), (31, [])],
)
def test_an_entry_holds_on_its_last_day_and_is_renewed_a_month_before(
    days: int, expected: list[Finding]
):
    assert _findings(until=TODAY + timedelta(days=days)) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (LifeSupportState.EXPIRED, [Finding.EXPIRED]),
        (LifeSupportState.NO_DATE, [Finding.NO_DATE]),
        (LifeSupportState.BAD_DATE, [Finding.BAD_DATE]),
        (LifeSupportState.FUTURE_DATE, [Finding.FUTURE_DATE]),
        (LifeSupportState.NONE, []),
    ],
)
def test_what_the_register_says_is_a_finding(state: LifeSupportState, expected: list[Finding]):
    assert _findings(state=state, until=TODAY + timedelta(days=1)) == expected


def test_the_dead_are_not_to_be_reached():
    found = _findings(
        state=LifeSupportState.DECEASED, channels=frozenset(), delivered_at=None, is_twice=True
    )

    assert found == [Finding.DECEASED, Finding.DUPLICATE]


def test_one_channel_is_no_second_one_and_none_is_undeliverable():
    assert _findings(channels=frozenset({Channel.SMS})) == [Finding.NO_SECOND_CHANNEL]
    assert _findings(channels=frozenset()) == [Finding.UNDELIVERABLE]
    assert _findings(comes_back=True) == [Finding.UNDELIVERABLE]


def test_a_receipt_confirms_for_a_year():
    a_year_ago = datetime(2025, 7, 12, tzinfo=UTC)

    assert _findings(delivered_at=a_year_ago) == []
    assert _findings(delivered_at=a_year_ago - timedelta(days=1)) == [Finding.NEVER_CONFIRMED]
    assert _findings(delivered_at=None) == [Finding.NEVER_CONFIRMED]


def test_accounts_are_counted_by_what_the_register_says_alone():
    counts = hygiene.counts_by_date(
        [
            (LifeSupportState.VALID, TODAY, 2),
            (LifeSupportState.VALID, TODAY + timedelta(days=7), 3),
            (LifeSupportState.VALID, None, 5),
            (LifeSupportState.NO_DATE, None, 7),
        ],
        today=TODAY,
        within=timedelta(days=6),
    )

    assert counts == {Finding.EXPIRING: 2, Finding.NO_DATE: 7}
