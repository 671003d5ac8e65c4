"""A site's own report, which stays there: its own patients beside all sites' by group, and what it told and spent.

With two runs of its own (a model trained here alone, and the federated one) both stand beside each other by group, with
their paired difference (`federated.pooled.site_runs`). All sites' numbers are read from the server's report, and stand
as a note beside the site's own; differences from them carry no interval, for all sites' numbers hold the site's own
patients, so that the two are not independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.claims import Place, place_finding
from affidavit.digests import digest_of
from affidavit.estimates import estimate_cells, estimate_of
from affidavit.examinations import Claim, Testimony
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.phrases import told
from affidavit.plan import AuditPlan, Choice, RunSource, Task
from affidavit.provenance import provenance
from affidavit.records import ExhibitColumn, Finding
from affidavit.report import AuditReport, DataDescription
from affidavit.summary import summary
from affidavit.verdicts import decide, overall
from federated.pooled.contribution import SiteCounts, Spent
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.estimates import pooled
from federated.pooled.exhibits import Row, place_cells, table_of_rows
from federated.pooled.measures import measures
from federated.pooled.site_runs import COMPARISON
from federated.pooled.sums import BlockSums

NAME: Final = "federated-audit-site"
VERSION: Final = "2"
MAIN: Final = "accuracy"
NOTHING: Final = Testimony()
Key = tuple[str, tuple[tuple[str, str], ...], str]
"""Condition, group, metric."""


@dataclass(frozen=True, kw_only=True)
class Own:
    """What a site knows of itself."""

    site: str
    runs: Mapping[str, tuple[BlockSums, ...]]
    """Exact sums by run: `federated`, `local-only`, or whatever the site calls its models."""
    data: Mapping[str, str]
    """Digest of the table behind each run."""
    sent: SiteCounts | None
    """What left; None under secure sums, where it was a masked vector."""
    bytes_sent: int


def site_report(
    plan: CountsPlan, own: Own, everywhere: AuditReport | None, *, paired: Testimony = NOTHING
) -> AuditReport:
    """Return a site's sealed report; `everywhere` is the server's, where it came back, `paired` what runs differ by."""
    there = _by_place(everywhere)
    ours = [claim for run, blocks in own.runs.items() for claim in _claims(plan, run, blocks, there)]
    findings = decide([*ours, *paired.claims], None, plan.statistics)
    own_numbers = [finding for finding in findings if finding.examination == NAME]
    tables = [_beside(own_numbers, there), _facts(plan, own)]
    sealed = [*(table.sealed(NAME) for table in tables), *(each.sealed(COMPARISON) for each in paired.exhibits)]
    written = AuditPlan(
        title=f"{plan.title}: {own.site}",
        runs={run: RunSource(table=f"own table of {own.site}", label_space=plan.labels) for run in own.runs},
        by=tuple(plan.features),
        depth=plan.depth,
        examinations=_examinations(plan, own),
        statistics=plan.statistics,
        seed=plan.seed,
    )
    decision = overall(findings, None)
    said = summary(findings, decision)  # what was decided is said last
    report = AuditReport(
        title=written.title,
        plan=written,
        data=tuple(_description(plan, own, run) for run in own.runs),
        decision=decision,
        summary=(*said[:-1], *_all_sites_in_words(own_numbers, there), *_left_in_words(plan, own), *said[-1:]),
        caveats=_caveats(everywhere),
        findings=findings,
        refusals=paired.refusals,
        exhibits=tuple(record for record, _ in sealed),
        provenance=provenance(written.execution),
    )
    return report.sealed({record.id: table for record, table in sealed})


def _examinations(plan: CountsPlan, own: Own) -> tuple[Choice, ...]:
    ours = Choice(name=NAME, options={"counts_plan": plan.digest})
    return (ours,) if len(own.runs) < 2 else (ours, Choice(name=COMPARISON, options={"baseline": list(own.runs)[-1]}))


def _claims(plan: CountsPlan, run: str, blocks: Sequence[BlockSums], there: Mapping[Key, Finding]) -> list[Claim]:
    claims = []
    for sums in blocks:
        place = Place(
            examination=NAME,
            method_version=VERSION,
            run=run,
            condition=sums.block.condition,
            family=sums.block.features,
            has_units=True,
            level=plan.statistics.level,
        )
        for measure in measures(plan.labels):
            found = pooled(measure, sums)
            for g, group in enumerate(sums.block.groups):
                if not sums.n_units[g]:
                    continue
                estimate = estimate_of(
                    float(found.value[g]),
                    found.interval(g, place.level),
                    n=int(sums.n_rows[g]),
                    n_units=int(sums.n_units[g]),
                )
                finding = place_finding(
                    place, measure.name, estimate, groups=group, higher_is_better=True, source=measure.source
                )
                other = there.get(_key(finding))
                if measure.name == MAIN and other is not None:
                    said = f"over all sites {told(other.estimate, other.metric)}"
                    finding = finding.model_copy(update={"caveats": (said,)})
                claims.append(Claim(finding=finding))
    return claims


_ALL = tuple(
    ExhibitColumn(name=f"all_{c.name}", type=c.type, unit=c.unit, description=f"over all sites: {c.description}")
    for c in ESTIMATE
)
_METRIC = ExhibitColumn(name="metric", type="text", description="the metric")


def _by_place(everywhere: AuditReport | None) -> dict[Key, Finding]:
    return {} if everywhere is None else {_key(f): f for f in everywhere.findings if f.compared is None}


def _beside(findings: Sequence[Finding], there: Mapping[Key, Finding]) -> ExhibitTable:
    """Return this site's numbers, and all sites' beside them where the server reported them."""
    rows: list[Row] = []
    for finding in findings:
        other = there.get(_key(finding))
        cells = {c.name: None for c in ESTIMATE} if other is None else estimate_cells(other.estimate)
        rows.append(
            {
                **place_cells(finding.run, finding.condition, finding.groups),
                "metric": finding.metric,
                **estimate_cells(finding.estimate),
                **{f"all_{name}": cell for name, cell in cells.items()},
            }
        )
    columns = (*PLACE, _METRIC, *ESTIMATE, *_ALL)
    return table_of_rows("own-beside-all-sites", "This site's patients beside all sites', by group", columns, rows)


def _key(finding: Finding) -> Key:
    return finding.condition, tuple(sorted(finding.groups.items())), finding.metric


def _all_sites_in_words(findings: Sequence[Finding], there: Mapping[Key, Finding]) -> tuple[str, ...]:
    """Return what all sites' patients got under the fullest condition, beside the sentences about this site's own."""
    mine = [f for f in findings if f.metric == MAIN and not f.groups]
    other = there.get(_key(mine[0])) if mine else None
    if other is None:
        return ()
    return (f"All sites, {other.condition}: accuracy of everybody is {told(other.estimate, other.metric)}.",)


def _left_in_words(plan: CountsPlan, own: Own) -> tuple[str, ...]:
    """Return what left this site, and what it cost."""
    if own.sent is None and plan.told == "secure":
        left = f"Left {own.site}: masked numbers, {8 * plan.size:,} bytes of them, of which the server knows the sum."
    elif own.sent is None:
        return ("What left this site is not told: the file that left was not at hand.",)
    else:
        n = len(own.sent.cells)
        withheld = f"{len(own.sent.withheld)} of {n} groups withheld" if plan.told == "plain" else f"{n} groups"
        left = f"Left {own.site}: {own.bytes_sent:,} bytes, {withheld}, {len(own.sent.rows)} estimates of its own."
    spent = None if own.sent is None else own.sent.spent
    if spent is None and plan.told == "secure" and plan.noise is not None:
        spent = Spent(epsilon=plan.noise.epsilon, delta=plan.noise.delta)
    if spent is None or spent.simulated:
        return (left, "No epsilon: the sums are exact, and nothing bounds what they tell of one patient.")
    cost = f"Cost each patient epsilon {spent.epsilon:g} at delta {spent.delta:g}"
    if spent.ledger_epsilon is not None:
        cost += f"; with all that the ledger holds, epsilon {spent.ledger_epsilon:.3g}"
    return (left, f"{cost}.")


FACTS = (
    ExhibitColumn(name="fact", type="text", description="what is told"),
    ExhibitColumn(name="number", type="number", description="as a number"),
    ExhibitColumn(name="words", type="text", description="or in words"),
)


def _facts(plan: CountsPlan, own: Own) -> ExhibitTable:
    sent, spent = own.sent, None if own.sent is None else own.sent.spent
    if sent is None and plan.told == "secure" and plan.noise is not None:
        spent = Spent(epsilon=plan.noise.epsilon, delta=plan.noise.delta)
    facts: list[tuple[str, float | None, str | None]] = [
        _bytes_that_left(plan, own),
        ("how it left", None, plan.told),
        ("plan", None, plan.digest),
        ("digest of what left", None, None if sent is None else sent.digest),
        ("groups withheld", None if sent is None else float(len(sent.withheld)), None),
        ("own estimates told", 0.0 if sent is None else float(len(sent.rows)), None),
    ]
    if spent is not None and not spent.simulated:
        facts += [
            ("epsilon of this audit", spent.epsilon, None),
            ("delta", spent.delta, None),
            ("epsilon of the whole ledger at this delta", spent.ledger_epsilon, None),
            ("head of the ledger", None, spent.ledger_head),
        ]
    else:
        facts.append(("epsilon of this audit", None, "none: the sums are exact, and nothing bounds what they tell"))
    rows: list[Row] = [{"fact": fact, "number": number, "words": words} for fact, number, words in facts]
    return table_of_rows("what-left-this-site", "What left this site, and what it cost", FACTS, rows)


def _bytes_that_left(plan: CountsPlan, own: Own) -> tuple[str, float | None, str | None]:
    name = "bytes that left the site"
    if own.sent is not None:
        return name, float(own.bytes_sent), None
    if plan.told == "secure":
        return name, 8.0 * plan.size, "of masked numbers; keys and shares are in the site's log"
    return name, None, "the file that left was not at hand"


def _description(plan: CountsPlan, own: Own, run: str) -> DataDescription:
    everybody = [sums for sums in own.runs[run] if not sums.block.features]
    return DataDescription(
        run=run,
        supplier=None,
        source=f"own table of {own.site}",
        task=Task.MULTICLASS,
        digest=own.data.get(run) or digest_of([run]),
        n_rows=sum(int(sums.n_rows[0]) for sums in everybody),
        n_units=max(int(sums.n_units[0]) for sums in everybody),
        unit="unit_id",
        conditions=plan.conditions,
        label_space=plan.labels,
        columns={},
    )


def _caveats(everywhere: AuditReport | None) -> tuple[str, ...]:
    said = ["This report is of one site's patients and stays there: it names small groups."]
    if everywhere is None:
        said.append("The report over all sites was not at hand; nothing stands beside this site's numbers.")
    else:
        said.append(
            f"Over all sites: the report {everywhere.report_digest}. Its numbers hold this site's patients too, so "
            "that the two are not independent."
        )
    return tuple(said)
