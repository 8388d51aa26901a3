"""Counting and folding SMS text."""

# ruff: noqa: RUF001  look-alike signs are what is tested here

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st
from tests.messages.notice import corpus

from outreach.messages.sms_text import (
    BASIC,
    EXTENSION,
    GSM7,
    UCS2,
    Segments,
    fold,
    is_gsm7,
    segments,
    unfoldable,
)

GSM = st.text(st.sampled_from(BASIC + EXTENSION), max_size=500)


def test_the_alphabet_is_that_of_the_standard():
    table = json.loads(corpus("gsm0338", "gsm0338_table.json").read_text(encoding="utf-8"))

    basic = {c for code, c in table if not code.startswith("1b")}
    extension = {c for code, c in table if code.startswith("1b") and code != "1b"}

    assert set(BASIC) == basic
    assert set(EXTENSION) == extension


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Segments(GSM7, 0, 1), id="empty"),
        pytest.param("a" * 160, Segments(GSM7, 160, 1), id="just one"),
        pytest.param("a" * 161, Segments(GSM7, 161, 2), id="just two"),
        pytest.param("a" * 307, Segments(GSM7, 307, 3), id="153 each"),
        pytest.param("€" * 80, Segments(GSM7, 160, 1), id="escapes count two"),
        pytest.param("[" * 80 + "a", Segments(GSM7, 161, 2), id="escapes that do not fit"),
        pytest.param("a" * 152 + "[" + "a" * 152, Segments(GSM7, 306, 3), id="a pair is not split"),
        pytest.param("Δ" * 160, Segments(GSM7, 160, 1), id="greek capitals are GSM-7"),
        pytest.param("á" * 70, Segments(UCS2, 70, 1), id="one accent makes it 70"),
        pytest.param("á" + "a" * 149, Segments(UCS2, 150, 3), id="150 with one accent are 3"),
        pytest.param("😀" * 35, Segments(UCS2, 70, 1), id="emoji count two"),
        pytest.param(
            "á" * 66 + "😀" + "á" * 66, Segments(UCS2, 134, 3), id="surrogates stay together"
        ),
    ],
)
def test_segments_are_counted_as_the_carrier_does(text, expected):
    assert segments(text) == expected


@given(GSM)
def test_gsm7_text_is_never_folded_nor_ucs2(text):
    assert fold(text) == text
    assert segments(text).encoding == GSM7
    assert segments(text).units == sum(2 if c in EXTENSION else 1 for c in text)


@given(st.text(max_size=400))
def test_the_count_is_enough_and_hardly_more_than_enough(text):
    counted = segments(text)

    one, room = (160, 153) if counted.encoding == GSM7 else (70, 67)
    least = 1 if counted.units <= one else -(-counted.units // room)
    assert least <= counted.count <= -(-counted.units // (room - 1)) + 1


@given(st.text(max_size=200))
def test_folding_twice_changes_nothing_more(text):
    folded = fold(text)

    assert fold(folded) == folded
    assert is_gsm7(folded) == (unfoldable(text) == "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("áíóúãõâêôç", "aiouaoaeoc"),
        ("ÁÍÓÚÃÕÂÊÔÇ", "AIOUAOAEOÇ"),
        ("é ñ ü ¿ ¡ à Ñ É", "é ñ ü ¿ ¡ à Ñ É"),
        ("“hola” – ‘ya’…", "\"hola\" - 'ya'..."),
        ("cafe\u0301 y so\u0301lo", "café y solo"),
        ("a\u00a0b\tc\u200bd", "a b cd"),
        ("nº 5 ½", "no 5 1/2"),
    ],
)
def test_what_gsm7_lacks_is_folded_and_what_it_has_is_kept(text, expected):
    assert fold(text) == expected


def test_what_cannot_be_folded_stays_and_is_named():
    assert fold("corte en 東京 ok á") == "corte en 東京 ok a"
    assert unfoldable("東 東京 á") == "東京"


def test_emoji_are_left_whole():
    sequence = "👩‍👩‍👧"

    assert fold(f"á {sequence}") == f"a {sequence}"


def test_normal_forms_fold_alike():
    lines = (
        corpus("unicode", "NormalizationTest-subset.txt").read_text(encoding="utf-8").splitlines()
    )
    rows = [line.split(";")[:3] for line in lines if line and line[0] in "0123456789ABCDEF"]

    for row in rows:
        source, composed, decomposed = (
            "".join(chr(int(code, 16)) for code in column.split()) for column in row
        )
        assert fold(composed) == fold(decomposed), source
