"""What a key looks like, and what is none."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from tests.make import NOW

from outreach.model.api_key import LENGTH, ApiKey, digest_of, holds_secret, new_secret

ONE = new_secret(lambda size: bytes(range(size)))


def make_key(**changes: object) -> ApiKey:
    values: dict[str, object] = {
        "id": 1, "name": "crm", "digest": b"d", "hint": "abcd", "scopes": frozenset({"ivr"}),
        "per_minute": None, "created_at": NOW, "created_by": "ana", "expires_at": None,
        "last_used_at": None, "revoked_at": None, "replaces": None,
    }  # fmt: skip
    return ApiKey(**(values | changes))  # type: ignore[arg-type]


def test_a_secret_is_52_characters_of_a_url_and_never_the_same():
    secrets = {new_secret(os.urandom) for _turn in range(100)}

    assert len(secrets) == 100
    assert {len(each) for each in secrets} == {LENGTH} == {52}
    assert all(digest_of(each) is not None for each in secrets)


@pytest.mark.parametrize(
    "text", ["", "or_", ONE[:-1], ONE + "A", ONE.replace("or_", "xx_"), ONE.lower(), f" {ONE}"]
)
def test_what_is_none_has_no_digest(text):
    assert digest_of(text) is None


def test_a_secret_is_found_in_a_text_and_words_that_look_alike_are_not():
    assert holds_secret(f"key={ONE}&x=1")
    assert not holds_secret(f"motor_x={'a' * 60}")


@pytest.mark.parametrize(
    ("changes", "is_good"),
    [
        pytest.param({}, True, id="for ever"),
        pytest.param({"expires_at": NOW + timedelta(microseconds=1)}, True, id="until then"),
        pytest.param({"expires_at": NOW}, False, id="expired"),
        pytest.param({"revoked_at": NOW}, False, id="revoked"),
    ],
)
def test_until_when_a_key_is_good(changes, is_good):
    assert make_key(**changes).is_good(NOW) is is_good


def test_a_key_does_not_print_its_digest():
    assert "digest" not in repr(make_key())
