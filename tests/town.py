"""A small town on one feeder, for tests of the engine and of everything above it."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests import carried_copy, make

from outreach.campaigns.engine import Engine
from outreach.model.words import CHANNEL_BITS, Channel
from outreach.settings import Lane, Settings
from outreach.store.session import Database, Session

FEEDER, NORTH, SOUTH = "ALM-F12", "ALM-F12-S1", "ALM-F12-S2"
"""The feeder spans tree orders 1 to 9: its sections 2 to 5 and 6 to 9."""
LANES = (
    Lane(name="sms", channel=Channel.SMS, sender="+56900000000", rate=100, two_way=True),
    Lane(name="email", channel=Channel.EMAIL, sender="avisos@example.com", rate=500),
)
SOCIAL = Lane(name="social", channel=Channel.SOCIAL, sender="@town", rate=1)
_SECTIONS = {NORTH: (2, "Providencia"), SOUTH: (6, "Ñuñoa")}


def build(
    session: Session, *, north: str = "ACCC", south: str = "BCC", channel: Channel = Channel.SMS
) -> None:
    """One household a letter, of that priority class, reachable on `channel`, under each section."""
    make.make_node(session, ref=FEEDER, kind="feeder", name=FEEDER, tree_order=1, tree_last=9)
    make.make_node(
        session, ref=NORTH, kind="section", name=NORTH, parent_ref=FEEDER, tree_order=2, tree_last=5
    )
    make.make_node(
        session, ref=SOUTH, kind="section", name=SOUTH, parent_ref=FEEDER, tree_order=6, tree_last=9
    )
    numbers = itertools.count(1)
    for section, classes in ((NORTH, north), (SOUTH, south)):
        order, locality = _SECTIONS[section]
        for priority in classes:
            resident(
                session,
                number=next(numbers),
                order=order,
                locality=locality,
                priority=priority,
                channel=channel,
            )


def resident(
    session: Session,
    *,
    number: int,
    order: int,
    locality: str,
    priority: str = "C",
    channel: Channel | None,
) -> int:
    """A household of one with one supply; `channel` None: cannot be written to."""
    household = make.make_household(session, ref=f"H-{number:04}")
    customer = make.make_customer(session, household=household, ref=f"K-{number:04}", locale="es")
    account = make.make_account(session, customer=customer, ref=f"C-{number:04}", priority=priority)
    premise = make.make_premise(
        session, account=account, ref=f"S-{number:04}", tree_order=order, locality=locality
    )
    if channel is not None:
        address = f"+5697{number:07}" if channel is Channel.SMS else f"vecino{number}@town.example"
        point = make.make_contact_point(session, channel=channel, address=address)
        make.make_customer_contact(session, customer=customer, contact_point=point)
        make.make_reach(
            session, customer=customer, contact_point=point, premise=premise, household_id=household,
            household=f"H-{number:04}", tree_order=order, locality=locality, priority=priority, channel=channel,
            channels=CHANNEL_BITS[channel], locale="es",
        )  # fmt: skip
    else:
        make.make_reach(
            session, customer=customer, contact_point=0, premise=premise, priority=priority
        )
    return customer


def workspace(folder: Path, *, lanes: tuple[Lane, ...] = LANES) -> Settings:
    """A workspace with the carried campaigns and templates, and lanes for SMS and e-mail."""
    carried_copy.lay_out(folder)
    return Settings(workspace=folder, lanes=lanes)


def engine(database: Database, settings: Settings) -> Engine:
    """An engine whose seeds are the same in every run."""
    return Engine(
        database=database,
        settings=settings,
        keyring=make.KEYRING,
        random_bytes=lambda count: b"\7" * count,
    )
