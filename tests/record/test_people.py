"""Customers, identities, duplicates and households."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, strategies as st

from outreach.model.record import Account, Contact, Premise
from outreach.model.words import Channel, PriorityClass
from outreach.record import people
from outreach.record.csv_file import Row
from outreach.record.identity import plain, rut_cl
from outreach.record.mapping import Consent
from outreach.record.newest import Newest


def make_contact(address: str = "+56983737357", **changes: object) -> Contact:
    values: dict[str, object] = {
        "channel": Channel.SMS, "address": address, "country": "CL", "consent": True,
    }  # fmt: skip
    return Contact(**(values | changes))  # type: ignore[arg-type]


def make_account(ref: str, *contacts: Contact, key: str = "", day: date | None = None) -> Account:
    return Account(
        ref=ref,
        customer_key=key or ref,
        name=f"name {ref}",
        customer_type="home",
        locale="es",
        zone="UTC",
        preferred=None,
        priority=PriorityClass.C,
        contacts=contacts,
        updated_on=day,
    )


def make_premise(ref: str, holder: str, occupant: str | None = None) -> Premise:
    return Premise(
        ref=ref, holder=holder, occupant=occupant, transformer="", locality="", street="",
        latitude=None, longitude=None,
    )  # fmt: skip


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
    newest = Newest()
    for record, (key, day, content) in enumerate(offered, start=2):
        newest.offer(key, Row(record=record, line=record, fields=(content,)), date(2026, 1, day))

    winners = newest.winners()
    for key, row in winners.items():
        days = [(day, record) for record, (k, day, _c) in enumerate(offered, 2) if k == key]
        assert row.record == max(days)[1]
    lost = [record for records in newest.losers().values() for record in records]
    assert sorted(lost + [row.record for row in winners.values()]) == [*range(2, 2 + len(offered))]


def test_accounts_of_one_key_are_one_customer_who_speaks_as_the_newest() -> None:
    found = people.customers(
        [
            make_account("10", make_contact(consent=True), key="k", day=date(2026, 1, 1)),
            make_account("9", make_contact(consent=False), key="k"),
        ]
    )

    assert found["k"].name == "name 10"
    assert found["k"].accounts == ("9", "10")
    assert [one.consent for one in found["k"].contacts] == [False]


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [(True, False, False), (None, True, True), (None, None, None), (False, None, False), (True, None, True)],
)  # fmt: skip
def test_an_explicit_no_wins_else_a_yes_suffices(
    *, one: bool | None, other: bool | None, merged: bool | None
) -> None:
    for first, second in ((one, other), (other, one)):
        found = people.customers(
            [
                make_account("1", make_contact(consent=first), key="k"),
                make_account("2", make_contact(consent=second), key="k"),
            ]
        )
        assert [contact.consent for contact in found["k"].contacts] == [merged]


def test_what_is_not_usable_has_no_say_in_consent() -> None:
    dead = make_account("1", make_contact(usable=False, consent=None), key="k")
    alive = make_account("2", make_contact(consent=True), key="k")

    for order in ([dead, alive], [alive, dead]):
        (contact,) = people.customers(order)["k"].contacts
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


def test_households_join_over_premises_and_addresses_but_not_shared_ones() -> None:
    everybody = people.customers(
        [
            make_account("1", make_contact("+1")),
            make_account("2", make_contact("+1"), make_contact("+9")),
            make_account("3"),
            make_account("4", make_contact("+9")),
        ]
    )
    premises = [make_premise("P", "2", "3"), make_premise("Q", "4"), make_premise("R", "unknown")]

    joined = people.households(everybody, premises, ["+9"])

    assert joined == {"1": "H-1", "2": "H-1", "3": "H-1", "4": "H-4"}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=15))
def test_households_are_the_connected_components(pairs: list[tuple[int, int]]) -> None:
    everybody = people.customers([make_account(str(number)) for number in range(10)])
    premises = [make_premise(str(i), str(a), str(b)) for i, (a, b) in enumerate(pairs)]

    joined = people.households(everybody, premises, ())

    groups = {number: {number} for number in range(10)}
    for a, b in pairs:
        merged = groups[a] | groups[b]
        groups |= dict.fromkeys(merged, merged)
    assert joined == {str(n): f"H-{min(group)}" for n, group in groups.items()}


def test_an_address_of_many_customers_is_shared() -> None:
    everybody = people.customers([make_account(str(n), make_contact("+1")) for n in range(3)])

    assert people.shared_addresses(everybody.values(), 3) == {}
    assert people.shared_addresses(everybody.values(), 2) == {"+1": 3}
    assert people.without(everybody["0"], ["+1"]).contacts == ()
    assert people.without(everybody["0"], ["+2"]) is everybody["0"]
