"""Sign-in by the company's provider: who is in a group sees the figures, and no check may fail."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import ECKey
from pydantic import SecretStr
from starlette.testclient import TestClient
from tests.entry.web import PUBLIC, SETTINGS, browser, make_app
from tests.fakes.oidc import CLIENT, SECRET, OpenIdProvider

from outreach.entry.http.sso import FLOW, SESSION
from outreach.settings import Http
from outreach.settings_access import Sso

HOME = "/outbox"


@pytest.fixture
def provider(world):
    provider = OpenIdProvider(world.now.timestamp())
    yield provider
    provider.close()


@pytest.fixture
def client(kept_sqlite, world, provider) -> TestClient:
    sso = Sso(
        issuer=provider.issuer,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        groups={"grid-ops": ("viewer",), "storm-room": ("viewer", "approver")},
    )
    settings = SETTINGS.model_copy(update={"http": Http(public_url=PUBLIC, sso=sso)})
    app = make_app(kept_sqlite, world, settings=settings)
    found = browser(app, at=PUBLIC, peer="203.0.113.9")
    found.follow_redirects = False
    return found


def signed_in(client: TestClient, provider: OpenIdProvider, **changes: str):
    """The answer to coming back from the provider."""
    away = client.get("/sso/login", params={"to": HOME})
    return client.get("/sso/back", params=provider.sign_in(away.headers["location"]) | changes)


def test_a_person_of_the_group_is_led_to_the_provider_and_back_to_the_page(client, provider):
    led = client.get(HOME)
    away = client.get(led.headers["location"])
    sent = {name: value for name, [value] in parse_qs(urlsplit(away.headers["location"]).query).items()}  # fmt: skip
    back = client.get("/sso/back", params=provider.sign_in(away.headers["location"]))

    page = client.get(back.headers["location"])

    assert (led.status_code, led.headers["location"]) == (303, f"/sso/login?to={HOME}")
    assert (sent["response_type"], sent["code_challenge_method"], sent["client_id"]) == (
        "code", "S256", CLIENT,
    )  # fmt: skip
    assert sent["redirect_uri"] == f"{PUBLIC}/sso/back"
    assert (back.status_code, back.headers["location"], page.status_code) == (303, HOME, 200)


def test_the_session_is_a_cookie_that_only_this_host_reads_and_no_script(client, provider):
    kept = signed_in(client, provider).headers["set-cookie"]

    for wanted in (f"{SESSION}=", "HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=28800"):
        assert wanted in kept
    assert "ana" not in kept


def test_a_session_ends_after_eight_hours_and_by_signing_out(client, provider, world):
    signed_in(client, provider)
    inside = client.get(HOME).status_code
    world.passes(hours=8)
    late = client.get(HOME).status_code
    world.passes(hours=-8)
    client.post("/sso/out")

    after = client.get(HOME).status_code

    assert (inside, late, after) == (200, 303, 303)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param({"iss": "https://other.example"}, id="another issuer"),
        pytest.param({"aud": "other"}, id="for another client"),
        pytest.param({"aud": [CLIENT, "other"], "azp": "other"}, id="authorized for another"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"nonce": "old"}, id="a replayed token"),
        pytest.param({"sub": ""}, id="nobody"),
    ],
)
def test_a_token_that_does_not_hold_lets_nobody_in(client, provider, lie):
    provider.claims = lie

    refused = signed_in(client, provider)

    assert refused.status_code == 502
    assert SESSION not in refused.headers.get("set-cookie", "")


def test_a_token_of_a_key_that_is_not_the_providers_lets_nobody_in(client, provider):
    provider.key = ECKey.generate_key("P-256", {"kid": "one"})

    assert signed_in(client, provider).status_code == 502


def test_the_providers_keys_are_held_and_asked_for_again_when_they_changed(client, provider, world):
    signed_in(client, provider)
    signed_in(client, provider)
    held = provider.asked.count("/realm/keys")
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    provider.published = [provider.key]
    world.passes(minutes=2)

    answer = signed_in(client, provider)

    assert (held, provider.asked.count("/realm/keys"), answer.status_code) == (1, 2, 303)


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        pytest.param(["storm-room"], 303, id="one of ours"),
        pytest.param("grid-ops", 303, id="a bare word"),
        pytest.param(["billing"], 403, id="another group"),
        pytest.param(None, 403, id="none"),
        pytest.param([{"name": "grid-ops"}], 403, id="no words"),
    ],
)
def test_the_group_decides(client, provider, groups, status):
    provider.claims = {"groups": groups}

    assert signed_in(client, provider).status_code == status


def test_a_sign_in_that_was_not_begun_here_is_refused(client, provider):
    foreign = signed_in(client, provider, state="made-up")
    client.cookies.clear()
    without = client.get("/sso/back", params={"code": "c0de", "state": "x"})

    assert (foreign.status_code, without.status_code) == (400, 400)


def test_a_cookie_of_the_way_in_is_no_session(client, provider):
    client.get("/sso/login")
    client.cookies.set(SESSION, client.cookies[FLOW])

    assert client.get(HOME).status_code == 303


@pytest.mark.parametrize("cookie", ["", "AAAA", "A" * 200, "%%%"])
def test_a_made_up_session_is_none(client, cookie):
    client.cookies.set(SESSION, cookie)

    assert client.get(HOME).status_code == 303


def test_nobody_is_led_to_a_foreign_page(client, provider):
    away = client.get("/sso/login", params={"to": "https://evil.example/"})

    back = client.get("/sso/back", params=provider.sign_in(away.headers["location"]))

    assert back.headers["location"] == "/"


def test_without_a_provider_nobody_signs_in_and_the_pages_stay_here(kept_sqlite, world):
    client = browser(make_app(kept_sqlite, world), at=PUBLIC, peer="203.0.113.9")

    assert (client.get("/sso/login").status_code, client.get(HOME).status_code) == (404, 403)


@pytest.mark.parametrize("issuer", ["http://login.example", "login.example", "ftp://x"])
def test_a_provider_without_https_is_refused_in_the_settings(issuer):
    with pytest.raises(ValueError, match="https"):
        Sso(issuer=issuer)
