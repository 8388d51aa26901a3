"""Tells other systems what happened: an event is written in the transaction of its fact, or with it undone.

Which endpoints want what is one row (`store/endpoints.py`), kept by the process that leads the clock; where nobody
wants a kind, nothing but that row is read and nothing is written. An event holds ids as people see them (`out_7kq2m4xa`),
states and times: no name, number, address or free text, nor who of the staff did it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from outreach.model import news
from outreach.model.news import NewsKind
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.task import Task
from outreach.model.words import OccasionKind, OccasionState, RunState
from outreach.settings import Settings
from outreach.store import cases, endpoints, occasions, outgoing, replies, tasks
from outreach.store.outgoing import NewParcel
from outreach.store.replies import Reply
from outreach.store.runs import Run
from outreach.store.session import Session

PublicId = Callable[[str, int], str]
"""(prefix, number) -> what people call it: `Keyring.public_id`."""

KEEPS = timedelta(days=7)
"""An event that waits for longer, for its endpoint is paused, is given up."""
PREFIXES = {
    OccasionKind.OUTAGE: "out",
    OccasionKind.PLANNED: "pla",
    OccasionKind.ADVISORY: "adv",
}
_RUNS = {
    RunState.ACTIVE: NewsKind.CAMPAIGN_RESUMED,
    RunState.PAUSED: NewsKind.CAMPAIGN_PAUSED,
    RunState.CANCELLED: NewsKind.CAMPAIGN_FINISHED,
    RunState.FINISHED: NewsKind.CAMPAIGN_FINISHED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened."""

    kind: NewsKind
    subject: str
    """What it is about: `out:7` becomes its public id on the way out; anything else stays."""
    data: Mapping[str, Any]
    """What JSON can hold, and nothing personal; `version` where there is one."""
    about: Mapping[str, str] = field(default_factory=dict)
    """Further ids for `data`, as `{"outage": "out:7"}`."""


def tell(
    session: Session, kind: NewsKind, subject: str, data: Mapping[str, Any], *, now: datetime,
    about: Mapping[str, str] | None = None,
) -> int:  # fmt: skip
    """Puts an event on its way to every endpoint that wants its kind, in the caller's transaction; how many.

    subject, data, about: as in `Event`. Each event is delivered, later ones do not replace it.
    """
    return write(
        session, Event(kind=kind, subject=subject, data=data, about=about or {}), now=now
    )  # fmt: skip


def write(session: Session, event: Event, *, now: datetime) -> int:
    """As `tell`."""
    names = wanting(session, event.kind)
    return outgoing.add(session, names, _parcel(event, now=now), now=now) if names else 0


def write_to(session: Session, name: str, event: Event, *, now: datetime) -> int:
    """Puts an event on its way to one endpoint, whatever it wants; its number."""
    outgoing.add(session, [name], _parcel(event, now=now), now=now)
    return outgoing.newest(session, endpoint=name, limit=1)[0].id


def wanting(session: Session, *kinds: NewsKind) -> list[str]:
    """The endpoints that want any of these kinds."""
    wanted = endpoints.wanted(session)
    return [
        name for name, asked in wanted.items() if any(news.wants(asked, kind) for kind in kinds)
    ]


def is_undeclared(session: Session, settings: Settings) -> bool:
    """Whether the settings want other things than are known."""
    return endpoints.wanted(session) != _declared(settings)


def declare(session: Session, settings: Settings, *, now: datetime) -> None:
    """Lets every process know what the endpoints of these settings want."""
    endpoints.want(session, _declared(settings), now=now)


def _declared(settings: Settings) -> dict[str, list[str]]:
    return {one.name: sorted(one.kinds) for one in settings.endpoints}


# ── what travels ────────────────────────────────────────────────────────────────────────────────


