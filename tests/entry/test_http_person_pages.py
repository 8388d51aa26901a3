"""The pages of one person over HTTP: what they show and hide, what they change, and what they refuse."""

from __future__ import annotations

import re
import shutil
import tomllib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry import person_house
from tests.entry.person_house import MAIL, NAME, PHONE, STREET, House
from tests.entry.web import AwayDatabase

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.campaigns.trouble import Kind, Told
from outreach.entry.http.person_frame import HERE, LANGUAGES
from outreach.model.words import OccasionState
from outreach.store import preferences, tables as t
from outreach.store.preferences import Wish
from outreach.store.session import Database

MOST_BYTES = 30_000
LOOKED_AT = [Page.STATUS, Page.PREFERENCES, Page.UNSUBSCRIBE]


@pytest.fixture(scope="module")
def built(sqlite_template, tmp_path_factory):
    """Built once: each test takes a copy of the file."""
    path = tmp_path_factory.mktemp("person") / "built.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}", durable=False)
    house = person_house.build(database)
    database.close()
    return path, house


@pytest.fixture
def house(built, tmp_path):
    path, made = built
    shutil.copy(path, tmp_path / "own.db")
    database = Database(f"sqlite:///{tmp_path / 'own.db'}", durable=False)
    made.database, made.reported = database, []
    made.told = Told(kind=Kind.RETRACTED)
    made.world.now, made.world.live = NIGHT, [person_house.truth()]
    yield made
    made.world.close()
    database.close()


def rows(house: House, table: Any) -> Any:
    with house.database.read() as session:
        return session.execute(select(table)).all()


def restored(house: House) -> None:
    house.world.live = [
        make_truth(state=OccasionState.RESTORED, restored_at=NIGHT, areas=("Providencia",))
    ]


# ── what they show ──────────────────────────────────────────────────────────────────────────────


def test_the_status_page_says_what_is_true_now_and_what_was_said_before(house):
    page = house.client().get(house.path(Page.STATUS))

    assert page.status_code == 200
    for said in ("Corte de luz en Providencia", "dom 05:25", "dom 02:40", "dom 12 jul 02:20"):
        assert said in page.text
    assert 'lang="es"' in page.text


@pytest.mark.parametrize("page", [*LOOKED_AT, None])
def test_no_page_shows_who_or_where_or_how_to_reach_them(house, page):
    shown = house.client().get(house.path(page) if page else "/s/").text

    hidden = (PHONE, PHONE[1:], PHONE[3:], MAIL, "ana.perez", NAME, "Pérez", STREET, "C-100")
    assert [each for each in hidden if each in shown] == []


@pytest.mark.parametrize("page", [*LOOKED_AT, None])
def test_every_page_is_light_and_keeps_to_itself(house, page):
    answer = house.client().get(house.path(page) if page else "/s/")

    assert (
        len(answer.content) + sum(len(k) + len(v) for k, v in answer.headers.items()) < MOST_BYTES
    )
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert re.findall(r"<script|\son\w+=|https?://", answer.text) == []


def test_a_storm_of_localities_is_a_light_page_with_a_search(house):
    house.world.live = [
        make_truth(each, areas=(f"Localidad {each:03}",), public_etr=NIGHT + minutes(90))
        for each in range(1, 301)
    ]
    client = house.client()

    whole = client.get("/s/")
    found = client.get("/s/", params={"q": "LOCALIDAD 250"})

    assert len(whole.content) < MOST_BYTES
    assert "Localidad 040" in whole.text
    assert "y 260 más" in whole.text
    assert "en Localidad 250" in found.text


def test_an_outage_of_a_household_is_listed_nowhere(house):
    house.world.live = [make_truth(areas=("Caleta",), customers=2)]

    shown = house.client().get("/s/", params={"q": "caleta"})

    assert "No sabemos de ningún corte en caleta" in shown.text


def test_what_is_typed_is_shown_harmless(house):
    shown = house.client().get("/s/", params={"q": '"><script>alert(1)</script>'}).text

    assert "<script" not in shown


