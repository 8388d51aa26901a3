"""The pages of one person in a real browser: by hand, by keyboard, without JavaScript, and for everybody (WCAG 2.2 AA)."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry import pages_browser, person_house
from tests.entry.person_house import House

from outreach.campaigns.page_links import Page
from outreach.entry.http.person_frame import LANGUAGES
from outreach.model.contactcenter import Part
from outreach.model.words import OccasionKind, OccasionState
from outreach.store import preferences, tables as t
from outreach.store.session import Database

pytestmark = [
    pytest.mark.skipif(
        pages_browser.executable() is None,
        reason=f"no browser on this machine: none of {', '.join(pages_browser.NAMES)}",
    ),
    # The browser's own event loop, and the pipes to it, end with the session.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
PHONE_SIZE = {"width": 320, "height": 640}


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(
            executable_path=pages_browser.executable(), args=["--no-sandbox"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def house(sqlite_template, tmp_path_factory):
    path = tmp_path_factory.mktemp("browser") / "own.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}", durable=False)
    made = person_house.build(database)
    made.world.live = [
        person_house.truth(),
        make_truth(
            2, kind=OccasionKind.PLANNED, state=OccasionState.SCHEDULED, areas=("Maipú",),
            start_at=NIGHT + minutes(1800), end_at=NIGHT + minutes(2040),
            scope=Part(spans=((900, 999),)),
        ),
        make_truth(3, areas=("Macul",), scope=Part(), state=OccasionState.RESTORED, restored_at=NIGHT),
    ]  # fmt: skip
    yield made
    made.world.close()
    database.close()


@pytest.fixture(scope="module")
def site(house):
    with pages_browser.served(house.app()) as address:
        yield address


@pytest.fixture
def page(browser, site, request):
    """A fresh window of a small phone, which opens paths of the site."""
    window = browser.new_context(
        base_url=site, viewport=PHONE_SIZE, **getattr(request, "param", {})
    )
    yield window.new_page()
    window.close()


def looked_at(page: Any, house: House, language: str) -> dict[str, list[str]]:
    """Path -> what is wrong there; also wider than the phone is wrong."""
    paths = [*(house.path(each) for each in Page), "/s/"]
    found = {}
    for path in paths if language != "es" else [*paths, "/p/", "/s/none"]:
        page.goto(f"{path}?lang={language}")
        found[path] = pages_browser.violations(page)
        if page.evaluate("document.documentElement.scrollWidth") > PHONE_SIZE["width"]:
            found[path].append("wider than the phone")
    return {path: each for path, each in found.items() if each}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_for_everybody(page, house, language):
    assert looked_at(page, house, language) == {}


@pytest.mark.parametrize("page", [{"color_scheme": "dark"}], indirect=True)
def test_every_page_can_be_read_in_the_dark(page, house):
    assert looked_at(page, house, "es") == {}


def test_the_check_would_find_something_to_find(page):
    page.goto("/s/none")
    page.evaluate(
        """document.body.innerHTML = '<main><input><img src=x><p>Luz</p></main>';
        document.querySelector('p').style.color = '#eeeeee';
        document.documentElement.removeAttribute('lang')"""
    )

    found = " ".join(pages_browser.violations(page))

    rules = ("html-has-lang", "image-alt", "label", "color-contrast")
    assert [rule for rule in rules if f"{rule}: " not in found] == []


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_preferences_are_changed_without_javascript(page, house):
    before = changes_of_consent(house)
    page.goto(house.path(Page.PREFERENCES))
    page.get_by_label("Ofertas y novedades").first.uncheck()
    page.get_by_role("radio", name="English").check()
    page.get_by_label("Desde").select_option("22")
    page.get_by_role("button", name="Guardar").click()

    assert page.get_by_role("alert").count() == 1
    page.get_by_label("Hasta").select_option("7")
    page.get_by_role("button", name="Guardar").click()

    assert page.get_by_role("heading", level=1).inner_text() == "Saved"
    with house.database.read() as session:
        person = preferences.person(session, house.customer)
    assert person is not None
    assert (person.wish.locale, person.wish.quiet) == ("en", (22 * 60, 7 * 60))
    assert changes_of_consent(house)[len(before) :] == [("sms", "commercial", "page")]


def changes_of_consent(house: House) -> list[tuple[str, str, str]]:
    """Channel, purpose and by what way, the newest last."""
    words = t.consent_change.select().order_by(t.consent_change.c.id)
    with house.database.read() as session:
        return [(each.channel, each.purpose, each.via) for each in session.execute(words)]


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.innerText || document.activeElement.id"))


def test_the_keyboard_alone_reaches_and_does_everything(page, house):
    page.goto(f"{house.path(Page.UNSUBSCRIBE)}?lang=es")
    page.keyboard.press("Tab")
    skip = focused(page)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    button = focused(page)

    ring = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()

    assert skip == "Ir al contenido"
    assert button.startswith("No enviarme más")
    assert ring == "3px"
    with house.database.read() as session:
        stops = session.execute(t.suppression.select()).all()
    assert "email" in {each.channel for each in stops}


def test_a_wrong_field_is_reached_from_the_summary(page, house):
    page.goto(f"{house.path(Page.PREFERENCES)}?lang=es")
    page.get_by_label("Desde").select_option("")
    page.get_by_label("Hasta").select_option("6")
    page.get_by_role("button", name="Guardar").click()

    wrong = pages_browser.violations(page)
    page.get_by_role("alert").get_by_role("link").click()

    assert wrong == []
    field = page.get_by_label("Desde")
    assert field.get_attribute("aria-invalid") == "true"
    assert "Elija también" in page.locator("#quiet_from-error").inner_text()
    assert page.title().startswith("Error: ")


def test_who_is_still_without_says_so_and_finds_the_way_back(page, house):
    lives = house.world.live
    house.world.live = []
    board = house.world.apps[-1].board
    board._look = None
    board.refresh()

    page.goto(f"{house.path(Page.STATUS)}?lang=es")
    page.get_by_role("button", name="No tengo luz").click()
    said = page.locator("main .card").inner_text()
    page.get_by_role("link", name="Volver al estado").click()
    house.world.live = lives
    board._look = None
    board.refresh()

    assert "sigue sin servicio" in said
    assert page.get_by_role("heading", level=1).inner_text() == "Estado de su servicio"
    assert house.reported[-1].account == "C-100"


def test_a_locality_is_searched_without_accents(page, house):
    page.goto("/s/?lang=es")
    page.get_by_label("Comuna o localidad").fill("maipu")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Corte programado en Maipú").wait_for()

    assert page.locator("section.card").count() == 1
