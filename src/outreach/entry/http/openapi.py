"""What `/openapi.json` says of the routes that FastAPI does not carry itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

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
        return document

    app.openapi = whole  # type: ignore[method-assign]


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
        "/webhooks/twilio/status/{token}": {
            "post": _webhook("Status callbacks of Twilio", _form("MessageSid", "MessageStatus"))
            | {"parameters": [_TOKEN]}
        },
        "/webhooks/sendgrid": {"post": _webhook("Events of SendGrid", _EVENTS)},
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


def _webhook(summary: str, body: dict[str, Any]) -> dict[str, Any]:
    kept = {"204": {"description": "Kept on disk"}, "default": PROBLEMS["default"]}
    return {"summary": summary, "requestBody": {"content": body}, "responses": kept}
