"""Tells other systems: signed webhooks (Standard Webhooks), tried again with growing gaps, dead letters at the end.

Headers: webhook-id, webhook-timestamp (Unix seconds) and webhook-signature, `v1,` and the base64
of HMAC-SHA256 over `id.timestamp.body` with the bytes behind `whsec_`; two of them, with a blank between, while an
endpoint changes its secret. The id stays the same over all tries, so that a receiver that got it twice can tell:
delivery is at least once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from outreach.addresses import Keyring
from outreach.campaigns import news
from outreach.model.alarm import AlarmKind
from outreach.model.errors import InputRefused
from outreach.model.news import DIRECTIVES, NewsKind, wants
from outreach.settings import Settings
from outreach.settings_contactcenter import Endpoint
from outreach.store import alarms, endpoints, outgoing
from outreach.store.endpoints import Paused
from outreach.store.outgoing import NewParcel, Parcel
from outreach.store.session import Database, Session

__all__ = ["DIRECTIVES", "Answer", "News", "Post", "deliver", "enqueue"]

GAPS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000)
)
"""Before each further try; after the last one it is a dead letter, some 18 hours old."""
MOST_BYTES = 256 * 1024
DEADLINE_S = 10.0
LEASE = timedelta(seconds=60)
AT_ONCE = 100
"""Of one endpoint in one round."""
ROUND_S = 20.0
"""So long a round posts to one endpoint: what is left by then is put off, long before its lease ends."""
RESTS = timedelta(seconds=30)
"""What is put off behind a failure; the one that failed has its own gap."""
_TOGETHER = 8
KEPT_FOR = timedelta(days=2)
"""Delivered, superseded and expired ones."""
DEAD_FOR = timedelta(days=30)
"""Dead letters, for somebody to send them again."""
_GONE = 410
_LONGEST_WAIT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an endpoint answered, or why there is no answer."""

    status: int
    """HTTP status; 0: no answer."""
    said: str = ""
    """In a few words of ours, without anything of the body."""
    retry_after_s: int = 0

    @property
    def is_taken(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  2xx

    @property
    def shown(self) -> str:
        return self.said or str(self.status)


Post = Callable[[Endpoint, bytes, dict[str, str]], Answer]
"""(endpoint, body, headers) -> what it answered, within DEADLINE_S; never raises, follows no redirect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One parcel after its try."""

    parcel: Parcel
    answer: Answer | None
    """None: not tried, an earlier one to the same endpoint had failed or taken too long."""
    again_at: datetime | None = None
    """When one that was not tried is due again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """A state to be told to the endpoints that want its kind; what happened goes by `news.tell`."""

    kind: str
    subject: str
    """What it is about: it replaces what still waits of the same subject."""
    body: dict[str, Any]
    expires_at: datetime | None = None
    """From then on it is true no more and is not delivered; None: it stays true."""


def enqueue(session: Session, settings: Settings, what: News, *, now: datetime) -> int:
    """Puts it on its way to every endpoint that wants its kind; how many. InputRefused: larger than 256 kB."""
    wanted = [one.name for one in settings.endpoints if wants(one.kinds, what.kind)]
    if not wanted:
        return 0
    written = payload(what.kind, what.body, now=now)
    if (size := len(written.encode())) > MOST_BYTES:
        raise InputRefused(f"webhook {what.subject}: {size} bytes, over {MOST_BYTES}; send less")
    new = NewParcel(kind=what.kind, subject=what.subject, body=written, expires_at=what.expires_at)
    return outgoing.replace(session, wanted, new, now=now)


def payload(kind: str, body: dict[str, Any], *, now: datetime) -> str:
    """What travels: type, timestamp, data."""
    stamp = now.isoformat().replace("+00:00", "Z")
    whole = {"type": f"outreach.{kind}", "timestamp": stamp, "data": body}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def deliver(
    database: Database,
    settings: Settings,
    keyring: Keyring,
    *,
    now: datetime,
    http: Post,
    monotonic: Callable[[], float] = lambda: 0.0,
) -> Counter[str]:
    """Sends what is due, endpoints side by side; counts `sent`, `again`, `dead`, `expired`, `put_off`.

    Of one endpoint in order, and after a failure its others wait: a dead receiver costs one
    deadline a round, and no other endpoint anything. One that is paused gets nothing, and a slow one has 20 s.
    """
    by_name = {one.name: one for one in settings.endpoints}
    with database.read() as session:
        is_new, waits = news.is_undeclared(session, settings), outgoing.is_waiting(session)
    if not (is_new or waits):
        return Counter()
    done: Counter[str] = Counter()
    with database.write() as session:
        if is_new:
            news.declare(session, settings, now=now)
        held = _held(session, by_name, now=now)
        done["expired"] = outgoing.expire(session, now=now)
        done["dead"] = outgoing.give_up_on_others(session, by_name, now=now)
        asked = sorted(by_name.keys() - set(held))
        claimed = outgoing.claim(session, asked, now=now, lease=LEASE, most=AT_ONCE)
        outgoing.sweep(session, before=now - KEPT_FOR, states=_DONE)
        outgoing.sweep(session, before=now - DEAD_FOR, states=[outgoing.DEAD])
    ready = [written(parcel, settings, keyring) for parcel in claimed]
    round_ = _Round(now=now, http=http, monotonic=monotonic)
    tried = _posted(by_name, ready, round_)
    with database.write() as session:
        for each in tried:
            done[_written(session, each, by_name[each.parcel.endpoint], now=now)] += 1
    return done


def send_one(
    database: Database,
    settings: Settings,
    keyring: Keyring,
    name: str,
    *,
    now: datetime,
    http: Post,
) -> Answer:
    """Posts a test to one endpoint at once, paused or not; taken, it is posted to again. InputRefused: none such."""
    endpoint = named(settings, name)
    event = news.Event(kind=NewsKind.ENDPOINT_TESTED, subject=name, data={"endpoint": name})
    with database.write() as session:
        number = news.write_to(session, name, event, now=now)
        outgoing.lease(session, number, until=now + LEASE)
        parcel = outgoing.get(session, number)
    if parcel is None:  # written a moment ago: nobody else ends it
        raise InputRefused(f"endpoint {name}: its test is gone; try again")
    ready = written(parcel, settings, keyring)
    answer = http(endpoint, ready.body.encode(), headers(ready, endpoint, now=now))
    state = outgoing.SENT if answer.is_taken else outgoing.EXPIRED
    with database.write() as session:
        outgoing.settle(session, parcel, state=state, status=answer.shown, now=now)
        if answer.is_taken and endpoints.go_on(session, name):
            alarms.clear(session, AlarmKind.ENDPOINT_GONE, f"endpoint:{name}", "test", now)
    return answer


def named(settings: Settings, name: str) -> Endpoint:
    """The endpoint of that name; InputRefused names those there are."""
    for one in settings.endpoints:
        if one.name == name:
            return one
    known = ", ".join(sorted(one.name for one in settings.endpoints)) or "none"
    raise InputRefused(f"no endpoint {name!r} in outreach.toml; there is: {known}")


def written(parcel: Parcel, settings: Settings, keyring: Keyring) -> Parcel:
    """With the body as it travels; the same at every try."""
    if parcel.kind == DIRECTIVES:
        return parcel
    body = news.document(
        parcel.body, parcel.kind, source=settings.http.public_url, public_id=keyring.public_id
    )
    return replace(parcel, body=body)


def _held(
    session: Session, by_name: Mapping[str, Endpoint], *, now: datetime
) -> Collection[str]:  # fmt: skip
    """The endpoints that are paused; one with another address than the one that said so goes on."""
    held = endpoints.paused(session)
    moved = [
        name for name, one in held.items()
        if name not in by_name or _is_moved(one, by_name[name])
    ]  # fmt: skip
    for name in moved:
        endpoints.go_on(session, name)
        alarms.clear(session, AlarmKind.ENDPOINT_GONE, f"endpoint:{name}", "settings", now)
    return held.keys() - set(moved)


def _is_moved(paused: Paused, endpoint: Endpoint) -> bool:
    return paused.where != _place(endpoint)


def _place(endpoint: Endpoint) -> str:
    """The address, which may hold a secret, as a digest."""
    return hashlib.sha256(endpoint.url.encode()).hexdigest()[:16]


def _pause(session: Session, endpoint: Endpoint, *, now: datetime) -> None:
    name = endpoint.name
    endpoints.pause(session, name, why="410 Gone", where=_place(endpoint), now=now)
    alarms.raise_(session, AlarmKind.ENDPOINT_GONE, f"endpoint:{name}", now, now, name=name)


_DONE = (outgoing.SENT, outgoing.SUPERSEDED, outgoing.EXPIRED)


def next_try(failures: int, answer: Answer, *, now: datetime) -> datetime | None:
    """When a parcel that has failed so often is tried again; None: it is dead.

    410 Gone says that nobody listens there any more. Retry-After is heeded up to ten minutes.
    """
    if answer.status == _GONE or failures > len(GAPS):
        return None
    asked = min(timedelta(seconds=answer.retry_after_s), _LONGEST_WAIT)
    return now + max(GAPS[failures - 1], asked)


def headers(parcel: Parcel, endpoint: Endpoint, *, now: datetime) -> dict[str, str]:
    """Of one try; the stamp is of the try, the id of the parcel."""
    number = shown_id(parcel)
    stamp = str(int(now.timestamp()))
    signed = f"{number}.{stamp}.".encode() + parcel.body.encode()
    return {
        "content-type": _FORMS.get(parcel.kind, "application/cloudevents+json; charset=utf-8"),
        "webhook-id": number,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signature(key, signed) for key in endpoint.keys),
    }


_FORMS = {DIRECTIVES: "application/json"}
_NUMBERED = re.compile(r"msg_(\d{1,18})_[0-9a-f]{1,16}")


def shown_id(parcel: Parcel) -> str:
    """The `webhook-id` of a parcel: the same over all its tries, and of no other."""
    return f"msg_{parcel.id}_{int(parcel.created_at.timestamp()):x}"


def read_id(text: str) -> int | None:
    """The number of a parcel behind its `webhook-id`; None: it is none."""
    found = _NUMBERED.fullmatch(text.strip())
    return int(found[1]) if found else None


def signature(key: bytes, signed: bytes) -> str:
    """`v1,` and base64: the symmetric scheme of Standard Webhooks."""
    return "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """What all posts of one round have in common."""

    now: datetime
    http: Post
    monotonic: Callable[[], float]


def _posted(
    by_name: dict[str, Endpoint], claimed: Sequence[Parcel], of: _Round
) -> list[Tried]:  # fmt: skip
    """No transaction is open here."""
    grouped: dict[str, list[Parcel]] = defaultdict(list)
    for parcel in claimed:
        grouped[parcel.endpoint].append(parcel)
    if not grouped:
        return []
    with ThreadPoolExecutor(max_workers=min(_TOGETHER, len(grouped))) as pool:
        lots = pool.map(lambda name: [*_in_order(by_name[name], grouped[name], of)], grouped)
        return [each for lot in lots for each in lot]


def _in_order(endpoint: Endpoint, parcels: Sequence[Parcel], of: _Round) -> Iterator[Tried]:
    until, is_over, has_failed = of.monotonic() + ROUND_S, False, False
    for parcel in parcels:
        is_over = is_over or of.monotonic() >= until
        if has_failed or is_over:
            rests = of.now + RESTS if has_failed else of.now
            yield Tried(parcel=parcel, answer=None, again_at=rests)
            continue
        answer = of.http(endpoint, parcel.body.encode(), headers(parcel, endpoint, now=of.now))
        has_failed = not answer.is_taken
        yield Tried(parcel=parcel, answer=answer)


def _written(session: Session, tried: Tried, endpoint: Endpoint, *, now: datetime) -> str:
    parcel, answer = tried.parcel, tried.answer
    if answer is None:
        rests = tried.again_at or now
        outgoing.again_at(session, parcel, rests, status="", has_failed=False)
        return "put_off"
    if answer.is_taken:
        outgoing.settle(session, parcel, state=outgoing.SENT, status=answer.shown, now=now)
        return "sent"
    if answer.status == _GONE:
        _pause(session, endpoint, now=now)
    at = next_try(parcel.failures + 1, answer, now=now)
    if at is None:
        outgoing.settle(session, parcel, state=outgoing.DEAD, status=answer.shown, now=now)
        return "dead"
    outgoing.again_at(session, parcel, at, status=answer.shown)
    return "again"
