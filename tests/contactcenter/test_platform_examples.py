"""The examples in docs/examples/platforms do what the guide says: each is taken apart, and run where it can be."""

from __future__ import annotations

import heapq
import json
import random
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    speak,
)
from tests.contactcenter.platforms_made import NOW, make_row
from tests.fakes.architect import Flow
from tests.fakes.genesys import COLUMNS, ActionLimits

from outreach.contactcenter.answer import answer
from outreach.contactcenter.genesys_tables import body
from outreach.contactcenter.platform_rows import ask_percent
from outreach.entry.http.ivr import as_json
from outreach.entry.http.questions import Question
from outreach.model.platforms import EVERYWHERE, ZoneRow

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "platforms"
ANSWER = answer(make_caller(make_premise()), [make_truth()], speak, now=NIGHT, rules=RULES)
SAID = {"text": "Su sector vuelve a las seis.", "expires_at": "2026-07-12T06:41:00+00:00", "priority": "normal"}  # fmt: skip
CODE = "13120"


@pytest.fixture(scope="module")
def flow() -> Flow:
    return Flow(EXAMPLES / "genesys" / "outage.yaml")


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    path = EXAMPLES / "genesys" / "answer.custom.json"
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def rows(*made: ZoneRow, ask: int = 0) -> dict[str, dict[str, Any]]:
    wide = make_row(EVERYWHERE, text="", status="none", ask_percent=ask)
    return {row.key: body(row) for row in (wide, *made)}


def never(_inputs: dict[str, Any]) -> dict[str, Any] | None:
    raise AssertionError("nobody was to be asked")


def test_danger_is_offered_before_anything_else_and_goes_to_a_person_at_once(flow):
    heard = flow.call(rows(), now=NOW, ask=never, key="9")

    assert "marque nueve" in heard.said[0]
    assert (heard.queue, heard.looked_up) == ("Emergencias", [])


def test_a_zone_in_the_table_is_told_without_asking_about_the_number(flow):
    heard = flow.call(rows(make_row(CODE), ask=100), now=NOW, ask=never, zone=CODE)

    assert heard.said[1:] == [make_row().text]
    assert heard.looked_up == [CODE]
    assert heard.queue == "Cortes"


def test_a_row_past_its_expiry_is_never_spoken(flow):
    row = make_row(CODE, expires_at=NOW)

    heard = flow.call(rows(row), now=NOW, ask=never, zone=CODE)

    assert len(heard.said) == 1
    assert heard.queue == "Cortes"


def test_outreach_gone_means_the_default_flow_and_no_question(flow):
    later = NOW + timedelta(minutes=10)

    heard = flow.call(rows(make_row(CODE), ask=100), now=later, ask=never, zone=CODE)
    empty = flow.call({}, now=NOW, ask=never)

    assert (len(heard.said), heard.queue) == (1, "Cortes")
    assert (len(empty.said), empty.queue) == (1, "Cortes")


def test_the_number_is_asked_about_only_within_the_share(flow):
    table = rows(ask=24)

    asked = flow.call(table, now=NOW, ask=lambda _given: SAID, ani="tel:+56922222223")
    not_asked = flow.call(table, now=NOW, ask=never, ani="tel:+56922222224")
    hidden = flow.call(rows(ask=100), now=NOW, ask=never, ani="")

    assert asked.said[1:] == [SAID["text"]]
    assert not_asked.queue == hidden.queue == "Cortes"


def test_a_question_that_fails_or_is_answered_late_leaves_what_everybody_hears(flow):
    wide = make_row(EVERYWHERE, ask_percent=100, text="Hay un corte en tres comunas.")
    table = {EVERYWHERE: body(wide)}

    for answered in (None, SAID | {"expires_at": "2026-07-12T06:39:00+00:00"}):
        heard = flow.call(table, now=NOW, ask=lambda _given, found=answered: found)
        assert heard.said[1:] == [wide.text]


def test_a_priority_caller_goes_first(flow):
    heard = flow.call(rows(ask=100), now=NOW, ask=lambda _given: SAID | {"priority": "high"})

    assert heard.queue == "Emergencias"


def test_every_way_through_the_flow_ends_with_a_person(flow):
    kinds = [kind for kind, _given in flow.actions()]

    assert "disconnect" not in kinds
    assert flow.flow["settingsErrorHandling"]["errorHandling"]["queue"]
    for task in flow.tasks.values():
        ((last, _given),) = task["actions"][-1].items()
        assert last in {"jumpToTask", "decision"}


