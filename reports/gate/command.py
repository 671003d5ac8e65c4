"""The command `affidavit gate`."""

from __future__ import annotations

from pathlib import Path

import typer

from affidavit.bundle import read_bundle
from affidavit.files import replacing
from affidavit.policy import read_policy
from affidavit.provenance import now
from reports.gate.gating import gate
from reports.gate.junit import junit_of
from reports.gate.waivers import read_waivers
from reports.gate.words import lines_of


def gate_bundle(
    bundle: Path, *, policy: str, waivers: Path | None, junit: Path | None, every_answer_demanded: bool
) -> int:
    """Hold a bundle against a policy, say what stops it, and return 0, 1 or 3.

    Raises:
        VerificationError: the bundle is not as it was written.
        PolicyError, TableError: policy or waivers are at fault.
    """
    report = read_bundle(bundle)
    chosen = read_policy(policy, folder=Path.cwd(), by=report.plan.by)
    held = gate(
        report,
        chosen,
        () if waivers is None else read_waivers(waivers),
        today=now().date(),
        every_answer_demanded=every_answer_demanded,
    )
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        with replacing(junit) as temporary:
            temporary.write_bytes(junit_of(held))
    for line in lines_of(held):
        typer.echo(line)
    return held.exit_code
