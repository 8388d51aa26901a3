"""A word of somebody without power becomes what it is: known, retracted, asked back, kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make
from tests.campaigns.opened import (
    NOW,
    launched,
    make_engine,
    open_outage,
    restore,
    told as all_told,
)

from outreach.campaigns import pressed, trouble
from outreach.campaigns.trouble import Kind, Said, Told
from outreach.model.words import OccasionState
from outreach.store import occasions, reports, tables as t

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def engine(database, tmp_path):
    return make_engine(database, tmp_path)


def said(home: int = 2, *, ref: str = "SM1", meaning: str = "out", **more: Any) -> Said:
    number = more.pop("number", f"+5697{home:07}")
    return Said(
        reply_id=1, via="sms", address_hash=make.KEYRING.hash(number), meaning=meaning,
        source_ref=ref, **more,
    )  # fmt: skip


def take(engine, *words: Said, at=NOW + MINUTE) -> list[Told]:
    return [trouble.report(engine, each, now=at) for each in words]


def kept(engine) -> list[tuple[str, str, bool]]:
    """(premise, meaning, whether it is part of the truth) of each report."""
    with engine.database.read() as session:
        rows = session.execute(
            select(t.premise.c.ref, t.report.c.meaning, t.report.c.taken_at.is_not(None))
            .join(t.premise, t.premise.c.id == t.report.c.premise_id)
            .order_by(t.report.c.id)
        )
        return [(row[0], row[1], bool(row[2])) for row in rows]


def holding(engine, home: int, *, streets: tuple[str, ...]) -> None:
    """Further premises on accounts of this home's customer."""
    with engine.database.write() as session:
        customer = session.execute(
            select(t.customer.c.id).where(t.customer.c.ref == f"K-{home:04}")
        ).scalar_one()
        for number, street in enumerate(streets):
            account = make.make_account(session, customer=customer, ref=f"77{home}{number}45")
            make.make_premise(
                session, account=account, ref=f"X-{number}", tree_order=7,
                street_sealed=make.KEYRING.seal(street),
            )  # fmt: skip


def test_a_report_inside_a_known_outage_is_told_its_truth_and_opens_nothing(engine):
    applied = open_outage(engine, etr_at=NOW + 3 * HOUR)

    first, again = take(engine, said(), said())

    assert first == again
    assert (first.kind, first.occasion_id) == (Kind.KNOWN_OUTAGE, applied.occasion.id)
    assert first.facts["etr_at"] == applied.occasion.revision.public_etr
    assert first.facts["place"] == "Providencia"
    assert kept(engine) == [("S-0002", "out", True)]


def test_a_stranger_is_asked_for_the_account_and_believed_by_it(engine):
    unknown, named, wrong = take(
        engine,
        said(number="+56999999999"),
        said(number="+56999999999", ref="SM2", account="C-0003"),
        said(number="+56999999999", ref="SM3", account="nobody"),
    )

    assert [unknown.kind, named.kind, wrong.kind] == [
        Kind.UNKNOWN_SENDER,
        Kind.KEPT,
        Kind.UNKNOWN_SENDER,
    ]
    assert kept(engine) == [("S-0003", "out", False)]


def test_several_premises_are_asked_about_by_their_streets_and_the_number_chooses(engine):
    holding(engine, 2, streets=("Los Aromos 12", "El Roble 7"))

    [asked] = take(engine, said())
    again, chosen = take(
        engine,
        said(ref="SM2", meaning="choice", choice=9, asked=asked.asks, options=asked.options),
        said(ref="SM3", meaning="choice", choice=2, asked=asked.asks, options=asked.options),
    )

    assert (asked.kind, asked.asks) == (Kind.WHICH_PREMISE, "which_premise")
    assert list(asked.options.values()) == ["S-0002", "X-0", "X-1"]
    assert list(asked.labels.values())[1:] == ["Los Aromos 12", "El Roble 7"]
    assert "Aromos" not in repr(asked)
    assert again == asked
    assert chosen.kind is Kind.KEPT
    assert kept(engine) == [("X-0", "out", False)]


def test_too_many_premises_are_told_apart_by_the_end_of_the_account_number(engine):
    holding(engine, 2, streets=tuple(f"Calle {number}" for number in range(5)))

    [asked] = take(engine, said())
    by_number, by_account = take(
        engine,
        said(ref="SM2", meaning="choice", choice=2345, asked=asked.asks),
        said(ref="SM3", meaning="out", account="772145", asked=asked.asks),
    )

    assert (asked.kind, asked.options, asked.facts) == (Kind.WHICH_PREMISE, {}, {"count": 6})
    assert [by_number.kind, by_account.kind] == [Kind.KEPT, Kind.KEPT]
    assert kept(engine) == [("X-3", "out", False), ("X-1", "out", False)]


