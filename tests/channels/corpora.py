"""The vendors' own descriptions and samples, where `../shared/corpora` is present."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from tests.fakes.http import Request

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora"


def corpus(*path: str) -> Path:
    """A file of the corpora; skips the test where they are not present."""
    found = CORPORA.joinpath(*path)
    if not found.exists():
        pytest.skip(f"../shared/corpora/{'/'.join(path)} is not here")
    return found


def twilio_mistakes(request: Request) -> list[str]:
    """What Twilio's OpenAPI finds wrong with a request to Messages.json."""
    return _mistakes(request, "Messages.json")


def mistakes_of_call(request: Request) -> list[str]:
    """The same for a request to Calls.json; a name that repeats is a list."""
    return _mistakes(request, "Calls.json")


def _mistakes(request: Request, resource: str) -> list[str]:
    operation = _twilio()["paths"][f"/2010-04-01/Accounts/{{AccountSid}}/{resource}"]
    if request.method == "GET":
        known = {parameter["name"] for parameter in operation["get"]["parameters"]}
        return [f"unknown parameter {name}" for name in request.query if name not in known]
    schema = operation["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"][
        "schema"
    ]
    properties = schema["properties"]
    sent: dict[str, Any] = dict(request.form)
    for name, value in sent.items():
        kind = properties.get(name, {}).get("type")
        if kind == "integer":
            sent[name] = int(value)
        elif kind == "array":
            sent[name] = [value]
    whole = {**schema, "additionalProperties": False, "components": _twilio()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(sent)]


def sendgrid_mistakes(request: Request) -> list[str]:
    """What SendGrid's OpenAPI finds wrong with a request to /v3/mail/send."""
    post = json.loads(corpus("sendgrid-oai", "mail_send.json").read_text())["mail_send"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    checker = Draft202012Validator(_at_home(schema), registry=_sendgrid())
    return [error.message for error in checker.iter_errors(json.loads(request.body))]


@cache
def _twilio() -> dict[str, Any]:
    text = corpus("twilio-oai", "twilio_api_v2010.json").read_text()
    described: dict[str, Any] = json.loads(text)
    return described


def _at_home(schema: dict[str, Any]) -> dict[str, Any]:
    """With the address from which its relative references lead to the components."""
    return {**schema, "$id": "https://oai/paths/mail/mail_send.json"}


@cache
def _sendgrid() -> Any:
    files = corpus("sendgrid-oai").glob("*.json")
    parts = {f"https://oai/components/{path.name}": json.loads(path.read_text()) for path in files}
    return Registry().with_contents(parts.items(), default_specification=DRAFT202012)
