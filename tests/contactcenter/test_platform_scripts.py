"""The Lambda is run against a server of ours; the dialplan and the Studio flow are taken apart."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    speak,
)
from tests.fakes.http import HttpFake, Reply, Request

from outreach.contactcenter import asterisk, connect_map, twilio_flex
from outreach.contactcenter.answer import answer

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "platforms"
ANSWER = answer(make_caller(make_premise()), [make_truth()], speak, now=NIGHT, rules=RULES)
NUMBER = "+56922223355"
EVENT: dict[str, Any] = {
    "Details": {
        "ContactData": {
            "ContactId": "c-1",
            "CustomerEndpoint": {"Address": NUMBER, "Type": "TELEPHONE_NUMBER"},
            "SystemEndpoint": {"Address": "+56600", "Type": "TELEPHONE_NUMBER"},
            "Attributes": {"name": "María"},
        },
        "Parameters": {},
    },
    "Name": "ContactFlowEvent",
}


class Outreach(HttpFake):
    """`POST /v1/ivr/connect`, as ours answers it."""

    def __init__(self) -> None:
        super().__init__()
        self.lasts = timedelta(minutes=1)

    def accept(self, request: Request) -> Reply:
        said = replace(ANSWER, expires_at=datetime.now(UTC) + self.lasts)  # noqa: TID251  the Lambda reads the clock
        return Reply(status=200, body=json.dumps(connect_map.flat(said)).encode())


@pytest.fixture(scope="module")
def ours() -> Iterator[Outreach]:
    with Outreach() as running:
        yield running


@pytest.fixture
def function(ours, monkeypatch) -> ModuleType:
    path = EXAMPLES / "connect" / "outage_answer.py"
    spec = importlib.util.spec_from_file_location("outage_answer", path)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    monkeypatch.setenv("OUTREACH_URL", ours.url)
    monkeypatch.setattr(loaded, "TIMEOUT_S", 0.3)
    ours.requests.clear()
    ours.lasts = timedelta(minutes=1)
    return loaded


def test_the_function_returns_our_flat_strings_and_asks_once_in_thirty_seconds(function, ours):
    first = function.handler(EVENT, None)
    again = function.handler(EVENT, None)

    assert first["text"] == ANSWER.text
    assert again == first
    assert all(isinstance(value, str) for value in first.values())
    assert len(ours.requests) == 1


def test_the_function_passes_on_no_more_than_the_answer_needs(function, ours):
    function.handler(EVENT, None)

    (request,) = ours.requests
    assert connect_map.asked(json.loads(request.body))["ani"] == NUMBER
    assert "María" not in request.body.decode()
    assert request.path == "/v1/ivr/connect"
    assert request.query == {}


def test_asked_by_zone_one_question_without_any_caller_serves_all_of_it(function, ours):
    for number, zone in ((NUMBER, "13120"), ("+56933333333", "13120"), (NUMBER, "13123")):
        contact = EVENT["Details"]["ContactData"] | {
            "ContactId": f"c-{number}", "CustomerEndpoint": {"Address": number},
        }  # fmt: skip
        asked = {"ContactData": contact, "Parameters": {"by": "zone", "zone": zone}}
        assert function.handler({"Details": asked}, None)["text"] == ANSWER.text

    found = [connect_map.asked(json.loads(one.body)) for one in ours.requests]
    assert [one["zone"] for one in found] == ["13120", "13123"]
    assert not any({"ani", "call_id"} & one.keys() for one in found)


@pytest.mark.parametrize(
    "trouble",
    [
        {"status": 503},
        {"status": 200, "body": b"<html>"},
        {"status": 200, "body": {"status": "etr", "nested": {}}},
        {"status": 200, "body": b"{" * 40_000},
        {"status": 200, "then": "drop"},
        {"status": 200, "then": "hang"},
        {"status": 200, "then": "drip", "body": b"x" * 400},
    ],
    ids=["503", "no JSON", "not flat", "too long", "dropped", "hangs", "drips"],
)
def test_whatever_goes_wrong_the_flow_gets_its_fallback(function, ours, trouble):
    ours.next(**trouble)

    assert function.handler(EVENT, None) == function.FALLBACK


def test_an_answer_past_its_expiry_is_not_said(function, ours):
    ours.lasts = timedelta(seconds=-1)

    assert function.handler(EVENT, None) == function.FALLBACK


def test_without_an_address_the_flow_gets_its_fallback(function, monkeypatch):
    monkeypatch.delenv("OUTREACH_URL")

    assert function.handler(EVENT, None) == function.FALLBACK
    assert function.handler({}, None) == function.FALLBACK


LINE = re.compile(r"^(?:exten => (\w+),1|[ ]same => n),([A-Za-z]+)\((.*)\)$")
APPLICATIONS = {"Answer", "Background", "Goto", "GotoIf", "Hangup", "Queue", "Read", "Set", "System", "WaitExten"}  # fmt: skip
FUNCTIONS = {"CALLERID", "CURL", "CURLOPT", "HASH", "IF", "STAT", "URIENCODE"}
GIVEN = {"EPOCH", "SYSTEMSTATUS", "UNIQUEID"}


@pytest.fixture(scope="module")
def dialplan() -> tuple[dict[str, str], dict[str, list[tuple[str, str]]]]:
    """Globals, and extension -> its applications with their arguments; every line is understood."""
    text = (EXAMPLES / "asterisk" / "extensions.conf").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith(";")]
    start = lines.index("[outreach-outage]")
    named = dict(line.split("=", 1) for line in lines[1:start])
    extensions: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for line in lines[start + 1 :]:
        found = LINE.fullmatch(line)
        assert found, line
        name = found[1] or name
        extensions.setdefault(name, []).append((found[2], found[3]))
    return named, extensions


def test_the_dialplan_uses_known_applications_and_functions_only(dialplan):
    _named, extensions = dialplan
    steps = [step for found in extensions.values() for step in found]

    assert {application for application, _given in steps} <= APPLICATIONS
    called = {name for _app, given in steps for name in re.findall(r"([A-Z]+)\(", given)}
    assert called <= FUNCTIONS


def test_every_variable_of_the_dialplan_is_set_somewhere(dialplan):
    named, extensions = dialplan
    steps = [step for found in extensions.values() for step in found]
    made = {given.partition("=")[0] for application, given in steps if application == "Set"}
    made |= {given.partition(",")[0] for application, given in steps if application == "Read"}

    used = {name for _app, given in steps for name in re.findall(r"\$\{([A-Z]+)\}", given)}

    assert used <= made | set(named) | GIVEN


def test_every_jump_of_the_dialplan_lands(dialplan):
    _named, extensions = dialplan
    for found in extensions.values():
        for application, given in found:
            if application in {"Goto", "GotoIf"}:
                targets = given.rpartition("?")[2].split(":")
                assert {target.partition(",")[0] for target in targets} <= set(extensions)
        assert found[-1][0] in {"Goto", "GotoIf", "Hangup", "WaitExten"}


def test_the_dialplan_reads_fields_that_we_send_and_keeps_the_number_out_of_the_address(dialplan):
    named, extensions = dialplan
    text = "\n".join(given for found in extensions.values() for _app, given in found)
    sent = {each.partition("=")[0] for each in asterisk.document(ANSWER).split("&")}

    assert set(re.findall(r"HASH\(out,(\w+)\)", text)) <= sent
    assert all("$" not in address and "?" not in address for address in named.values())
    assert all(
        "URIENCODE(" in text[found.start() - 20 : found.end()]
        for found in re.finditer(r"\$\{CALLERID", text)
    )
    assert not re.search(r"System\([^)]*HASH\(out,text\)", text)


def test_the_dialplan_hangs_up_on_nobody_and_offers_danger_first(dialplan):
    _named, extensions = dialplan
    for found in extensions.values():
        for number, (application, _given) in enumerate(found):
            assert application != "Hangup" or found[number - 1][0] == "Queue"

    assert extensions["s"][1] == ("Background", "${SOUNDS}/danger-press-9")
    assert extensions["9"][0] == ("Queue", "emergencias")


@pytest.fixture(scope="module")
def studio() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXAMPLES / "twilio" / "studio.json").read_text("utf-8"))
    return loaded


def test_every_transition_of_the_studio_flow_lands_and_every_widget_is_reached(studio):
    states = {each["name"]: each for each in studio["states"]}
    reached, waiting = set(), [studio["initial_state"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [each["next"] for each in states[name]["transitions"] if "next" in each]

    assert reached == set(states)
    (call,) = [each for each in states["Trigger"]["transitions"] if each["event"] == "incomingCall"]
    assert call["next"] == "danger"
    assert "hangup" not in {each["type"] for each in studio["states"]}


def test_the_studio_flow_reads_what_we_give_and_asks_by_post_alone(studio):
    ours = set(twilio_flex.widgets(ANSWER, [], now=NIGHT))
    text = json.dumps(studio)
    (asks,) = [each for each in studio["states"] if each["type"] == "make-http-request"]

    assert set(re.findall(r"widgets\.ask\.parsed\.(\w+)", text)) <= ours
    assert asks["properties"]["method"] == "POST"
    assert "{{" not in asks["properties"]["url"]
    assert {each["event"] for each in asks["transitions"]} == {"success", "failed"}


def test_the_workflow_filters_by_attributes_that_tasks_have():
    workflow = json.loads((EXAMPLES / "twilio" / "workflow.json").read_text("utf-8"))
    attributes = set(twilio_flex.attributes(ANSWER, [], now=NIGHT))

    for each in workflow["task_routing"]["filters"]:
        assert each["expression"].split()[0] in attributes
        for target in each["targets"]:
            assert set(re.findall(r"task\.(\w+)", target.get("expression", ""))) <= attributes
    assert workflow["task_routing"]["default_filter"]["queue"]