def test_a_truth_page_is_cached_briefly_and_a_form_never(house):
    client = house.client()
    first = client.get(house.path(Page.STATUS))

    again = client.get(house.path(Page.STATUS), headers={"if-none-match": first.headers["etag"]})
    house.world.live = []
    house.world.apps[-1].board._look = None
    house.world.apps[-1].board.refresh()
    changed = client.get(house.path(Page.STATUS), headers={"if-none-match": first.headers["etag"]})

    assert "max-age=30" in first.headers["cache-control"]
    assert "stale-while-revalidate" in first.headers["cache-control"]
    assert (again.status_code, again.content) == (304, b"")
    assert "No sabemos de ningún corte" in changed.text
    for page in (Page.PREFERENCES, Page.UNSUBSCRIBE):
        assert client.get(house.path(page)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_page_speaks_the_language_that_is_asked_for(house, language):
    client = house.client()

    for path in (*map(house.path, LOOKED_AT), "/s/", "/p/", "/s/none"):
        assert f'<html lang="{language}">' in client.get(f"{path}?lang={language}").text


def test_every_language_says_the_same_things():
    def keys(code: str) -> set[tuple[str, str, tuple[str, ...]]]:
        table = tomllib.loads((HERE / "words" / f"{code}.toml").read_text(encoding="utf-8"))
        return {
            (name, key, tuple(sorted(set(re.findall(r"{\w+}", text)))))
            for name, part in table.items()
            for key, text in (part.items() if isinstance(part, dict) else [("", part)])
        }

    assert keys("es") == keys("pt") == keys("en")


def test_the_page_says_so_while_the_database_is_away(house):
    away = AwayDatabase(house.database)
    house.database = away
    client = house.client()
    away.is_away = True

    status = client.get(house.path(Page.STATUS))
    everybody = client.get("/s/")
    prefs = client.get(house.path(Page.PREFERENCES))

    assert (status.status_code, prefs.status_code, everybody.status_code) == (503, 503, 200)
    assert "En este momento no podemos leer" in status.text
    assert "Corte de luz en Providencia" in everybody.text
    house.database = away._database


# ── links ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", LOOKED_AT)
def test_a_forged_link_is_not_found_and_an_old_one_is_gone(house, page):
    client, path = house.client(), house.path(page)
    other = "b" if path[-1] != "b" else "c"

    forged = client.get(path[:-1] + other)
    posted = client.post(path[:-1] + other, data={"List-Unsubscribe": "One-Click"})
    house.world.now += page_links.VALID_FOR[page] + timedelta(days=1)
    old = client.get(path)

    assert (forged.status_code, posted.status_code, old.status_code) == (404, 404, 410)
    assert "Este enlace no vale" in forged.text
    assert "Este enlace venció" in old.text
    assert rows(house, t.suppression) == []


@pytest.mark.parametrize("page", [Page.STATUS, Page.PREFERENCES])
def test_the_link_of_who_has_gone_is_gone(house, page):
    with house.database.write() as session:
        session.execute(t.customer.update().values(closed_at=NIGHT))

    assert house.client().get(house.path(page)).status_code == 410


# ── reports ─────────────────────────────────────────────────────────────────────────────────────


def the_form(text: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', text))


def test_still_without_is_reported_of_the_supply_and_the_outage(house):
    restored(house)
    client, path = house.client(), house.path(Page.STATUS)
    fields = the_form(client.get(path).text)

    answers = [client.post(path, data=fields) for _press in range(2)]

    assert [each.status_code for each in answers] == [200, 200]
    assert "sigue sin servicio" in answers[0].text
    [one, again] = house.reported
    assert (one.account, one.meaning, one.occasion_id) == ("C-100", "still_out", 1)
    assert one.source_ref == again.source_ref


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Kind.KNOWN_OUTAGE, "Ya lo teníamos"),
        (Kind.SUSPECTED, "Otros vecinos"),
        (Kind.KEPT, "una persona lo revisará"),
    ],
)
def test_what_became_of_a_report_is_said(house, kind, said):
    house.world.live, house.told = [], Told(kind=kind)
    client, path = house.client(), house.path(Page.STATUS)

    answer = client.post(path, data=the_form(client.get(path).text))

    assert said in answer.text
    assert house.reported[0].meaning == "out"


@pytest.mark.parametrize("fields", [{}, {"at": "sup_aaaaaaaa"}, {"at": "x" * 9_000}])
def test_a_report_of_no_supply_of_theirs_is_none(house, fields):
    answer = house.client().post(house.path(Page.STATUS), data=fields)

    assert answer.status_code == 200
    assert house.reported == []


