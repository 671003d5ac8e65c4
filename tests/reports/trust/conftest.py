"""A small signed bundle made once, the people who signed it, whom its reader trusts, and an authority of its own."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.bundle import write_bundle
from affidavit.report import AuditReport
from affidavit.testing import small_report
from reports.trust.adding import add_signature, add_token
from reports.trust.archive import write_archive
from reports.trust.keys import key_id_of
from reports.trust.parties import Role
from reports.trust.trust_file import TrustFile

SIGNED_AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
STAMPED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _load(name: str) -> ModuleType:
    full = f"affidavit_tests_reports_trust_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a key."""

    name: str
    role: Role
    key: Ed25519PrivateKey

    @property
    def key_id(self) -> str:
        return key_id_of(self.key.public_key())

    def listed(self, **changed: Any) -> dict[str, Any]:
        """Return how a trust file lists them."""
        told = {"name": self.name, "role": self.role.value, "key_id": self.key_id}
        return told | {"valid_from": "2026-01-01", "valid_until": "2026-12-31"} | changed

    def sign(self, bundle: Path, *, requester: str = "Cy Requester", signed_at: datetime = SIGNED_AT) -> str:
        """Sign a bundle, and return the name of the signature."""
        signed = add_signature(
            bundle, self.key, name=self.name, role=self.role, requester=requester, signed_at=signed_at
        )
        return signed.file


def person(name: str, role: Role) -> Person:
    return Person(name=name, role=role, key=Ed25519PrivateKey.generate())


def trusting(*people: dict[str, Any], **more: Any) -> TrustFile:
    return TrustFile.model_validate({"version": 1, "signers": people, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A bundle with a reviewer's and an approver's signature, the first with a timestamp."""

    folder: Path
    reviewer: Person
    approver: Person
    trust: TrustFile
    authority: Any
    reviewed: str
    approved: str

    def copy(self, to: Path) -> Path:
        """Return a copy that a test may spoil."""
        return Path(shutil.copytree(self.folder, to))

    def archived(self, to: Path) -> Path:
        """Return the bundle as a zip."""
        to.write_bytes(write_archive(files_of(self.folder)))
        return to


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def new_person() -> Callable[[str, Role], Person]:
    return person


@pytest.fixture(scope="session")
def trust_of() -> Callable[..., TrustFile]:
    return trusting


@pytest.fixture(scope="session")
def files() -> Callable[[Path], dict[str, bytes]]:
    return files_of


@pytest.fixture(scope="session")
def authorities() -> ModuleType:
    return _load("local_authority")


@pytest.fixture(scope="session")
def tiny() -> AuditReport:
    """A report of one finding, with one exhibit in the text and one in a file."""
    report = small_report(("performance",))
    filed = next(exhibit for exhibit in report.exhibits if exhibit.file is not None)
    inline = [exhibit for exhibit in report.exhibits if exhibit.rows is not None and exhibit.n_rows < 20]
    kept = {"findings": report.findings[:1], "exhibits": (filed, *inline[:1])}
    table = report.exhibit(filed.id)
    return report.model_copy(update=kept).sealed({filed.id: table})


@pytest.fixture(scope="session")
def unsigned(tiny: AuditReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bundle(tiny, tmp_path_factory.mktemp("unsigned") / "bundle", renderings=("md",))


@pytest.fixture(scope="session")
def signed(unsigned: Path, authorities: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Signed:
    folder = Path(shutil.copytree(unsigned, tmp_path_factory.mktemp("signed") / "bundle"))
    reviewer, approver = person("Ada Reviewer", Role.REVIEWER), person("Bo Approver", Role.APPROVER)
    reviewed, approved = reviewer.sign(folder), approver.sign(folder)
    authority = authorities.new_authority()
    add_token(folder, authority.stamp((folder / reviewed).read_bytes(), STAMPED_AT))
    listed = [{"name": "the tests'", "certificate": authority.root_pem}]
    trust = trusting(
        reviewer.listed(), approver.listed(), timestamp_authorities=listed, require=["reviewer", "approver"]
    )
    return Signed(
        folder=folder,
        reviewer=reviewer,
        approver=approver,
        trust=trust,
        authority=authority,
        reviewed=reviewed,
        approved=approved,
    )
