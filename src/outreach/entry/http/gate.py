"""The gate before `/v1`: who asks, what they may ask for, and how often. One table says which route needs what."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache

from outreach.entry.http import repeats
from outreach.entry.http.context import WebContext
from outreach.entry.http.ivr import BODY_LIMIT, PRESSED, is_genuine
from outreach.entry.http.keys import Bucket, Buckets, KeyTable
from outreach.entry.http.problems import problem
from outreach.entry.http.wire import (
    BodyTooLarge,
    BodyTooSlow,
    Receive,
    Reply,
    Scope as Request,
    Send,
    read_body,
    reply,
)
from outreach.model import api_key
from outreach.model.api_key import ApiKey, Scope

App = Callable[[Request, Receive, Send], Awaitable[None]]

_IVR = ("answer", "twiml", "vxml", "vxml/data", "connect", "asterisk", "studio", "pressed")
SCOPES: dict[tuple[str, str], Scope] = {
    **{(method, f"/v1/ivr/{name}"): Scope.IVR for name in _IVR for method in ("GET", "POST")},
    ("POST", "/v1/contacts"): Scope.CONTACTS_WRITE,
    ("GET", "/v1/outages"): Scope.OUTAGES_READ,
    ("GET", "/v1/outages/{id}"): Scope.OUTAGES_READ,
    ("POST", "/v1/outages/events"): Scope.OUTAGES_WRITE,
    ("GET", "/v1/directives"): Scope.DIRECTIVES_READ,
    ("GET", "/v1/forecast"): Scope.FORECAST_READ,
    ("GET", "/v1/mutes"): Scope.MUTES_READ,
    ("POST", "/v1/mutes"): Scope.MUTES_READ,
    ("GET", "/v1/campaigns"): Scope.CAMPAIGNS_READ,
    ("POST", "/v1/campaigns"): Scope.CAMPAIGNS_WRITE,
    ("POST", "/v1/campaigns/preview"): Scope.CAMPAIGNS_READ,
    ("GET", "/v1/campaigns/{run}"): Scope.CAMPAIGNS_READ,
    ("GET", "/v1/messages/{id}"): Scope.MESSAGES_READ,
}
"""(method, path) -> what a key needs for it; a path that is not in here is open to no key."""
SIGNED = frozenset({"/v1/ivr/twiml", "/v1/ivr/studio", PRESSED})
"""Where a request that Twilio signed needs no key: its platform can send none."""
READS = frozenset({"/v1/mutes", "/v1/campaigns/preview", *(f"/v1/ivr/{name}" for name in _IVR)})
"""POSTs that change nothing, or once by their own call id: a repeat is answered anew."""

FAILED_PER_MINUTE = 20
MOST_PEERS = 4_096
MOST_KEYS = 10_000
_FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip", b"origin"})
"""A proxy stands between, or a page in a browser speaks: neither is this machine itself."""
_WANTED = frozenset({b"authorization", b"host", b"x-twilio-signature", b"idempotency-key"})
_SIGNATURE = b"x-twilio-signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, for the audit and for the rules: `key:NAME`, `api:twilio`, or `api:local`."""

    name: str
    key: ApiKey | None = None

    @property
    def key_id(self) -> int:
        """0 without a key."""
        return self.key.id if self.key else 0


LOCAL = Caller(name="api:local")
SIGNED_BY_TWILIO = Caller(name="api:twilio")


def caller(scope: Request) -> Caller:
    """Who was let in; for the routes behind the gate."""
    found: Caller = scope.get("outreach.caller", LOCAL)
    return found


