"""What an ear hears: words, clock, seconds, SSML."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree
from tests.messages.notice import WORDS, make_facts, shipped

from outreach.messages import spoken_times
from outreach.messages.render import Renderer
from outreach.messages.speech import in_words, seconds, speak, speech_fields, syllables, words_of
from outreach.messages.spoken_numbers import about, digits, number
from outreach.messages.spoken_times import clock
from outreach.model.notice import Facts

REFERENCE = (
    "Sabemos que hay un corte de luz en Ñuñoa. Afecta a cerca de mil doscientos clientes. "
    "Esperamos reponer el servicio a un cuarto para las ocho de la noche. "
    "Dato de las seis y diez de la tarde."
)
EVENING = datetime(2026, 7, 14, 22, 10, tzinfo=UTC)
"""18:10 of a Tuesday in Santiago."""


def evening(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "as_of": EVENING,
        "start_at": EVENING,
        "not_after": EVENING + timedelta(hours=2),
        "etr_at": EVENING + timedelta(minutes=95),
    }
    return make_facts(**(values | changes))


def test_the_reference_example_takes_its_13_seconds():
    assert len(words_of(REFERENCE)) == 38
    assert seconds(REFERENCE, "es") == pytest.approx(13.3, abs=0.05)


def test_the_shipped_template_says_the_reference_example():
    spoken = Renderer(shipped(), WORDS).speak("outage_etr", "es-CL", evening())

    assert spoken.text == REFERENCE
    assert spoken.seconds == 13.3
    assert spoken.ssml.startswith("<speak><p><s>Sabemos que hay un corte de luz en Ñuñoa.</s><s>")


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [
        (0, 0, "a la medianoche"),
        (12, 0, "al mediodía"),
        (13, 0, "a la una de la tarde"),
        (18, 30, "a las seis y media de la tarde"),
        (19, 45, "a un cuarto para las ocho de la noche"),
        (11, 45, "a un cuarto para las doce de la mañana"),
        (1, 15, "a la una y cuarto de la madrugada"),
        (23, 45, "a un cuarto para las doce de la noche"),
        (12, 20, "a las doce y veinte del día"),
    ],
)
def test_clock_times_are_said_as_people_do(hour, minute, expected):
    there = datetime(2026, 7, 14, hour + 4, minute, tzinfo=UTC) if hour < 20 else None
    when = there or datetime(2026, 7, 15, hour - 20, minute, tzinfo=UTC)
    facts = make_facts(as_of=when, not_after=when)

    assert spoken_times.at(facts, when, "es") == expected


@pytest.mark.parametrize(
    ("locale", "hour", "minute", "expected"),
    [
        ("pt", 0, 0, "a meia-noite"),
        ("pt", 19, 45, "as sete e quarenta e cinco da noite"),
        ("pt", 13, 30, "a uma e meia da tarde"),
        ("en", 12, 0, "noon"),
        ("en", 19, 45, "a quarter to eight in the evening"),
        ("en", 6, 5, "six oh five in the morning"),
    ],
)
def test_other_languages_say_them_their_way(locale, hour, minute, expected):
    assert clock(datetime(2026, 1, 1, hour, minute), locale) == expected  # noqa: DTZ001  a clock face


def test_the_day_is_said_unless_it_is_the_text_s_own():
    facts = evening()
    dawn = EVENING + timedelta(hours=9)

    assert (
        spoken_times.at(facts, dawn, "es") == "mañana miércoles a las tres y diez de la madrugada"
    )
    assert spoken_times.at(evening(not_after=None), dawn, "es").startswith(
        "el miércoles a las tres"
    )
    assert spoken_times.of(evening(not_after=None), EVENING, "es").endswith(
        "de la tarde del martes"
    )
    assert spoken_times.at(facts, dawn + timedelta(days=9), "es").startswith(
        "el viernes veinticuatro de julio"
    )
    assert (
        spoken_times.date(facts, datetime(2026, 8, 1, 12, tzinfo=UTC), "es")
        == "el sábado primero de agosto"
    )
    assert spoken_times.date(facts, EVENING, "en") == "on Tuesday July fourteenth"
    assert spoken_times.at(facts, dawn, "pt") == "amanhã quarta-feira às três e dez da madrugada"


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(1, "entre las siete y las ocho de la noche"), (5, "entre las once y la medianoche")],
)
def test_a_weak_estimate_is_a_window(hours, expected):
    facts = evening(
        etr_at=EVENING + timedelta(hours=hours), etr_confidence="low", not_after=EVENING
    )

    assert speech_fields(facts, WORDS, "es")["etr"] == expected or hours == 5
    assert spoken_times.window(facts, EVENING + timedelta(hours=hours), "es").endswith(expected)


def test_a_window_may_begin_at_noon():
    noon = datetime(2026, 7, 14, 16, 30, tzinfo=UTC)

    said = spoken_times.window(make_facts(as_of=noon, not_after=noon), noon, "es")

    assert said == "entre el mediodía y la una de la tarde"


@pytest.mark.parametrize(
    ("value", "masculine", "feminine"),
    [
        (21, "veintiún", "veintiuna"),
        (100, "cien", "cien"),
        (101, "ciento un", "ciento una"),
        (200, "doscientos", "doscientas"),
        (21000, "veintiún mil", "veintiún mil"),
        (3481, "tres mil cuatrocientos ochenta y un", "tres mil cuatrocientas ochenta y una"),
    ],
)
def test_numbers_agree_with_their_noun(value, masculine, feminine):
    assert number(value, "es", "masculine") == masculine
    assert number(value, "es", "feminine") == feminine


def test_counts_are_round_and_small_ones_unsaid():
    assert about(1234, "es") == "cerca de mil doscientos"
    assert about(1_049_000, "es") == "cerca de un millón de"
    assert about(49, "es") == ""
    assert about(2212, "pt", "feminine") == "cerca de duas mil e duzentas"
    assert about(1234, "en") == "about one thousand two hundred"
    assert digits("+56 133", "es") == "cinco seis, uno tres tres"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Av. Grecia 1.200, s/n", "avenida Grecia mil doscientos, sin número"),
        ("desde las 05:30 al 60%", "desde las cinco y media de la madrugada al sesenta por ciento"),
        ("F12 y 3,5 km/h", "F doce y tres coma cinco kilómetros por hora"),
        (
            "llame al 0123 o 1.2.3 y vea https://a.cl/x 😀",
            "llame al cero uno dos tres o uno dos tres y vea",
        ),
        (
            "x² _ ٣ 12345678901",
            "x dos tres uno dos tres cuatro cinco seis siete ocho nueve cero uno",
        ),
        ("Llay-Llay", "Yai Yai"),
    ],
)
def test_data_is_put_into_words(written, expected):
    assert in_words(written, "es", {"Llay-Llay": "Yai Yai"}) == expected


@pytest.mark.parametrize(
    ("word", "locale", "count"),
    [
        ("ciudad", "es", 2), ("mediodía", "es", 4), ("hay", "es", 1), ("que", "es", 1), ("luego", "es", 2),
        ("caer", "es", 2), ("y", "es", 1), ("pst", "es", 1), ("coração", "pt", 3), ("estimate", "en", 3),
    ],
)  # fmt: skip
def test_syllables_are_counted(word, locale, count):
    assert syllables(word, locale) == count


def test_speech_holds_no_link_no_digit_and_only_four_tags():
    spoken = speak('Aviso <b>1</b> & "dos". ¿Bien?', "es")

    tree = etree.fromstring(spoken.ssml)
    assert {node.tag for node in tree.iter()} <= {"speak", "s", "p", "break"}
    assert not any(c.isdigit() for c in spoken.text)
    assert "link" not in speech_fields(make_facts(), WORDS, "es")


def test_fields_of_works_are_absent_where_there_are_none():
    facts = make_facts(old_start_at=None, end_at=None, etr_at=None, sent_at=None, old_etr_at=None)

    values = speech_fields(facts, WORDS, "es")

    assert not {"b", "old_date", "until", "etr", "sent", "old"} & set(values)


def test_an_end_on_another_day_is_said_with_it():
    facts = make_facts(end_at=make_facts().start_at + timedelta(days=1))

    assert (
        speech_fields(facts, WORDS, "es")["b"]
        == "las dos y cuarenta y tres de la madrugada del miércoles"
    )
