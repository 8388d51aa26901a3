"""What the contact center should do now: the minute's evidence, the directives that follow, and their document."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from outreach.addresses import Keyring
from outreach.contactcenter import directives
from outreach.contactcenter.answer import Offers
from outreach.contactcenter.directive_evidence import Evidence, OutageEvidence, measured_waits
from outreach.contactcenter.directive_rules import Rules
from outreach.deflection.measure import measure
from outreach.model.contactcenter import Directive, DirectiveKind, LiveTruth
from outreach.model.deflection import Deflection
from outreach.model.words import OccasionKind, OccasionState, RunState
from outreach.settings import Settings
from outreach.store import audience, directives as stored, ivr, runs
from outreach.store.session import Database, Session

AFTER = timedelta(hours=2)
NEAR = timedelta(hours=12)
"""How long before a planned work the front message tells it."""
QUEUE = "outages"
PRIORITY_QUEUE = "priority"
FRONT_SECONDS = 20.0
Shown = Callable[[Any], str]


def minute(
    database: Database, settings: Settings, keyring: Keyring, *, shown: Shown, now: datetime
) -> list[Directive]:
    """Evaluates once, a minute: what is on afterwards. Consumers see it at their next look."""
    with database.read() as session:
        evidence = _evidence(session, settings, shown=shown, now=now)
        before = stored.load(session)
    after = directives.decide(evidence, before, now=now, key=_key(settings, keyring))
    with database.write() as session:
        stored.save(session, after)
    return directives.active(after, now=now)


def document(database: Database, settings: Settings, *, now: datetime) -> dict[str, Any]:
    """The signed document that the contact center pulls."""
    with database.read() as session:
        states = stored.load(session)
    return directives.document(states, tenant=settings.company.tenant, now=now)


def offers(database: Database, *, now: datetime) -> Offers:
    """What the directives in force let the IVR offer its callers."""
    with database.read() as session:
        held = directives.active(stored.load(session), now=now)
    waits = [each for each in held if each.kind is DirectiveKind.WAIT_ANNOUNCEMENT]
    return Offers(
        sms_link=any(each.kind is DirectiveKind.DIGITAL_SHIFT for each in held),
        wait_band=str(waits[0].params["band"]) if waits else "",
    )


def _evidence(session: Session, settings: Settings, *, shown: Shown, now: datetime) -> Evidence:
    live = ivr.live(session, since=now - AFTER, shown=shown)
    numbers = settings.contactcenter.outage_numbers
    return Evidence(
        at=now,
        queue=QUEUE,
        priority_target=PRIORITY_QUEUE,
        waits=measured_waits(session, numbers=numbers, now=now, rules=Rules()),
        outages=tuple(_outage(session, each) for each in live if _is_near(each, now)),
        deflection=_newest_measure(session, settings, now=now),
    )


def _is_near(each: LiveTruth, now: datetime) -> bool:
    """A work days ahead is no reason to greet every caller with it; who asks hears it all the same."""
    is_planned = each.occasion.kind is OccasionKind.PLANNED
    return not is_planned or each.occasion.revision.start_at - now <= NEAR


def _outage(session: Session, each: LiveTruth) -> OutageEvidence:
    occasion, revision = each.occasion, each.occasion.revision
    living = [run for run in runs.of(session, occasion.id) if run.state is not RunState.CANCELLED]
    is_person_kept = not each.is_feed
    return OutageEvidence(
        shown_id=each.shown_id,
        zones=each.areas[:_MOST_ZONES],
        affected=each.customers,
        zone_customers=audience.customers_of(session, each.areas),
        text_ref=f"{occasion.kind}.ivr@{revision.version}",
        seconds=FRONT_SECONDS,
        is_approved=bool(living),
        is_open=revision.state.is_open,
        is_planned=occasion.kind is OccasionKind.PLANNED,
        knows_cause=bool(revision.cause),
        etr_at=revision.public_etr,
        restored_at=revision.restored_at if revision.state is OccasionState.RESTORED else None,
        fresh_until=revision.next_update_at if is_person_kept else None,
    )


_MOST_ZONES = 20


def _newest_measure(session: Session, settings: Settings, *, now: datetime) -> Deflection | None:
    for run in runs.every(session, limit=1):
        return measure(
            session, run.id, now=now, outage_numbers=settings.contactcenter.outage_numbers
        )
    return None


def _key(settings: Settings, keyring: Keyring) -> bytes:
    """The shared secret of the settings, else one of our own, that `routing show` can verify."""
    return settings.contactcenter.directive_key.get_secret_value().encode() or keyring.tokens
