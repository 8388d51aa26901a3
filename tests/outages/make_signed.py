"""Offices that sign their CAP alerts."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import CanonicalizationMethod
from signxml.signer import XMLSigner
from tests.outages.make_revision import NOW

from outreach.outages.cap_signatures import Certificate, read_certificates

DAY = timedelta(days=1)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class Office:
    """Somebody who signs alerts, with a certificate of their own making."""

    def __init__(
        self,
        folder: Path,
        name: str = "Meteo",
        *,
        key: Key | None = None,
        since: datetime = NOW - DAY,
        until: datetime = NOW + DAY,
    ) -> None:
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self.key.public_key())
            .serial_number(7)
            .not_valid_before(since)
            .not_valid_after(until)
            .sign(self.key, hashes.SHA256())
        )
        self.file = folder / f"{name.lower()}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    @property
    def trusted(self) -> tuple[Certificate, ...]:
        return read_certificates(self.file)

    def sign(self, raw: bytes, *, method: CanonicalizationMethod | None = None) -> bytes:
        kind = "rsa" if isinstance(self.key, rsa.RSAPrivateKey) else "ecdsa"
        how = method or CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
        signer = XMLSigner(signature_algorithm=f"{kind}-sha256", c14n_algorithm=how)
        logging.disable(logging.DEBUG)  # the office's own program logs what it signs
        signed = signer.sign(etree.fromstring(raw), key=self.key, cert=[self.certificate])
        logging.disable(logging.NOTSET)
        return bytes(etree.tostring(signed))