class Gate:
    """Stands around the application; whatever is not under `/v1` passes and has rules of its own."""

    def __init__(self, inner: App, context: WebContext) -> None:
        self._inner = inner
        self._context = context
        self._per_minute = context.settings.http.per_minute
        self._trusts_itself = context.settings.http.keys == "loopback"
        self.table = KeyTable(context.database, monotonic=context.monotonic, now=context.now)
        self._spent = Buckets(context.monotonic, most=MOST_KEYS)
        self.failed = Buckets(context.monotonic, most=MOST_PEERS)

    def close(self) -> None:
        self.table.close()

    async def __call__(self, scope: Request, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1"):
            await self._inner(scope, receive, send)
            return
        headers, is_direct = _headers(scope)
        if b"or_" in scope["query_string"] and _shows_key(scope):
            await self._turn_away(send, _IN_URL)
            return
        if shown := headers.get(b"authorization"):
            await self._by_key(shown, scope, receive, send, headers)
            return
        is_signed = _SIGNATURE in headers and scope["path"] in SIGNED
        if is_signed and self._context.twilio_genuine is not None:
            await self._by_signature(scope, receive, send, headers)
        elif is_direct and self._trusts_itself and is_here(scope, headers.get(b"host", b"")):
            await self._let_in(LOCAL, scope, receive, send, headers)
        else:
            await self._turn_away(send, _NO_KEY)

    async def _by_key(
        self,
        shown: bytes,
        scope: Request,
        receive: Receive,
        send: Send,
        headers: dict[bytes, bytes],
    ) -> None:
        key = await self._key(shown, _peer(scope))
        if isinstance(key, Reply):
            await self._turn_away(send, key)
            return
        bucket = self._spent.of(key.id, key.per_minute or self._per_minute)
        is_within = bucket.take(self._context.monotonic())
        limits = _limits(bucket)
        if not is_within:
            await self._turn_away(send, _too_many(bucket, limits))
            return
        needed = needs(scope["method"], scope["path"])
        if needed is None or needed not in key.scopes:
            await self._turn_away(send, _lacks(needed) if needed else _nothing_here(scope["path"]))
            return
        self.table.was_used(key, self._context.now())
        who = Caller(name=f"key:{key.name}", key=key)
        await self._let_in(who, scope, receive, _with(send, limits), headers)

    async def _turn_away(self, send: Send, why: Reply) -> None:
        self._context.turned_away[why.status] += 1
        await reply(send, why)

    async def _key(self, shown: bytes, peer: str) -> ApiKey | Reply:
        """The good key of an Authorization header, or the refusal."""
        kind, _space, secret = shown.partition(b" ")
        digest = api_key.digest_of(secret.strip().decode("latin-1"))
        if digest is not None and kind.lower() == b"bearer" and self._may_ask(peer, digest):
            key = await self.table.find(digest)
            if key is not None and key.is_good(self._context.now()):
                return key
        empty = self.failed.take(peer, FAILED_PER_MINUTE)
        return _too_many(empty, ()) if empty else _BAD_KEY

    def _may_ask(self, peer: str, digest: bytes) -> bool:
        """Who failed too often makes us read no table; a good key of the same address still passes."""
        return self.failed.of(peer, FAILED_PER_MINUTE).left >= 1 or self.table.holds(digest)

    async def _by_signature(
        self, scope: Request, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        """Over the raw body, which the route then reads once more."""
        try:
            body = await read_body(scope, receive, limit=BODY_LIMIT)
        except (BodyTooLarge, BodyTooSlow):
            await self._turn_away(send, _NOT_SIGNED)
            return
        if is_genuine(self._context, scope, body):
            once_more = repeats.again(body, receive)
            await self._let_in(SIGNED_BY_TWILIO, scope, once_more, send, headers)
        else:
            await self._turn_away(send, _NOT_SIGNED)

    async def _let_in(
        self, who: Caller, scope: Request, receive: Receive, send: Send, headers: dict[bytes, bytes]
    ) -> None:
        scope["outreach.caller"] = who
        name = headers.get(b"idempotency-key")
        if name is None or scope["method"] != "POST" or scope["path"] in READS:
            await self._inner(scope, receive, send)
            return
        once = repeats.Once(self._context, self._inner, key_id=who.key_id, name=name)
        await once(scope, receive, send)


def needs(method: str, path: str) -> Scope | None:
    """What a route asks of a key; None where there is no such route."""
    if method == "HEAD":
        method = "GET"
    return SCOPES.get((method, path)) or SCOPES.get((method, _template(path)))


def _nothing_here(path: str) -> Reply:
    """Another method of a route that there is, or no route; a key reaches nothing that has no row above."""
    allowed = sorted(method for method, each in SCOPES if each in {path, _template(path)})
    if not allowed:
        return _refused(404, "no such route; /openapi.json lists them")
    said = ", ".join(allowed)
    return _refused(405, f"use {said}", (b"allow", said.encode()))


def _template(path: str) -> str:
    """`/v1/outages/out_7kq2m4xa` -> `/v1/outages/{id}`."""
    head, _slash, _last = path.rpartition("/")
    return f"{head}/{_NAMED.get(head, '')}"


_NAMED = {"/v1/outages": "{id}", "/v1/campaigns": "{run}", "/v1/messages": "{id}"}


def is_here(scope: Request, host: bytes) -> bool:
    """Whether a program of this machine asks, under a name of this machine: no borrowed host name."""
    return _is_loopback(_peer(scope)) and _is_loopback_host(host)


def _peer(scope: Request) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


@lru_cache(maxsize=1024)
def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@lru_cache(maxsize=64)
def _is_loopback_host(host: bytes) -> bool:
    """Of a Host header: `127.0.0.1:8020`, `localhost`, `[::1]:8020`."""
    name = host.decode("latin-1").lower()
    bare = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    return _is_loopback(bare)


def _headers(scope: Request) -> tuple[dict[bytes, bytes], bool]:
    """Those that matter here, the last of each name, and whether nobody stands between: one pass."""
    found: dict[bytes, bytes] = {}
    is_direct = True
    for name, value in scope["headers"]:
        if name in _WANTED:
            found[name] = value
        elif name in _FORWARDED:
            is_direct = False
    return found, is_direct


def _shows_key(scope: Request) -> bool:
    return api_key.holds_secret(scope["query_string"].decode("latin-1"))


def _with(send: Send, headers: tuple[tuple[bytes, bytes], ...]) -> Send:
    async def sent(message: Request) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return sent


def _limits(bucket: Bucket) -> tuple[tuple[bytes, bytes], ...]:
    """RateLimit fields as in the draft of the IETF's HTTPAPI group."""
    return (
        (b"ratelimit-policy", b'"minute";q=%d;w=60' % bucket.per_minute),
        (b"ratelimit", b'"minute";r=%d;t=%d' % (bucket.left, bucket.full_in_s)),
    )


def _refused(status: int, detail: str, *headers: tuple[bytes, bytes]) -> Reply:
    made = problem(status, detail)
    return Reply(
        status=status,
        body=made.body,
        content_type=made.content_type,
        headers=(*made.headers, *headers),
    )


def _too_many(bucket: Bucket, limits: tuple[tuple[bytes, bytes], ...]) -> Reply:
    return _refused(
        429,
        f"more than {bucket.per_minute} a minute; wait {bucket.wait_s} s",
        (b"retry-after", b"%d" % bucket.wait_s),
        *limits,
    )


@lru_cache(maxsize=len(Scope))
def _lacks(needed: Scope) -> Reply:
    challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
    detail = f"this key lacks the scope {needed}; `outreach key create` makes one that has it"
    return _refused(403, detail, (b"www-authenticate", challenge.encode()))


_CHALLENGE = b"www-authenticate"
_NO_KEY = _refused(
    401,
    "send a key: Authorization: Bearer or_…; `outreach key create` makes one",
    (_CHALLENGE, b"Bearer"),
)
_BAD_KEY = _refused(
    401,
    "this key is not known, or has expired, or was revoked; `outreach key list` shows them",
    (_CHALLENGE, b'Bearer error="invalid_token"'),
)
_NOT_SIGNED = problem(403, "not signed by Twilio for this address")
_IN_URL = _refused(
    400,
    "a key stands in the URL, which is written into logs: revoke it, and send another one as"
    " Authorization: Bearer",
)
