"""The IVR's routes: always an answer, in milliseconds; neutral where there is trouble."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import structlog
from pydantic import ValidationError

from outreach.contactcenter import (
    answer as answers,
    asterisk,
    connect_map,
    twilio_flex,
    twiml,
    vxml,
)
from outreach.contactcenter.answer import Caller, Decision, Offers
from outreach.contactcenter.heard import Heard
from outreach.contactcenter.lookup import Lookup
from outreach.entry.http.context import WebContext
from outreach.entry.http.live import Board
from outreach.entry.http.problems import problem
from outreach.entry.http.questions import Question, Recognition
from outreach.entry.http.wire import (
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Reply,
    Scope,
    form,
    header,
    read_body,
)
from outreach.model.contactcenter import AnswerStatus, IvrAnswer
from outreach.model.errors import OutreachError

log = structlog.get_logger()

BODY_LIMIT = 16 * 1024
PRESSED = "/v1/ivr/pressed"
KEPT = 4096
"""Composed answers held: one per revision, place, language and kind of caller, for a minute."""
_TOLD = frozenset({AnswerStatus.INVESTIGATING, AnswerStatus.ETR})
"""What people were texted about and still are in the middle of."""
PERSONAL = frozenset({"ani", "account", "from", "caller", "call_id"})
XML = b"application/xml; charset=utf-8"

Render = Callable[[IvrAnswer], tuple[bytes, bytes]]
"""An answer -> (content type, body)."""
Ask = Callable[[Scope, Receive], Awaitable[Question]]


def as_json(answer: IvrAnswer) -> tuple[bytes, bytes]:
    flat = asdict(answer) | {
        "as_of": answer.as_of.isoformat(),
        "expires_at": answer.expires_at.isoformat(),
    }
    return b"application/json", json.dumps(flat, ensure_ascii=False).encode()


def as_connect(answer: IvrAnswer) -> tuple[bytes, bytes]:
    flat = connect_map.flat(answer)
    return b"application/json", json.dumps(flat, ensure_ascii=False).encode()


def as_asterisk(answer: IvrAnswer) -> tuple[bytes, bytes]:
    return asterisk.TYPE, asterisk.document(answer).encode()


def as_vxml(answer: IvrAnswer) -> tuple[bytes, bytes]:
    return b"application/voicexml+xml; charset=utf-8", vxml.document(answer).encode()


def as_data(answer: IvrAnswer) -> tuple[bytes, bytes]:
    return XML, vxml.data(answer).encode()


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer served again to callers alike, from `since` until `until`."""

    since: datetime
    until: datetime
    decision: Decision
    reply: Reply


