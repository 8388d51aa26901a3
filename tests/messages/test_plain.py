"""Making data harmless and short."""

# ruff: noqa: RUF001  look-alike signs are what is tested here

from __future__ import annotations

import pytest
from tests.messages.notice import corpus

from outreach.messages.plain import clean, one_line, shorten
from outreach.model.errors import InputRefused


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("\u202eevil\u202c", "evil"),
        ("a\x00b\x07c\ud800d\ufeff", "abcd"),
        ("\ue000premises\ue001", "premises"),
        ("  two\t\n words  ", "two words"),
        (" plain ", "plain"),
        ("Ñuñoa 👩‍👩‍👧", "Ñuñoa 👩‍👩‍👧"),
    ],
)
def test_controls_bidi_and_slot_marks_are_taken_out(value, expected):
    assert clean(value) == expected


def test_a_line_break_in_a_name_is_refused():
    with pytest.raises(InputRefused, match="area name: holds a line break"):
        one_line("Ñuñoa\r\nBcc: all", what="area name")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ñuñoa", "Ñuñoa"),
        ("San Pedro de la Paz, Concepción", "San Pedro de la Paz"),
        ("Pedro Aguirre Cerda Norte", "Pedro Aguirre Cerda"),
        ("Llanfairpwllgwyngyllgogerych", "Llanfairpwllgwyngyll"),
        ("x" * 19 + "e\u0301yz", "x" * 19),
        ("a" + "\u0301" * 25 + "bc", "a" + "\u0301" * 25),
        ("a" + "\u0301" * 99, "a" + "\u0301" * 39),
    ],
)
def test_names_are_cut_between_words_or_graphemes(value, expected):
    assert shorten(value, 20) == expected


def test_no_grapheme_of_the_unicode_test_is_ever_cut():
    lines = corpus("unicode", "GraphemeBreakTest.txt").read_text(encoding="utf-8").splitlines()
    cases = [line.split("#")[0].split() for line in lines if line.startswith("÷")]

    for case in cases:
        whole, allowed = _parsed(case)
        for limit in range(1, len(whole)):
            cut = shorten(whole, limit)
            rest = whole[len(cut) :]
            spaces = len(rest) - len(rest.lstrip(" ,;-"))
            cuts = set(range(len(cut), len(cut) + spaces + 1))
            assert cuts & allowed or len(cut) >= 2 * limit, case


def _parsed(case: list[str]) -> tuple[str, set[int]]:
    whole, allowed = "", {0}
    for sign in case:
        if sign == "÷":
            allowed.add(len(whole))
        elif sign != "×":
            whole += chr(int(sign, 16))
    return whole, allowed
