"""Customers, identities and duplicates."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st

from outreach.model.record import Contact
from outreach.model.words import Channel
from outreach.record import newest, people
from outreach.record.bodies import Body
from outreach.record.identity import plain, rut_cl
from outreach.record.mapping import Consent
from outreach.record.newest import Losers, Read, wins
from outreach.record.people import Held


def make_contact(address: str = "+56983737357", **changes: object) -> Contact:
    values: dict[str, object] = {
        "channel": Channel.SMS, "address": address, "country": "CL", "consent": True,
    }  # fmt: skip
    return Contact(**(values | changes))  # type: ignore[arg-type]


def make_held(
    ref: str, *contacts: Contact, day: date | None = None, tags: tuple[str, ...] = ()
) -> Held:
    body = Body(
        name=f"name {ref}", locale="es", zone="UTC", preferred=None, contacts=contacts, tags=tags
    )
    return Held(ref, day, body)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("9.857.513-8", "98575138"),
        (" 76086428-5", "760864285"),
        ("017887980-4", "178879804"),
        ("11.111.111-1", None),
        ("9.857.513-9", None),
        ("", None),
        ("123", None),
    ],
)
def test_a_rut_is_read_with_its_check_digit(written: str, read: str | None) -> None:
    assert rut_cl(written) == read


@given(st.integers(1_000_000, 99_999_999))
def test_every_body_has_exactly_one_check_digit(body: int) -> None:
    valid = [check for check in "0123456789K" if rut_cl(f"{body}-{check}")]

    assert len(valid) == (0 if len(set(str(body))) == 1 else 1)


def test_a_plain_identity_ignores_how_it_is_typed() -> None:
    assert plain(" ab.12-3 ") == "AB123"
    assert plain(" ") is None


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.sampled_from("xyz"))))
def test_the_newest_record_wins_and_every_other_one_is_accounted_for(
    offered: list[tuple[str, int, str]],
) -> None:
    losers, best = Losers(), dict[str, Read]()
    for record, (key, day, content) in enumerate(offered, start=2):
        read, held = Read(record, date(2026, 1, day), ord(content)), best.get(key)
        if held is not None and not wins(read, held):
            losers.lost(key, read, to=held)
            continue
        if held is not None:
            losers.lost(key, held, to=read)
        best[key] = read

    for key, read in best.items():
        days = [(day, record) for record, (k, day, _c) in enumerate(offered, 2) if k == key]
        assert read.record == max(days)[1]
    lost = [record for records in losers.records().values() for record in records]
    assert sorted(lost + [read.record for read in best.values()]) == [*range(2, 2 + len(offered))]
    assert sum(losers.counts().values()) == losers.count == len(lost)


def test_losers_beyond_what_is_kept_are_still_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest, "_KEPT", 1)
    losers, last = Losers(), Read(9, date(2026, 1, 2), 1)

    for record, (day, digest) in enumerate([(1, 2), (2, 1), (2, 3)], start=2):
        losers.lost("a", Read(record, date(2026, 1, day), digest), to=last)

    assert losers.records() == {"older_date": (2,)}
    assert losers.counts() == {"older_date": 1, "identical": 1, "same_date_earlier_row": 1}


def test_accounts_of_one_key_are_one_customer_who_speaks_as_the_newest() -> None:
    found = people.merged(
        [
            make_held("10", make_contact(consent=True), day=date(2026, 1, 1), tags=("b", "a")),
            make_held("9", make_contact(consent=False), tags=("a",)),
        ]
    )

    assert found.name == "name 10"
    assert found.lowest == "9"
    assert found.tags == ("a", "b")
    assert [one.consent for one in found.contacts] == [False]


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [(True, False, False), (None, True, True), (None, None, None), (False, None, False), (True, None, True)],
)  # fmt: skip
def test_an_explicit_no_wins_else_a_yes_suffices(
    *, one: bool | None, other: bool | None, merged: bool | None
) -> None:
    for first, second in ((one, other), (other, one)):
        found = people.merged(
            [
                make_held("1", make_contact(consent=first)),
                make_held("2", make_contact(consent=second)),
            ]
        )
        assert [contact.consent for contact in found.contacts] == [merged]


def test_what_is_not_usable_has_no_say_in_consent() -> None:
    dead = make_held("1", make_contact(usable=False, consent=None))
    alive = make_held("2", make_contact(consent=True))

    for order in ([dead, alive], [alive, dead]):
        (contact,) = people.merged(order).contacts
        assert contact.usable
        assert contact.consent is True


@pytest.mark.parametrize(
    ("contact", "basis"),
    [
        (make_contact(), "consent"),
        (make_contact(consent=None), ""),
        (make_contact(consent=False), ""),
        (make_contact(usable=False), ""),
        (make_contact(channel=Channel.VOICE, consent=None), "contract"),
        (make_contact(channel=Channel.VOICE, consent=False), ""),
        (make_contact(channel=Channel.SOCIAL, consent=None), ""),
    ],
)
def test_we_write_only_on_a_basis(contact: Contact, basis: str) -> None:
    assert people.basis(contact, Consent(voice_needs_consent=False)) == basis
