"""Every door of the web side: what the corpora hold, the headers of each answer, and bodies that are too large."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.entry import housed

from outreach.entry.http.app import Front

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora"
AWAY = pytest.mark.skipif(not CORPORA.exists(), reason=f"{CORPORA} is not here")
SLOWEST_S = 2.0
"""A busy machine included; each takes milliseconds."""


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Front]:
    with housed.front(tmp_path_factory.mktemp("luz"), sqlite_template) as made:
        yield made


@pytest.fixture(scope="module")
def doors(front: Front) -> list[tuple[str, str]]:
    """(method, path) of every route of the document, with something in the place of each parameter."""
    _status, _headers, body = asyncio.run(housed.asked(front, "/openapi.json", method="GET"))
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, methods in json.loads(body)["paths"].items()
        for method in methods
        if method in {"get", "post", "put", "delete", "patch"}
    ]


def files(folder: str, kind: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((CORPORA / folder).rglob(kind))}


def wrongs(
    front: Front, doors: list[tuple[str, str]], bodies: dict[str, bytes], kind: str
) -> list[str]:
    async def every() -> list[str]:
        found = []
        for method, path in doors:
            for name, body in bodies.items():
                began = time.perf_counter()
                status, _headers, said = await housed.asked(
                    front, path, body, method=method, content_type=kind
                )
                found += [
                    f"{path} {name}: {what}"
                    for what in odd(status, said, time.perf_counter() - began)
                ]
        return found

    return asyncio.run(every())


def odd(status: int, said: bytes, took: float) -> Iterator[str]:
    if status >= 500:
        yield f"{status} {said[:200]!r}"
    if took > SLOWEST_S:
        yield f"{took:.1f} s"
    if status in (400, 415, 422) and "\n" in json.loads(said).get("detail", ""):
        yield f"more than a line: {said[:200]!r}"


@AWAY
def test_no_json_of_the_corpus_breaks_a_door(front: Front, doors: list[tuple[str, str]]):
    bodies = files("jsontestsuite", "*.json")
    posts = [each for each in doors if each[0] == "POST"]

    assert len(bodies) > 300
    assert len(posts) >= 10
    assert wrongs(front, posts, bodies, "application/json") == []


@AWAY
@pytest.mark.parametrize("kind", ["application/xml", "application/ssml+xml"])
def test_no_xml_bomb_breaks_a_door(front: Front, doors: list[tuple[str, str]], kind: str):
    bodies = files("xmlbombs", "*.xml") | files("payloads/xxe", "*.xml")
    posts = [each for each in doors if each[0] == "POST"]

    assert len(bodies) > 10
    assert wrongs(front, posts, bodies, kind) == []


def test_a_body_of_nine_mebibytes_is_refused_at_every_door(
    front: Front, doors: list[tuple[str, str]]
):
    """The IVR's are answered: a caller hears the neutral words, whatever the platform sent."""
    posts = [path for method, path in doors if method == "POST"]
    body = b"[" + b" " * 9 * 1024 * 1024

    async def every() -> dict[str, int]:
        kind = "application/json"
        return {
            path: (await housed.asked(front, path, body, content_type=kind))[0] for path in posts
        }

    taken = {path: status for path, status in asyncio.run(every()).items() if status < 400}
    assert all(path.startswith("/v1/ivr/") for path in taken)
    assert set(taken.values()) == {200}


def test_every_answer_carries_the_safe_headers(front: Front, doors: list[tuple[str, str]]):
    others = [
        ("GET", "/nowhere"),
        ("PUT", "/v1/ivr/answer"),
        ("GET", "/"),
        ("GET", "/outbox"),
        ("GET", "/style.css"),
        ("POST", "/v1/nowhere"),
    ]

    async def every() -> list[str]:
        found = []
        for method, path in [*doors, *others]:
            _status, headers, _body = await housed.asked(front, path, b"", method=method)
            found += [f"{method} {path}: {what}" for what in lacking(headers)]
        return found

    assert asyncio.run(every()) == []


def lacking(headers: dict[str, str]) -> Iterator[str]:
    if headers.get("x-content-type-options") != "nosniff":
        yield "nosniff"
    for name in ("referrer-policy", "x-frame-options", "content-security-policy"):
        if name not in headers:
            yield name
    for name in ("server", "x-powered-by"):
        if name in headers:
            yield f"says {name}"


def test_pages_let_no_script_run_that_is_not_ours(front: Front):
    _status, headers, _body = asyncio.run(housed.asked(front, "/", method="GET"))

    policy: Any = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
