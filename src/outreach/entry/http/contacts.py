"""`/v1/contacts` and the platforms' webhooks: who called, wrote or clicked, as it happens.

Answers come after the commit. A caller's number is hashed here, and stands in no URL, log or answer.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import threading
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

import structlog
from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from outreach.deflection import contacts_connect, contacts_genesys
from outreach.deflection.calls import CHUNK, CallsReport, Intake
from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_reading import MOST_SECONDS, Seen, Terms, Unfit, named, text
from outreach.deflection.contacts import Form, mapping_of
from outreach.deflection.contacts_json import BROKEN, documents
from outreach.entry.http import openapi, problems
from outreach.entry.http.context import WebContext
from outreach.entry.http.wire import BodyTooLarge, BodyTooSlow, media_type, read_body
from outreach.model.calls import CallRow
from outreach.model.errors import InputRefused

log = structlog.get_logger()

BODY_LIMIT = 1024 * 1024
MOST_RECORDS = 1_000
PUSHED_LIMIT = 8 * 1024 * 1024
"""Of a webhook, packed or not: Firehose at its least buffer of 1 MiB sends a sixth of it."""
GENESYS = "/webhooks/genesys/conversations"
CONNECT = "/webhooks/connect/contacts"
_SECRETS = ("authorization", "x-api-key", "x-outreach-secret", "x-amz-firehose-access-key")
"""Headers in which platforms can show a secret: EventBridge by any of the first three, Firehose by its own."""


class Contact(BaseModel):
    """One contact as far as it is known; sent again, it fills up and never loses what it had."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    call_id: str = Field(min_length=1, max_length=200)
    time: str = Field(max_length=40, description="when it came; ISO 8601 with offset")
    ani: str = Field(
        default="", max_length=200, description="the caller; kept as a keyed hash only"
    )
    ani_hash: str = Field(
        default="", pattern="^(?:[0-9a-f]{32})?$", description="that hash, in hex"
    )
    dnis: str = Field(default="", max_length=200)
    queue: str = Field(default="", max_length=200)
    contained: bool | None = None
    abandoned: bool | None = None
    wait_s: int | None = Field(default=None, ge=0, le=MOST_SECONDS)
    talk_s: int | None = Field(default=None, ge=0, le=MOST_SECONDS)
    wrap_up: str = Field(default="", max_length=200)
    kind: Literal["call", "chat", "message", "click"] | None = None


