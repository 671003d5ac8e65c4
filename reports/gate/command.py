"""The command `affidavit gate`."""

from __future__ import annotations

from pathlib import Path

from affidavit.bundle import read_bundle
from affidavit.cli.saying import say
from affidavit.files import replacing
from affidavit.policy import read_policy
from affidavit.provenance import now
from affidavit.report import AuditReport
from reports.gate.gating import gate
from reports.gate.junit import junit_of
from reports.gate.waivers import read_waivers
from reports.gate.words import lines_of
from reports.law.dossier_files import read_testimony
from reports.law.scope import ScopeDecision, observed_in
from reports.law.testimony import Testimony
from reports.law.testimony import gate as scope_gate
from reports.papers.folder import papers_of


def gate_bundle(
    bundle: Path,
    *,
    policy: str,
    waivers: Path | None,
    junit: Path | None,
    every_answer_demanded: bool,
    dossier: tuple[Path | None, Path | None, bool] = (None, None, False),
) -> int:
    """Hold a bundle against a policy and its use against the dossier, say what stops it, and return 0, 1 or 3.

    Args:
        bundle: the folder of a bundle; papers that were filed in it count.
        policy: a file, or the name of a policy that ships.
        waivers: a file of waivers, beside those that were filed.
        junit: where to write JUnit XML.
        every_answer_demanded: whether each criterion has to be decided.
        dossier: a dossier, the public key of whoever signed it, and whether one is demanded.

    Raises:
        VerificationError: the bundle is not as it was written, or the dossier's signature does not hold.
        PolicyError, TableError, InputError: policy, waivers or dossier are at fault.
    """
    report = read_bundle(bundle)
    papers = papers_of(bundle, report)
    chosen = read_policy(policy, folder=Path.cwd(), by=report.plan.by)
    path, key, demanded = dossier
    testimony = papers.testimony if path is None else read_testimony(path, key)
    held = gate(
        report,
        chosen,
        (*papers.waivers, *(() if waivers is None else read_waivers(waivers))),
        today=now().date(),
        every_answer_demanded=every_answer_demanded,
        scope=_scope(report, testimony, demanded=demanded),
    )
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        with replacing(junit) as temporary:
            temporary.write_bytes(junit_of(held))
    for line in lines_of(held):
        say(line)
    return held.exit_code


def _scope(report: AuditReport, testimony: Testimony, *, demanded: bool) -> ScopeDecision | None:
    if testimony.dossier is None and not demanded:
        return None
    return scope_gate(testimony, today=now().date(), observed=observed_in(report))
