"""The gate before `/v1`: keys, their scopes, their limits; and who passes without one."""

from __future__ import annotations

import base64
import hmac
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.contactcenter.make_truths import NIGHT
from tests.entry.web import SETTINGS, AwayDatabase, browser, make_app

from outreach.entry.http.app import Front
from outreach.entry.http.gate import SCOPES
from outreach.model.api_key import Scope, digest_of, new_secret
from outreach.settings import Http
from outreach.store import api_keys, tables as t
from outreach.store.api_keys import NewKey

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ELSEWHERE = "203.0.113.9"
_numbers = iter(range(1, 1_000_000))


def make_key(database, *scopes: str, **changes: Any) -> str:
    secret = new_secret(lambda size: next(_numbers).to_bytes(size, "big"))
    values: dict[str, Any] = {
        "name": "ivr-north",
        "digest": digest_of(secret),
        "hint": secret[-4:],
        "scopes": frozenset(scopes or [each.value for each in Scope]),
        "per_minute": None,
        "created_by": "ana",
        "expires_at": None,
    }
    with database.write() as session:
        api_keys.add(session, NewKey(**values | changes), now=NIGHT)
    return secret


def elsewhere(app: Front) -> TestClient:
    return browser(app, at="https://avisos.example.cl", peer=ELSEWHERE)


def bearer(secret: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}", **more}


def required(app_settings=SETTINGS, **changes: Any):
    return app_settings.model_copy(update={"http": Http(keys="required", **changes)})


# ── the table of scopes ─────────────────────────────────────────────────────────────────────────

OPEN = ("/healthz", "/readyz", "/metrics", "/webhooks/", "/p/", "/s/", "/u/", "/cap", "/sso/")
"""No key: health, what signs its requests, what carries a token of its own, what shows itself here only."""


def described(app: Front) -> list[tuple[str, str]]:
    paths = browser(app).get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods
            if method in {"get", "post", "put", "patch", "delete"}]  # fmt: skip


def as_listed(path: str) -> str:
    """The table names a parameter by what it is; OpenAPI by what the function calls it."""
    return re.sub(r"\{\w+\}", "{}", path)


def test_every_route_of_the_openapi_has_a_row_in_the_table_of_scopes(database, world):
    app = make_app(database, world)

    routes = described(app)

    listed = {(method, as_listed(path)) for method, path in SCOPES}
    missing = [
        (method, path)
        for method, path in routes
        if (method, as_listed(path)) not in listed and not path.startswith(OPEN)
    ]
    assert missing == []
    assert ("POST", "/v1/contacts") in routes


def test_every_row_of_the_table_is_a_route(database, world):
    app = make_app(database, world)

    routes = {(method, as_listed(path)) for method, path in described(app)}

    ivr = {(method, path) for method, path in SCOPES if path.startswith("/v1/ivr/")}
    rows = {(method, as_listed(path)) for method, path in SCOPES.keys() - ivr}
    assert rows - routes == set()
    assert {path for _method, path in ivr} <= {path for _method, path in routes}


def test_the_openapi_names_the_scope_of_each_route(database, world):
    document = browser(make_app(database, world)).get("/openapi.json").json()

    assert document["paths"]["/v1/outages/{id}"]["get"]["x-scope"] == "outages:read"
    assert document["paths"]["/v1/ivr/answer"]["post"]["x-scope"] == "ivr"
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"


def test_no_route_answers_somebody_elsewhere_without_a_key(database, world):
    client = elsewhere(make_app(database, world))

    answers = {
        (method, path): client.request(method, path.replace("{", "").replace("}", ""))
        for method, path in SCOPES
    }

    assert {answer.status_code for answer in answers.values()} == {401}
    for answer in answers.values():
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_reaches_no_route_of_another_scope(database, world):
    client = elsewhere(make_app(database, world))
    secrets = {scope: make_key(database, *(set(Scope) - {scope})) for scope in Scope}

    for (method, path), scope in SCOPES.items():
        refused = client.request(method, path, headers=bearer(secrets[scope]))

        assert refused.status_code == 403, path
        assert f"scope {scope};" in refused.json()["detail"]
        assert f'scope="{scope}"' in refused.headers["www-authenticate"]


def test_a_key_reaches_nothing_that_has_no_row(database, world):
    client = elsewhere(make_app(database, world))
    secret = make_key(database)

    nowhere = client.get("/v1/nowhere", headers=bearer(secret))
    other_method = client.delete("/v1/outages", headers=bearer(secret))

    assert (nowhere.status_code, other_method.status_code) == (404, 405)
    assert other_method.headers["allow"] == "GET"


# ── who passes ──────────────────────────────────────────────────────────────────────────────────

ASK = {"ani": "+56987654321"}


def test_a_key_of_the_scope_is_answered_from_elsewhere(database, world):
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(database, world))

    answer = client.post("/v1/ivr/answer", json=ASK, headers=bearer(secret))

    assert (answer.status_code, answer.json()["match"]) == (200, "none")


def test_this_machine_needs_no_key_unless_the_settings_ask_for_one(database, world):
    here = browser(make_app(database, world)).post("/v1/ivr/answer", json=ASK)
    strict = make_app(database, world, settings=required())

    refused = browser(strict).post("/v1/ivr/answer", json=ASK)

    assert (here.status_code, refused.status_code) == (200, 401)


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"x-forwarded-for": "198.51.100.2"}, id="a proxy stands between"),
        pytest.param({"forwarded": "for=198.51.100.2"}, id="a proxy, as RFC 7239 says it"),
        pytest.param({"host": "evil.example"}, id="a borrowed host name"),
        pytest.param({"origin": "https://evil.example"}, id="a page in the browser"),
    ],
)
def test_what_is_not_this_machine_itself_needs_a_key(database, world, headers):
    client = browser(make_app(database, world))

    refused = client.post("/v1/ivr/answer", json=ASK, headers=headers)

    assert refused.status_code == 401