def test_the_flow_reads_columns_that_the_table_has(flow):
    lookups = [given for kind, given in flow.actions() if kind == "dataTableLookup"]

    for each in lookups:
        ((table, wired),) = each["dataTable"].items()
        assert table == "outreach_zonas"
        assert set(wired["foundOutputs"]) <= set(COLUMNS)


def test_the_table_of_the_example_has_our_columns():
    found = json.loads((EXAMPLES / "genesys" / "table.json").read_text(encoding="utf-8"))

    properties = found["schema"]["properties"]
    types = {"string": str, "integer": int}
    assert found["name"] == "outreach_zonas"
    assert {name: types[each["type"]] for name, each in properties.items()} == COLUMNS
    jsonschema.validate(body(make_row()), found["schema"])


def test_three_thousand_calls_a_minute_stay_within_the_platforms_limits(flow):
    """Arrivals by chance, half of them with a zone; 400 ms an answer; two minutes of virtual time."""
    draw, clock = random.Random(6), [0.0]  # noqa: S311  a fixed world, no secret
    limits = ActionLimits(lambda: clock[0])
    table = rows(make_row(CODE, expires_at=NOW + timedelta(hours=1)), ask=ask_percent(3_000, 720))
    table[EVERYWHERE]["expires_at"] = table[CODE]["expires_at"]
    ending: list[float] = []
    heard = []

    def ask(_inputs: dict[str, Any]) -> dict[str, Any] | None:
        if not limits.begin():
            return None
        heapq.heappush(ending, clock[0] + draw.expovariate(1 / 0.4))
        return SAID | {"expires_at": table[CODE]["expires_at"]}

    while clock[0] < 120:
        clock[0] += draw.expovariate(3_000 / 60)
        while ending and ending[0] <= clock[0]:
            heapq.heappop(ending)
            limits.end()
        zone = CODE if draw.random() < 0.5 else ""
        ani = f"tel:+569{draw.randrange(10**8):08}"
        now = NOW + timedelta(seconds=clock[0])
        heard.append(flow.call(table, now=now, ask=ask, ani=ani, zone=zone))

    assert len(heard) > 5_600
    assert limits.refused == 0
    assert limits.most_at_once <= 15
    assert 0.10 < sum(one.asked for one in heard) / len(heard) < 0.14
    assert all(one.queue == "Cortes" for one in heard)


def test_without_the_share_the_same_calls_break_the_limits(flow):
    """The test above can fail: everybody asked about is over 900 in the first minute."""
    limits = ActionLimits(lambda: 0.0)

    def ask(_inputs: dict[str, Any]) -> dict[str, Any]:
        if limits.begin():
            limits.end()
        return SAID

    for number in range(1_000):
        flow.call(
            rows(ask=100),
            now=NOW,
            ani=f"tel:+569{number:08}",
            ask=ask,
        )

    assert limits.refused == 100


def test_the_data_action_asks_what_our_route_takes(action):
    template = action["config"]["request"]["requestTemplate"]
    filled = re.sub(r"\$esc\.jsonString\(\$\{input\.(\w+)\}\)", r"\1-value", template)

    question = Question.model_validate(json.loads(filled) | {"lang": "es-CL"})

    assert (question.ani, question.dnis) == ("ani-value", "dnis-value")
    request = action["config"]["request"]
    assert request["requestUrlTemplate"].endswith("/v1/ivr/answer")
    assert "?" not in request["requestUrlTemplate"]
    assert set(re.findall(r"input\.(\w+)", template)) == set(
        action["contract"]["input"]["inputSchema"]["properties"]
    )


def test_the_data_action_reads_our_answer_and_defaults_to_silence(action, flow):
    response, schema = action["config"]["response"], action["contract"]["output"]["successSchema"]
    ours = json.loads(as_json(ANSWER)[1])

    def made(found: dict[str, Any]) -> dict[str, Any]:
        text = response["successTemplate"]
        for name, path in response["translationMap"].items():
            default = response["translationMapDefaults"][name]
            key = path.removeprefix("$.")
            text = text.replace(f"${{{name}}}", json.dumps(found[key]) if key in found else default)
        said: dict[str, Any] = json.loads(text)
        return said

    jsonschema.validate(made(ours), schema)
    jsonschema.validate(made({}), schema)
    assert made(ours)["text"] == ANSWER.text
    assert made({})["text"] == ""
    (wired,) = [given for kind, given in flow.actions() if kind == "callData"]
    ((_category, found),) = wired["category"].items()
    assert set(found["dataAction"][action["name"]]["successOutputs"]) <= set(schema["properties"])
    assert wired["timeout"]["lit"]["seconds"] <= 3