def test_nobody_is_asked_where_one_outage_explains_all_premises(engine):
    open_outage(engine)
    holding(engine, 2, streets=("Los Aromos 12",))

    [told] = take(engine, said())

    assert told.kind is Kind.KNOWN_OUTAGE
    assert kept(engine) == [("S-0002", "out", True), ("X-0", "out", True)]


@pytest.mark.parametrize(
    "word",
    [
        {"meaning": "out"},
        {"meaning": "still_out"},
        {"meaning": "choice", "choice": 1, "asked": "still_out"},
    ],
    ids=["sin luz", "sigo sin luz", "1"],
)
def test_after_a_restoration_it_is_taken_back_for_that_premise_alone(engine, word):
    applied = launched(engine)
    all_told(engine)
    restore(engine, applied, after=HOUR)

    told, again = take(engine, said(**word), said(**word), at=NOW + HOUR + MINUTE)

    with engine.database.read() as session:
        [nested] = occasions.nested_in(session, applied.occasion.id)
    assert told.kind is Kind.RETRACTED
    assert again.kind is Kind.KNOWN_OUTAGE
    assert (nested.revision.start_at, nested.revision.state) == (NOW, OccasionState.ACTIVE)
    assert nested.revision.scope.premises == ("S-0002",)
    assert kept(engine) == [("S-0002", "out", True)]


def test_many_who_are_still_out_are_two_outages_at_most_a_minute_not_one_each(engine):
    applied = launched(engine)
    all_told(engine)
    restore(engine, applied, after=HOUR)
    later = NOW + HOUR + MINUTE

    words = take(engine, *[said(home, ref=f"SM{home}") for home in (1, 2, 3, 4)], at=later)
    pressed.take_waiting(engine, now=later + 10 * SECOND)

    with engine.database.read() as session:
        nested = occasions.nested_in(session, applied.occasion.id)
    assert {each.kind for each in words} == {Kind.RETRACTED}
    assert sorted(len(each.revision.scope.premises) for each in nested) == [1, 3]
    assert all(taken for _premise, _meaning, taken in kept(engine))


def test_fine_after_a_restoration_is_counted_with_it(engine):
    applied = launched(engine)
    restore(engine, applied, after=HOUR)

    [told] = take(
        engine, said(meaning="choice", choice=2, asked="still_out"), at=NOW + HOUR + MINUTE
    )

    with engine.database.read() as session:
        [tally] = reports.tallies(session, applied.occasion.id)
        assert occasions.nested_in(session, applied.occasion.id) == []
    assert (told.kind, told.occasion_id) == (Kind.FINE, applied.occasion.id)
    assert (tally.meaning, tally.premises) == ("fine", 1)


def test_long_after_a_restoration_no_power_is_a_new_fault_and_still_none_the_old_one(engine):
    applied = launched(engine)
    restore(engine, applied, after=HOUR)
    later = NOW + 6 * HOUR

    new, still = take(engine, said(2), said(3, ref="SM2", meaning="still_out"), at=later)

    assert [new.kind, still.kind] == [Kind.KEPT, Kind.RETRACTED]


@pytest.mark.parametrize(
    "word", [{"meaning": "choice", "choice": 1}, {"meaning": "help"}], ids=["1", "help"]
)
def test_a_number_that_nobody_asked_for_means_nothing(engine, word):
    [told] = take(engine, said(**word))

    assert told.kind is Kind.NOT_ASKED
    assert kept(engine) == []


def test_a_missing_phase_is_kept_as_such(engine):
    [told] = take(engine, said(partly=True))

    assert told.kind is Kind.KEPT
    assert kept(engine) == [("S-0002", "partly", False)]


def test_a_message_that_said_it_is_back_asks_and_others_do_not(engine):
    applied = launched(engine)
    all_told(engine)
    restore(engine, applied, after=HOUR)
    with engine.database.read() as session:
        rows = session.execute(
            select(t.message.c.id, t.step_run.c.template).join(
                t.step_run, t.step_run.c.id == t.message.c.step_run_id
            )
        ).all()
        asks = {template: trouble.question_of(session, number) for number, template in rows}
        nothing = trouble.question_of(session, 10**9)

    assert asks["outage_restored"] == "still_out"
    assert {asks[name] for name in asks if name != "outage_restored"} == {""}
    assert nothing == ""