class IvrRoutes:
    """Answers callers from the board; what was composed once is served again while it holds."""

    def __init__(self, context: WebContext, board: Board, recognition: Recognition) -> None:
        self._context = context
        self._board = board
        self._recognition = recognition
        self._now = board.clock
        self._speak = lru_cache(maxsize=KEPT)(context.speak)
        self._kept_of: Lookup | None = None
        self._kept_offers: Offers | None = None
        self._kept: dict[tuple[object, ...], _Kept] = {}
        self._rendered = lru_cache(maxsize=KEPT)(self._render)
        self._heard = Heard()

    async def answer(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /v1/ivr/answer` with a JSON body; GET with postal, locality or zone only."""
        return await self._serve(scope, receive, ask=_asked_in_json, render=as_json)

    async def vxml(self, scope: Scope, receive: Receive) -> Reply:
        """`/v1/ivr/vxml`: a dialog to call as a subdialog; POST takes a form."""
        return await self._serve(scope, receive, ask=_asked_in_form, render=as_vxml)

    async def data(self, scope: Scope, receive: Receive) -> Reply:
        """`/v1/ivr/vxml/data`: the small document of a `data` element; POST takes a form."""
        return await self._serve(scope, receive, ask=_asked_in_form, render=as_data)

    async def connect(self, scope: Scope, receive: Receive) -> Reply:
        """`/v1/ivr/connect`: flat strings for a Lambda's $.External; POST takes the flow's event."""
        return await self._serve(scope, receive, ask=_asked_by_connect, render=as_connect)

    async def asterisk(self, scope: Scope, receive: Receive) -> Reply:
        """`/v1/ivr/asterisk`: one form-encoded line for HASH(); POST takes a form."""
        return await self._serve(scope, receive, ask=_asked_in_form, render=as_asterisk)

    async def studio(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /v1/ivr/studio`: flat strings for a flow of Twilio Studio, the task's attributes among them."""
        return await self._serve(scope, receive, ask=_asked_in_form, render=self._as_studio)

    async def twiml(self, scope: Scope, receive: Receive) -> Reply:
        """`POST /v1/ivr/twiml`, as Twilio calls it; 403 if it is not signed by Twilio."""
        url = self._context.settings.contactcenter.default_flow_url
        if not url:  # Twilio hangs up at the end of a document: it needs somewhere to go on
            return problem(404, "set contactcenter.default_flow_url in outreach.toml")
        body = await _body(scope, receive)
        if not self._is_genuine(scope, body):
            return problem(403, "not signed by Twilio for this address")
        return await self._reply(_question(body), self._as_twiml)

    async def _serve(self, scope: Scope, receive: Receive, *, ask: Ask, render: Render) -> Reply:
        if scope["method"] == "GET":
            return await self._by_place(scope, render)
        return await self._reply(await ask(scope, receive), render)

    async def _by_place(self, scope: Scope, render: Render) -> Reply:
        named = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        if PERSONAL & {name.lower() for name in named}:
            return problem(400, "a caller's number or account goes in the body of a POST")
        question = _checked({name: named[name] for name in named if name in Question.model_fields})
        found = await self._reply(question, render)
        etag = dict(found.headers)[b"etag"].decode()
        if header(scope, b"if-none-match") == etag:
            return Reply(status=304, content_type=found.content_type, headers=found.headers)
        return found

    async def _reply(self, question: Question, render: Render) -> Reply:
        """Whatever goes wrong inside, the caller's platform gets a well-formed neutral answer."""
        try:
            return await self._answered(question, render)
        except Exception as error:  # noqa: BLE001  somebody waits on the line
            log.warning("answered neutrally", why=type(error).__name__)
            return self._rendered(self._neutral(question), render)

    async def _answered(self, question: Question, render: Render) -> Reply:
        lookup = self._board.lookup()
        if lookup is None:
            return self._rendered(self._neutral(question), render)
        caller = await self._recognition.caller(question, lookup, is_away=self._board.is_away)
        now = self._now()
        standing = lookup.standing_of(caller)
        if standing is None or self._board.is_away:
            decision = self._decide(caller, lookup, now)
            found = _Kept(now, decision.expires_at, decision, self._rendered(decision, render))
        else:
            found = self._alike(lookup, (render, *standing), caller, now)
        if found.decision.facts is None or not caller.known_as:
            return found.reply
        own = await self._remembered(caller, found.decision, question.call_id, now)
        return found.reply if own is found.decision else self._rendered(own, render)

    async def _remembered(
        self, caller: Caller, decision: Decision, call_id: str, now: datetime
    ) -> Decision:
        """What this very caller was told before, by us or on the telephone, is not told again."""
        facts = decision.facts
        since = self._heard.since(caller.known_as, decision, call_id=call_id, now=now)
        told_at = None if since else await self._told_at(caller, decision)
        if facts is None or (since is None and told_at is None):
            return decision
        return replace(decision, facts=replace(facts, unchanged_since=since, told_at=told_at))

    async def _told_at(self, caller: Caller, decision: Decision) -> datetime | None:
        """A memory that cannot be read costs the memory, never the answer."""
        if decision.status not in _TOLD or self._board.is_away:
            return None
        try:
            return await self._recognition.told_at(caller, decision.occasion)
        except (OutreachError, TimeoutError):
            return None

    def _alike(
        self, lookup: Lookup, key: tuple[object, ...], caller: Caller, now: datetime
    ) -> _Kept:
        """What the last caller like this one heard, for the rest of its half minute."""
        offers = self._board.last_offers
        is_other = self._kept_of is not lookup or self._kept_offers is not offers
        if is_other or len(self._kept) >= KEPT:
            self._kept_of, self._kept_offers, self._kept = lookup, offers, {}
        kept = self._kept.get(key)
        if kept is not None and kept.since <= now < kept.until:
            return kept
        decision = self._decide(caller, lookup, now)
        render: Any = key[0]
        reply = self._rendered(decision, render)
        until = min(decision.expires_at, now + self._context.rules.max_age)
        self._kept[key] = _Kept(now, until, decision, reply)
        return self._kept[key]

    def _decide(self, caller: Caller, lookup: Lookup, now: datetime) -> Decision:
        decision = answers.decide(
            caller,
            lookup.candidates(caller),
            now=now,
            rules=self._context.rules,
            offers=self._offers(),
        )
        left = self._board.left_for()
        if left >= 2 * self._context.rules.max_age:
            return decision
        last = now + timedelta(seconds=int(left.total_seconds()))
        return replace(decision, expires_at=min(decision.expires_at, last))

    def _offers(self) -> Offers:
        """A key comes back to us only where somebody takes it in."""
        takes_keys = self._context.pressed is not None
        offers = self._board.offers
        return replace(offers, sms_link=offers.sms_link and takes_keys, report=takes_keys)

    def _neutral(self, question: Question) -> Decision:
        return answers.neutral(
            self._recognition.nobody(question),
            AnswerStatus.STALE,
            now=self._now(),
            rules=self._context.rules,
        )

    def _render(self, decision: Decision, render: Render) -> Reply:
        rules = self._context.rules
        answer = answers.compose(decision, self._speak, max_age=rules.max_age)
        kind, body = render(answer)
        return Reply(body=body, content_type=kind, headers=_cached(body, answer.max_age_s))

    def _as_studio(self, answer: IvrAnswer) -> tuple[bytes, bytes]:
        flat = twilio_flex.widgets(answer, self._board.held, now=self._now())
        return b"application/json", json.dumps(flat, ensure_ascii=False).encode()

    def _as_twiml(self, answer: IvrAnswer) -> tuple[bytes, bytes]:
        url = self._context.settings.contactcenter.default_flow_url
        base = self._context.settings.http.public_url.rstrip("/")
        pressed = f"{base}{PRESSED}" if self._context.pressed is not None else ""
        return XML, twiml.document(answer, default_flow_url=url, pressed_url=pressed).encode()

    def _is_genuine(self, scope: Scope, body: bytes) -> bool:
        return is_genuine(self._context, scope, body)


def is_genuine(context: WebContext, scope: Scope, body: bytes) -> bool:
    """Whether Twilio signed this form for our public address."""
    check = context.twilio_genuine
    if check is None:
        return True  # without a token nothing is signed: a trial on one's own machine
    try:
        fields = form(body)
    except ValueError:
        return False
    return check(public_url(context, scope), fields, header(scope, b"x-twilio-signature"))


def public_url(context: WebContext, scope: Scope) -> str:
    """The address that the provider signed: the configured one, whatever a proxy made of it."""
    query = scope["query_string"].decode("latin-1")
    path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
    base = context.settings.http.public_url.rstrip("/")
    return f"{base}{path}?{query}" if query else f"{base}{path}"


def _cached(body: bytes, max_age_s: int) -> tuple[tuple[bytes, bytes], ...]:
    etag = hashlib.sha256(body).hexdigest()[:20]
    return (
        (b"etag", f'"{etag}"'.encode()),
        (b"cache-control", b"private, max-age=%d" % max_age_s),
    )


async def _asked_in_json(scope: Scope, receive: Receive) -> Question:
    body = await _body(scope, receive)
    try:
        return Question.model_validate_json(body)
    except ValidationError:
        log.warning("question of the IVR not understood")
        return Question()


async def _asked_by_connect(scope: Scope, receive: Receive) -> Question:
    try:
        event = json.loads(await _body(scope, receive))
    except ValueError:
        event = {}
    named = connect_map.asked(event if isinstance(event, dict) else {})
    return _checked({name: named[name] for name in Question.model_fields if name in named})


async def _asked_in_form(scope: Scope, receive: Receive) -> Question:
    return _question(await _body(scope, receive))


def _question(body: bytes) -> Question:
    """Our own field names, or Twilio's `From` and `To`."""
    try:
        fields = dict(form(body))
    except ValueError:
        return _checked({})
    named = {name: fields[name] for name in Question.model_fields if name in fields}
    twilio = {"ani": "From", "dnis": "To", "call_id": "CallSid"}
    return _checked({name: fields.get(theirs, "") for name, theirs in twilio.items()} | named)


def _checked(named: dict[str, str]) -> Question:
    try:
        return Question.model_validate(named)
    except ValidationError:
        log.warning("question of the IVR not understood")
        return Question()


async def _body(scope: Scope, receive: Receive) -> bytes:
    """An absurd or endless body counts as none: the caller still gets an answer."""
    try:
        return await read_body(scope, receive, limit=BODY_LIMIT)
    except (BodyTooLarge, BodyTooSlow):
        return b""
