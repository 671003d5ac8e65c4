"""When was a signature there at the latest? Timestamps (RFC 3161), made elsewhere and read here without a network.

signatures/NAME.tsr beside signatures/NAME.dsse.json, the answer of a timestamp authority about the envelope's bytes:

    openssl ts -query -data signatures/NAME.dsse.json -sha256 -cert -out NAME.tsq
    (send NAME.tsq to an authority, which answers with NAME.tsr)

A token counts where its authority's root certificate is in the reader's trust file. One that nobody there made shows
nothing, and one about other bytes is a fault.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from affidavit.records import Record
from reports.trust.parties import Moment
from reports.trust.trust_file import Authority

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

SUFFIX: Final = ".tsr"
_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


class StampState(StrEnum):
    """What a token shows."""

    HOLDS = "holds"
    NONE = "not timestamped"
    UNKNOWN_AUTHORITY = "valid for nobody in the trust file"
    FAILS = "does not hold"


class Stamp(Record):
    """What stands beside a signature."""

    state: StampState
    said: str
    at: Moment | None = None
    """When the authority saw it; null unless the token holds."""


NOT_STAMPED: Final = Stamp(state=StampState.NONE, said="not timestamped")


def read_stamp(token: bytes, envelope: bytes, authorities: Sequence[Authority]) -> Stamp:
    """Return what a token shows of an envelope.

    Args:
        token: the DER bytes of a TimeStampResp.
        envelope: the bytes of the envelope.
        authorities: whom the reader believes.
    """
    response = _decoded(token)
    if response is None:
        return Stamp(state=StampState.FAILS, said="this is not a timestamp token (RFC 3161)")
    if not _is_about(response, envelope):
        return Stamp(state=StampState.FAILS, said="the timestamp is of other bytes than this signature")
    maker = next((one for one in authorities if _made_by(one, response, envelope)), None)
    if maker is None:
        return Stamp(state=StampState.UNKNOWN_AUTHORITY, said="no authority in the trust file made this timestamp")
    at = response.tst_info.gen_time
    return Stamp(state=StampState.HOLDS, said=f"timestamped by {maker.name} at {at.isoformat()}", at=at)


def _decoded(token: bytes) -> TimeStampResponse | None:
    """Return a token in its one form, with an answer in it."""
    from rfc3161_client import decode_timestamp_response

    try:
        response = decode_timestamp_response(token)
        granted = response.status == 0 and response.tst_info.gen_time is not None
        return response if granted and response.as_bytes() == token else None
    except ValueError:
        return None


def _is_about(response: TimeStampResponse, envelope: bytes) -> bool:
    imprint = response.tst_info.message_imprint
    name = _HASHES.get(imprint.hash_algorithm.dotted_string)
    return name is not None and hashlib.new(name, envelope).digest() == imprint.message


def _made_by(authority: Authority, response: TimeStampResponse, envelope: bytes) -> bool:
    from cryptography.x509 import load_pem_x509_certificate
    from rfc3161_client import VerificationError, VerifierBuilder

    root = load_pem_x509_certificate(authority.certificate.encode())
    try:
        return VerifierBuilder().add_root_certificate(root).build().verify_message(response, envelope)
    except (VerificationError, ValueError):
        return False
