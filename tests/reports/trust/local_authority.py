"""A timestamp authority of the tests' own: a root, a certificate under it, and tokens (RFC 3161) written out in DER."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
SHA256, ECDSA_SHA256, POLICY = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2", "1.2.3.4.1"
SEQUENCE, SET, OCTETS, OID, INTEGER, TIME, FIRST = 0x30, 0x31, 0x04, 0x06, 0x02, 0x18, 0xA0


def der(tag: int, *parts: bytes) -> bytes:
    """Return one value of DER."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def integer(value: int) -> bytes:
    return der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    first, second, *rest = map(int, dotted.split("."))
    content = bytes([40 * first + second])
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(number & 0x7F | 0x80)
        content += bytes(reversed(digits))
    return der(OID, content)


def algorithm(dotted: str) -> bytes:
    return der(SEQUENCE, oid(dotted))


def attribute(kind: str, value: bytes) -> bytes:
    return der(SEQUENCE, oid(kind), der(SET, value))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAuthority:
    """Stamps what it is given with the time that it is told."""

    root_pem: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def stamp(self, content: bytes, at: datetime) -> bytes:
        """Return the authority's answer about some bytes."""
        told = self._told(content, at)
        own = self.certificate.public_bytes(form.Encoding.DER)
        seen = der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, der(OCTETS, hashlib.sha256(own).digest()))))
        attributes = sorted(
            (
                attribute(CONTENT_TYPE, oid(TST_INFO)),
                attribute(MESSAGE_DIGEST, der(OCTETS, hashlib.sha256(told).digest())),
                attribute(SIGNING_CERTIFICATE_V2, seen),
            )
        )
        signature = self.key.sign(der(SET, *attributes), ec.ECDSA(hashes.SHA256()))
        issuer = der(SEQUENCE, self.certificate.issuer.public_bytes(), integer(self.certificate.serial_number))
        signer = der(
            SEQUENCE,
            integer(1),
            issuer,
            algorithm(SHA256),
            der(FIRST, *attributes),
            algorithm(ECDSA_SHA256),
            der(OCTETS, signature),
        )
        signed = der(
            SEQUENCE,
            integer(3),
            der(SET, algorithm(SHA256)),
            der(SEQUENCE, oid(TST_INFO), der(FIRST, der(OCTETS, told))),
            der(FIRST, own),
            der(SET, signer),
        )
        token = der(SEQUENCE, oid(SIGNED_DATA), der(FIRST, signed))
        return der(SEQUENCE, der(SEQUENCE, integer(0)), token)

    def _told(self, content: bytes, at: datetime) -> bytes:
        imprint = der(SEQUENCE, algorithm(SHA256), der(OCTETS, hashlib.sha256(content).digest()))
        moment = der(TIME, at.astimezone(UTC).strftime("%Y%m%d%H%M%SZ").encode())
        return der(SEQUENCE, integer(1), oid(POLICY), imprint, integer(7), moment)


def new_authority(name: str = "Test authority") -> LocalAuthority:
    """Return an authority under a root of its own."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name}, root")])
    own_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    root_builder = _builder(root_name, root_name, root_key.public_key(), start)
    root = (
        root_builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    certificate = (
        _builder(own_name, root_name, key.public_key(), start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = root.public_bytes(form.Encoding.PEM).decode()
    return LocalAuthority(root_pem=pem, certificate=certificate, key=key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    serial = x509.random_serial_number()
    return builder.serial_number(serial).not_valid_before(start).not_valid_after(start + timedelta(days=3650))


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
