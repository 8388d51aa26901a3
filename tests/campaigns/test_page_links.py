"""Links to pages of one person: what they name, how long, and that nobody can make one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as some
from tests.make import KEYRING, NOW

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.settings import Company, Http, Settings

LETTERS = "abcdefghijklmnopqrstuvwxyz234567ABCZ0189-_=."


@settings(max_examples=60)
@given(number=some.integers(min_value=0, max_value=(1 << 40) - 1), page=some.sampled_from(Page))
def test_a_link_names_what_it_was_made_for(number, page):
    token = page_links.token(KEYRING, page, number, now=NOW)

    named = page_links.read(KEYRING, page, token, now=NOW)

    assert named is not None
    assert (named.number, named.is_expired) == (number, False)
    assert len(token) == 24


@pytest.mark.parametrize("page", Page)
def test_a_link_with_any_changed_character_is_none_of_ours(page):
    token = page_links.token(KEYRING, page, 4711, now=NOW)
    forged = [
        f"{token[:at]}{letter}{token[at + 1 :]}"
        for at in range(len(token))
        for letter in LETTERS
        if letter != token[at]
    ]

    read = [page_links.read(KEYRING, page, each, now=NOW) for each in forged]

    assert read == [None] * len(forged)


@pytest.mark.parametrize("spoilt", ["", "a", "á" * 24, "a" * 23, "a" * 25, "a" * 4_000, "\0" * 24])
def test_what_is_no_link_is_none(spoilt):
    assert page_links.read(KEYRING, Page.STATUS, spoilt, now=NOW) is None


def test_a_link_opens_one_page_and_one_installation_alone():
    token = page_links.token(KEYRING, Page.STATUS, 1, now=NOW)
    another = replace(KEYRING, tokens=b"u" * 32)

    assert page_links.read(KEYRING, Page.PREFERENCES, token, now=NOW) is None
    assert page_links.read(another, Page.STATUS, token, now=NOW) is None


def test_links_of_neighbours_have_nothing_in_common():
    tokens = [page_links.token(KEYRING, Page.STATUS, each, now=NOW) for each in range(1, 50)]

    alike = [sum(a == b for a, b in zip(one, two, strict=True))
             for one, two in pairwise(tokens)]  # fmt: skip

    assert max(alike) < 8


@pytest.mark.parametrize("page", Page)
def test_a_link_lasts_to_its_day(page):
    token = page_links.token(KEYRING, page, 1, now=NOW)
    ends = NOW + page_links.VALID_FOR[page]

    on_its_day = page_links.read(KEYRING, page, token, now=ends)
    after = page_links.read(KEYRING, page, token, now=ends + timedelta(days=1))

    assert on_its_day is not None
    assert not on_its_day.is_expired
    assert after is not None
    assert after.is_expired


@pytest.mark.parametrize(
    ("public_url", "is_ours"),
    [
        ("https://avisos.example.cl", True),
        ("http://127.0.0.1:8020", True),
        ("http://localhost:8020/", True),
        ("http://avisos.example.cl", False),
        ("http://10.0.0.7:8020", False),
    ],
)
def test_texts_carry_our_link_where_people_can_open_it_safely(public_url, is_ours):
    company = Company(link="https://luz.example.cl")
    set_so = Settings(http=Http(public_url=public_url), company=company)

    status = page_links.status_link(set_so, KEYRING, 7, now=NOW)
    stop = page_links.unsubscribe_link(set_so, KEYRING, 7, now=NOW)

    assert status.startswith(f"{public_url.rstrip('/')}/s/") is is_ours
    assert (status == company.link) is not is_ours
    assert bool(stop) is is_ours
