"""Every route of the OpenAPI asked what schemathesis can think of: no 5xx, and answers as the document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings as bounded
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
)
from tests.entry import housed

from outreach.entry.http.app import Front

EXAMPLES = {GenerationMode.POSITIVE: 3, GenerationMode.NEGATIVE: 1}
"""Requests for each operation; the whole file stays below 20 s of processor."""
CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Front]:
    with housed.front(tmp_path_factory.mktemp("luz"), sqlite_template) as made:
        yield made


@pytest.fixture(scope="module")
def document(front: Front) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", housed.FromHere(front))


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as it says", "otherwise"]
)
def test_no_request_is_answered_by_a_5xx_or_against_the_document(
    document: Any, mode: GenerationMode
):
    operations = [each.ok() for each in document.get_all_operations() if isinstance(each, Ok)]
    wrong: list[str] = []

    for operation in operations:
        wrong += _tried(operation, mode)

    assert len(operations) >= 20
    assert wrong == [], "\n".join(wrong)


def _tried(operation: Any, mode: GenerationMode) -> list[str]:
    wrong: list[str] = []

    @given(case=operation.as_strategy(generation_mode=mode))
    @bounded(
        max_examples=EXAMPLES[mode],
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def tried(case: Any) -> None:
        answer = case.call()
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as several:
            wrong.append(f"{operation.label} {answer.status_code}: {several.exceptions[0]}"[:1200])
        except AssertionError as one:
            wrong.append(f"{operation.label} {answer.status_code}: {one}"[:1200])

    try:
        tried()
    except Exception as error:  # noqa: BLE001  what broke in the application is what we look for
        name = type(error).__name__
        if name not in ("Unsatisfiable", "SkipTest"):
            wrong.append(f"{operation.label}: {name}: {error}"[:1200])
    return wrong[:3]