# ── preferences ─────────────────────────────────────────────────────────────────────────────────


def way(house: House, channel: Any) -> str:
    return make.KEYRING.public_id("way", house.points[channel])


def test_what_is_saved_is_kept_confirmed_and_shown_again(house):
    client, path = house.client(), house.path(Page.PREFERENCES)
    chosen = {way(house, "sms"): ["service"], way(house, "voice"): ["service", "commercial"],
              "locale": "pt", "quiet_from": "22", "quiet_until": "7"}  # fmt: skip

    saved = client.post(path, data=chosen)
    again = client.get(path)

    with house.database.read() as session:
        person = preferences.person(session, house.customer)
    assert saved.status_code == 200
    assert '<html lang="pt">' in saved.text
    assert person is not None
    assert person.wish == Wish(locale="pt", quiet=(22 * 60, 7 * 60))
    assert [{each.value for each in one.off} for one in person.ways] == [
        {"commercial"}, set(), {"service", "commercial"},
    ]  # fmt: skip
    assert '<option value="22" selected>' in again.text
    assert again.text.count(" checked") == 4


def test_what_is_as_it_was_writes_nothing(house):
    both = {way(house, each): ["service", "commercial"] for each in house.points}

    house.client().post(house.path(Page.PREFERENCES), data={**both, "locale": "es"})

    assert rows(house, t.preference) == []
    assert rows(house, t.suppression) == []
    assert rows(house, t.consent_change) == []


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"quiet_until": ""}, {"quiet_until"}),
        ({"quiet_from": ""}, {"quiet_from"}),
        ({"quiet_from": "25"}, {"quiet_from"}),
        ({"quiet_from": "٣"}, {"quiet_from"}),
        ({"quiet_until": "22"}, {"quiet_until"}),
        ({"locale": "fr"}, {"locale"}),
        ({"locale": "", "quiet_from": "x", "quiet_until": "y"}, {"locale", "quiet_from", "quiet_until"}),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_field_and_nothing_is_saved(house, changes, wrong):
    chosen = {"locale": "pt", "quiet_from": "22", "quiet_until": "7"} | changes

    answer = house.client().post(house.path(Page.PREFERENCES), data=chosen)

    assert answer.status_code == 422
    assert set(re.findall(r'id="(\w+)-error"', answer.text)) == wrong
    assert answer.text.count('aria-invalid="true"') == len(wrong)
    assert "<title>Error: " in answer.text
    assert rows(house, t.preference) == []
    assert rows(house, t.suppression) == []


# ── one click ───────────────────────────────────────────────────────────────────────────────────

BOUNDARY = "----x"
MULTIPART = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
    f"--{BOUNDARY}--\r\n"
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (MULTIPART, f"multipart/form-data; boundary={BOUNDARY}"),
    ],
)
def test_one_post_of_a_mail_client_stops_its_mail_at_once(house, body, kind):
    path = house.path(Page.UNSUBSCRIBE)

    answer = house.client().post(
        path, content=body, headers={"content-type": kind}, follow_redirects=False
    )

    assert answer.status_code == 200
    [stop] = rows(house, t.suppression)
    assert (stop.address_hash, stop.channel) == (make.KEYRING.hash(MAIL), "email")
    [word] = rows(house, t.consent_change)
    assert (word.gave, word.via) == (False, "one_click")
    assert [each.name for each in rows(house, t.change) if each.counter] >= ["stop"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "POST"])
def test_looking_at_the_link_changes_nothing(house, method):
    answer = house.client().request(method, house.path(Page.UNSUBSCRIBE))

    assert answer.status_code == {"GET": 200, "HEAD": 200, "POST": 400}.get(method, 405)
    assert rows(house, t.suppression) == []


def test_who_says_stop_late_is_heard(house):
    path = house.path(Page.UNSUBSCRIBE)
    house.world.now += timedelta(days=200)

    answer = house.client().post(path, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert len(rows(house, t.suppression)) == 1


def test_who_was_sent_the_mail_finds_their_preferences_there(house):
    shown = house.client().get(house.path(Page.UNSUBSCRIBE)).text

    [path] = re.findall(r'href="(/p/[a-z2-7]{24})', shown)
    assert house.client().get(path).status_code == 200
