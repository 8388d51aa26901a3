"""Arms campaigns in daylight, by two people, so that an outage at night launches them by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import faults, pins
from outreach.campaigns.engine import Engine
from outreach.campaigns.people import Act, refuse_unless, same_person
from outreach.campaigns.pins import Pinned
from outreach.model.errors import GuardRefused, InputRefused
from outreach.settings import Settings
from outreach.store import audit, runs
from outreach.store.runs import Armed


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """What was armed, with the campaign and texts that it binds."""

    armed: Armed
    pinned: Pinned


def arm(
    engine: Engine, name: str, *, author: str, approver: str, until: datetime | None, now: datetime
) -> Arming:
    """Binds the file and texts of today by their hash, in place of an earlier arming.

    GuardRefused: author and approver are one person, or `until` is past. InputRefused: the lint
    finds something.
    """
    _refuse(engine.settings, name, author=author, approver=approver, until=until, now=now)
    pinned = pins.read(engine.settings, name)
    with engine.database.read() as session:
        faults.refuse_unknown(session, engine.settings, pinned.campaign)
    armed = Armed(
        campaign=name, pinned=pinned.digest, author=author, approver=approver, at=now, until=until
    )
    with engine.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=now)
        runs.arm(session, armed)
        audit.write(
            session, author, "campaign.arm", f"campaign:{name}", now=now, approver=approver,
            pinned=pinned.digest, until=until.isoformat() if until else "",
        )  # fmt: skip
    return Arming(armed=armed, pinned=pinned)


def disarm(engine: Engine, name: str, *, actor: str, now: datetime) -> bool:
    """Whether it was armed; runs that go on already are left alone."""
    with engine.database.write() as session:
        was_armed = runs.disarm(session, name)
        if was_armed:
            audit.write(session, actor, "campaign.disarm", f"campaign:{name}", now=now)
    return was_armed


def is_of_today(settings: Settings, armed: Armed) -> bool:
    """Whether file and texts are still those that were approved; broken ones are not."""
    try:
        return pins.read(settings, armed.campaign).digest == armed.pinned
    except (InputRefused, GuardRefused):
        return False


def _refuse(
    settings: Settings,
    name: str,
    *,
    author: str,
    approver: str,
    until: datetime | None,
    now: datetime,
) -> None:
    if not approver.strip() or same_person(author, approver):
        raise GuardRefused(
            f"{name}: author and approver are both {author!r}; somebody else has to approve it"
        )
    refuse_unless(approver, Act.APPROVE, settings.roles)
    if until is not None and until <= now:
        raise GuardRefused(f"{name}: the end of the arming is past; give a later one, or none")
    found = faults.of_campaign(settings, name)
    if found:
        first = found[0]
        raise InputRefused(
            f"{first.file}:{first.line}: {first.message} ({len(found)} in all); "
            f"mend what `outreach campaign lint {name}` names, then arm it"
        )
