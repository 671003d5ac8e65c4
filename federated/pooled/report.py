"""The server's report: what the totals say, as an audit report that is written, signed, released like any other."""

from __future__ import annotations

from affidavit.claims import first_names
from affidavit.digests import digest_of
from affidavit.plan import AuditPlan, Choice, RunSource, Task
from affidavit.policy import Policy
from affidavit.provenance import provenance
from affidavit.report import AuditReport, DataDescription
from affidavit.summary import summary
from affidavit.verdicts import decide, overall
from federated.pooled.counts_plan import NAME
from federated.pooled.testimony import federated_testimony
from federated.pooled.totals import Totals


def federated_report(totals: Totals, *, policy: Policy | None = None) -> AuditReport:
    """Return the sealed report over all sites.

    Raises:
        PolicyError: a criterion binds nothing that was found.
    """
    said = federated_testimony(totals)
    findings = decide(said.claims, policy, totals.plan.statistics)
    decision = overall(findings, policy)
    sealed = [exhibit.sealed(NAME) for exhibit in said.exhibits]
    report = AuditReport(
        title=totals.plan.title,
        plan=_plan(totals),
        policy=policy,
        policy_digest=None if policy is None else policy.digest,
        data=(_description(totals),),
        decision=decision,
        summary=summary(findings, decision),
        caveats=_caveats(totals),
        findings=findings,
        refusals=said.refusals,
        exhibits=tuple(record for record, _ in sealed),
        provenance=provenance(_plan(totals).execution),
    )
    return report.sealed({record.id: table for record, table in sealed})


def _plan(totals: Totals) -> AuditPlan:
    plan = totals.plan
    return AuditPlan(
        title=plan.title,
        runs={plan.run: RunSource(table=f"sums of {len(totals.contributors)} sites", label_space=plan.labels)},
        by=tuple(plan.features),
        depth=plan.depth,
        examinations=(Choice(name=NAME, options={"counts_plan": plan.digest, "told": plan.told}),),
        statistics=plan.statistics,
        seed=plan.seed,
    )


def _description(totals: Totals) -> DataDescription:
    plan = totals.plan
    everybody = [sums for sums in totals.blocks if not sums.block.features]
    most = max(float(sums.n_units[0]) for sums in everybody)
    hidden = plan.told == "secure" and most < plan.floor
    return DataDescription(
        run=plan.run,
        supplier=None,
        source=f"sums of {len(totals.contributors)} sites: {first_names(totals.contributors)}",
        task=Task.MULTICLASS,
        digest=digest_of(dict(totals.digests)),
        n_rows=0 if hidden else max(round(sum(float(sums.n_rows[0]) for sums in everybody)), 0),
        n_units=0 if hidden else max(round(most), 0),
        unit="unit_id",
        conditions=plan.conditions,
        label_space=plan.labels,
        columns={},
        assumptions=_caveats(totals)[1:],
    )


def _caveats(totals: Totals) -> tuple[str, ...]:
    plan = totals.plan
    said = ["Nothing in this report proves that the deployed model produced the tables that sites counted."]
    if plan.disjoint_attested_by is None:
        said.append(
            "Nobody attests that no patient is at two sites: who is counts as two, intervals are then too narrow, and "
            "what is spent of their privacy adds up."
        )
    else:
        said.append(f"No patient is at two sites, as {plan.disjoint_attested_by} attests; nothing in sums shows it.")
    if totals.silent:
        said.append(f"Below the floor and in no number: {', '.join(totals.silent)}.")
    absent = sorted(set(plan.sites) - {*totals.contributors, *totals.silent})
    if absent:
        said.append(f"The plan names them, and nothing of them came: {', '.join(absent)}.")
    if totals.remainders:
        said.append(
            f"Sites withhold groups of fewer than {plan.floor} patients and what they follow from: such a value is the "
            "middle of what it can be, and its interval holds all of that. Summed securely (told: secure), the floor "
            "would be one for all sites together."
        )
    if plan.told == "secure":
        said.append("Sums came under secure aggregation: no site's own sums were seen, nor held against one another.")
    if plan.told == "secure" and plan.noise is not None:
        said.append(
            f"Each site added a share of noise: epsilon {plan.noise.epsilon:g} at delta {plan.noise.delta:g} "
            f"with {plan.noise.least_sites} sites in the sum, of which {plan.noise.colluding} may tell their share."
        )
    if any(spent.simulated for spent in totals.spent.values()):
        said.append("Noise was drawn from a seed: it protects nobody, and carries no epsilon.")
    return tuple(said)
