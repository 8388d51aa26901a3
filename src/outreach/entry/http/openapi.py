"""What `/openapi.json` says of the routes that FastAPI does not carry itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from outreach.entry.http.gate import SCOPES
from outreach.entry.http.questions import Question
from outreach.model.contactcenter import AnswerStatus, Match

_PROBLEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}
PROBLEMS: dict[int | str, Any] = {
    "default": {
        "description": "What is wrong and what to do (RFC 9457)",
        "content": {"application/problem+json": {"schema": _PROBLEM}},
    }
}
_TEXTS = (
    "outage_id", "zone_name", "text", "text_ssml", "etr_iso", "etr_confidence", "affected_band",
    "wait_band", "locale",
)  # fmt: skip
_ANSWER = {
    "type": "object",
    "properties": {
        "status": {"enum": [each.value for each in AnswerStatus]},
        "match": {"enum": [each.value for each in Match]},
        "priority": {"enum": ["normal", "high"]},
        "seconds": {"type": "number"},
        "max_age_s": {"type": "integer"},
        "generation": {"type": "integer"},
        "offer_callback": {"type": "boolean"},
        "offer_sms_link": {"type": "boolean"},
        "skip_upfront": {"type": "boolean"},
        "as_of": {"type": "string", "format": "date-time"},
        "expires_at": {"type": "string", "format": "date-time"},
        **{name: {"type": "string"} for name in _TEXTS},
    },
    "required": ["status", "match", "text", "expires_at", "priority"],
}
_FLAT = {"type": "object", "additionalProperties": {"type": "string"}}
_PLACES = [
    {"name": name, "in": "query", "schema": {"type": "string", "maxLength": 80}}
    for name in ("postal", "locality", "zone", "lang")
]
_ACT_ON = (
    "always 200: without a truth to tell, the text is empty; past expires_at, not to be spoken"
)


def describe(app: FastAPI) -> None:
    """Adds the plain routes to the document that FastAPI makes of its own."""
    made = app.openapi

    def whole() -> dict[str, Any]:
        document = made()
        document["paths"] |= _paths()
        _with_scopes(document)
        return document

    app.openapi = whole  # type: ignore[method-assign]


def _with_scopes(document: dict[str, Any]) -> None:
    """Names the scope of each route; on the machine itself no key is needed, so none is declared required."""
    document.setdefault("components", {})["securitySchemes"] = {"key": _KEY}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scope = SCOPES.get((method.upper(), path))
            if scope is not None:
                operation["x-scope"] = scope.value


_KEY = {"type": "http", "scheme": "bearer", "description": "a key of `outreach key create`"}


def _paths() -> dict[str, Any]:
    question = Question.model_json_schema()
    fields = {"application/x-www-form-urlencoded": {"schema": question}}
    return {
        "/v1/ivr/answer": {
            "get": _get("The current truth for a place", "application/json", _ANSWER),
            "post": _post(
                "The current truth for a caller",
                {"application/json": {"schema": question}},
                "application/json",
                _ANSWER,
            ),
        },
        "/v1/ivr/twiml": {
            "post": _post("The answer as TwiML", _form("From", "To", "CallSid"), "application/xml")
        },
        "/v1/ivr/vxml": {
            "get": _get("The answer as a VoiceXML dialog", "application/voicexml+xml"),
            "post": _post("The answer as a VoiceXML dialog", fields, "application/voicexml+xml"),
        },
        "/v1/ivr/vxml/data": {
            "get": _get("The answer for a VoiceXML data element", "application/xml"),
            "post": _post("The answer for a VoiceXML data element", fields, "application/xml"),
        },
        "/v1/ivr/connect": {
            "get": _get("The answer as the flat map of a Lambda", "application/json", _FLAT),
            "post": _post(
                "The answer as the flat map of a Lambda, for the event of an Amazon Connect flow",
                {"application/json": {"schema": {"type": "object"}}},
                "application/json",
                _FLAT,
            ),
        },
        "/v1/ivr/asterisk": {
            "get": _get("The answer as one form-encoded line", _LINE),
            "post": _post("The answer as one form-encoded line", fields, _LINE),
        },
        "/v1/ivr/studio": {
            "get": _get("The answer and the routing as flat strings", "application/json", _FLAT),
            "post": _post(
                "The answer and the routing as flat strings", fields, "application/json", _FLAT
            ),
        },
        "/v1/ivr/pressed": {
            "post": _also_xml(
                _post(
                    "A key that a caller pressed: 1 for the link, 2 for still without service",
                    {"application/json": {"schema": _PRESSED}} | _form("From", "CallSid", "Digits"),
                    "application/json",
                    {"type": "object"},
                )
            )
        },
        "/webhooks/twilio/status/{token}": {
            "post": _webhook("Status callbacks of Twilio", _form("MessageSid", "MessageStatus"))
            | {"parameters": [_TOKEN]}
        },
        "/webhooks/sendgrid": {"post": _webhook("Events of SendGrid", _EVENTS)},
    }


_LINE = "application/x-www-form-urlencoded"
_PRESSED = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in ("ani", "account", "digit", "call_id", "outage_id", "lang")
    },
}
_TOKEN = {"name": "token", "in": "path", "required": True, "schema": {"type": "string"}}
_EVENTS = {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}


def _form(*names: str) -> dict[str, Any]:
    properties = {name: {"type": "string"} for name in names}
    return {
        "application/x-www-form-urlencoded": {
            "schema": {"type": "object", "properties": properties}
        }
    }


def _answered(kind: str, schema: dict[str, Any] | None) -> dict[str, Any]:
    content = {kind: {"schema": schema or {"type": "string"}}}
    return {"200": {"description": _ACT_ON, "content": content}, "default": PROBLEMS["default"]}


def _get(summary: str, kind: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"summary": summary, "parameters": _PLACES, "responses": _answered(kind, schema)}


def _post(
    summary: str, body: dict[str, Any], kind: str, schema: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "summary": summary,
        "requestBody": {"content": body},
        "responses": _answered(kind, schema),
    }


def _also_xml(route: dict[str, Any]) -> dict[str, Any]:
    """A form is answered as TwiML."""
    route["responses"]["200"]["content"]["application/xml"] = {"schema": {"type": "string"}}
    return route


def _webhook(summary: str, body: dict[str, Any]) -> dict[str, Any]:
    kept = {"204": {"description": "Kept on disk"}, "default": PROBLEMS["default"]}
    return {"summary": summary, "requestBody": {"content": body}, "responses": kept}
