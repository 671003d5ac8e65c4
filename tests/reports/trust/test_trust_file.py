from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from affidavit.errors import TableError
from reports.trust.parties import Role
from reports.trust.trust_file import Claim, Standing, TrustFile, judge, read_trust

ID, OTHER = "a" * 64, "b" * 64
ADA: dict[str, Any] = {
    "name": "Ada Lovelace",
    "role": "reviewer",
    "key_id": ID,
    "valid_from": "2026-01-01",
    "valid_until": "2026-12-31",
}
REVOKED = {"revoked": {"on": "2026-06-01", "why": "the laptop was stolen"}}


def _claim(moment: str, *, stamped: str | None = None, **changed: Any) -> Claim:
    told: dict[str, Any] = {"key_id": ID, "name": "ada  LOVELACE", "role": Role.REVIEWER, "signed_at": moment}
    return Claim.model_validate(told | {"stamped_at": stamped} | changed)


def _trust(*signers: dict[str, Any]) -> TrustFile:
    return TrustFile.model_validate({"version": 1, "signers": signers})


@pytest.mark.parametrize(
    ("moment", "standing"),
    [
        ("2025-12-31T23:59:59Z", Standing.NOT_YET_VALID),
        ("2026-01-01T00:00:00Z", Standing.TRUSTED),
        ("2026-12-31T23:59:59Z", Standing.TRUSTED),
        ("2027-01-01T00:30:00+01:00", Standing.TRUSTED),
        ("2027-01-01T00:00:00Z", Standing.EXPIRED),
    ],
)
def test_a_signer_is_trusted_from_the_first_day_to_the_last(moment: str, standing: Standing) -> None:
    assert judge(_trust(ADA), _claim(moment)).standing is standing


def test_a_claimed_date_is_said_to_be_claimed() -> None:
    assert "as the signer says; no timestamp shows it" in judge(_trust(ADA), _claim("2026-03-01T00:00:00Z")).because
    stamped = judge(_trust(ADA), _claim("2026-03-01T00:00:00Z", stamped="2026-03-02T00:00:00Z"))
    assert "a timestamp shows that it was there on 2026-03-02" in stamped.because


@pytest.mark.parametrize(
    ("moment", "stamped", "standing"),
    [
        ("2026-07-01T00:00:00Z", None, Standing.REVOKED),
        ("2026-03-01T00:00:00Z", None, Standing.REVOKED),  # a thief writes any date
        ("2026-03-01T00:00:00Z", "2026-06-02T00:00:00Z", Standing.REVOKED),
        ("2026-03-01T00:00:00Z", "2026-05-31T00:00:00Z", Standing.TRUSTED),
        ("2025-03-01T00:00:00Z", "2026-05-31T00:00:00Z", Standing.NOT_YET_VALID),
    ],
)
def test_a_revoked_key_is_believed_only_where_a_timestamp_is_older(
    moment: str, stamped: str | None, standing: Standing
) -> None:
    found = judge(_trust(ADA | REVOKED), _claim(moment, stamped=stamped))
    assert found.standing is standing
    if standing is Standing.REVOKED:
        assert "the laptop was stolen" in found.because


def test_who_is_not_listed_is_unknown() -> None:
    moment = "2026-03-01T00:00:00Z"
    assert judge(None, _claim(moment)).standing is Standing.UNKNOWN
    assert judge(_trust(ADA), _claim(moment, key_id=OTHER)).standing is Standing.UNKNOWN
    assert judge(_trust(), _claim(moment)).standing is Standing.UNKNOWN


def test_a_known_key_under_another_name_or_in_another_role_is_not_trusted() -> None:
    moment = "2026-03-01T00:00:00Z"
    assert judge(_trust(ADA), _claim(moment, name="Bo")).standing is Standing.OTHER_NAME
    assert judge(_trust(ADA), _claim(moment, role=Role.APPROVER)).standing is Standing.OTHER_ROLE
    both = _trust(ADA, ADA | {"role": "approver"})
    assert judge(both, _claim(moment, role=Role.APPROVER)).standing is Standing.TRUSTED


def test_a_public_key_serves_as_well_as_its_id(new_person: Callable[[str, Role], Any]) -> None:
    from reports.trust.keys import public_pem

    ada = new_person("Ada Lovelace", Role.REVIEWER)
    told = {name: value for name, value in ADA.items() if name != "key_id"}
    trust = _trust(told | {"public_key": public_pem(ada.key.public_key())})
    assert trust.signers[0].key == ada.key_id
    assert judge(trust, _claim("2026-03-01T00:00:00Z", key_id=ada.key_id)).standing is Standing.TRUSTED


def test_reads_yaml_with_its_dates(tmp_path: Path) -> None:
    path = tmp_path / "trust.yaml"
    path.write_text(
        "version: 1\nsigners:\n"
        f"  - {{name: Ada, role: approver, key_id: {ID}, valid_from: 2026-01-01, valid_until: 2026-02-01T12:00:00Z,\n"
        "     revoked: {on: 2026-01-15, why: lost}}\n"
        "require: [approver]\n"
    )
    signer = read_trust(path).signers[0]
    assert signer.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert signer.valid_until == datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert signer.revoked is not None
    assert signer.revoked.on == datetime(2026, 1, 15, tzinfo=UTC)
    assert read_trust(path).keys_of("ADA") == {ID}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ADA.items() if key != name}


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"version": 2, "signers": []}, "version"),
        ({"signers": []}, "version"),
        ([], "the document"),
        ({"version": 1, "signers": [_without("key_id")]}, "a key_id or a public_key"),
        ({"version": 1, "signers": [_without("valid_until")]}, "valid_until"),
        ({"version": 1, "signers": [ADA | {"valid_until": "2025-01-01"}]}, "before valid_from"),
        ({"version": 1, "signers": [ADA | {"key_id": "abc"}]}, "key_id"),
        ({"version": 1, "signers": [ADA | {"public_key": "x"}]}, "not a public key"),
        ({"version": 1, "signers": [ADA | {"role": "boss"}]}, "role"),
        ({"version": 1, "signers": [ADA | {"revoked": {"on": "2026-01-01"}}]}, "why"),
        ({"version": 1, "signers": [ADA | {"valid_from": "2026-13-01"}]}, "valid_from"),
        ({"version": 1, "signers": [ADA | {"valid_from": "2026-01-01T00:00:00"}]}, "names its zone"),
        ({"version": 1, "signers": [ADA, ADA]}, "listed twice"),
        ({"version": 1, "signers": [ADA, ADA | {"name": "Bo"}]}, "belongs to two people"),
        ({"version": 1, "signers": [], "timestamp_authorities": [{"name": "x", "certificate": "y"}]}, "certificate"),
        ({"version": 1, "signers": [], "trust_me": True}, "unknown key"),
    ],
)
def test_what_is_no_trust_file_is_refused_by_name(tmp_path: Path, document: object, what: str) -> None:
    path = tmp_path / "trust.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(TableError, match=what) as caught:
        read_trust(path)
    assert caught.value.where == str(path)


def test_there_is_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no such file"):
        read_trust(tmp_path / "none.yaml")
