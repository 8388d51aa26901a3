"""Every answer in every language: in GSM-7, in two segments at most, and without a word the carrier consumes."""

from __future__ import annotations

import pytest
from tests.messages.notice import ROOT, WORDS

from outreach.campaigns.replying_rules import Text
from outreach.desk import words
from outreach.messages import sms_text
from outreach.messages.reply_texts import company_values, read_replies, written
from outreach.model.errors import InputRefused
from outreach.model.notice import Words
from outreach.model.reply import Meaning
from outreach.model.words import Service

LOCALES = ("es", "pt", "en")
TEXTS = read_replies(ROOT / "templates")
NAMES = [each for each in Text if each is not Text.STATUS]
BARE = Words(sender="S", company="C", link="c.cl", phone="", priority_line="", emergency="133")


def test_every_answer_is_there_in_every_language_and_no_file_more():
    assert set(TEXTS) == set(LOCALES)
    assert all(set(TEXTS[locale]) == {each.value for each in NAMES} for locale in LOCALES)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", NAMES)
def test_every_answer_fits_two_segments_and_opens_with_who_writes(name, locale):
    for company in (WORDS, BARE):
        for service in Service:
            values = company_values(company, service, locale) | {"zone": "San Pedro de la Paz"}

            text = written(TEXTS, name, locale, values, main="es")

            assert text.startswith(company.sender)
            assert sms_text.is_gsm7(text)
            assert sms_text.segments(text).count <= 2


@pytest.mark.parametrize(
    ("name", "word", "meaning"),
    [
        (Text.OPTED_OUT, {"es": "ALTA", "pt": "REATIVAR", "en": "START"}, Meaning.OPT_IN),
        (Text.OPTED_IN, {"es": "BAJA", "pt": "SAIR", "en": "STOP"}, Meaning.OPT_OUT),
        (Text.HELP, {"es": "ESTADO", "pt": "STATUS", "en": "STATUS"}, Meaning.STATUS),
        (Text.HELP, {"es": "SIN LUZ", "pt": "SEM LUZ", "en": "OUT"}, Meaning.OUT),
    ],
)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_word_that_an_answer_invites_is_read_as_it_says(name, word, meaning, locale):
    values = company_values(WORDS, Service.ELECTRICITY, locale)

    text = written(TEXTS, name, locale, values, main="es")

    assert word[locale] in text
    assert words.read(word[locale], locale=locale).meaning is meaning


def test_a_text_of_the_workspace_comes_before_ours_and_a_wrong_one_is_named(tmp_path):
    own = tmp_path / "replies" / "es"
    own.mkdir(parents=True)
    (own / "help.sms.txt").write_text("{{ s }}: llame. {{ nada }}", encoding="utf-8")
    (own / "fine.sms.txt").write_text("{{ s }}: ¡qué bueno!", encoding="utf-8")
    texts = read_replies(tmp_path, ROOT / "templates")
    values = company_values(WORDS, Service.ELECTRICITY, "es")

    assert written(texts, "fine", "es-CL", values, main="es") == "Luz del Sur: ¡qué bueno!"
    assert written(texts, "fine", "pt", values, main="es").startswith("Luz del Sur: obrigado")
    with pytest.raises(InputRefused, match=r"replies/es/help.sms.txt line 1: unknown field nada"):
        written(texts, "help", "es", values, main="es")


@pytest.mark.parametrize("path", ["es/BAD NAME.sms.txt", "x/help.sms.txt"])
def test_an_unsafe_name_is_refused(tmp_path, path):
    file = tmp_path / "replies" / path
    file.parent.mkdir(parents=True)
    file.write_text("x")

    with pytest.raises(InputRefused, match="plain files"):
        read_replies(tmp_path)
