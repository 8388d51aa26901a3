"""Who has signed a CAP alert: its enveloped XML signature (CAP 1.2, 3.3.4.1), held against the certificates that a feed trusts.

Trusted is a certificate, not whoever issued it: what an alert brings along to prove itself is not
looked at. What is read afterwards is what was signed, and nothing that stands around it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outreach.addresses import certificates
from outreach.model.cap import Signer
from outreach.model.errors import InputRefused
from outreach.outages.cap_schema import NAMESPACES, SIGNATURE

_ALERTS = {f"{{{space}}}alert" for space in NAMESPACES}
_METHOD = f"{SIGNATURE.removesuffix('Signature')}SignatureMethod"
_METHODS = ("RSA_SHA256", "RSA_SHA384", "RSA_SHA512", "SHA256_RSA_MGF1", "SHA384_RSA_MGF1",
            "SHA512_RSA_MGF1", "ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One that a feed trusts."""

    signer: Signer
    pem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The signed alert without its signature, as canonical XML, and whose it is."""

    signed: bytes
    signer: Signer


def read_certificates(path: Path) -> tuple[Certificate, ...]:
    """Those of a PEM file. InputRefused: cannot be read, holds none, or the extra `cap` is missing."""
    _refuse_missing()
    try:
        found = certificates.certificates(path.read_bytes())
    except OSError:
        raise InputRefused(f"{path.name}: cannot be read; it lies beside the mapping") from None
    except ValueError:
        raise InputRefused(f"{path.name}: holds no certificate in PEM") from None
    return tuple(
        Certificate(signer=Signer(name=each.name, since=each.since, until=each.until), pem=each.pem)
        for each in found
    )


def proof(raw: bytes, number: int, trusted: tuple[Certificate, ...]) -> Proof:
    """Of the alert of this number in a file, which holds no document type. InputRefused says what is wrong with it."""
    from signxml.algorithms import SignatureMethod  # noqa: PLC0415  only for a signed alert
    from signxml.exceptions import InvalidSignature  # noqa: PLC0415
    from signxml.verifier import SignatureConfiguration, XMLVerifier  # noqa: PLC0415

    logging.getLogger("signxml").setLevel(logging.WARNING)  # the whole alert, at DEBUG
    alert = _alone(raw, number)
    methods = frozenset(SignatureMethod[each] for each in _METHODS)
    for each in trusted:
        expected = SignatureConfiguration(
            location="./",  # of the alert itself, and of nothing inside it
            signature_methods=methods,
            ignore_ambiguous_key_info=True,  # the key is ours: what else it names is not looked at
            verification_time=each.signer.since,  # time is passed in: whoever judges looks at it
        )
        try:
            done = XMLVerifier().verify(
                alert, x509_cert=each.pem, expect_config=expected, validate_schema=False
            )
        except InvalidSignature:
            continue
        except Exception as error:  # noqa: BLE001  a forged signature raises whatever the library did not expect
            raise InputRefused(f"its signature cannot be read ({type(error).__name__})") from None
        if not isinstance(done, list):
            return Proof(signed=done.signed_data, signer=each.signer)
    raise InputRefused(
        "its signature does not hold: it was changed, or somebody else has signed it"
    )


def _alone(raw: bytes, number: int) -> bytes:
    """The alert as a document of its own, as it was when it was signed."""
    from lxml import etree  # noqa: PLC0415  comes with signxml

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError:  # stricter here and there than whoever read it before
        raise InputRefused("its signature cannot be read (XMLSyntaxError)") from None
    found: list[Any] = [each for each in root.iter() if each.tag in _ALERTS]
    if number > len(found):
        raise InputRefused("its signature cannot be read (no such alert)")
    alert = found[number - 1]
    methods = {str(each.get("Algorithm")) for each in alert.iter(_METHOD)}
    if any(each.endswith("sha1") for each in methods):
        raise InputRefused("it is signed with SHA-1, which proves nothing any more")
    return raw if alert is root else bytes(etree.tostring(alert, with_tail=False))


def _refuse_missing() -> None:
    try:
        import signxml  # noqa: F401, PLC0415
    except ImportError:
        raise InputRefused(
            "certificates need the extra `cap`: pip install 'outreach[cap]'"
        ) from None
