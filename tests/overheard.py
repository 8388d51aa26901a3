"""Listens to whatever any test has the product log, or say when it fails: nothing personal, no secret (G21).

Every level is heard. The numbers and addresses of all tests are the canaries: none is written as people
write them anywhere but in the sends, in what staff ask to see of one person, and in the record.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog import BoundLoggerBase
from tests.fakes import sendgrid, twilio
from tests.fleet import terms

_PERSONAL = re.compile(r"(?<![\w.])\+\d{9,15}(?!\w)|[\w.+-]+@[\w-]+\.\w[\w.]*")
_SECRETS = (twilio.AUTH_TOKEN, sendgrid.API_KEY, terms.AUTH_TOKEN)


def personal(text: str) -> list[str]:
    """Telephone numbers, e-mail addresses and the tests' secrets in this text."""
    return _PERSONAL.findall(text) + [each for each in _SECRETS if each in text]


class Listener(logging.Handler):
    """Keeps what it should not have heard, since it was last asked."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self._heard: list[str] = []

    def hears(self, where: str, text: str) -> None:
        self._heard += [f"{each} in {where}" for each in personal(text)]

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else ""
        self.hears(f"the log {record.name}", f"{record.getMessage()} {error}")

    def answers(self) -> list[str]:
        """All it heard; from now on it listens anew."""
        heard, self._heard = self._heard, []
        return heard


listener = Listener()


@contextmanager
def listening() -> Iterator[None]:
    """The standard library's logs, structlog's, and the words of commands that fail, until the end."""
    root = logging.getLogger()
    level = root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BoundLoggerBase, "_process_event", _logged(BoundLoggerBase._process_event))
        patch.setattr(CliRunner, "invoke", _typed(CliRunner.invoke))
        root.addHandler(listener)
        root.setLevel(logging.DEBUG)
        yield
    root.setLevel(level)
    root.removeHandler(listener)


def _logged(process: Any) -> Any:
    def heard(logger: Any, method: str, event: str | None, event_kw: dict[str, Any]) -> Any:
        listener.hears("an event logged", f"{event} {event_kw} {logger._context}")
        return process(logger, method, event, event_kw)

    return heard


def _typed(invoke: Any) -> Any:
    def heard(*args: Any, **named: Any) -> Result:
        result: Result = invoke(*args, **named)
        if result.exit_code:
            listener.hears("the words of a command that failed", result.output)
        return result

    return heard
