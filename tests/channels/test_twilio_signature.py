"""The quick check accepts exactly what the vendor's own does, for the URL as it was signed."""

from __future__ import annotations

from hypothesis import given, strategies as st
from tests.fakes.twilio import AUTH_TOKEN
from twilio.request_validator import RequestValidator

from outreach.channels.twilio_signature import signs_exactly
from outreach.channels.twilio_sms import is_genuine

URL = "https://avisos.example.com/webhooks/twilio/status/1.1.mac"
FIELD = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PAIRS = st.lists(st.tuples(FIELD, FIELD), max_size=6)


class Form(dict[str, list[str]]):
    """As the vendor's validator asks for repeated names."""

    def getall(self, name: str) -> list[str]:
        return self[name]


def signed(pairs: list[tuple[str, str]], url: str = URL) -> str:
    form = Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return str(RequestValidator(AUTH_TOKEN).compute_signature(url, form))


@given(PAIRS, st.randoms())
def test_what_the_vendor_signs_is_genuine_in_any_order_and_with_repeated_names(pairs, chance):
    signature = signed(pairs)
    told = [*pairs, *pairs[:2]]
    chance.shuffle(told)

    assert signs_exactly(URL, told, signature, AUTH_TOKEN)
    assert is_genuine(URL, told, signature, AUTH_TOKEN)


@given(PAIRS, st.tuples(FIELD, FIELD))
def test_one_field_more_or_another_address_is_not(pairs, added):
    signature = signed(pairs)
    changed = [*pairs, added]

    assert signs_exactly(URL, changed, signature, AUTH_TOKEN) is (signed(changed) == signature)
    assert not signs_exactly(URL + "x", pairs, signature, AUTH_TOKEN)
    assert not signs_exactly(URL, pairs, signature, "other")


def test_a_signature_that_is_no_base64_is_refused():
    assert not signs_exactly(URL, [], "ñ\udcff", AUTH_TOKEN)


def test_the_address_may_have_been_signed_with_its_port():
    pairs = [("MessageSid", "SM1")]
    with_port = signed(pairs, URL.replace(".com/", ".com:443/"))

    assert not signs_exactly(URL, pairs, with_port, AUTH_TOKEN)
    assert is_genuine(URL, pairs, with_port, AUTH_TOKEN)