def test_a_key_that_is_sent_has_to_be_good_on_this_machine_too(database, world):
    client = browser(make_app(database, world))

    refused = client.post("/v1/ivr/answer", json=ASK, headers=bearer("or_nonsense"))

    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]


def test_any_changed_character_of_a_key_is_refused(database, world):
    secret = make_key(database, "ivr")
    app = make_app(database, world)
    client = elsewhere(app)

    for at, was in enumerate(secret):
        changed = f"{secret[:at]}{'B' if was == 'A' else 'A'}{secret[at + 1 :]}"
        refused = client.get("/v1/ivr/answer", headers=bearer(changed))
        world.passes(seconds=10)  # else it would be refused for guessing

        assert refused.status_code == 401


def test_a_key_of_another_scheme_is_none(database, world):
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(database, world))

    refused = client.post("/v1/ivr/answer", headers={"authorization": f"Basic {secret}"})

    assert refused.status_code == 401


def test_a_key_in_the_url_is_refused_even_if_it_is_good(database, world):
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(database, world))

    refused = client.get(f"/v1/ivr/answer?key={secret}", headers=bearer(secret))

    assert refused.status_code == 400
    assert "revoke it" in refused.json()["detail"]
    assert secret not in refused.text


def test_a_key_ends_when_it_expires(database, world):
    secret = make_key(database, "ivr", expires_at=world.now + timedelta(seconds=10))
    client = elsewhere(make_app(database, world))
    before = client.get("/v1/ivr/answer", headers=bearer(secret))
    world.now += timedelta(seconds=10)  # no look at the table between

    after = client.get("/v1/ivr/answer", headers=bearer(secret))

    assert (before.status_code, after.status_code) == (200, 401)


def test_a_revoked_key_is_refused_within_a_second(database, world):
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(database, world))
    before = client.get("/v1/ivr/answer", headers=bearer(secret))
    with database.write() as session:
        api_keys.revoke(session, "ivr-north", by="ana", now=world.now)
    world.passes(seconds=1)

    after = client.get("/v1/ivr/answer", headers=bearer(secret))

    assert (before.status_code, after.status_code) == (200, 401)


def test_a_new_key_is_known_at_once_though_the_table_was_just_read(database, world):
    old, client = make_key(database, "ivr"), elsewhere(make_app(database, world))
    client.get("/v1/ivr/answer", headers=bearer(old))
    new = make_key(database, "ivr", name="ivr-south")
    world.passes(seconds=0.5)

    answer = client.get("/v1/ivr/answer", headers=bearer(new))

    assert answer.status_code == 200


def test_with_the_database_away_keys_hold_as_they_were_known(database, world):
    away = AwayDatabase(database)
    secret = make_key(database, "ivr")
    client = elsewhere(make_app(away, world))
    client.get("/v1/ivr/answer", headers=bearer(secret))
    away.is_away = True
    world.passes(minutes=5)

    known = client.get("/v1/ivr/answer", headers=bearer(secret))
    unknown = client.get("/v1/ivr/answer", headers=bearer(new_secret(lambda size: b"\7" * size)))

    assert (known.status_code, unknown.status_code) == (200, 401)


def test_the_last_use_is_noted_once_a_minute(database, world):
    secret = make_key(database, "ivr")
    app = make_app(database, world)
    client = elsewhere(app)
    first = world.now
    for _turn in range(3):
        client.get("/v1/ivr/answer", headers=bearer(secret))
        world.passes(seconds=10)

    app.gate.close()

    with database.read() as session:
        assert session.scalar(select(t.api_key.c.last_used_at)) == first


# ── Twilio signs instead ────────────────────────────────────────────────────────────────────────

FORM = {"content-type": "application/x-www-form-urlencoded"}
URL = "https://avisos.example.cl/v1/ivr/twiml"
TOKEN = "t0ken"


def signature(url: str, pairs: list[tuple[str, str]], token: str) -> str:
    text = url + "".join(name + value for name, value in sorted(pairs))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), "sha1")).decode()


def is_signed(url: str, pairs: Any, signed: str) -> bool:
    return signed == signature(url, list(pairs), TOKEN)


def test_what_twilio_signed_needs_no_key(database, world):
    client = elsewhere(make_app(database, world, twilio_genuine=is_signed))
    signed = signature(URL, [("From", "+56987654321")], TOKEN)
    headers = {**FORM, "x-twilio-signature": signed}

    heard = client.post("/v1/ivr/twiml", content="From=%2B56987654321", headers=headers)
    changed = client.post("/v1/ivr/twiml", content="From=%2B56987654322", headers=headers)

    assert (heard.status_code, heard.headers["content-type"]) == (200, "application/xml; charset=utf-8")  # fmt: skip
    assert changed.status_code == 403


def test_a_signature_opens_nothing_where_none_can_be_checked(database, world):
    client = elsewhere(make_app(database, world))

    refused = client.post("/v1/ivr/twiml", headers={**FORM, "x-twilio-signature": "x"})

    assert refused.status_code == 401


def test_a_signature_is_no_key_for_other_routes(database, world):
    client = elsewhere(make_app(database, world, twilio_genuine=lambda *_: True))

    refused = client.post("/v1/mutes", json={"premise": "P1"}, headers={"x-twilio-signature": "x"})

    assert refused.status_code == 401
