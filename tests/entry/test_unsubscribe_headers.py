"""Every e-mail says how to stop it: by one POST, and by an answer where answers are read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.channels.bench import outgoing
from tests.make import KEYRING, NOW

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.channels import sendgrid_email, smtp_email
from outreach.entry import wiring
from outreach.model.words import Channel
from outreach.settings import Http, Lane, Settings

PUBLIC = "https://avisos.example.cl"
URL = f"{PUBLIC}/u/abc"
MAIL = Lane(name="email", channel=Channel.EMAIL, sender="avisos@example.com", two_way=True)


def hands(lane: Lane, public_url: str = PUBLIC) -> Any:
    of = SimpleNamespace(
        settings=Settings(http=Http(public_url=public_url)),
        keyring=KEYRING,
        clocks=SimpleNamespace(now=lambda: NOW),
        teller=SimpleNamespace(render=None),
    )
    return wiring._hands(lane, cast("Any", of))


def recipient(channel: Channel) -> Any:
    return SimpleNamespace(id=4711, channel=channel)


def test_the_link_of_an_email_names_its_message():
    url = hands(MAIL).unsubscribe_url(recipient(Channel.EMAIL))

    named = page_links.read(KEYRING, Page.UNSUBSCRIBE, url.removeprefix(f"{PUBLIC}/u/"), now=NOW)

    assert named is not None
    assert named.number == 4711


@pytest.mark.parametrize(
    ("channel", "public_url"), [(Channel.SMS, PUBLIC), (Channel.EMAIL, "http://avisos.example.cl")]
)
def test_no_link_where_none_can_be_followed(channel, public_url):
    assert hands(MAIL, public_url).unsubscribe_url(recipient(channel)) == ""


@pytest.mark.parametrize(
    ("lane", "expected"),
    [
        (MAIL, "avisos@example.com"),
        (MAIL.model_copy(update={"two_way": False}), ""),
        (MAIL.model_copy(update={"channel": Channel.SMS}), ""),
    ],
)
def test_an_answer_is_offered_where_answers_are_read(lane, expected):
    assert hands(lane).unsubscribe_mail == expected


def test_both_providers_carry_both_ways():
    one = outgoing("smtp", unsubscribe_url=URL, unsubscribe_mail="avisos@example.com")
    two = outgoing("sendgrid", unsubscribe_url=URL, unsubscribe_mail="avisos@example.com")
    both = f"<{URL}>, <mailto:avisos@example.com?subject=unsubscribe>"

    by_smtp = smtp_email.compose(one, now=NOW).decode()
    by_sendgrid = sendgrid_email._body([two]).decode()

    assert f"\r\nList-Unsubscribe: {both}\r\n" in by_smtp
    assert "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in by_smtp
    assert f'"List-Unsubscribe": "{both}"' in by_sendgrid
    assert '"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"' in by_sendgrid
