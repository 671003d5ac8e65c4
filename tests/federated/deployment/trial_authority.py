"""An authority of a test's own, and the certificates that it signs."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from affidavit.provenance import now

CA = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trial authority")])


def certificate(
    key: EllipticCurvePrivateKey, signer: EllipticCurvePrivateKey, names: Sequence[str], *, ca: bool, days: int = 10
) -> bytes:
    """Return a certificate for names and addresses, in PEM; it began thirty days ago."""
    subject = CA if ca else x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(CA)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(days=30))
        .not_valid_after(now() + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_named(name) for name in names]), critical=False)
    )
    return built.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)


def authority(
    folder: Path, *, names: Sequence[str] = ("localhost",), days: int = 10, ca_days: int = 10
) -> tuple[Path, Path]:
    """Return an authority's certificate, and a server's with its key behind it."""
    signer, key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
    folder.mkdir(exist_ok=True)
    ca, server = folder / "ca.crt", folder / "server.pem"
    ca.write_bytes(certificate(signer, signer, ["ca"], ca=True, days=ca_days))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    server.write_bytes(certificate(key, signer, names, ca=False, days=days) + private)
    return ca, server


def _named(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
