"""Verifying a signed bundle of 100 MB with 2,000 findings, as a folder and as a zip: all but the recomputation."""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from affidavit.bundle import write_bundle
from affidavit.digests import table_digest
from affidavit.records import Exhibit, ExhibitColumn
from affidavit.report import AuditReport
from affidavit.testing import small_report
from reports.trust.adding import add_signature
from reports.trust.archive import write_archive
from reports.trust.keys import key_id_of
from reports.trust.parties import Role
from reports.trust.trust_file import TrustFile
from reports.trust.verification import Asked, State, verify

GOAL_SECONDS = 5.0
EXHIBITS = 10
MB = 10**6
MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


def large_report(n_findings: int, n_bytes: int) -> AuditReport:
    """Return a small audit's report with as many findings, and exhibits of numbers that do not compress."""
    report = small_report(("performance",))
    rng = np.random.default_rng(0)
    kept = report.findings
    findings = tuple(kept[i % len(kept)].model_copy(update={"id": f"finding-{i}"}) for i in range(n_findings))
    columns = (ExhibitColumn(name="value", type="number", description="A number drawn at random."),)
    tables: dict[str, pa.Table] = {}
    exhibits = []
    for i in range(EXHIBITS):
        name = f"numbers-{i}"
        tables[name] = pa.table({"value": rng.random(n_bytes // EXHIBITS // 8)})
        exhibits.append(
            Exhibit(
                id=name,
                title="Numbers",
                examination="performance",
                columns=columns,
                n_rows=tables[name].num_rows,
                digest=table_digest(tables[name].to_batches()),
                releasable=False,
                file=f"exhibits/{name}.parquet",
            )
        )
    return report.model_copy(update={"findings": findings, "exhibits": tuple(exhibits)}).sealed(tables)


def seconds_to_verify(bundle: Path, trust: TrustFile, n_times: int) -> list[float]:
    """Return how long it takes, each time from reading the first byte."""
    seconds = []
    for _ in range(n_times):
        start = time.perf_counter()
        found = verify(bundle, Asked(trust=trust, pages=False))
        seconds.append(time.perf_counter() - start)
        if (found.signature.state, found.digests.state) != (State.HOLDS, State.HOLDS):
            raise SystemExit(f"the bundle does not hold: {found.at_fault}")
    return sorted(seconds)


def main() -> None:
    """Print the table; the last line is the figure and its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bundle, once")
    quick = parser.parse_args().quick
    scale, n_times = (10, 1) if quick else (1, 3)
    key = Ed25519PrivateKey.generate()
    listed = {"name": "Ada", "role": "reviewer", "key_id": key_id_of(key.public_key())}
    dates = {"valid_from": "2026-01-01", "valid_until": "2026-12-31"}
    trust = TrustFile.model_validate({"version": 1, "signers": [listed | dates]})
    with tempfile.TemporaryDirectory() as folder:
        report = large_report(2_000 // scale, 100 * MB // scale)
        bundle = write_bundle(report, Path(folder) / "bundle", renderings=())
        add_signature(bundle, key, name="Ada", role=Role.REVIEWER, requester="Cy", signed_at=MOMENT)
        archive = Path(folder) / "bundle.zip"
        files = {path.relative_to(bundle).as_posix(): path for path in bundle.rglob("*") if path.is_file()}
        archive.write_bytes(write_archive({name: path.read_bytes() for name, path in files.items()}))
        sizes = archive.stat().st_size / MB, (bundle / "report.json").stat().st_size / MB
        print(f"{sizes[0]:.0f} MB, of it {sizes[1]:.1f} MB report.json with {len(report.findings):,} findings")
        worst = 0.0
        for form in (bundle, archive):
            seconds = seconds_to_verify(form, trust, n_times)
            worst = max(worst, seconds[len(seconds) // 2])
            print(f"  {form.name:<12} " + ", ".join(f"{one:.2f} s" for one in seconds))
    print(f"seconds to verify, median of the slower form: {worst:.2f} (goal {GOAL_SECONDS:g})")


if __name__ == "__main__":
    main()