def document(body: str, kind: str, *, source: str, public_id: PublicId) -> str:
    """A CloudEvents 1.0 document (structured JSON) of what `write` kept; the same every time it is asked for."""
    kept = json.loads(body)
    shown = {name: _shown(ref, public_id) for name, ref in kept["about"].items()}
    whole = {
        "specversion": "1.0",
        "id": kept["id"],
        "source": source,
        "type": f"outreach.{kind}",
        "subject": _shown(kept["subject"], public_id),
        "time": kept["time"],
        "datacontenttype": "application/json",
        "data": {**shown, **kept["data"]},
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def _shown(ref: str, public_id: PublicId) -> str:
    prefix, colon, number = ref.partition(":")
    is_ours = colon and prefix.isascii() and prefix.isalpha() and number.isdecimal()
    return public_id(prefix, int(number)) if is_ours else ref


def _parcel(event: Event, *, now: datetime) -> NewParcel:
    """The id follows from what happened: the same fact told twice is the same event."""
    kept = {
        "subject": event.subject,
        "time": _instant(now),
        "data": {name: _plain(value) for name, value in event.data.items()},
        "about": dict(event.about),
    }
    written = json.dumps(kept, ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(f"{event.kind} {written}".encode()).digest()[:15]
    number = "evt_" + base64.b32encode(digest).decode().lower()
    body = json.dumps({"id": number, **kept}, ensure_ascii=False, separators=(",", ":"))
    return NewParcel(kind=event.kind, subject=number, body=body, expires_at=now + KEEPS)


def _plain(value: object) -> object:
    return _instant(value) if isinstance(value, datetime) else value


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


# ── what happened ───────────────────────────────────────────────────────────────────────────────


def of_outage(
    session: Session, previous: Revision | None, occasion: Occasion, *, now: datetime
) -> int:
    """An outage's newest revision; a drill, works and advisories are no outages, and what is only suspected is none yet."""
    kind = _happened(previous, occasion)
    if kind is None:
        return 0
    revision = occasion.revision
    data = {
        "version": revision.version,
        "state": revision.state.value,
        "name": occasion.name,
        "source_ref": occasion.source_ref,
        "service": occasion.service.value,
        "start_at": revision.start_at,
        "etr_from": revision.etr_from,
        "etr_at": revision.public_etr,
        "next_update_at": revision.next_update_at,
        "restored_at": revision.restored_at,
        "cause": revision.cause,
    }
    return tell(session, kind, f"out:{occasion.id}", data, now=now)


def _happened(previous: Revision | None, occasion: Occasion) -> NewsKind | None:
    is_out = occasion.kind is OccasionKind.OUTAGE and not occasion.drill
    was_suspected = previous is not None and previous.state is OccasionState.SUSPECTED
    if not is_out or occasion.revision.state is OccasionState.SUSPECTED:
        return None
    if was_suspected and not occasion.revision.state.is_open:
        return None  # nobody had heard of it
    if occasion.revision.version == 1 or was_suspected:
        return NewsKind.OUTAGE_OPENED
    if occasion.revision.state is OccasionState.RESTORED:
        return NewsKind.OUTAGE_RESTORED
    return NewsKind.OUTAGE_REVISED


def of_launches(
    session: Session, occasion: Occasion, launched: Collection[Run], *, now: datetime
) -> int:
    """Campaigns that were just launched, by people or by being armed."""
    return sum(
        _of_run(session, NewsKind.CAMPAIGN_LAUNCHED, occasion, run.campaign, now=now)
        for run in launched
    )


def of_run(session: Session, run: Run, state: RunState, *, now: datetime) -> int:
    """A run that was paused, resumed, cancelled or finished."""
    kind = _RUNS[state]
    if not wanting(session, kind):
        return 0
    occasion = occasions.get(session, OccasionId(run.occasion_id))
    return _of_run(session, kind, occasion, run.campaign, now=now, state=state.value)


def _of_run(
    session: Session, kind: NewsKind, occasion: Occasion, campaign: str, *, now: datetime,
    state: str = RunState.ACTIVE.value,
) -> int:  # fmt: skip
    data = {
        "campaign": campaign,
        "state": state,
        "version": occasion.revision.version,
        "drill": occasion.drill,
    }
    ref = f"{PREFIXES[occasion.kind]}:{occasion.id}"
    return tell(session, kind, ref, data, now=now, about={"occasion": ref})


def of_reply(session: Session, number: int, *, now: datetime) -> int:
    """A reply that was just acted upon, and the case and tasks it opened: what was read, never the words."""
    reply = _wanted_reply(session, number)
    if reply is None:
        return 0
    ref = f"rep:{number}"
    about = {"reply": ref}
    if reply.message_id is not None:
        about["message"] = f"msg:{reply.message_id}"
    if reply.occasion_id is not None:
        occasion = occasions.get(session, OccasionId(reply.occasion_id))
        about["occasion"] = f"{PREFIXES[occasion.kind]}:{occasion.id}"
        of_tasks_opened(session, occasion=reply.occasion_id, now=now)
    data = {"channel": reply.channel, "meaning": reply.meaning, "outcome": reply.outcome}
    told = tell(session, NewsKind.REPLY_RECEIVED, ref, data, now=now, about=about)
    case = None if reply.case_id is None else cases.get(session, reply.case_id)
    if case is None:
        return told
    said = {"kind": case.kind, "channel": reply.channel, "meaning": reply.meaning}
    return told + tell(
        session, NewsKind.CASE_OPENED, f"cas:{case.id}", said, now=now, about=about
    )  # fmt: skip


def _wanted_reply(session: Session, number: int) -> Reply | None:
    kinds = (NewsKind.REPLY_RECEIVED, NewsKind.CASE_OPENED, NewsKind.TASK_OPENED)
    return replies.get(session, number) if wanting(session, *kinds) else None


def of_tasks_opened(session: Session, *, occasion: int, now: datetime) -> int:
    """The tasks of an occasion that were opened at this instant."""
    if not wanting(session, NewsKind.TASK_OPENED):
        return 0
    new = [one for one in tasks.every(session, occasion=occasion) if one.opened_at == now]
    return sum(_of_task(session, NewsKind.TASK_OPENED, one, now=now) for one in new)


def of_task_closed(session: Session, task: Task, *, now: datetime) -> int:
    """A task that somebody closed."""
    return _of_task(session, NewsKind.TASK_CLOSED, task, now=now)


def _of_task(session: Session, kind: NewsKind, task: Task, *, now: datetime) -> int:
    data = {
        "kind": task.kind.value,
        "why": task.why,
        "outcome": task.outcome.value if task.outcome else None,
    }
    about = {"outage": f"{PREFIXES[OccasionKind.OUTAGE]}:{task.occasion}"}
    return tell(session, kind, f"tsk:{task.id}", data, now=now, about=about)
