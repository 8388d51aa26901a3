"""Errors as RFC 9457 problem documents: what, and what to do; nothing of the request comes back."""

from __future__ import annotations

import json
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from outreach.entry.http.wire import Reply
from outreach.model.errors import GuardRefused, InputRefused, OutreachError

MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str) -> Reply:
    """A problem for the plain ASGI routes."""
    return Reply(
        status=status,
        body=_body(status, detail),
        content_type=MEDIA_TYPE.encode(),
        headers=((b"cache-control", b"no-store"),),
    )


def _body(status: int, detail: str) -> bytes:
    title = HTTPStatus(status).phrase
    return json.dumps(
        {"type": "about:blank", "title": title, "status": status, "detail": detail}
    ).encode()


def _response(status: int, detail: str) -> Response:
    return Response(_body(status, detail), status_code=status, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Every error of the app's routes becomes a problem document."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(OutreachError, _ours)
    app.add_exception_handler(Exception, _defect)


def _http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    answer = _response(status, detail)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _invalid(_request: Request, error: Exception) -> Response:
    """Names the places that are wrong, never their values: they may be personal."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in found)
    return _response(422, said)


def _ours(_request: Request, error: Exception) -> Response:
    match error:
        case InputRefused():
            return _response(400, str(error))
        case GuardRefused():
            return _response(409, str(error))
        case _:
            return _response(503, "the database cannot be used now; run `outreach doctor`")


def _defect(_request: Request, _error: Exception) -> Response:
    return _response(500, "a defect of ours; the server's log has it")