class Batch(BaseModel):
    """What a platform sends: at most a thousand contacts."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    contacts: list[dict[str, Any]] = Field(max_length=MOST_RECORDS)


class Refusal(BaseModel):
    """One contact that was not kept (RFC 9457)."""

    index: int
    type: str = "about:blank"
    title: str = HTTPStatus.UNPROCESSABLE_ENTITY.phrase
    status: int = HTTPStatus.UNPROCESSABLE_ENTITY
    detail: str


class TakenIn(BaseModel):
    """What became of the contacts: received = stored + repeated + passed_over + refused."""

    received: int
    stored: int
    repeated: int
    """There already; sending them again does no harm."""
    completed: int
    """There already, of which more is known now."""
    passed_over: int
    """No contact of a customer: outbound calls, tasks."""
    refused: tuple[Refusal, ...]


def router(context: WebContext) -> APIRouter:
    """The three routes; /v1/contacts has its scope in `gate.SCOPES`, the webhooks show a secret of their own."""
    routes = APIRouter(responses=openapi.PROBLEMS)
    intakes = Intakes(context)
    secrets = context.settings.contactcenter.contacts

    @routes.post("/v1/contacts", openapi_extra=_BODY, response_model=TakenIn)
    async def contacts(request: Request) -> Any:
        """Takes contacts in, each once by its call_id; good ones are kept where others are refused."""
        raw = await _body(request, BODY_LIMIT)
        return _answered(await run_in_threadpool(intakes.batch, raw))

    @routes.post(GENESYS, openapi_extra=_DOCUMENTS)
    async def genesys(request: Request) -> TakenIn:
        """Takes in detail events and conversations of Genesys Cloud, one or a list."""
        _expect_secret(request, secrets.genesys_secret)
        raw = await _body(request, PUSHED_LIMIT)
        return await run_in_threadpool(intakes.genesys, raw)

    @routes.post(CONNECT, openapi_extra=_DOCUMENTS, response_model=None)
    async def connect(request: Request) -> TakenIn | JSONResponse:
        """Takes in contact records and events of Amazon Connect, plain or as Data Firehose packs them."""
        _expect_secret(request, secrets.connect_secret)
        raw = _unpacked(request, await _body(request, PUSHED_LIMIT, packed=True))
        return await run_in_threadpool(intakes.connect, raw)

    return routes


class Intakes:
    """Reads bodies and takes them in, one transaction at a time: of many waiting writers SQLite serves them late."""

    def __init__(self, context: WebContext) -> None:
        self._context = context
        self._turn = threading.Lock()
        self._mappings: dict[Form, CallsMapping] = {}

    def batch(self, raw: bytes) -> TakenIn:
        """A batch of /v1/contacts; InputRefused for what is none."""
        try:
            batch = Batch.model_validate_json(raw)
        except ValidationError as error:
            raise InputRefused(_first(error)) from None
        terms = self._terms(Form.JSONL)
        return self._take([_one(at, each, terms) for at, each in enumerate(batch.contacts)], terms)

    def genesys(self, raw: bytes) -> TakenIn:
        """Events or conversations, one or a list."""
        return self._platform(Form.GENESYS, _listed(_parsed(raw)), contacts_genesys.of_document)

    def connect(self, raw: bytes) -> TakenIn | JSONResponse:
        """Records or events; Firehose is answered in its own words, or it would send them again."""
        body = _parsed(raw)
        if not (
            isinstance(body, dict) and "requestId" in body and isinstance(body.get("records"), list)
        ):
            return self._platform(Form.CONNECT, _listed(body), contacts_connect.of_document)
        told = [each for record in body["records"] for each in _packed(record)]
        self._platform(Form.CONNECT, told, contacts_connect.of_document)
        at = int(self._context.now().timestamp() * 1000)
        return JSONResponse({"requestId": str(body["requestId"])[:200], "timestamp": at})

    def _platform(self, form: Form, told: list[Any], read: Callable[..., Seen]) -> TakenIn:
        terms = self._terms(form)
        taken = self._take([read(each, terms, record=at) for at, each in enumerate(told)], terms)
        if taken.refused:
            reasons = sorted({each.detail for each in taken.refused})
            log.warning(
                "contacts refused", source=form.value, count=len(taken.refused), why=reasons
            )
        return taken

    def _terms(self, form: Form) -> Terms:
        mapping = self._mappings.get(form)
        if mapping is None:
            mapping = self._mappings[form] = self._mapping(form)
        return Terms(mapping, self._context.keyring, self._context.now())

    def _mapping(self, form: Form) -> CallsMapping:
        """Read when it is first wanted: a mistake in it must not keep the IVR from starting."""
        settings = self._context.settings
        named_in = settings.contactcenter.contacts.mapping
        if named_in is None or form is Form.JSONL:
            return mapping_of(settings, form)
        try:
            return mapping_of(settings, form, settings.workspace / named_in)
        except InputRefused as error:
            log.error("mapping of contacts refused", why=str(error))  # noqa: TRY400  one line says it
            raise HTTPException(
                503, "contactcenter.contacts.mapping is wrong; see the log"
            ) from None

    def _take(self, seen: list[Seen], terms: Terms) -> TakenIn:
        intake = Intake(database=self._context.database, terms=terms)
        with self._turn:
            for at in range(0, len(seen), CHUNK):
                intake.take(seen[at : at + CHUNK])
        return _taken_in(intake.report)


def _taken_in(report: CallsReport) -> TakenIn:
    return TakenIn(
        received=report.rows,
        stored=report.imported,
        repeated=report.repeated,
        completed=report.completed,
        passed_over=report.passed,
        refused=tuple(
            Refusal(index=each.record, detail=each.reason) for each in report.refused[:MOST_RECORDS]
        ),
    )


def _answered(taken: TakenIn) -> TakenIn | JSONResponse:
    """A problem where nothing could be kept, so that no sender takes it for success."""
    if not taken.refused or len(taken.refused) < taken.received:
        return taken
    detail = "no contact could be kept; `refused` says why of each"
    problem = Refusal(index=0, detail=detail).model_dump(exclude={"index"})
    return JSONResponse(
        problem | taken.model_dump(),
        status_code=HTTPStatus.UNPROCESSABLE_ENTITY,
        media_type=problems.MEDIA_TYPE,
    )


def _one(index: int, given: dict[str, Any], terms: Terms) -> Seen:
    try:
        contact = Contact.model_validate(given)
        return Seen(index, index, _row(contact, terms))
    except ValidationError as error:
        return Seen(index, index, refusal=_first(error))
    except Unfit as error:
        return Seen(index, index, refusal=str(error))


def _row(contact: Contact, terms: Terms) -> CallRow:
    if contact.ani and contact.ani_hash:
        raise Unfit("ani: name one of ani and ani_hash")
    given = bytes.fromhex(contact.ani_hash) or None
    return CallRow(
        call_id=named(contact.call_id),
        at=terms.past(_with_offset(contact.time)),
        address_hash=given or terms.caller(contact.ani),
        dnis=terms.dialled(contact.dnis),
        queue=terms.queue(contact.queue),
        contained=contact.contained,
        abandoned=contact.abandoned,
        wait_s=contact.wait_s,
        talk_s=contact.talk_s,
        source="api",
        kind=contact.kind,
        wrap_up=text(contact.wrap_up),
    )


def _with_offset(written: str) -> datetime:
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        raise Unfit("time: write ISO 8601, as 2026-07-12T02:40:00-04:00") from None
    if at.tzinfo is None:
        raise Unfit("time: give its offset, as 2026-07-12T02:40:00-04:00")
    return at


def _first(error: ValidationError) -> str:
    """The place that is wrong, never its value: it may be personal."""
    first = error.errors(include_input=False, include_url=False)[0]
    place = ".".join(str(each)[:40] for each in first["loc"])
    return f"{place}: {first['msg'].lower()}" if place else first["msg"].lower()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise InputRefused("not JSON; send one document or a list of them") from None


def _listed(body: Any) -> list[Any]:
    """The documents of a body: a list, a query's conversations, or the body itself."""
    if isinstance(body, dict) and isinstance(body.get("conversations"), list):
        return list(body["conversations"])
    return body if isinstance(body, list) else [body]


