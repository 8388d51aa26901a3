"""The platforms, minute by minute: live queues read before the directives, rows and switches changed after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import platform_rows
from outreach.campaigns.platform_links import CONNECT, GENESYS, Links
from outreach.campaigns.platform_push import Carried, carry, strangers
from outreach.campaigns.platform_rows import Saying, fronts
from outreach.contactcenter import connect, directives, genesys_queues
from outreach.contactcenter.platform_http import PlatformAway
from outreach.contactcenter.platform_rows import LEASE, RENEW_BEFORE, changes, fitting
from outreach.model.contactcenter import Directive, DirectiveMode, LiveTruth
from outreach.model.errors import OutreachError
from outreach.model.forecast import QueueReading
from outreach.model.platforms import Change, Fate, Outcome, Pushed, ZoneRow
from outreach.settings import Settings
from outreach.store import directives as stored, expected, pushed
from outreach.store.session import Database, Session

READ_S, PUSH_S = 3.0, 6.0
"""Seconds of a minute that reading and pushing may take, all platforms together."""
GROUP = "emergency group "
"""Before its id: the key under which a switch is remembered."""
LoadLive = Callable[[], Sequence[LiveTruth]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How truths are read and spoken: what an installation hands in."""

    load_live: LoadLive
    """The truths as the IVR holds them; asked only while a front message is on."""
    saying: Saying


def minute(
    database: Database, settings: Settings, links: Links, looks: Looks, *, now: datetime
) -> list[Outcome]:
    """Reads and pushes once. Trouble with a platform is in its outcome and stops nothing else."""
    read = read_queues(database, settings, links, now=now)
    return [*read, *push(database, settings, links, looks, now=now)]


def read_queues(
    database: Database, settings: Settings, links: Links, *, now: datetime
) -> list[Outcome]:
    """Writes a reading of every queue that a platform answers for; outcomes only of trouble."""
    until = links.monotonic() + READ_S
    readers: dict[str, Callable[[], list[QueueReading]]] = {}
    platforms = settings.contactcenter
    if (genesys := links.genesys) is not None and platforms.genesys.queues:
        queues = platforms.genesys.queues
        readers[GENESYS] = lambda: genesys_queues.read(genesys, queues, now=now, until=until)
    if (amazon := links.connect) is not None and platforms.connect.queues:
        readers[CONNECT] = lambda: connect.read(amazon, platforms.connect, now=now)
    found: list[QueueReading] = []
    troubles: list[Outcome] = []
    for target, reader in readers.items():
        readings, trouble = _tried(links, target, reader)
        found += readings
        troubles += [Outcome(target=target, done=0, left=0, trouble=trouble)] * bool(trouble)
    if found:
        with database.write() as session:
            for reading in found:
                expected.put_reading(session, reading)
    return troubles


def push(
    database: Database, settings: Settings, links: Links, looks: Looks, *, now: datetime
) -> list[Outcome]:
    """Carries out what is planned, the ended first, within the deadline and the platform's limits.

    What was told is written once, at the end: killed before that, the next process tells it again.
    """
    genesys = links.genesys
    if genesys is None or links.rest(GENESYS).is_on(links.monotonic()):
        return []
    until = links.monotonic() + PUSH_S
    wanted = planned(database, settings, looks, now=now)
    with database.read() as session:
        known = pushed.standing(session, GENESYS)
    named = {*known, *(change.key for change in wanted)}
    wanted = [*strangers(links, named, until=until), *wanted]
    done = carry(genesys, wanted, until=until)
    links.rest(GENESYS).saw(trouble=bool(done.trouble), now=links.monotonic())
    if done.carried:
        with database.write() as session:
            _note(session, done, now=now)
    left = len(wanted) - len(done.carried)
    return [Outcome(target=GENESYS, done=len(done.carried), left=left, trouble=done.trouble)]


def planned(database: Database, settings: Settings, looks: Looks, *, now: datetime) -> list[Change]:
    """What would change on the platforms now, in order; calls nobody. In shadow mode all is taken away."""
    genesys = settings.contactcenter.genesys
    if not genesys.is_on:
        return []
    is_shadow = settings.contactcenter.mode == DirectiveMode.SHADOW.value
    with database.read() as session:
        held = [] if is_shadow else directives.active(stored.load(session), now=now)
        known = pushed.standing(session, GENESYS)
        forecast = expected.newest(session, settings.contactcenter.queue)
    wanted: dict[str, ZoneRow] = {}
    if genesys.table and not is_shadow:
        live = looks.load_live() if fronts(held, now=now) else ()
        center = settings.contactcenter
        rows = platform_rows.rows(live, held, looks.saying, center, forecast=forecast, now=now)
        wanted = fitting(rows, now=now)
    standing = {key: one for key, one in known.items() if not key.startswith(GROUP)}
    group = _group(settings, held, known, now=now)
    news = changes(wanted, standing, target=GENESYS, now=now)
    return sorted([*group, *news], key=lambda change: list(Fate).index(change.fate))


def _group(
    settings: Settings, held: Sequence[Directive], known: dict[str, Pushed], *, now: datetime
) -> list[Change]:
    """The switch of the emergency group, if one is set; one of an earlier setting goes off."""
    genesys = settings.contactcenter.genesys
    key = GROUP + genesys.emergency_group if genesys.emergency_group else ""
    ends = _emergency_until(held, genesys.emergency_from, now=now) if key else None
    off = [
        Change(target=GENESYS, key=each, fate=Fate.SWITCH_OFF, why="no emergency any more")
        for each in known
        if each.startswith(GROUP) and (each != key or ends is None)
    ]
    if ends is None:
        return off
    stands = known.get(key)
    if stands is not None and stands.expires_at and stands.expires_at - now > RENEW_BEFORE:
        return off
    why = "emergency" if stands is None else "renewed"
    on = Change(target=GENESYS, key=key, fate=Fate.SWITCH_ON, why=why, digest="on", expires_at=ends)
    return [*off, on]


def _emergency_until(held: Sequence[Directive], least: int, *, now: datetime) -> datetime | None:
    """Until when the largest outages hold it on: safety, or as many customers as the settings say."""
    ends = [
        each.expires_at
        for each in fronts(held, now=now).values()
        if (each.reason.get("value") or 0) >= least or each.params.get("text_class") == "safety"
    ]
    return min(max(ends), now + LEASE) if ends else None


def _note(session: Session, done: Carried, *, now: datetime) -> None:
    gone = [each.key for each in done.carried if each.fate in {Fate.END, Fate.SWITCH_OFF}]
    told = [
        Pushed(
            key=each.key,
            digest=each.digest,
            pushed_at=now,
            expires_at=each.expires_at,
            version=str(each.row.generation) if each.row else "",
        )
        for each in done.carried
        if each.fate not in {Fate.END, Fate.SWITCH_OFF}
    ]
    pushed.note(session, GENESYS, told, ended=gone)


def _tried(
    links: Links, target: str, reader: Callable[[], list[QueueReading]]
) -> tuple[list[QueueReading], str]:
    """A platform that is away has no reading: without one, wait and overflow directives stay off."""
    rest = links.rest(f"{target} queues")
    if rest.is_on(links.monotonic()):
        return [], ""
    try:
        readings = reader()
    except OutreachError as error:
        rest.saw(trouble=isinstance(error, PlatformAway), now=links.monotonic())
        return [], str(error)
    rest.saw(trouble=False, now=links.monotonic())
    return readings, ""
