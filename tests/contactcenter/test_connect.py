"""Amazon Connect: queues read, by boto3 against its rules on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from tests.contactcenter.make_truths import NIGHT
from tests.fakes.connect import ARN, INSTANCE, QUEUE, ConnectFake

from outreach.contactcenter import connect
from outreach.contactcenter.platform_http import PlatformAway
from outreach.model.errors import InputRefused
from outreach.settings_contactcenter import Connect as Settings


def make_settings(**changes: Any) -> Settings:
    values: dict[str, Any] = {
        "region": "sa-east-1",
        "instance_id": INSTANCE,
        "instance_arn": ARN,
        "queues": {"outages": QUEUE},
    }
    return Settings(**(values | changes))


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[ConnectFake, Any]]:
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "testing")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with ConnectFake() as fake:
        yield fake, connect.client(make_settings(endpoint_url=fake.url))
    patch.undo()


@pytest.fixture
def fake(running: tuple[ConnectFake, Any]) -> ConnectFake:
    running[0].mean_s = 130.0
    return running[0]


@pytest.fixture
def client(running: tuple[ConnectFake, Any], fake: ConnectFake) -> Any:
    return running[1]


def test_queues_are_read_with_the_longer_of_two_waits(client, fake):
    (reading,) = connect.read(client, make_settings(), now=NIGHT)

    assert (reading.queue, reading.waiting, reading.agents) == ("outages", 9, 5)
    assert reading.wait_p80_s == 210


def test_without_a_mean_the_oldest_in_the_queue_tells_the_wait(client, fake):
    fake.mean_s = None

    (reading,) = connect.read(client, make_settings(), now=NIGHT)
    (without_arn,) = connect.read(client, make_settings(instance_arn=""), now=NIGHT)

    assert reading.wait_p80_s == without_arn.wait_p80_s == 192


def test_queues_that_are_unknown_there_have_no_reading(client):
    assert connect.read(client, make_settings(queues={"outages": "gone"}), now=NIGHT) == []
    assert connect.read(client, make_settings(queues={}), now=NIGHT) == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (429, "ThrottlingException", PlatformAway),
        (500, "InternalServiceException", PlatformAway),
        (403, "AccessDeniedException", InputRefused),
        (404, "ResourceNotFoundException", InputRefused),
    ],
)
def test_the_vendors_errors_become_ours_without_their_text(client, fake, status, code, error):
    fake.next(status, headers={"x-amzn-errortype": code}, body={"Message": "+56922221111"})

    with pytest.raises(error, match=code) as met:
        connect.read(client, make_settings(), now=NIGHT)

    assert "+569" not in str(met.value)


def test_a_platform_that_does_not_answer_is_away(client, fake):
    fake.next(then="drop", accepted=False)

    with pytest.raises(PlatformAway):
        connect.read(client, make_settings(), now=NIGHT)


def test_what_is_asked_fits_the_vendors_own_model(running):
    """The stubber checks every parameter against botocore's description of the service."""
    stubbed = boto3.client("connect", region_name="sa-east-1", endpoint_url=running[0].url)
    with Stubber(stubbed) as stubber:
        stubber.add_response("get_current_metric_data", {"MetricResults": []})
        stubber.add_response(
            "get_metric_data_v2",
            {"MetricResults": []},
            {
                "ResourceArn": ARN,
                "StartTime": NIGHT - timedelta(minutes=15),
                "EndTime": NIGHT,
                "Filters": [{"FilterKey": "QUEUE", "FilterValues": [QUEUE]}],
                "Groupings": ["QUEUE"],
                "Metrics": [{"Name": "AVG_QUEUE_ANSWER_TIME"}],
            },
        )

        assert connect.read(stubbed, make_settings(), now=NIGHT) == []
        stubber.assert_no_pending_responses()
    names = stubbed.meta.service_model.shape_for("CurrentMetricName").enum
    assert {each["Name"] for each in connect._CURRENT} <= set(names)
