"""A late tail hears last and a holdout never, drawn by the seed; class A and who lives with it are in neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make
from tests.store import random_town
from tests.store.random_town import seeded

from outreach.model import order
from outreach.model.words import Channel, LeftOut
from outreach.store import freeze, generations, reach, runs, tables as t
from outreach.store.freezing import Tail
from outreach.store.scopes import Part, Remaining
from outreach.store.session import Database

EVERYWHERE = Remaining(
    occasion=1, version=1, out=Part(localities=random_town.LOCALITIES), back=Part()
)
LATE = make.NOW + timedelta(hours=2)
SHARE = 0.5


@pytest.fixture
def town(database: Database) -> Database:
    with database.write() as session:
        random_town.build(session, seeded(11), customers=120)
    reach.renew(database, now=make.NOW)
    generations.switch(database, now=make.NOW)
    return database


def frozen(database: Database, **changes) -> int:
    """A wave of everybody, frozen with these changes of its plan."""
    with database.write() as session:
        seen = generations.current(session)
        wave = make.make_step_run(
            session, state="freezing", slice_from=-2, generation=seen, frozen_at=None
        )
        plan = freeze.Freezing(
            wave=runs.wave(session, wave), seed=make.SEED, scope=EVERYWHERE,
            channels=(Channel.SMS, Channel.EMAIL), siblings=(), earlier=(), releases=(),
            not_after=None, pools=("sms:CL",),
        )  # fmt: skip
        plan = replace(plan, **changes)
        while not freeze.freeze_slice(session, freeze.at_slice(plan, runs.wave(session, wave))):
            pass
    return wave


def people(database: Database, wave: int) -> dict[str, set[str]]:
    """`late`, `told`, `held` -> households' references."""
    m, out = t.message.c, t.left_out.c
    with database.read() as session:
        rows = session.execute(
            select(t.household.c.ref, m.not_before)
            .join(t.household, t.household.c.id == m.household_id)
            .where(m.step_run_id == wave)
        ).all()
        held = session.scalars(
            select(t.household.c.ref)
            .join(t.customer, t.customer.c.household_id == t.household.c.id)
            .join(t.left_out, out.customer_id == t.customer.c.id)
            .where(out.step_run_id == wave, out.reason == LeftOut.HOLDOUT)
        )
        return {
            "late": {row.ref for row in rows if row.not_before == LATE},
            "told": {row.ref for row in rows if row.not_before != LATE},
            "held": set(held),
        }


def with_class_a(database: Database) -> set[str]:
    """Households with a member of class A, or sharing an address with one."""
    r, m = t.reach.c, t.message.c
    with database.read() as session:
        members = session.scalars(select(r.household).where(r.priority == "A"))
        sharing = session.scalars(
            select(t.household.c.ref)
            .join(t.message, m.household_id == t.household.c.id)
            .where(m.priority == "A")
        )
        return {*members, *sharing}


def test_the_seed_draws_who_is_kept_back_and_never_a_household_with_class_a(town: Database):
    """One town for all, for it is dear to build: nobody, a tail, a holdout, and both."""
    everybody = people(town, frozen(town))["told"]
    protected = with_class_a(town)
    drawn = {
        word: {ref for ref in everybody if order.is_drawn(make.SEED, word, ref, share=SHARE)}
        for word in ("tail", "holdout")
    }

    tail = people(town, frozen(town, tail=Tail(share=SHARE, at=LATE)))
    holdout = people(town, frozen(town, holdout=SHARE))
    both = people(town, frozen(town, holdout=SHARE, tail=Tail(share=SHARE, at=LATE)))

    assert protected & drawn["tail"]
    assert protected & drawn["holdout"]
    late, held = drawn["tail"] - protected, drawn["holdout"] - protected
    assert tail == {"late": late, "told": everybody - late, "held": set()}
    assert holdout == {"late": set(), "told": everybody - held, "held": held}
    assert both == {"late": late - held, "told": everybody - late - held, "held": held}


@pytest.mark.parametrize("share", [0.05, 0.2, 1 / 3, 0.5])
def test_the_short_rank_draws_whom_the_whole_digest_draws(share: float):
    refs = [f"H-{number}" for number in range(300)]

    drawn = {ref for ref in refs if order.is_drawn(make.SEED, "tail", ref, share=share)}

    whole = {
        ref
        for ref in refs
        if int.from_bytes(order.digest(make.SEED, "tail" + ref)) / 2**256 < share
    }
    assert drawn == whole
