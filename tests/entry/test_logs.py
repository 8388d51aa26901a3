"""Logs go to stderr, one line an event."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from outreach.entry import logs


@pytest.fixture
def configured() -> Iterator[None]:
    before = structlog.get_config()
    logs.configure()
    yield
    structlog.configure(**before)


def test_an_event_is_one_line_on_stderr(configured, capsys):
    structlog.get_logger().warning("lane halted", lane="sms")

    said = capsys.readouterr()
    assert said.out == ""
    assert 'level=warning event="lane halted" lane=sms' in said.err


def test_debug_is_not_written(configured, capsys):
    structlog.get_logger().debug("noise")

    assert capsys.readouterr().err == ""
