"""A signed alert is believed where a certificate that the feed trusts proves it, and read from what was signed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from tests.outages.make_cap import cap, info
from tests.outages.make_revision import NOW
from tests.outages.make_signed import DAY, Office

from outreach.model.cap import CapAlert, CapUnread
from outreach.outages import cap_rules
from outreach.outages.cap_policy import CapPolicy, read_cap_policy
from outreach.outages.cap_signatures import Certificate, read_certificates
from outreach.outages.intake_cap import read

CORPORA = Path(__file__).parents[2].parent / "shared/corpora"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office"))


def _read(raw: bytes, trusted: tuple[Certificate, ...]) -> CapAlert:
    [found] = list(read(raw, name="aviso.cap", trusted=trusted))
    assert isinstance(found, CapAlert), found
    return found


def _why(alert: CapAlert, trusted: tuple[Certificate, ...], *, now: datetime = NOW) -> str:
    policy = CapPolicy(certificates=trusted, require_signature=True)
    return cap_rules.unproven(alert, policy, now)


@pytest.mark.parametrize(
    "method",
    [
        CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        CanonicalizationMethod.CANONICAL_XML_1_0,
        CanonicalizationMethod.CANONICAL_XML_1_1,
    ],
)
def test_a_trusted_certificate_proves_an_alert_and_changes_nothing_that_it_says(
    office: Office, method: CanonicalizationMethod
):
    signed = office.sign(cap(info(headline="Viento fuerte en Ñuñoa")), method=method)

    alert = _read(signed, office.trusted)

    assert alert.signer is not None
    assert alert.signer.name == "CN=Meteo"
    assert alert == _read(signed, ())
    assert alert.body == signed.decode()
    assert _why(alert, office.trusted) == ""


def test_a_key_on_an_elliptic_curve_proves_as_well(tmp_path: Path):
    office = Office(tmp_path, key=ec.generate_private_key(ec.SECP256R1()))

    assert _read(office.sign(cap()), office.trusted).signer is not None


def test_any_changed_word_breaks_the_proof(office: Office):
    signed = office.sign(cap(info(headline="Viento fuerte")))

    for before, after in (
        (b"Viento fuerte", b"Viento debil!"),
        (b"A1", b"A2"),
        (b"Severe", b"Minor"),
    ):
        alert = _read(signed.replace(before, after, 1), office.trusted)
        assert alert.signer is None
        assert "does not hold" in _why(alert, office.trusted)


def test_nobody_elses_certificate_proves_it_whatever_the_alert_brings_along(
    office: Office, tmp_path: Path
):
    forger = Office(tmp_path, "Forger")

    alert = _read(forger.sign(cap()), office.trusted)

    assert alert.signer is None
    assert "somebody else has signed it" in _why(alert, office.trusted)


def test_one_of_several_certificates_is_enough(office: Office, tmp_path: Path):
    other = Office(tmp_path, "Other")
    both = tmp_path / "both.pem"
    both.write_bytes(other.file.read_bytes() + office.file.read_bytes())

    found = _read(office.sign(cap()), read_certificates(both)).signer

    assert found is not None
    assert found.name == "CN=Meteo"


def test_a_certificate_proves_only_while_it_holds(tmp_path: Path):
    office = Office(tmp_path, since=NOW - 3 * DAY, until=NOW - DAY)
    alert = _read(office.sign(cap()), office.trusted)

    assert "certificate holds from" in _why(alert, office.trusted)
    assert _why(alert, office.trusted, now=NOW - 2 * DAY) == ""


def test_what_stands_around_the_signed_is_not_read(office: Office):
    """The genuine alert inside a forged one, its signature moved out: the classical wrapping."""
    genuine = etree.fromstring(office.sign(cap(info(headline="Genuine"))))
    forged = etree.fromstring(cap(info(headline="Forged")))
    signature = genuine.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    genuine.remove(signature)
    etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object").append(genuine)
    forged.append(signature)

    for found in read(etree.tostring(forged), name="aviso.cap", trusted=office.trusted):
        if isinstance(found, CapAlert):
            assert found.signer is None
            assert _why(found, office.trusted)


def test_what_was_added_beside_a_signature_breaks_it(office: Office):
    signed = office.sign(cap(info(headline="Genuine")))
    more = info(headline="Forged").encode()

    found = _read(signed.replace(b"</info>", b"</info>" + more, 1), office.trusted)

    assert found.signer is None


def test_signed_alerts_of_a_feed_are_proved_one_by_one(office: Office):
    one, two, three = (
        office.sign(cap(identifier="A1")),
        office.sign(cap(identifier="A2")).replace(b"Viento", b"Calma", 1),
        cap(identifier="A3"),
    )
    entries = b"".join(
        b"<entry><id>x</id><title>x</title><updated>2026-07-16T00:00:00Z</updated>"
        b"<content type='text/xml'>" + each.partition(b"?>")[2 if each.startswith(b"<?") else 0]
        + b"</content></entry>"
        for each in (one, two, three)
    )  # fmt: skip
    feed = (
        b"<feed xmlns='http://www.w3.org/2005/Atom'><id>f</id><title>f</title>"
        b"<updated>2026-07-16T00:00:00Z</updated>" + entries + b"</feed>"
    )

    found = list(read(feed, name="feed.atom", trusted=office.trusted))

    reasons = [_why(each, office.trusted) for each in found if isinstance(each, CapAlert)]
    assert reasons[0] == ""
    assert "does not hold" in reasons[1]
    assert reasons[2] == "missing: this feed requires it"


def test_without_a_trusted_certificate_a_signature_is_noticed_and_no_more(office: Office):
    alert = _read(office.sign(cap()), ())

    assert alert.is_signed
    assert alert.signer is None
    assert cap_rules.unproven(alert, CapPolicy(), NOW) == ""


@pytest.mark.parametrize(
    "name", ["canada_signed.cap", "earthquake_signed.cap", "canada_signed.atom"]
)
def test_real_alerts_signed_with_sha_1_are_not_believed(office: Office, name: str):
    file = CORPORA / "cap/testdata" / name
    if not file.exists():
        pytest.skip(f"{CORPORA} is not here")

    found = list(read(file.read_bytes(), name=name, trusted=office.trusted))

    alerts = [each for each in found if isinstance(each, CapAlert)]
    assert alerts
    assert all("SHA-1" in _why(each, office.trusted) for each in alerts)


def test_a_mangled_signature_is_a_reason_and_no_crash(office: Office):
    signed = office.sign(cap())
    value = signed.split(b"SignatureValue>")[1].partition(b"<")[0]

    for mangled in (
        signed.replace(value, b"!!!", 1),
        signed.replace(value, b"", 1),
        signed.replace(b"rsa-sha256", b"hmac-sha256", 1),
        signed.replace(b"rsa-sha256", b"nothing", 1),
        signed.replace(b'URI=""', b'URI="https://evil.example/"', 1),
        signed.replace(b'URI=""', b'URI="file:///etc/passwd"', 1),
        signed.replace(b"enveloped-signature", b"xslt", 1),
        signed.replace(b"<ds:SignedInfo>", b"<ds:SignedInf0>", 1).replace(
            b"</ds:SignedInfo>", b"</ds:SignedInf0>", 1
        ),
    ):
        [found] = list(read(mangled, name="aviso.cap", trusted=office.trusted))
        assert isinstance(found, CapAlert | CapUnread)
        if isinstance(found, CapAlert):
            assert found.signer is None
            assert _why(found, office.trusted)


def test_the_mapping_names_the_files_beside_it(office: Office):
    path = office.file.with_name("meteo.toml")
    path.write_text('[cap]\nrequire_signature = true\ncertificates = ["meteo.pem"]\n')

    policy = read_cap_policy(path)

    assert [each.signer.name for each in policy.certificates] == ["CN=Meteo"]
