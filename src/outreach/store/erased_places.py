"""Takes a person out of reach, so that no audience finds them, and has their places counted anew."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from outreach.store import bulk, tables as t, touched
from outreach.store.session import Session


def leave(session: Session, customer: int) -> None:
    """Deletes the rows of reach of this customer; to be called while their supplies are still linked."""
    places = _places(session, customer)
    touched.premises_of_customers(session, [customer])
    touched.note(session, touched.UNCOUNTED, places)
    noted = t.touched_customer
    if not session.execute(select(noted).where(noted.c.customer_id == customer)).first():
        session.execute(insert(noted).values(customer_id=customer))
    r = t.reach.c
    there = bulk.among(session, r.tree_order, places)
    session.execute(delete(t.reach).where(there, r.customer_id == customer))


def rename_household(session: Session, *, was: str, called: str) -> None:
    """The name that reach keeps of a household follows it."""
    r, h, c = t.reach.c, t.household.c, t.customer.c
    members = session.scalars(
        select(c.id).join(t.household, h.id == c.household_id).where(h.ref == called)
    )
    places = {place for each in members for place in _places(session, each)}
    there = bulk.among(session, r.tree_order, sorted(places))
    session.execute(update(t.reach).where(there, r.household == was).values(household=called))


def _places(session: Session, customer: int) -> list[int]:
    a, s, p = t.account.c, t.supply.c, t.premise.c
    found = (
        select(p.tree_order)
        .join(t.supply, s.premise_id == p.id)
        .join(t.account, a.id == s.account_id)
        .where(a.customer_id == customer)
        .distinct()
    )
    return sorted(session.scalars(found))
