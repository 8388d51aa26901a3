"""The vendors' own descriptions and samples, where `../shared/corpora` is present."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
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
    operation = _twilio()["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]
    if request.method == "GET":
        known = {parameter["name"] for parameter in operation["get"]["parameters"]}
        return [f"unknown parameter {name}" for name in request.query if name not in known]
    schema = operation["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"][
        "schema"
    ]
    properties = schema["properties"]
    sent: dict[str, Any] = dict(request.form)
    for name, value in sent.items():
        if properties.get(name, {}).get("type") == "integer":
            sent[name] = int(value)
    whole = {**schema, "additionalProperties": False, "components": _twilio()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(sent)]


def sendgrid_mistakes(request: Request) -> list[str]:
    """What SendGrid's OpenAPI finds wrong with a request to /v3/mail/send."""
    post = json.loads(corpus("sendgrid-oai", "mail_send.json").read_text())["mail_send"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    registry: Any = Registry(retrieve=_sibling)
    root = Resource(contents=schema, specification=DRAFT202012)
    registry = registry.with_resource("https://oai/paths/x/mail_send.json", root)
    checker = Draft202012Validator(
        {"$ref": "https://oai/paths/x/mail_send.json"}, registry=registry
    )
    return [error.message for error in checker.iter_errors(json.loads(request.body))]


@cache
def _twilio() -> dict[str, Any]:
    text = corpus("twilio-oai", "twilio_api_v2010.json").read_text()
    described: dict[str, Any] = json.loads(text)
    return described


def _sibling(uri: str) -> Any:
    text = corpus("sendgrid-oai", uri.rpartition("/")[2]).read_text()
    return Resource(contents=json.loads(text), specification=DRAFT202012)
