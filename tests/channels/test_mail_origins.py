"""Whether an e-mail is from whom it says is read from what a trusted server wrote, and from nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings, strategies as st

from outreach.addresses import normalise_email
from outreach.channels import mail_origins, mailbox, sendgrid_inbound
from outreach.model.reply import Origin

NOW = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
ANA = "ana@town.example"
PROVEN, FORGED, UNKNOWN = Origin.PROVEN, Origin.FORGED, Origin.UNKNOWN
OWN = "mx.example.com"


def envelope(sender: object) -> str:
    return json.dumps({"to": ["avisos@example.com"], "from": sender})


@pytest.mark.parametrize(
    ("one", "other", "aligned"),
    [
        ("town.example", "town.example", True),
        ("mail.town.example", "town.example", True),
        ("town.example", "a.b.town.example", True),
        ("eviltown.example", "town.example", False),
        ("a.town.example", "b.town.example", False),
        ("example", "town.example", False),
        ("", "town.example", False),
        ("", "", False),
        ("example", "example", False),
    ],
)
def test_domains_are_aligned_where_one_lies_below_the_other(one, other, aligned):
    assert mail_origins.is_aligned(one, other) is aligned
    assert mail_origins.is_aligned(other, one) is aligned


@pytest.mark.parametrize(
    ("form", "origin"),
    [
        pytest.param({}, UNKNOWN, id="nothing said"),
        pytest.param({"SPF": "none", "dkim": "none"}, UNKNOWN, id="none of both"),
        pytest.param({"SPF": "neutral"}, UNKNOWN, id="neutral"),
        pytest.param({"SPF": "temperror", "dkim": "{@town.example : temperror}"}, UNKNOWN, id="errors"),
        pytest.param({"SPF": "pass", "envelope": envelope(ANA)}, PROVEN, id="SPF of the domain"),
        pytest.param({"SPF": "Pass", "envelope": envelope("x@bounce.TOWN.example")}, PROVEN, id="SPF below it"),
        pytest.param({"SPF": "pass", "envelope": envelope("x@evil.example")}, UNKNOWN, id="SPF of another"),
        pytest.param({"SPF": "pass"}, UNKNOWN, id="SPF without an envelope"),
        pytest.param({"SPF": "pass", "envelope": envelope("")}, UNKNOWN, id="SPF with an empty path"),
        pytest.param({"SPF": "fail", "envelope": envelope(ANA)}, FORGED, id="SPF fails"),
        pytest.param({"SPF": "softfail"}, FORGED, id="SPF fails softly"),
        pytest.param({"SPF": "fail", "dkim": "none"}, FORGED, id="SPF fails and nobody signed"),
        pytest.param({"SPF": "fail", "dkim": "{@evil.example : pass}"}, FORGED, id="signed by another"),
        pytest.param({"SPF": "fail", "dkim": "{@town.example : fail}"}, FORGED, id="signed wrongly"),
        pytest.param({"SPF": "softfail", "dkim": "{@town.example : pass}"}, PROVEN, id="forwarded"),
        pytest.param({"dkim": "{@TOWN.example : pass}"}, PROVEN, id="DKIM alone"),
        pytest.param({"dkim": "{@town.example:pass}"}, PROVEN, id="DKIM without spaces"),
        pytest.param({"dkim": "{@evil.example : pass, @town.example : pass}"}, PROVEN, id="the second of two"),
        pytest.param({"dkim": "{@evil.example : pass}{@mail.town.example : pass}"}, PROVEN, id="two braces"),
        pytest.param({"SPF": "fail", "dkim": "{@evil.example : pass, @town.example : fail}"}, FORGED, id="the wrong of two"),
        pytest.param({"dkim": "{@town.example.evil.example : pass}"}, UNKNOWN, id="a domain that begins like it"),
        pytest.param({"dkim": "{@example : pass}"}, UNKNOWN, id="one label"),
        pytest.param({"dkim": '{"@town.example" : "pass"}'}, UNKNOWN, id="no form of theirs"),
        pytest.param({"dkim": "{@town.example : passing}"}, UNKNOWN, id="no result"),
        pytest.param({"SPF": "pass", "envelope": "[" * 19_000}, UNKNOWN, id="an envelope without end"),
        pytest.param({"SPF": "pass", "envelope": '["ana@town.example"]'}, UNKNOWN, id="an envelope that is a list"),
        pytest.param({"SPF": "pass", "envelope": envelope([ANA])}, UNKNOWN, id="a sender that is a list"),
        pytest.param({"dkim": "{@town.example : pass}" * 9_000}, UNKNOWN, id="too long to be read"),
    ],
)  # fmt: skip
def test_a_form_of_inbound_parse(form, origin):
    named = {name: value.encode() for name, value in form.items()}

    assert mail_origins.of_form(named, ANA) is origin


@pytest.mark.parametrize(
    ("stated", "origin"),
    [
        pytest.param("none", UNKNOWN, id="nothing found"),
        pytest.param("dkim=pass header.d=town.example", PROVEN, id="DKIM"),
        pytest.param("dkim=pass header.i=@mail.town.example header.s=s1", PROVEN, id="DKIM by its identity"),
        pytest.param("dkim=pass header.d=evil.example header.i=@town.example", UNKNOWN, id="the signer, not the identity"),
        pytest.param("dkim=fail header.d=town.example", UNKNOWN, id="DKIM fails alone"),
        pytest.param("dkim=pass", UNKNOWN, id="DKIM of nobody"),
        pytest.param("spf=pass smtp.mailfrom=ana@town.example", PROVEN, id="SPF"),
        pytest.param("spf=pass smtp.mailfrom=town.example", PROVEN, id="SPF of a bare domain"),
        pytest.param("spf=pass smtp.mailfrom=x@evil.example", UNKNOWN, id="SPF of another"),
        pytest.param("spf=pass smtp.helo=town.example", UNKNOWN, id="SPF of a greeting"),
        pytest.param("spf=fail smtp.helo=mail.evil.example", UNKNOWN, id="SPF fails for a greeting"),
        pytest.param("spf=fail smtp.mailfrom=ana@town.example", FORGED, id="SPF fails"),
        pytest.param("spf=softfail (maybe) smtp.mailfrom=ana@town.example", FORGED, id="SPF fails softly"),
        pytest.param("spf=fail; dkim=pass header.d=town.example", PROVEN, id="forwarded"),
        pytest.param("dmarc=pass (p=none dis=none) header.from=town.example", PROVEN, id="DMARC"),
        pytest.param("dmarc=pass(p=none) header.from=town.example", PROVEN, id="a comment without a space"),
        pytest.param("dmarc=pass header.from=evil.example", UNKNOWN, id="DMARC of another From"),
        pytest.param("dmarc=none header.from=town.example", UNKNOWN, id="no policy"),
        pytest.param("dmarc=fail header.from=town.example", FORGED, id="DMARC fails"),
        pytest.param("dkim=pass header.d=mail.town.example; dmarc=fail header.from=town.example", FORGED, id="a strict domain"),
        pytest.param("dkim=fail header.d=evil.example; dkim=pass header.d=town.example; spf=fail", PROVEN, id="several of a kind"),
        pytest.param("DKIM/1 = PASS header.d = Town.Example", PROVEN, id="versions, cases and spaces"),
        pytest.param("dkim=pass (a ) b) header.d=town.example", UNKNOWN, id="a bracket too many"),
        pytest.param("dkim=pass (header.d=town.example (nested) \\) ) header.d=evil.example", UNKNOWN, id="a claim in a comment"),
        pytest.param('spf=fail smtp.mailfrom="x; dkim=pass header.d=town.example "@evil.example', FORGED, id="a claim in a quoted sender"),
        pytest.param('dkim=fail reason="header.d=town.example" header.d=evil.example', UNKNOWN, id="a claim in a reason"),
        pytest.param('dkim=pass reason="all; good" header.d=town.example', PROVEN, id="a quoted semicolon"),
        pytest.param('dkim=pass "header.d=town.example"', UNKNOWN, id="a claim in a stray quote"),
        pytest.param("x-dkim=pass header.d=town.example; auth=pass smtp.auth=ana@town.example", UNKNOWN, id="other methods"),
        pytest.param("dkim=pass header.d=town.example; (never ends", UNKNOWN, id="a comment without end"),
        pytest.param('dkim=pass header.d=town.example; "never ends', UNKNOWN, id="a quote without end"),
        pytest.param("dkim=pass header.d=town.example;" + " " * 20_000, UNKNOWN, id="too long to be read"),
    ],
)  # fmt: skip
def test_a_header_of_our_own_server(stated, origin):
    assert mail_origins.of_headers([f"{OWN}; {stated}"], OWN, ANA) is origin


FAILS, PASSES = f"{OWN}; spf=fail", f"{OWN}; dkim=pass header.d=town.example"


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        pytest.param([FAILS, PASSES], FORGED, id="the sender's own stands below"),
        pytest.param([f"{OWN}; none", PASSES], UNKNOWN, id="ours says nothing"),
        pytest.param(["mx.evil.example; dkim=pass header.d=town.example", FAILS], FORGED, id="a foreign one above"),
        pytest.param(["mx.evil.example; dkim=pass header.d=town.example"], UNKNOWN, id="foreign alone"),
        pytest.param([f"mx.evil.example ({OWN}); dkim=pass header.d=town.example"], UNKNOWN, id="our name in a comment"),
        pytest.param([f"x{PASSES}"], UNKNOWN, id="a name that ends like ours"),
        pytest.param(["MX.Example.Com 1; dkim=pass header.d=town.example"], PROVEN, id="with a version"),
        pytest.param([f'(here) "{OWN}" (there); dkim=pass header.d=town.example'], PROVEN, id="quoted, with comments"),
        pytest.param([f"{OWN}; spf=fail (never ends", PASSES], UNKNOWN, id="ours cannot be read"),
        pytest.param([""], UNKNOWN, id="an empty one"),
        pytest.param([], UNKNOWN, id="none"),
    ],
)  # fmt: skip
def test_only_the_topmost_header_of_our_own_server_counts(headers, origin):
    assert mail_origins.of_headers(headers, OWN, ANA) is origin


def test_without_a_server_of_ours_no_header_is_read():
    assert mail_origins.of_headers(["; spf=fail", FAILS], "", ANA) is UNKNOWN


def test_a_mail_is_read_with_its_folded_headers_in_their_order():
    raw = (
        b"Received: from x by mx.example.com\r\nauthentication-results: mx.example.com;\r\n\tdkim=fail (no key)\r\n"
        b"\theader.d=town.example;\r\n spf=softfail smtp.mailfrom=ana@town.example\r\n"
        b"Authentication-Results: mx.example.com; dkim=pass header.d=town.example\r\n"
        b"From: Ana <ana@town.example>\r\n\r\nBAJA\r\n"
    )

    def read(own: str) -> Origin:
        return mailbox.reply(
            raw, provider="imap", normalise=normalise_email, authserv_id=own, now=NOW
        ).origin

    assert (read(OWN), read("mx.other.example"), read("")) == (FORGED, UNKNOWN, UNKNOWN)


def test_a_form_is_judged_by_its_fields_and_never_by_headers_that_the_sender_wrote():
    raw = (
        b"Authentication-Results: ; dkim=pass header.d=town.example\nFrom: ana@town.example\n\nBAJA"
    )
    border = b"\r\n--x\r\nContent-Disposition: form-data; name="
    parts = {b"email": raw, b"SPF": b"softfail", b"dkim": b"none", b"envelope": b"{}"}
    body = b"".join(border + b'"%b"\r\n\r\n%b' % part for part in parts.items()) + b"\r\n--x--\r\n"

    named = sendgrid_inbound.fields(body, "multipart/form-data; boundary=x")
    reply = sendgrid_inbound.reply(named, normalise=normalise_email, now=NOW)

    assert reply.origin is FORGED


_PIECES = st.lists(
    st.sampled_from(
        ["(", ")", '"', "\\", ";", "=", "@", "{", "}", ":", " ", "\n", "dkim=pass", "\x00", "ñ"]
    )
).map("".join)


@given(_PIECES | st.text(max_size=200))
@example('a="' * 6_000)
@example("(" * 19_000)
@example('"\\' * 9_000)
@example("a " * 9_000)
@example("a" * 19_000)
@settings(max_examples=200, deadline=2_000)
def test_no_text_raises_or_proves_anything(noise):
    form = dict.fromkeys(("SPF", "dkim", "envelope"), noise.encode())

    found = [
        mail_origins.of_form(form, ANA),
        mail_origins.of_headers([noise, f"{OWN};{noise}", f"{OWN};spf={noise}"], OWN, ANA),
    ]

    assert PROVEN not in found
