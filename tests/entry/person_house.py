"""One person with pages: a home on a feeder, three addresses, an outage, and what they were told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient
from tests import make
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry.web import PUBLIC, World, browser, make_app

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.campaigns.trouble import Kind, Said, Told
from outreach.entry.http.app import Front
from outreach.model.contactcenter import LiveTruth
from outreach.model.message import Content, Recipient
from outreach.model.words import Channel
from outreach.settings import Company, Http, Settings
from outreach.store.session import Database

PHONE, MAIL, NAME, STREET = "+56987654321", "ana.perez@correo.cl", "Ana Pérez", "Los Leones 1234"
SETTINGS = Settings(
    http=Http(public_url=PUBLIC),
    company=Company(name="Luz del Valle", sender="LUZ", phone="600 600 5000", link=f"{PUBLIC}/luz"),
)
ETR = NIGHT + minutes(165)


@dataclass
class House:
    """Whose ids the tests ask for."""

    database: Database
    customer: int
    account: str
    points: dict[Channel, int]
    mail: int
    """An e-mail that was sent to them."""
    world: World = field(default_factory=World)
    reported: list[Said] = field(default_factory=list)
    told: Told = field(default_factory=lambda: Told(kind=Kind.RETRACTED))

    def trouble(self, one: Said, _now: Any) -> Told:
        self.reported.append(one)
        return self.told

    def app(self, **changes: Any) -> Front:
        values = {"settings": SETTINGS, "trouble": self.trouble, "said": said}
        return make_app(self.database, self.world, **(values | changes))

    def client(self, **changes: Any) -> TestClient:
        return browser(self.app(**changes), at=PUBLIC)

    def path(self, page: Page) -> str:
        number = self.mail if page is Page.UNSUBSCRIBE else self.customer
        return f"/{page}/{page_links.token(make.KEYRING, page, number, now=self.world.now)}"


def said(one: Recipient) -> Content:
    text = f"LUZ: corte de luz en {one.locality}. Vuelta estimada: dom 05:30. Puede cambiar."
    return Content(text=text, subject="Corte de luz en Providencia")


def truth() -> LiveTruth:
    """Dark, with an estimate, at the person's own supply."""
    return make_truth(
        public_etr=ETR, etr_at=ETR, cause="Árbol sobre la línea", areas=("Ñuñoa", "Providencia")
    )


def build(database: Database) -> House:
    with database.write() as session:
        customer = make.make_customer(session, name_sealed=make.KEYRING.seal(NAME))
        account = make.make_account(session, customer=customer, ref="C-100")
        make.make_premise(
            session, account=account, tree_order=150, locality="Providencia",
            street_sealed=make.KEYRING.seal(STREET),
        )  # fmt: skip
        points = {}
        for channel, address in (
            (Channel.SMS, PHONE),
            (Channel.VOICE, PHONE),
            (Channel.EMAIL, MAIL),
        ):
            points[channel] = make.make_contact_point(session, address=address, channel=channel)
            make.make_customer_contact(session, customer=customer, contact_point=points[channel])
        wave = make.make_step_run(session)
        told = {
            "customer_id": customer,
            "household_id": 1,
            "state": "delivered",
            "locality": "Providencia",
        }
        make.make_message(
            session, step_run=wave, contact_point_id=points[Channel.SMS],
            accepted_at=NIGHT - minutes(20), **told,
        )  # fmt: skip
        mail = make.make_message(
            session, step_run=wave, contact_point_id=points[Channel.EMAIL], channel="email",
            accepted_at=NIGHT - minutes(18), **told,
        )  # fmt: skip
    house = House(database=database, customer=customer, account="C-100", points=points, mail=mail)
    house.world.live = [truth()]
    return house
