"""What was typed against what the record has."""

from __future__ import annotations

from outreach.audience import spelling
from outreach.model.spelling import plain


def test_accents_case_and_blanks_around_make_no_difference():
    assert plain(" ÑUÑOA ") == plain("nunoa")


def test_a_postal_code_is_the_same_with_or_without_its_hyphen():
    assert spelling.code("750-0000") == spelling.code(" 750 0000 ") == "7500000"


def test_near_words_come_in_the_records_own_spelling_nearest_first():
    assert spelling.near("nunioa", ["Providencia", "Ñuñoa", "Peñalolén"]) == ("Ñuñoa",)


def test_nothing_is_near_a_strange_word():
    assert spelling.near("zzz", ["Providencia"]) == ()