def _packed(record: Any) -> Iterator[Any]:
    """The documents in one record of Firehose: base64, several without anything between them."""
    data = record.get("data") if isinstance(record, dict) else None
    try:
        told = base64.b64decode(data or "", validate=True).decode()
    except (binascii.Error, ValueError, TypeError):
        yield BROKEN
        return
    yield from documents([told])


def _expect_secret(request: Request, secret: SecretStr) -> None:
    """In constant time; without a secret of ours the webhook is off."""
    ours = secret.get_secret_value().encode()
    shown = (request.headers.get(name, "").removeprefix("Bearer ") for name in _SECRETS)
    if not (ours and any(hmac.compare_digest(each.encode("latin-1"), ours) for each in shown)):
        raise HTTPException(HTTPStatus.FORBIDDEN, "no such secret; see contactcenter.contacts")


async def _body(request: Request, limit: int, *, packed: bool = False) -> bytes:
    if media_type(request.scope) != "application/json":
        raise HTTPException(415, "send application/json in UTF-8")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding not in ({"identity", "gzip"} if packed else {"identity"}):
        raise HTTPException(415, "send it uncompressed")
    try:
        return await read_body(request.scope, request.receive, limit=limit)
    except BodyTooLarge as error:
        raise HTTPException(413, f"{error}; send it in parts") from None
    except BodyTooSlow as error:
        raise HTTPException(408, str(error)) from None


def _unpacked(request: Request, raw: bytes) -> bytes:
    if request.headers.get("content-encoding") != "gzip":
        return raw
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        told = unzip.decompress(raw, PUSHED_LIMIT)
    except zlib.error:
        raise HTTPException(400, "not gzip") from None
    if unzip.unconsumed_tail:  # a few bytes may unpack to gigabytes
        raise HTTPException(413, f"more than {PUSHED_LIMIT} bytes; send it in parts")
    return told


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "contacts": {
                            "type": "array",
                            "maxItems": MOST_RECORDS,
                            "items": Contact.model_json_schema(),
                        }
                    },
                    "required": ["contacts"],
                    "additionalProperties": False,
                }
            }
        },
    }
}
_DOCUMENTS: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}
}
