"""An estimate as a window of time, for the eye and for the ear; and a correction without a fact."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tests.messages.notice import NIGHT, WORDS, make_facts, shipped

from outreach.messages.render import Renderer
from outreach.model.words import Channel

MORNING = (datetime(2026, 7, 14, 12, tzinfo=UTC), datetime(2026, 7, 14, 14, tzinfo=UTC))
"""08:00 to 10:00 of the Tuesday."""
MIDNIGHT = (datetime(2026, 7, 15, 2, tzinfo=UTC), datetime(2026, 7, 15, 6, 30, tzinfo=UTC))
"""22:00 of the Tuesday to 02:30 of the Wednesday."""


@pytest.mark.parametrize(
    ("locale", "window", "written", "spoken"),
    [
        ("es", MORNING, "estimada: entre mar 08:00 y 10:00.", "entre las ocho y las diez de la mañana"),
        ("pt", MORNING, "estimado: entre ter 08:00 e 10:00.", "entre as oito e as dez da manhã"),
        ("en", MORNING, "return: between Tue 08:00 and 10:00.", "between eight and ten in the morning"),
        (
            "es",
            MIDNIGHT,
            "estimada: entre 22:00 y mié 02:30.",
            "entre las diez de la noche y las dos y media de la madrugada del miércoles",
        ),
    ],
)  # fmt: skip
def test_a_window_is_written_and_spoken(locale, window, written, spoken):
    made = Renderer(shipped(), WORDS)
    facts = make_facts(etr_from=window[0], etr_at=window[1])

    sms = made.fill(made.compose("outage_etr", locale, Channel.SMS, facts), {})

    assert written in sms.text
    assert sms.segments == 1
    assert spoken in made.speak("outage_etr", locale, facts).text


def test_a_window_that_dies_with_its_day_needs_no_weekday():
    made = Renderer(shipped(), WORDS)
    facts = make_facts(etr_from=MORNING[0], etr_at=MORNING[1], not_after=NIGHT)

    text = made.fill(made.compose("outage_etr_later", "es", Channel.SMS, facts), {}).text

    assert "Nueva estimacion: entre 08:00 y 10:00. Lo lamentamos." in text


@pytest.mark.parametrize(
    ("locale", "said"),
    [("es", "no tenemos un corte"), ("pt", "nao temos interrup"), ("en", "we have no outage")],
)
def test_a_correction_without_a_fact_says_that_it_is_none_of_ours(locale, said):
    made = Renderer(shipped(), WORDS)

    content = made.compose("correction", locale, Channel.SMS, make_facts(fact=""))

    assert said in made.fill(content, {}).text
