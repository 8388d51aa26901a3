"""Every shipped template, in every locale, on every channel."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree, html
from tests.messages.notice import NIGHT, WORDS, make_facts, shipped

from outreach.messages import social_text
from outreach.messages.fields import FIELDS
from outreach.messages.languages import language
from outreach.messages.render import Renderer
from outreach.messages.texts import FILES, LAYOUT
from outreach.model.notice import Words
from outreach.model.words import Channel, Service

NAMES = [
    "outage_opened",
    "outage_opened_priority",
    "outage_suspected",
    "outage_still_unknown",
    "outage_etr",
    "outage_etr_later",
    "outage_etr_earlier",
    "outage_etr_withdrawn",
    "outage_next_news",
    "outage_restored",
    "outage_still_out",
    "outage_reopened",
    "outage_left",
    "outage_authority",
    "outage_authority_restored",
    "correction",
    "planned_notice",
    "planned_reminder",
    "planned_started",
    "planned_delayed",
    "planned_overrun",
    "planned_moved",
    "planned_cancelled",
    "planned_restored",
    "planned_left",
    "advisory",
    "advisory_ended",
    "status_link",
]
LOCALES = ("es", "pt", "en")
BARE = Words(sender="S", company="C", link="c.cl", phone="", priority_line="", emergency="")


def test_every_template_has_every_file_in_every_locale():
    texts = shipped()

    assert set(texts) == {*NAMES, LAYOUT}
    assert all(set(texts[name][locale]) == set(FILES) for name in NAMES for locale in LOCALES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("service", Service)
def test_every_channel_renders_in_every_locale(name, service):
    made = Renderer(shipped(), WORDS)
    facts = make_facts(service=service, area="Providencia")

    for locale in LOCALES:
        sms, email, voice, social = (
            made.fill(made.compose(name, locale, channel, facts), {"premises": "1"})
            for channel in (Channel.SMS, Channel.EMAIL, Channel.VOICE, Channel.SOCIAL)
        )
        assert sms.segments == 1
        assert all((email.subject, email.text, voice.text))
        assert social_text.weight(social.text) <= social_text.LIMIT
        assert made.agent_note(name, locale, facts)
        etree.fromstring(made.speak(name, locale, facts).ssml)
        page = html.fromstring(email.html)
        assert page.get("lang") == locale
        assert all(p.text_content().strip() for p in page.iter("p"))


@pytest.mark.parametrize("name", NAMES)
def test_a_company_without_telephones_and_a_lane_without_ears_still_have_texts(name):
    made = Renderer(shipped(), BARE)
    facts = make_facts(two_way=False, cause="", customers=0)

    for locale in LOCALES:
        text = made.fill(made.compose(name, locale, Channel.SMS, facts), {}).text
        assert "esponda" not in text
        assert " reply " not in text


def test_no_other_service_hears_of_wires():
    made = Renderer(shipped(), WORDS)

    for service in (Service.WATER, Service.GAS, Service.TELECOM):
        for name in NAMES:
            for channel in Channel:
                text = made.fill(
                    made.compose(name, "es", channel, make_facts(service=service)), {}
                ).text
                assert not any(word in text.lower() for word in ("cable", "de luz", "energizad")), (
                    text
                )


@pytest.mark.parametrize(
    ("not_after", "expected"),
    [
        (None, "mar 05:30"),
        (NIGHT + timedelta(hours=3), "estimada: 05:30"),
        (NIGHT + timedelta(hours=30), "mar 05:30"),
    ],
)
def test_the_weekday_is_left_out_only_if_the_text_dies_that_day(not_after, expected):
    made = Renderer(shipped(), WORDS)

    content = made.fill(
        made.compose("outage_etr", "es", Channel.SMS, make_facts(not_after=not_after)), {}
    )

    assert expected in content.text


def test_planned_works_have_their_date_and_an_end_on_another_day_its_weekday():
    made = Renderer(shipped(), WORDS)
    facts = make_facts(
        start_at=NIGHT + timedelta(days=9, hours=20), end_at=NIGHT + timedelta(days=10, hours=2)
    )

    content = made.fill(made.compose("planned_notice", "es", Channel.SMS, facts), {})

    assert (
        "corte programado en Ñuñoa, jue 23 jul, 22:43-vie 04:43, por obras"
        in content.text.replace("Nunoa", "Ñuñoa")
    )


def test_a_far_moment_has_its_date():
    made = Renderer(shipped(), WORDS)
    facts = make_facts(end_at=NIGHT + timedelta(days=20))

    content = made.fill(made.compose("advisory", "es", Channel.SMS, facts), {})

    assert "Vale hasta lun 3 ago 02:43" in content.text


def test_every_word_of_a_service_is_a_documented_field():
    words = {
        word for locale in LOCALES for one in language(locale)["service"].values() for word in one
    }

    assert words <= set(FIELDS)
