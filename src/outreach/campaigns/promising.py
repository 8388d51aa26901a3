"""Keeps the ledger of promises: every estimate that is told, and whether it was kept."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile

from outreach.campaigns.people import Act, refuse_unless, same_person
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import Event, OccasionState
from outreach.outages.etr import MOST_MISSED, settle_promise, slips
from outreach.settings import Roles
from outreach.store import occasions, promises
from outreach.store.promises import Promise
from outreach.store.session import Session

_TELLS = {
    Event.OPENED,
    Event.ETR_SET,
    Event.ETR_LATER,
    Event.ETR_EARLIER,
    Event.PARTIAL,
    Event.STILL_OUT,
}
_WITHDRAWS = {Event.ETR_WITHDRAWN, Event.ETR_EXPIRING}


def follow(
    session: Session, occasion: Occasion, happened: tuple[Event, ...], *, now: datetime
) -> None:
    """Settles what this revision keeps or breaks, then makes the promise that it tells."""
    revision = occasion.revision
    if Event.STILL_OUT in happened:
        _not_kept_after_all(session, occasion.id)
    tells = revision.public_etr if _TELLS.intersection(happened) else None
    restored_at = revision.restored_at if revision.state is OccasionState.RESTORED else None
    for promise in _made(session, occasion.id):
        is_new = (promise.occasion_id, promise.version) == (occasion.id, revision.version)
        if promise.settled_at is not None or is_new:
            continue
        settled = settle_promise(
            promise.etr_at,
            restored_at=restored_at,
            replaced_by=tells,
            withdrawn=bool(_WITHDRAWS.intersection(happened)),
        )
        if settled is not None:
            promises.settle(
                session, promise, kept=settled.kept, missed_by=settled.missed_by, now=now
            )
    still_open = {
        promise.etr_at
        for promise in promises.of(session, occasion.id)
        if promise.settled_at is None
    }
    if tells is not None and tells not in still_open:
        promises.make(session, occasion.id, revision.version, tells, now=now)


def _made(session: Session, occasion: OccasionId) -> list[Promise]:
    """What it promised, and what those promised that it absorbed: their people wait for its end now."""
    of = [occasion, *(each.id for each in occasions.absorbed(session, occasion))]
    return [promise for each in of for promise in promises.of(session, each)]


def _not_kept_after_all(session: Session, occasion: OccasionId) -> None:
    """A false restoration settled nothing: its promises are open again."""
    before = reversed(occasions.history(session, occasion)[:-1])
    ended = [one.recorded_at for one in takewhile(lambda one: one.restored_at, before)]
    if ended:
        promises.reopen(session, occasion, settled_since=min(ended))


def refuse_slip(
    session: Session, before: Occasion, revision: Revision, *, approved_by: str, roles: Roles
) -> None:
    """GuardRefused: a person's exact estimate, alone, after two that were missed (night.md, rule 4).

    A window says how little is known, and another system is not argued with.
    """
    public = revision.public_etr
    is_exact = public not in {None, before.revision.public_etr} and revision.etr_from is None
    if public is None or not is_exact or revision.source != "person":
        return
    made = [(each.etr_at, each.kept) for each in promises.of(session, before.id)]
    if slips(made, public, revision.recorded_at) < MOST_MISSED:
        return
    if not approved_by:
        raise GuardRefused(
            "second slip: two estimates would be missed with this one. Give a window"
            " (--window 08:00-10:00), or --etr unknown --next 07:15, or a second person (--approver)"
        )
    _refuse_approver(approved_by, revision.author, roles)


def _refuse_approver(approver: str, author: str, roles: Roles) -> None:
    if same_person(approver, author):
        raise GuardRefused(f"{approver!r} says so already; --approver is a second person")
    refuse_unless(approver, Act.APPROVE, roles)
