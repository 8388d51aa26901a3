"""What a caller is offered, in which language they are spoken to, and when the word of an event is theirs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    minutes,
)
from tests.contactcenter.test_answer import said

from outreach.contactcenter.answer import Offers
from outreach.model.contactcenter import AnswerStatus, LiveTruth
from outreach.model.storm import Statement
from outreach.model.words import OccasionKind, OccasionState

KEYED = replace(RULES, main="es-CL", safety_key="0")
BOTH = Offers(sms_link=True, report=True)


@pytest.mark.parametrize(
    ("truth", "caller", "menu"),
    [
        ({}, {"takes_sms": True}, "SMS"),
        ({}, {}, ""),
        ({"state": OccasionState.RESTORED}, {}, "sigue sin servicio"),
        ({"state": OccasionState.RESTORED}, {"takes_sms": True}, "SMS+sigue sin servicio"),
        ({}, {"takes_sms": True, "priority": "A"}, ""),
    ],
    ids=["a mobile", "a landline", "restored", "restored, a mobile", "class A"],
)
def test_keys_are_offered_to_whom_they_help(truth, caller, menu):
    heard = said(
        [make_truth(**truth)], caller=make_caller(make_premise(**caller)), rules=KEYED, offers=BOTH
    )

    assert heard.safety == "Si hay peligro, marque cero."
    assert [word in heard.menu for word in menu.split("+")] == [True] * len(menu.split("+"))
    assert bool(heard.menu) is bool(menu)


def test_silence_offers_nothing():
    heard = said([], rules=KEYED, offers=BOTH)

    assert (heard.safety, heard.menu, heard.offer_report) == ("", "", False)


def advisory(**changes: Any) -> LiveTruth:
    return make_truth(kind=OccasionKind.ADVISORY, text="Viento fuerte", **changes)


@pytest.mark.parametrize(
    ("locale", "texts", "expected"),
    [
        ("es", {}, ("es", "Viento fuerte")),
        ("pt", {}, ("es-CL", "Viento fuerte")),
        ("pt", {"pt-BR": "Vento forte"}, ("pt", "Vento forte")),
        ("en-US", {"en-US": "Strong wind", "en": "Wind"}, ("en-US", "Strong wind")),
    ],
    ids=["main", "only the main language has words", "own language", "own region"],
)
def test_an_advisory_is_spoken_in_the_language_that_its_words_are_in(locale, texts, expected):
    caller = make_caller(make_premise(), locale=locale)

    heard = said([advisory(texts=texts)], caller=caller, rules=KEYED)

    assert heard.locale == expected[0]
    assert heard.text.endswith(f"{expected[0]} Ñuñoa news 07:40 {expected[1]}")


def storm_says(**changes: Any) -> Statement:
    values: dict[str, Any] = {
        "version": 1,
        "text": "Temporal con muchos cortes",
        "next_update_at": NIGHT + minutes(90),
        "author": "ana",
        "recorded_at": NIGHT + minutes(5),
    }
    return Statement(**(values | changes))


def test_an_outage_without_an_estimate_speaks_the_word_of_its_event():
    late = make_truth(statement=storm_says(), next_update_at=NIGHT - minutes(1))

    heard = said([late], rules=KEYED)

    assert heard.text == "outage_opened es Ñuñoa news 08:10 Temporal con muchos cortes"
    assert heard.as_of == NIGHT + minutes(5)
    assert heard.status is AnswerStatus.INVESTIGATING


@pytest.mark.parametrize(
    ("truth", "locale"),
    [
        ({"statement": storm_says(), "public_etr": NIGHT + minutes(40)}, "es"),
        ({"statement": storm_says(next_update_at=NIGHT - minutes(1))}, "es"),
        ({"statement": storm_says(next_update_at=None)}, "es"),
        ({"statement": storm_says(text="")}, "es"),
        ({"statement": storm_says()}, "pt"),
    ],
    ids=["an own estimate", "overdue", "without an end", "without words", "another language"],
)
def test_the_word_of_an_event_is_not_spoken_where_there_is_something_better(truth, locale):
    caller = make_caller(make_premise(), locale=locale)

    heard = said([make_truth(**truth)], caller=caller, rules=KEYED)

    assert heard.text
    assert "Temporal" not in heard.text


def test_what_corrected_an_outage_once_is_not_its_own_word():
    assert "error" not in said([make_truth(text="fue un error")]).text
