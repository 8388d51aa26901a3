"""The listener itself hears: a guard that is deaf would let everything pass."""

from __future__ import annotations

import logging

import click
import pytest
import structlog
from click.testing import CliRunner
from tests import overheard
from tests.fakes import twilio

NUMBER, ADDRESS = "+56971239998", "canario9998@town.example"


@pytest.fixture(autouse=True)
def asked_afresh():
    overheard.listener.answers()
    yield
    overheard.listener.answers()  # said on purpose


def test_a_number_in_the_standard_librarys_log_is_heard_at_any_level():
    logging.getLogger("vendor.client").debug("cannot send to %s", NUMBER)

    assert overheard.listener.answers() == [f"{NUMBER} in the log vendor.client"]


def test_an_error_that_is_logged_is_heard():
    logging.getLogger("vendor.client").error("failed", exc_info=ValueError(ADDRESS))

    assert overheard.listener.answers() == [f"{ADDRESS} in the log vendor.client"]


def test_an_event_is_heard_with_its_values_and_its_context():
    log = structlog.get_logger().bind(to=NUMBER)
    log.debug("refused", token=twilio.AUTH_TOKEN)

    assert overheard.listener.answers() == [
        f"{NUMBER} in an event logged", f"{twilio.AUTH_TOKEN} in an event logged",
    ]  # fmt: skip


@click.command()
@click.argument("code", type=int)
@click.pass_context
def fails(ctx: click.Context, code: int) -> None:
    click.echo(f"cannot send to {ADDRESS}", err=True)
    ctx.exit(code)


@pytest.mark.parametrize(("code", "times"), [("1", 1), ("0", 0)])
def test_a_command_is_heard_when_it_fails(code, times):
    CliRunner().invoke(fails, [code])

    assert len(overheard.listener.answers()) == times
