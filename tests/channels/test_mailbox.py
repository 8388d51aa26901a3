"""E-mails are read as far as they can be believed; what is hostile in them is refused, never raised."""

from __future__ import annotations

import mailbox as boxes
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from outreach.addresses import normalise_email
from outreach.channels import mailbox, sendgrid_inbound
from outreach.model.errors import InputRefused

NOW = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
PLAIN = (
    b"From: =?utf-8?q?Ana_Mu=C3=B1oz?= <Vecino1@Town.example>\r\n"
    b"To: avisos+7.1.abc@example.com\r\nSubject: =?iso-8859-1?q?Re=3A_Corte_en_=D1u=F1oa?=\r\n"
    b"In-Reply-To: <7.1.abc@example.com>\r\nMessage-ID:  <CAF+1@mail.example> (a note)\r\nAuto-Submitted: no\r\n"
    b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n"
    b"sigo sin luz se\xf1ores\r\n\r\nEl dom, 12 jul 2026, Luz del Sur escribi\xf3:\r\n> responda BAJA\r\n"
)


def read(raw: bytes):
    return mailbox.reply(raw, provider="mailbox", normalise=normalise_email, now=NOW)


def test_sender_subject_and_what_was_written_on_top_are_read_in_their_charsets():
    reply = read(PLAIN)

    assert reply.address == "vecino1@town.example"
    assert reply.subject == "Re: Corte en Ñuñoa"
    assert reply.body == "sigo sin luz señores"
    assert reply.in_reply_to == "<7.1.abc@example.com>"
    assert reply.message_id == "<CAF+1@mail.example>"
    assert reply.to == "avisos+7.1.abc@example.com"
    assert "BAJA" not in reply.body, "our own words below are not the customer's"


def test_the_same_bytes_are_the_same_reply():
    assert read(PLAIN).provider_ref == read(PLAIN).provider_ref != read(PLAIN + b"x").provider_ref


def test_html_alone_is_read_without_tags_and_scripts():
    raw = b"From: a@b.example\nContent-Type: text/html\n\n<style>x{}</style><p>BAJA</p><script>STOP</script><br>gracias &amp; chao"

    assert read(raw).body.split() == ["BAJA", "gracias", "&", "chao"]


def test_a_text_is_taken_before_html_and_attachments_are_not_read():
    raw = (
        b'From: a@b.example\nContent-Type: multipart/mixed; boundary="x"\n\n'
        b"--x\nContent-Disposition: attachment; filename=a.txt\nContent-Type: text/plain\n\nBAJA\n"
        b"--x\nContent-Type: text/html\n\n<p>uno</p>\n--x\nContent-Type: text/plain\n\ndos\n--x--\n"
    )

    assert read(raw).body == "dos"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"Subject: nobody\n\nBAJA",
        b"From: BANCO\n\nBAJA",
        b"From: a@b.example\n\n" + b"x" * mailbox.LARGEST,
        b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\n"
        + b"--x\nContent-Type: text/plain\n\na\n" * 500,
        b"From: a@b.example\n"
        + b"".join(
            b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(40)
        ),
    ],
    ids=["empty", "no sender", "no address", "too large", "too many parts", "too deep"],
)
def test_what_cannot_be_read_is_refused_in_one_line(raw):
    with pytest.raises(InputRefused) as refused:
        read(raw)

    assert "\n" not in str(refused.value)
    assert "b.example" not in str(refused.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"From: a@b.example\nContent-Type: text/plain; charset=klingon\n\nBAJA",
        b"From: a@b.example\nContent-Type: text/plain; charset=\x00\n\nBAJA",
        b"From: a@b.example\nSubject: =?utf-8?b?////?= =?x?q?=ZZ?=\n\nBAJA",
        b"From: a@b.example\nContent-Transfer-Encoding: base64\n\nQkFKQQ=",
        b"From: a@b.example\nContent-Disposition: =?\x80\n\nBAJA",
    ],
)
def test_odd_charsets_and_encodings_are_read_as_well_as_they_go(raw):
    assert read(raw).body == "BAJA"


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_no_bytes_raise_anything_else(noise):
    for raw in (noise, b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n" + noise):
        try:
            read(raw)
        except InputRefused:
            continue


@given(st.binary(max_size=200), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_form_raises_anything_else(noise, kind):
    try:
        named = sendgrid_inbound.fields(b"--x\r\n" + noise, kind)
        sendgrid_inbound.reply(named, normalise=normalise_email, now=NOW)
    except InputRefused:
        return


def test_an_mbox_a_maildir_and_one_e_mail_give_the_same_mails(tmp_path: Path):
    mbox = boxes.mbox(tmp_path / "box")
    maildir = boxes.Maildir(tmp_path / "dir")
    for n in range(2):
        one = PLAIN.replace(b"Corte", b"Corte %d" % n)
        mbox.add(one)
        maildir.add(one)
    mbox.close()
    (tmp_path / "one.eml").write_bytes(PLAIN)

    found = [
        sorted(read(raw).subject for raw in mailbox.mails(tmp_path / name))
        for name in ("box", "dir", "one.eml")
    ]

    assert found[0] == found[1]
    assert found[2] == ["Re: Corte en Ñuñoa"]


@pytest.mark.parametrize("name", ["absent", "."])
def test_what_is_no_mailbox_is_refused(tmp_path, name):
    with pytest.raises(InputRefused, match=r"not a Maildir|no such file"):
        list(mailbox.mails(tmp_path / name))
