"""What who listens heard before, in words, and the form that is short enough to be listened to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.messages.notice import WORDS, make_facts, shipped

from outreach.messages.lint import longest
from outreach.messages.render import Renderer
from outreach.messages.speech import fits
from outreach.model.words import Service

AFTERNOON = datetime(2026, 7, 14, 18, 10, tzinfo=UTC)
"""14:10 of a Tuesday in Santiago."""
FACTS = make_facts(
    as_of=AFTERNOON,
    start_at=AFTERNOON,
    not_after=AFTERNOON + timedelta(hours=8),
    etr_at=AFTERNOON + timedelta(minutes=110),
    customers=1200,
    area="Ñuñoa",
)


@pytest.fixture(scope="module")
def speaker() -> Renderer:
    return Renderer(shipped(), WORDS)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("es-CL", "Le escribimos a las dos y cinco de la tarde."),
        ("pt", "Escrevemos para você às duas e cinco da tarde."),
        ("en", "We texted you at two oh five in the afternoon."),
    ],
)
def test_who_was_texted_hears_when(speaker, locale, expected):
    told = replace(FACTS, told_at=AFTERNOON - timedelta(minutes=5))

    spoken = speaker.speak("outage_etr", locale, told)

    assert spoken.text.endswith(expected)
    assert fits(spoken.text, locale)


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        (
            "es-CL",
            (
                "Sobre Ñuñoa, sin cambios desde las dos y diez de la tarde. "
                "Seguimos esperando reponer el servicio a las cuatro de la tarde."
            ),
        ),
        (
            "pt",
            (
                "Sobre Ñuñoa, sem mudanças desde as duas e dez da tarde. "
                "Ainda esperamos restabelecer o serviço às quatro da tarde."
            ),
        ),
        (
            "en",
            (
                "About Ñuñoa: no change since two ten in the afternoon. "
                "We still expect to restore the service at four in the afternoon."
            ),
        ),
    ],
)
def test_who_calls_again_hears_that_nothing_changed(speaker, locale, expected):
    again = replace(FACTS, unchanged_since=AFTERNOON)

    assert speaker.speak("outage_etr", locale, again).text == expected


@pytest.mark.parametrize(
    ("locale", "cause", "expected"),
    [
        ("es-CL", "Cable caído en la calzada.", "Peligro: Cable caído en la calzada. "),
        (
            "es-CL",
            "cable caído, de dos metros de largo",
            "Peligro: cable caído, de dos metros de. ",
        ),
        ("es-CL", "", "Hay peligro para las personas. "),
        ("pt", "cable caído", "Há perigo para as pessoas. "),
        ("en", "cable caído", "People are in danger there. "),
    ],
)
def test_a_danger_is_said_first_and_its_cause_in_the_language_it_was_typed_in(
    speaker, locale, cause, expected
):
    danger = replace(FACTS, is_danger=True, cause=cause)
    again = replace(danger, unchanged_since=AFTERNOON)

    for facts in (danger, again):
        assert speaker.speak("outage_etr", locale, facts).text.startswith(expected)
    calm = speaker.speak("outage_etr", locale, replace(danger, is_danger=False))
    assert expected not in calm.text


def test_without_an_estimate_who_calls_again_hears_when_news_comes(speaker):
    again = replace(FACTS, unchanged_since=AFTERNOON, etr_at=None, next_update_at=AFTERNOON)

    text = speaker.speak("outage_opened", "es", again).text

    assert text.endswith("Daremos noticias a las dos y diez de la tarde.")
    assert speaker.speak("outage_opened", "es", replace(again, next_update_at=None)).text.endswith(
        "desde las dos y diez de la tarde."
    )


@pytest.mark.parametrize("locale", ["es", "pt", "en"])
@pytest.mark.parametrize("service", Service)
def test_no_sentence_is_longer_than_a_caller_listens(speaker, locale, service):
    facts = replace(longest(service), told_at=AFTERNOON)

    for template in shipped():
        if not template.startswith("_"):
            spoken = speaker.speak(template, locale, facts)
            assert fits(spoken.text, locale), (template, spoken.text)
            assert not any(letter.isdigit() for letter in spoken.text)


@pytest.mark.parametrize("locale", ["es", "pt", "en"])
@pytest.mark.parametrize("template", ["outage_opened", "outage_etr", "outage_next_news"])
def test_nor_is_one_that_warns_of_a_danger(speaker, locale, template):
    facts = replace(
        longest(Service.ELECTRICITY), told_at=AFTERNOON, is_danger=True,
        cause="cable caído y poste inclinado frente al consultorio de la plaza",
    )  # fmt: skip

    for each in (facts, replace(facts, fact="")):
        spoken = speaker.speak(template, locale, each)
        assert fits(spoken.text, locale), spoken.text


def test_what_goes_first_is_how_many_are_out(speaker):
    long = replace(FACTS, area="Pedro Aguirre Cerda Norte", told_at=AFTERNOON)

    text = speaker.speak("outage_etr", "es", long).text

    assert "clientes" not in text
    assert "Le escribimos" in text


def test_the_word_of_an_event_stands_where_nothing_better_is_known(speaker):
    facts = replace(FACTS, etr_at=None, fact="Temporal con muchos cortes")

    text = speaker.speak("outage_opened", "es", facts).text

    assert "Temporal con muchos cortes." in text
    assert "causa" not in text
