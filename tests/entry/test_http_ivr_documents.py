"""What the platforms are served: VoiceXML, TwiML and flat maps, with what may be offered and what was heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import select
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry.web import FLOW, PUBLIC, AwayDatabase, browser, make_app
from tests.make import (  # fmt: skip
    make_message,
    make_occasion,
    make_run,
    make_step_run,
)
from twilio.request_validator import RequestValidator

from outreach.campaigns.pressed import Taking
from outreach.channels.twilio_sms import is_genuine
from outreach.entry.http.app import Front
from outreach.model.contactcenter import Directive, DirectiveKind
from outreach.model.notice import Spoken
from outreach.settings import Settings
from outreach.store import tables as t

CANARY = "+56987654321"
VXML = Path(__file__).parents[2].parent / "shared" / "corpora" / "voicexml" / "vxml.xsd"


@pytest.fixture
def world(called):
    """Whoever asks here has an outage."""
    return called


def asked(app: Front, **question: str) -> Any:
    return browser(app).post("/v1/ivr/answer", json=question)


@pytest.mark.parametrize("path", ["/v1/ivr/vxml", "/v1/ivr/vxml/data"])
def test_voicexml_is_served_by_form_and_by_place(database, world, path):
    client = browser(make_app(database, world))

    posted = client.post(path, data={"ani": CANARY})
    got = client.get(path, params={"locality": "Ñuñoa"})
    garbage = client.post(path, content=b"\xff=1")

    for heard in (posted, got, garbage):
        assert heard.status_code == 200
        etree.fromstring(heard.content)
    assert "outage_etr es-CL" in posted.text


def test_the_dialogs_that_are_served_are_valid_voicexml(database, world):
    if not VXML.exists():
        pytest.skip("the VoiceXML schema of ../shared is absent")
    schema = etree.XMLSchema(etree.parse(VXML))
    client = browser(make_app(database, world))

    for body in ({"ani": CANARY}, {"ani": "x"}, {"locality": "<&'\">"}, {}):
        schema.assertValid(etree.fromstring(client.post("/v1/ivr/vxml", data=body).content))


def test_twilio_gets_a_gather_and_the_default_flow(database, world):
    heard = browser(make_app(database, world)).post(
        "/v1/ivr/twiml", data={"From": CANARY, "To": "+56600", "CallSid": "CA1"}
    )

    document = etree.fromstring(heard.content)
    assert "outage_etr es-CL" in document.findtext("Gather/Say")
    assert document.findtext("Redirect").startswith(FLOW)


def test_without_a_default_flow_twilio_is_sent_to_its_fallback(database, world):
    app = make_app(database, world, settings=Settings(workspace=Path("nowhere")))

    assert browser(app).post("/v1/ivr/twiml", data={"From": CANARY}).status_code == 404


def test_twiml_is_signed_for_the_public_address(database, world):
    form = {"From": CANARY, "To": "+56600"}
    signed = RequestValidator("secret").compute_signature(f"{PUBLIC}/v1/ivr/twiml?a=1", form)
    client = browser(
        make_app(
            database, world, twilio_genuine=lambda url, pairs, sig: is_genuine(url, pairs, sig, "secret")
        )
    )  # fmt: skip

    def status(path: str = "/v1/ivr/twiml?a=1", signature: str = signed, data: Any = form) -> int:
        return int(
            client.post(path, data=data, headers={"X-Twilio-Signature": signature}).status_code
        )

    assert status() == 200
    assert status(path="/v1/ivr/twiml?a=2") == 403
    assert status(signature="forged") == 403
    assert status(data=form | {"From": "+1"}) == 403
    assert client.post("/v1/ivr/twiml", content=b"\xff").status_code == 403


def test_connect_gets_flat_strings_by_the_event_of_its_flow(database, world):
    event = {
        "Details": {
            "ContactData": {"CustomerEndpoint": {"Address": CANARY}, "ContactId": "c1"},
            "Parameters": {"lang": "en"},
        }
    }
    client = browser(make_app(database, world))

    body = client.post("/v1/ivr/connect", json=event).json()
    by_place = client.get("/v1/ivr/connect", params={"locality": "Ñuñoa"}).json()
    garbage = client.post("/v1/ivr/connect", content=b"[1").json()

    assert (body["status"], body["match"]) == ("etr", "ani")
    assert " en " in body["text"]
    for found in (body, by_place, garbage):
        assert all(isinstance(value, str) for value in found.values())
    assert (by_place["status"], by_place["match"]) == ("etr", "zone")


@pytest.mark.parametrize(
    ("dialled", "parameters", "match"),
    [
        ("+56600", {"zone": "Ñuñoa"}, "zone"),
        ("+56600", {"zone": "ñuñoa"}, "zone"),
        ("+56600", {"zone": "13120"}, "zone"),
        ("+56600", {"postal": "7750000"}, "postal"),
        ("+56225550000", {}, "zone"),
        ("+56600", {"zone": "13101"}, "none"),
    ],
    ids=["name", "spelling", "key", "postal code", "number dialled", "of nowhere"],
)
def test_a_zone_is_known_by_the_keys_that_a_flow_has_for_it(
    database, world, dialled, parameters, match
):
    keys = {"Ñuñoa": ("13120", "7750000", "+56225550000")}
    settings = Settings.model_validate(
        {"workspace": "nowhere", "contactcenter": {"zone_keys": keys}}
    )
    contact = {
        "CustomerEndpoint": {"Address": "+56911111111"},
        "SystemEndpoint": {"Address": dialled},
    }
    event = {"Details": {"ContactData": contact, "Parameters": parameters}}

    client = browser(make_app(database, world, settings=settings))
    found = client.post("/v1/ivr/connect", json=event).json()

    assert found["match"] == match
    assert (found["zone_name"].casefold() == "ñuñoa") == (match != "none")


def in_force(kind: DirectiveKind, **params: object) -> Directive:
    return Directive(
        id="d", kind=kind, scope={}, priority=1, params=params, state_since=NIGHT, issued_at=NIGHT,
        expires_at=NIGHT + minutes(600), reason={}, evidence={}, approved_by="auto",
    )  # fmt: skip


def test_what_directives_let_be_offered_is_offered_until_the_database_is_away(database, world):
    away = AwayDatabase(database)
    app = make_app(
        away,
        world,
        held=lambda _now: [
            in_force(DirectiveKind.DIGITAL_SHIFT),
            in_force(DirectiveKind.WAIT_ANNOUNCEMENT, band="5_10"),
        ],
        pressed=lambda _key, _now: Taking.OTHER,
    )

    near = asked(app, ani=CANARY).json()
    away.is_away = True
    world.passes(seconds=3)
    app.board.refresh()
    far = asked(app, locality="Ñuñoa").json()

    assert (near["offer_sms_link"], near["wait_band"]) == (True, "5_10")
    assert near["menu"] == "Para recibir un SMS con el enlace, marque uno."
    assert (far["status"], far["wait_band"], far["menu"]) == ("etr", "", "")


def test_nobody_is_offered_a_key_that_nobody_takes(database, world):
    app = make_app(database, world, held=lambda _now: [in_force(DirectiveKind.DIGITAL_SHIFT)])

    assert asked(app, ani=CANARY).json()["menu"] == ""


def test_who_calls_again_hears_only_that_nothing_changed(database, world):
    app = make_app(database, world, speak=remembering)
    world.live = [make_truth(public_etr=NIGHT + minutes(90))]
    app.board._look = None
    app.board.refresh()

    first = asked(app, ani=CANARY, call_id="1").json()["text"]
    same_call = asked(app, ani=CANARY, call_id="1").json()["text"]
    world.passes(seconds=20 * 60)
    app.board.refresh()
    again = asked(app, ani=CANARY, call_id="2").json()["text"]
    stranger = asked(app, locality="Ñuñoa").json()["text"]

    assert first == same_call == stranger == "new"
    assert again == "since 06:40"


def test_who_was_texted_hears_when(database, world):
    with database.write() as session:
        point = session.execute(select(t.contact_point.c.id)).scalar_one()
        occasion = make_occasion(session)
        wave = make_step_run(session, run=make_run(session, occasion=occasion))
        make_message(
            session, step_run=wave, contact_point_id=point, state="delivered", accepted_at=NIGHT
        )
    world.live = [make_truth(occasion, public_etr=NIGHT + minutes(90))]
    app = make_app(database, world, speak=remembering)

    assert asked(app, ani=CANARY).json()["text"] == "told 06:40"
    assert asked(app, account="C-1").json()["text"] == "new"


def remembering(template, locale, facts):
    told = f"told {facts.told_at:%H:%M}" if facts.told_at else ""
    since = f"since {facts.unchanged_since:%H:%M}" if facts.unchanged_since else ""
    return Spoken(text=since or told or "new", ssml="", seconds=1.0)
