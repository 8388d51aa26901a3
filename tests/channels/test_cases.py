"""One table of what providers do, which every channel must answer in the same way."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.channels import bench as benches
from tests.channels.bench import bench, outgoing

from outreach.model.message import Accepted, Delayed, InDoubt, Outcome, Refused

GARBAGE = Path(__file__).parents[2].parent / "shared/corpora/jsontestsuite/test_parsing"


def is_accepted(outcome: Outcome) -> bool:
    return isinstance(outcome, Accepted) and bool(outcome.provider_ref)


def is_throttled(outcome: Outcome) -> bool:
    return isinstance(outcome, Delayed) and outcome.throttled


def waits_two_seconds(outcome: Outcome) -> bool:
    return (
        isinstance(outcome, Delayed)
        and outcome.throttled
        and outcome.retry_after == timedelta(seconds=2)
    )


def is_final(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and not (
        outcome.stop_lane or outcome.address_is_bad or outcome.opted_out
    )


def is_bad_address(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.address_is_bad and not outcome.stop_lane


def is_opted_out(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.opted_out and not outcome.address_is_bad


def stops_lane(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.stop_lane


def is_in_doubt(outcome: Outcome) -> bool:
    return isinstance(outcome, InDoubt)


DEADLINE = 2.0
"""Seconds: enough to reach a provider from a busy machine, and soon over where one says nothing."""


@dataclass(frozen=True)
class Case:
    """What the provider does, what we must say, and whether its ledger then holds the message."""

    script: Callable[[Any], object]
    says: Callable[[Outcome], bool]
    taken: bool = False


RESET = {"date": "Tue, 04 Aug 2026 06:43:00 GMT", "x-rate-limit-reset": "1785825782"}
NAMED = {"errors": [{"field": "personalizations.0.to.0.email", "message": "Does not contain ana"}]}

HTTP: dict[str, Case] = {
    "accepted": Case(lambda _fake: None, is_accepted, taken=True),
    "throttled, told for how long": Case(lambda f: f.next(429, retry_after=2), waits_two_seconds),
    "throttled": Case(lambda f: f.next(429), is_throttled),
    "refused for good": Case(lambda f: f.next(400, body={"code": 21617}), is_final),
    "unauthorised": Case(lambda f: f.next(401, body={"code": 20003}), stops_lane),
    "forbidden": Case(lambda f: f.next(403, body={}), stops_lane),
    "not there": Case(lambda f: f.next(404, body={}), stops_lane),
    "redirected": Case(lambda f: f.next(302, headers={"Location": f.url}), stops_lane),
    "500 before": Case(lambda f: f.next(500), is_in_doubt),
    "500 after it was taken": Case(lambda f: f.next(500, accepted=True), is_in_doubt, taken=True),
    "503": Case(lambda f: f.next(503, retry_after=1), is_in_doubt),
    "reply lost": Case(lambda f: f.lose(), is_in_doubt, taken=True),
    "reset": Case(lambda f: f.next(accepted=True, then="reset"), is_in_doubt, taken=True),
    "cut short": Case(lambda f: f.next(accepted=True, then="cut"), is_in_doubt, taken=True),
    "no answer": Case(lambda f: f.next(accepted=True, then="hang"), is_in_doubt, taken=True),
    "a byte at a time": Case(lambda f: f.next(accepted=True, then="drip"), is_in_doubt, taken=True),
    "a web page": Case(lambda f: f.next(200, body=b"<html>Welcome</html>"), is_in_doubt),
    "truncated": Case(lambda f: f.next(201, body=b'{"sid": "SM1", "data": {"id": "1'), is_in_doubt),
    "no id": Case(lambda f: f.next(201, body={"sid": None, "data": {}}), is_in_doubt),
    "empty id": Case(lambda f: f.next(201, body={"sid": "", "data": {"id": ""}}), is_in_doubt),
    "another shape": Case(lambda f: f.next(201, body=[1]), is_in_doubt),
    "endless": Case(lambda f: f.next(200, body=b"x" * (2 << 20)), is_in_doubt),
}  # fmt: skip

TWILIO: dict[str, Case] = HTTP | {
    "bad address": Case(lambda f: f.error(21211), is_bad_address),
    "not mobile": Case(lambda f: f.error(21614), is_bad_address),
    "landline": Case(lambda f: f.error(21635), is_bad_address),
    "opted out": Case(lambda f: f.error(21610), is_opted_out),
    "sender not ours": Case(lambda f: f.error(21606), stops_lane),
    "too many": Case(lambda f: f.error(20429, 429), is_throttled),
    "sender's queue is full": Case(lambda f: f.error(21611), is_throttled),
    "500 with a code": Case(lambda f: f.error(21610, 500), is_in_doubt),
    "code is no number": Case(lambda f: f.next(400, body={"code": "x"}), is_final),
    "RFC 9457": Case(
        lambda f: f.next(
            400, body={"type": "x", "title": "y", "status": 400, "code": 21610}
        ), is_opted_out
    ),
}  # fmt: skip

CASES: dict[str, dict[str, Case]] = {
    "twilio": TWILIO,
    "twilio_voice": TWILIO,
    "sendgrid": HTTP | {
        "bad address": Case(lambda f: f.next(400, body=NAMED), is_bad_address),
        "cut short": Case(lambda f: f.next(202, body=b"12345678", then="cut"), is_in_doubt),
        "too large": Case(lambda f: f.next(413, body=NAMED), is_final),
        "400 without words": Case(lambda f: f.next(400, body=b"{"), is_final),
    },
    "x": HTTP | {
        "throttled, told for how long": Case(lambda f: f.next(429, headers=RESET), waits_two_seconds),
        "reset time is no number": Case(
            lambda f: f.next(429, headers={**RESET, "x-rate-limit-reset": "soon"}), is_throttled
        ),
        "posted already by others": Case(
            lambda f: f.ledger.append("Corte en Maipú, ref 1"), is_final, taken=True
        ),
    },
    "smtp": {
        "accepted": Case(lambda _fake: None, is_accepted, taken=True),
        "throttled": Case(lambda f: f.script("MAIL", "450 4.7.1 slow down"), is_throttled),
        "greylisted": Case(lambda f: f.script("RCPT", "451 4.7.1 later"), is_throttled),
        "closing": Case(lambda f: f.script("CONNECT", "421 busy"), is_throttled),
        "refused for good": Case(lambda f: f.script("TEXT", "554 5.6.0 no"), is_final),
        "refused by policy": Case(lambda f: f.script("RCPT", "554 5.7.1 no"), is_final),
        "bad address": Case(lambda f: f.script("RCPT", "550 5.1.1 unknown"), is_bad_address),
        "unauthorised": Case(lambda f: f.script("MAIL", "530 5.7.0 log in"), stops_lane),
        "reply lost": Case(lambda f: f.script("TEXT", "drop"), is_in_doubt, taken=True),
        "no answer": Case(lambda f: f.script("TEXT", "hang"), is_in_doubt, taken=True),
        "a byte at a time": Case(
            lambda f: f.script("TEXT", "drip 250 " + "k" * 80), is_in_doubt, taken=True
        ),
        "garbage": Case(lambda f: f.script("TEXT", "<html>"), is_in_doubt, taken=True),
        "another code": Case(lambda f: f.script("TEXT", "299 hm"), is_in_doubt, taken=True),
        "silent before the text": Case(
            lambda f: f.script("RCPT", "hang"), lambda o: isinstance(o, Delayed)
        ),
        "dropped before the text": Case(
            lambda f: f.script("RCPT", "drop"), lambda o: isinstance(o, Delayed)
        ),
    },
}  # fmt: skip

ROWS = [
    pytest.param(name, case, id=f"{name}: {what}")
    for name in CASES
    for what, case in CASES[name].items()
]
PROVIDERS = list(CASES)


@pytest.mark.parametrize(("name", "case"), ROWS)
def test_every_behaviour_of_a_provider_has_its_outcome(name: str, case: Case) -> None:
    with bench(name) as under:
        case.script(under.fake)
        started = monotonic()

        outcomes = under.send(outgoing(name), deadline=DEADLINE)

        assert len(outcomes) == 1
        assert outcomes[0].id == 1
        assert case.says(outcomes[0]), outcomes[0]
        assert len(under.fake.ledger) == int(case.taken)
        assert monotonic() - started < DEADLINE + 2.4


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_refused_connection_is_delayed_and_nothing_was_sent(name: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with bench(name) as under:
        make: Any = getattr(benches, name)
        nobody = replace(
            under, make=lambda: make(port if name == "smtp" else f"http://127.0.0.1:{port}")
        )

        outcomes = nobody.send(outgoing(name))

    assert [type(outcome) for outcome in outcomes] == [Delayed]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_call_without_time_left_is_delayed(name: str) -> None:
    with bench(name) as under:
        outcomes = under.send(outgoing(name), deadline=0)

        assert [type(outcome) for outcome in outcomes] == [Delayed]
        assert under.fake.ledger == []


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_message_of_a_batch_has_one_outcome_in_its_order(name: str) -> None:
    batch = [outgoing(name, number) for number in range(1, 41)]
    with bench(name) as under:
        if name == "smtp":
            under.fake.script("RCPT", "550 no", "451 later")
            under.fake.script("TEXT", "drop", "554 no")
        else:
            under.fake.next(429)
            under.fake.next(500, times=3)
            under.fake.lose()

        outcomes = under.send(*batch)

        assert [outcome.id for outcome in outcomes] == list(range(1, 41))
        refs = {outcome.provider_ref for outcome in outcomes if isinstance(outcome, Accepted)}
        assert len(refs) >= 35
        assert len(under.fake.ledger) == len(refs) + 1


@pytest.mark.parametrize("name", ["twilio", "twilio_voice", "sendgrid", "x"])
def test_a_lost_reply_on_a_reused_connection_is_never_posted_again(name: str) -> None:
    first, second = outgoing(name, 1), outgoing(name, 2)
    with bench(name) as under:

        async def both(channel: Any) -> list[Outcome]:
            await channel.send([first], 3)
            under.fake.lose()
            return list(await channel.send([second], 3))

        outcomes = under.run(both)

        assert is_in_doubt(outcomes[0])
        assert under.fake.connections == 1
        assert len(under.fake.ledger) == 2


@pytest.mark.parametrize("name", ["twilio", "twilio_voice", "sendgrid", "x"])
def test_no_garbage_in_an_answer_is_taken_for_success(name: str) -> None:
    if not GARBAGE.exists():
        pytest.skip("../shared/corpora/jsontestsuite is not here")
    texts = [path.read_bytes() for path in sorted(GARBAGE.glob("n_*.json"))]
    with bench(name) as under:
        for text in texts:
            under.fake.next(202 if name == "sendgrid" else 201, body=text)

        outcomes = under.send(*(outgoing(name, n) for n in range(len(texts))), deadline=20)

    assert len(texts) > 180
    assert {type(outcome) for outcome in outcomes} == {InDoubt}
