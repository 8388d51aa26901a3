"""VoiceXML and TwiML stay valid, whatever a template, a feed or a place name brings."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    minutes,
    speak,
)

from outreach.contactcenter import connect_map, twiml, vxml
from outreach.contactcenter.answer import Offers, answer
from outreach.contactcenter.speakable import phrases, speakable, speech_tag
from outreach.messages.render import Renderer
from outreach.messages.texts import read_texts
from outreach.model.contactcenter import IvrAnswer
from outreach.model.notice import Words
from outreach.model.words import OccasionKind, OccasionState

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora"
FLOW = "https://cc.example.com/flow?a=1&b=2"
ANSWER = answer(make_caller(make_premise()), [make_truth()], speak, now=NIGHT, rules=RULES)
NEUTRAL = answer(make_caller(make_premise()), [], speak, now=NIGHT, rules=RULES)
GARBAGE = [
    "\x00\x0b\ud800 & < > ]]> ' \"",
    "<speak><s>open",
    "<!DOCTYPE x [<!ENTITY a 'b'>]><speak>&a;</speak>",
    "<speak><audio src='http://127.0.0.1/'/><break time='9h'/><break strength='loud'/></speak>",
]


@pytest.fixture(scope="module")
def schema():
    place = CORPORA / "voicexml" / "vxml.xsd"
    if not place.exists():
        pytest.skip("the VoiceXML schema of ../shared is absent")
    return etree.XMLSchema(etree.parse(place))


def naughty_strings() -> list[str]:
    place = CORPORA / "blns" / "blns.json"
    if not place.exists():
        pytest.skip("the naughty strings of ../shared are absent")
    return list(json.loads(place.read_text(encoding="utf-8")))


def as_said(text: str, ssml: str | None = None) -> IvrAnswer:
    return replace(ANSWER, text=text, text_ssml=ssml or f"<speak><s>{text}</s></speak>")


def test_a_dialog_is_valid_voicexml_and_speaks_the_sentence_with_barge_in(schema):
    document = etree.fromstring(vxml.document(ANSWER))

    schema.assertValid(document)
    (prompt,) = document.iter(f"{{{vxml.NAMESPACE}}}prompt")
    assert prompt.get("bargein") == "true"
    assert "".join(prompt.itertext()) == ANSWER.text


def test_a_neutral_dialog_is_valid_and_says_nothing(schema):
    document = etree.fromstring(vxml.document(NEUTRAL))

    schema.assertValid(document)
    assert not list(document.iter(f"{{{vxml.NAMESPACE}}}prompt"))


def test_a_dialog_returns_status_none_on_any_error(schema):
    document = etree.fromstring(vxml.document(ANSWER))

    (failed,) = document.iter(f"{{{vxml.NAMESPACE}}}catch")
    assert failed.get("event") == "error"
    assert failed[0].get("expr") == "'none'"
    assert failed[1].get("namelist") == vxml.RETURNED


def test_breaks_of_the_speech_survive_when_they_are_allowed(schema):
    ssml = "<speak><p><s>uno</s><break time='300ms'/><s>dos</s></p><break strength='weak'/></speak>"

    document = etree.fromstring(vxml.document(as_said("uno dos", ssml)))

    schema.assertValid(document)
    breaks = [dict(each.attrib) for each in document.iter(f"{{{vxml.NAMESPACE}}}break")]
    assert breaks == [{"time": "300ms"}, {"strength": "weak"}]


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_in_text_or_speech_still_gives_valid_documents(schema, text):
    for broken in (as_said(text, text), as_said(text), replace(as_said(text), locale=text)):
        schema.assertValid(etree.fromstring(vxml.document(broken)))
        etree.fromstring(vxml.data(broken))
        etree.fromstring(twiml.document(broken, default_flow_url=FLOW).encode())


def test_every_naughty_string_comes_out_escaped(schema):
    for text in naughty_strings():
        odd = as_said(text, ssml="<speak")
        dialog = etree.fromstring(vxml.document(odd))
        said = etree.fromstring(twiml.document(odd, default_flow_url=FLOW).encode())
        data = etree.fromstring(vxml.data(odd))

        schema.assertValid(dialog)
        (heard,) = [*dialog.iter(f"{{{vxml.NAMESPACE}}}s")] or [None]
        assert (heard.text if heard is not None else "") == speakable(text)
        assert (said.findtext("Gather/Say") or "") == speakable(text)[: twiml.LONGEST]
        assert (data.text or "") == speakable(text)


def test_twiml_gathers_one_digit_around_the_sentence_then_goes_to_the_default_flow():
    said = etree.fromstring(twiml.document(ANSWER, default_flow_url=FLOW).encode())

    assert [each.tag for each in said] == ["Gather", "Redirect"]
    assert said[0].get("numDigits") == "1"
    assert said[0].get("timeout") == "3"
    assert said[0].get("action") == FLOW + twiml.OVERRIDES == said[1].text
    assert (said[0][0].text, said[0][0].get("language")) == (ANSWER.text, "es-MX")


def test_neutral_twiml_only_goes_on_and_keeps_a_fragment_of_ones_own():
    said = etree.fromstring(twiml.document(NEUTRAL, default_flow_url="/flow#rc=2").encode())

    assert [(each.tag, each.text) for each in said] == [("Redirect", "/flow#rc=2")]


def test_the_data_document_carries_status_and_expiry_as_attributes():
    root = etree.fromstring(vxml.data(ANSWER))

    assert root.tag == "outage"
    assert root.get("status") == "investigating"
    assert int(root.get("expires")) == int(ANSWER.expires_at.timestamp())


@pytest.mark.parametrize(
    ("locale", "tag"),
    [("es", "es-MX"), ("es_CL", "es-CL"), ("pt", "pt-BR"), ("fr", "fr"), ("<x>", "es-MX")],
)
def test_a_voice_always_gets_a_language_tag(locale, tag):
    assert speech_tag(locale) == tag


def test_speech_without_words_falls_back_to_the_text():
    assert phrases("<speak/>", "hola") == [("s", {"text": "hola"})]


TEMPLATES = Path(__file__).parents[2] / "templates"
WORKS: dict[str, Any] = {"kind": OccasionKind.PLANNED, "end_at": NIGHT + minutes(120)}
SAID: dict[str, dict[str, Any]] = {
    "outage_opened": {},
    "outage_etr": {"public_etr": NIGHT + minutes(40)},
    "outage_next_news": {"public_etr": NIGHT - minutes(1)},
    "outage_restored": {"state": OccasionState.RESTORED},
    "planned_notice": WORKS | {"state": OccasionState.SCHEDULED},
    "planned_started": WORKS,
    "planned_delayed": WORKS | {"public_etr": NIGHT + minutes(150)},
    "planned_restored": WORKS | {"state": OccasionState.RESTORED},
    "planned_cancelled": WORKS | {"state": OccasionState.CANCELLED},
    "advisory": {"kind": OccasionKind.ADVISORY, "text": "Viento fuerte"},
}


@pytest.mark.parametrize("locale", ["es", "pt", "en"])
@pytest.mark.parametrize("template", SAID)
def test_the_texts_of_the_product_speak_in_each_language(template, locale, schema):
    words = Words(sender="Luz", company="Luz del Sur", link="https://example.com/luz", phone="600",
                  priority_line="601", emergency="133")  # fmt: skip
    renderer = Renderer(read_texts(TEMPLATES), words)
    caller = make_caller(make_premise(), locale=locale)

    heard = answer(caller, [make_truth(**SAID[template])], renderer.speak, now=NIGHT, rules=RULES)

    assert heard.text
    assert not any(letter.isdigit() for letter in heard.text)
    schema.assertValid(etree.fromstring(vxml.document(heard)))


OFFERED = {"none": Offers(), "both": Offers(sms_link=True, report=True)}


@pytest.mark.parametrize("offers", OFFERED)
@pytest.mark.parametrize("locale", ["es", "pt-BR", "en"])
@pytest.mark.parametrize("template", SAID)
def test_every_document_holds_for_every_status_language_and_offer(
    template, locale, offers, schema, renderer
):
    caller = make_caller(make_premise(takes_sms=True), locale=locale)
    rules = replace(RULES, safety_key="0")

    heard = answer(
        caller,
        [make_truth(**SAID[template])],
        renderer.speak,
        now=NIGHT,
        rules=rules,
        offers=OFFERED[offers],
    )

    schema.assertValid(etree.fromstring(vxml.document(heard)))
    gather = etree.fromstring(gathered(heard))[0]
    spoken = [each.text for each in gather]
    assert spoken[:2] == [heard.safety, heard.text]
    assert len(spoken) == 2 + bool(heard.menu)
    assert not any(letter.isdigit() for letter in "".join(spoken))
    flat = connect_map.flat(heard)
    assert all(isinstance(value, str) for value in flat.values())
    assert flat["menu"] == heard.menu
    assert heard.seconds <= 20
    assert len(heard.text.split()) <= 40


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    words = Words(sender="Luz", company="Luz del Sur", link="https://example.com/luz", phone="600",
                  priority_line="601", emergency="133")  # fmt: skip
    return Renderer(read_texts(TEMPLATES), words)


def gathered(heard: IvrAnswer) -> bytes:
    pressed = "https://avisos.example.com/v1/ivr/pressed"
    return twiml.document(heard, default_flow_url=FLOW, pressed_url=pressed).encode()


def test_a_gather_that_comes_back_to_us_names_the_outage_and_nobody():
    gather = etree.fromstring(gathered(replace(ANSWER, outage_id="out_7a", menu="Uno.")))[0]

    assert gather.get("action") == (
        "https://avisos.example.com/v1/ivr/pressed?outage_id=out_7a&lang=es-MX" + twiml.OVERRIDES
    )


def test_a_dialog_with_a_menu_returns_the_key_that_was_pressed(schema):
    asked = replace(ANSWER, outage_id="out_7a", menu="Para un SMS, marque uno.")

    document = etree.fromstring(vxml.document(asked))

    schema.assertValid(document)
    [field] = document.iter(f"{{{vxml.NAMESPACE}}}field")
    assert field.get("type") == "digits?length=1"
    filled = field.find(f"{{{vxml.NAMESPACE}}}filled")
    assert [dict(each.attrib) for each in filled] == [
        {"name": "key", "expr": "pressed"},
        {"namelist": vxml.RETURNED},
    ]


def test_an_id_that_is_none_of_ours_is_no_script_in_a_dialog():
    document = vxml.document(replace(ANSWER, outage_id="x'+alert(1)+'"))

    assert "alert" not in document


def test_hostile_names_come_out_flat_whole_and_small_for_connect():
    for text in [*naughty_strings(), *GARBAGE, "\U0001f600" * 9_000, "a" * 90_000]:
        odd = replace(as_said(text), zone_name=text, safety=text, menu=text, outage_id=text)

        flat = connect_map.flat(odd)

        assert all(isinstance(value, str) for value in flat.values())
        assert len(json.dumps(flat, ensure_ascii=False).encode()) <= connect_map.MOST_BYTES
        if flat["text_ssml"]:
            etree.fromstring(flat["text_ssml"])


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({}, {}),
        ({"Details": []}, {}),
        ({"Details": {"ContactData": None, "Parameters": {"postal": 5}}}, {}),
        (
            {
                "Details": {
                    "ContactData": {
                        "CustomerEndpoint": {"Address": "+56911111111"},
                        "SystemEndpoint": {"Address": "+56600"},
                        "ContactId": "c",
                        "LanguageCode": "es-CL",
                    },
                    "Parameters": {"lang": "pt", "account": "C-1", "digit": ""},
                }
            },
            {
                "ani": "+56911111111",
                "dnis": "+56600",
                "call_id": "c",
                "lang": "pt",
                "account": "C-1",
            },
        ),
    ],
    ids=["empty", "a list", "odd parts", "a call"],
)
def test_the_event_of_connect_is_read_as_a_question(event, expected):
    assert connect_map.asked(event) == expected
