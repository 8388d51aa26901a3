"""Replies as people write them: the table, and what no noise may change."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from outreach.desk.lexicon import Tag, lexicon
from outreach.desk.tokens import LONGEST
from outreach.desk.words import read
from outreach.model.reply import Asks, Meaning
from outreach.model.words import Service

BLNS = Path(__file__).parents[2].parent / "shared" / "corpora" / "blns" / "blns.json"
LOCALES = {"es": "es-CL", "pt": "pt-BR", "en": "en"}
STOPS = {Meaning.OPT_OUT}
REPORTS = {Meaning.OUT, Meaning.STILL_OUT}

with Path(__file__).with_name("replies.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


def test_the_table_has_hundreds_of_replies_from_three_languages_and_every_meaning():
    told = {row["meaning"] for row in ROWS}

    assert len(ROWS) >= 1_000
    assert told == set(Meaning) - {Meaning.AUTOMATIC, Meaning.BOUNCE}


def meaning(text: str, *, locale: str = "es", asked: str = "") -> Meaning:
    return read(text, locale=locale, asked=asked).meaning


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reply_of_the_table_is_read_as_a_person_reads_it(locale):
    rows = [row for row in ROWS if row["locale"] == locale]

    wrong = [
        (row["text"], row["asked"], row["meaning"], str(read_))
        for row in rows
        if (read_ := meaning(row["text"], locale=LOCALES[locale], asked=row["asked"]))
        != row["meaning"]
    ]

    assert not wrong
    assert len(rows) >= 200


def test_no_reply_is_guessed_to_be_of_another_language():
    guessed = {row["text"]: read(row["text"], locale="es").locale for row in ROWS}

    wrong = [r["text"] for r in ROWS if guessed[r["text"]] not in {None, r["locale"]}]

    shared = {text for text in wrong if len({r["locale"] for r in ROWS if r["text"] == text}) > 1}
    assert set(wrong) <= shared
    assert sum(1 for of in guessed.values() if of) > len(guessed) / 2


def test_neither_list_is_read_as_the_other_whatever_language_the_person_has_on_record():
    expected = [row for row in ROWS if row["meaning"] in STOPS | REPORTS and row["text"] != "para"]

    for home in LOCALES.values():
        for row in expected:
            got = meaning(row["text"], locale=home, asked=row["asked"])
            other = REPORTS if row["meaning"] in STOPS else STOPS
            assert got not in other, (row["text"], home)


WORDS = lexicon(Service.ELECTRICITY)


def keywords(*tags: Tag) -> list[str]:
    """The phrases of the lexicon under these tags and no other that would change them."""
    found, nodes = [], [WORDS.root]
    while nodes:
        node = nodes.pop()
        nodes.extend(node.next.values())
        if node.entry is not None and node.entry.tags & set(tags):
            found.append(node.entry)
    return sorted(entry.phrase for entry in found if entry.tags <= {*tags, Tag.ABOUT})


STOP_WORDS = keywords(Tag.OPT_OUT_WORD)
REPORT_WORDS = keywords(Tag.OUT, Tag.OUT_SELF, Tag.STILL_OUT, Tag.TROUBLE)
ACCENTS = str.maketrans("aeiou", "áéíóú")
NOISE = st.text(alphabet=" .!¡-*_,;:\u200b\u00a0\n🙏😡\"'()", max_size=4)


@given(st.sampled_from(STOP_WORDS), NOISE, NOISE, st.integers(0, 3), st.sampled_from([*LOCALES]))
@settings(max_examples=150, deadline=None)
def test_an_opt_out_word_is_one_under_any_case_accent_and_punctuation(
    word, before, after, how, home
):
    typed = (word, word.upper(), word.title(), word.translate(ACCENTS))[how]

    assert meaning(f"{before}{typed}{after}", locale=home) == Meaning.OPT_OUT


@given(
    st.sampled_from(REPORT_WORDS),
    st.text(max_size=30),
    st.lists(st.sampled_from([*STOP_WORDS, "hola", "ya", "por favor", "luz"]), max_size=3),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_report_with_anything_beside_it_is_never_an_opt_out(report, noise, words, first):
    beside = " ".join([noise, *words])
    text = f"{report} {beside}" if first else f"{beside} {report}"

    assert meaning(text) != Meaning.OPT_OUT


@given(st.sampled_from(STOP_WORDS), st.sampled_from(REPORT_WORDS), st.booleans())
@settings(max_examples=100, deadline=None)
def test_an_opt_out_and_a_report_in_one_text_are_for_a_person_to_read(stop, report, first):
    text = f"{stop}, {report}" if first else f"{report}. {stop}"

    assert meaning(text) == Meaning.UNSURE


@given(st.text(max_size=200), st.sampled_from(["", *Asks]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_has_a_meaning_and_a_number_needs_a_question(text, asked):
    reading = read(text, locale="es", asked=asked)

    assert (reading.choice is not None) == (reading.meaning == Meaning.CHOICE)
    assert asked or reading.choice is None


def test_naughty_strings_never_opt_anybody_out():
    if not BLNS.exists():
        pytest.skip("needs ../shared/corpora/blns")
    strings = json.loads(BLNS.read_text(encoding="utf-8"))

    stops = [text for text in strings if meaning(text) == Meaning.OPT_OUT]

    assert len(strings) > 500
    assert stops == []


def test_what_comes_after_two_thousand_characters_is_not_read():
    long = "a " * (LONGEST // 2)

    assert meaning(f"sin luz {long} BAJA") == Meaning.OUT
    assert read("sin luz " * 100_000, locale="es") == read("sin luz " * 250, locale="es")


def test_one_letter_does_not_make_an_opt_out_of_another_word():
    near = [
        "caja",
        "paja",
        "bala",
        "pajar",
        "cair",
        "saia",
        "stock",
        "sop",
        "stow",
        "para",
        "salid",
    ]

    assert {meaning(word) for word in near} == {Meaning.UNSURE}


def test_a_slip_in_a_long_word_of_a_report_or_question_is_mended():
    assert meaning("no tenmos electricdad") == Meaning.OUT
    assert meaning("contnuamos sin luz") == Meaning.STILL_OUT
    assert meaning("noveddades") == Meaning.STATUS


def test_para_stops_only_in_portuguese():
    assert meaning("Para!", locale="pt-BR") == Meaning.OPT_OUT
    assert meaning("Para!", locale="es-AR") == Meaning.UNSURE


def test_a_report_is_about_the_service_supplied():
    water = read("seguimos sin agua", locale="es", service=Service.WATER)
    power = read("seguimos sin agua", locale="es", service=Service.ELECTRICITY)

    assert (water.meaning, power.meaning) == (Meaning.STILL_OUT, Meaning.UNSURE)


@pytest.mark.parametrize(
    "text",
    [
        "Hay un cable caído en mi calle", "chispas en el poste!!", "soy electrodependiente sin luz",
        "fio caído na rua", "minha mãe usa oxigênio e estamos sem luz", "there is a wire down",
        "huele a gas", "my oxygen concentrator stopped", "BAJA, hay un incendio",
    ],
)  # fmt: skip
def test_danger_to_life_is_marked_whatever_else_is_said(text):
    assert read(text, locale="es").urgent


def test_everyday_words_are_not_urgent():
    assert not any(read(text, locale="es").urgent for text in ("sin luz", "BAJA", "gracias", "1"))


def test_a_reading_names_our_word_and_never_their_text():
    reading = read("Soy Marta Rojas, calle Lira 8, sin luz", locale="es")

    assert reading.matched == "sin luz"
    assert "Marta" not in repr(reading)
