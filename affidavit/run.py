"""The one way from a plan to a report: sources, predictions, case, examinations, verdicts, seal.

Rooms are reached through the registry only. Everything that can refuse does so before anything is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import ValidationError

from affidavit.case import Case, EvidenceBook, TrainedOn
from affidavit.corpora_ahead import corpora_of_runs, corpora_of_training, loaded_ahead
from affidavit.errors import PlanError
from affidavit.examinations import Claim
from affidavit.exhibits import ExhibitTable
from affidavit.kept_counts import keep_counts
from affidavit.live import Live
from affidavit.option_models import check_options
from affidavit.plan import AuditPlan, Choice, RunSource
from affidavit.policy import Policy, check_conditions, check_reach, read_policy
from affidavit.predictions import Predictions
from affidavit.privacy_promises import check_promises
from affidavit.protocols import Examination, Progress, silent
from affidavit.provenance import provenance
from affidavit.records import Exhibit, Refusal
from affidavit.registry import Door, load, names
from affidavit.report import AuditReport, DataDescription
from affidavit.run_log import FROM_CACHE, RunLog, log_of
from affidavit.seeds import seed_of
from affidavit.sources import Loaded, load_corpus, load_run, load_table
from affidavit.summary import caveats, summary
from affidavit.tables import RawTable, from_arrow, from_frame, open_table
from affidavit.training import checkpoint_of, read_card, train_again, train_plan
from affidavit.verdicts import check_policy, decide, overall
from affidavit.withdrawals import withdrawals
from affidavit.yaml_files import describe_validation_error

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FILES: Final = frozenset(
    {"training", "losses", "guesses", "ledger", "embeddings", "leakage", "cards", "observations", "record", "sites"}
)
"""Options of examinations that name a file, or one by run."""
ONLY_NAMED: Final = frozenset({"seed-tables"})
"""Examinations that lay together what runs of a plan's own choosing show: a plan that names none is not asking them."""


def run_plan(
    plan: AuditPlan,
    *,
    folder: Path,
    policy: Policy | None = None,
    progress: Progress = silent,
) -> AuditReport:
    """Carry out a plan whose relative paths start at `folder`; `policy` overrides the one that the plan names.

    A `RunLog` as `progress` writes down every step, for the bundle that is written of it.

    Raises:
        AffidavitError: whatever is wrong with the plan, the policy or the tables, before anything is computed.
    """
    log = log_of(progress, what="run")
    with log.hearing_warnings():
        return _run(plan, folder=folder, policy=policy, log=log)


def _run(plan: AuditPlan, *, folder: Path, policy: Policy | None, log: RunLog) -> AuditReport:
    n_withdrawn = len(withdrawals())
    check_promises(plan)
    if policy is None and plan.policy is not None:
        policy = read_policy(plan.policy, folder=folder, by=plan.by)
    examinations = choose(plan)
    if policy is not None:
        _check_policy(policy, plan, examinations)
    check_options(plan)
    with loaded_ahead([*corpora_of_training(plan), *corpora_of_runs(plan)], folder) as corpora:
        for trained in train_plan(plan, folder=folder, progress=log, corpora=corpora):
            how = "kept from an earlier run" if trained.again else "computed"
            log.note("trained", {"training": trained.name, "seed": trained.seed, "how": how})
        loaded = []
        for name, source in plan.runs.items():
            loaded += load_run(name, source, plan, folder, log, corpora)
            how = "read from a table" if source.table is not None else "computed"
            log.note("loaded", {"run": name, "how": FROM_CACHE if log.saw(FROM_CACHE) else how})
    report, book = _examined(plan, loaded, examinations=examinations, policy=policy, progress=log, folder=folder)
    keep_counts(report, book, n_withdrawn=n_withdrawn)
    return report


def audit(
    table: pd.DataFrame | Predictions | str | Path,
    by: str | Sequence[str] = (),
    *,
    policy: str | Policy | None = None,
    columns: Mapping[str, str] | None = None,
    plan: AuditPlan | None = None,
    progress: Progress = silent,
) -> AuditReport:
    """Audit a predictions table (a frame, a file, or what `judge` returned), and return the report.

    `by` names the sensitive features (one may be a plain string). `columns` names parts whose columns are not
    recognised (`{"y_true": "gold"}`). `plan` sets everything else (statistics, features, depth, seed); its runs and
    `by` are replaced. A table that holds several reasoners or instructions is audited as one run for each. A
    `RunLog` as `progress` writes down every step, for the bundle that is written of it.

    Raises:
        AffidavitError: the table, the policy or the plan is at fault.
    """
    n_withdrawn = len(withdrawals())
    name = _name_of(table)
    source = RunSource(table=name, columns=dict(columns or {}))
    base = plan or AuditPlan(runs={"predictions": source}, title=f"Audit of {name}")
    chosen = _replanned(base, source, (by,) if isinstance(by, str) else tuple(by))
    check_promises(chosen)
    if isinstance(policy, str):
        policy = read_policy(policy, folder=Path.cwd(), by=chosen.by)
    examinations = choose(chosen)
    if policy is not None:
        _check_policy(policy, chosen, examinations)
    log = log_of(progress, what="audit")
    with log.hearing_warnings():
        loaded = load_table("predictions", source, chosen, _opened(table, name, chosen), log)
        log.note("loaded", {"run": "predictions", "how": "read from a table"})
        report, book = _examined(chosen, loaded, examinations=examinations, policy=policy, progress=log, folder=Path())
        keep_counts(report, book, n_withdrawn=n_withdrawn)
        return report


def _check_policy(
    policy: Policy, plan: AuditPlan, examinations: Sequence[tuple[Examination, Mapping[str, Any]]]
) -> None:
    """Refuse a policy that this plan can never answer, as far as the plan alone tells."""
    check_policy(policy, frozenset().union(*(examination.metrics for examination, _ in examinations)))
    check_reach(policy, by=plan.by, depth=plan.depth)


def _name_of(table: pd.DataFrame | Predictions | str | Path) -> str:
    if isinstance(table, Predictions):
        return table.source_name
    return Path(table).name if isinstance(table, str | Path) else "table"


def _opened(table: pd.DataFrame | Predictions | str | Path, name: str, plan: AuditPlan) -> RawTable:
    if isinstance(table, Predictions):
        judged = table.side_tables.get("judgements")
        raw = (
            from_frame(table.to_frame(), name=name)
            if judged is None
            else from_arrow(judged, name=name, format_name="judged")
        )
        return replace(raw, assumptions=(*raw.assumptions, *table.assumptions))
    if not isinstance(table, str | Path):
        return from_frame(table, name=name)
    return open_table(Path(table), memory_rows=plan.execution.memory_rows, batch_rows=plan.execution.batch_rows)


def _replanned(plan: AuditPlan, source: RunSource, by: tuple[str, ...]) -> AuditPlan:
    """Return the plan for one table, validated anew."""
    try:
        return AuditPlan.model_validate(plan.model_dump() | {"runs": {"predictions": source.model_dump()}, "by": by})
    except ValidationError as error:
        raise PlanError(
            "these arguments do not make a plan",
            slug="plan-invalid",
            found=describe_validation_error(error),
            remedy="name each feature once, and in plan.features only what `by` names",
        ) from None


def choose(plan: AuditPlan) -> list[tuple[Examination, Mapping[str, Any]]]:
    """Return the examinations of a plan with their options; where it names none, all that can be asked of any.

    Raises:
        RegistryError: a name is unknown, with the nearest known one.
    """
    unnamed = (name for name in names(Door.EXAMINATIONS) if name not in ONLY_NAMED)
    choices = plan.examinations or tuple(Choice(name=name) for name in unnamed)
    return [(load(Door.EXAMINATIONS, choice.name), choice.options) for choice in choices]


def examine(
    plan: AuditPlan,
    loaded: Sequence[Loaded],
    *,
    examinations: Sequence[tuple[Examination, Mapping[str, Any]]],
    policy: Policy | None,
    progress: Progress = silent,
    folder: Path = Path(),
) -> AuditReport:
    """Examine loaded runs and return the sealed report; relative paths among options start at `folder`."""
    report, _ = _examined(plan, loaded, examinations=examinations, policy=policy, progress=progress, folder=folder)
    return report


def _examined(
    plan: AuditPlan,
    loaded: Sequence[Loaded],
    *,
    examinations: Sequence[tuple[Examination, Mapping[str, Any]]],
    policy: Policy | None,
    progress: Progress,
    folder: Path,
) -> tuple[AuditReport, EvidenceBook]:
    """Return the sealed report, and what was counted for it."""
    log = log_of(progress, what="examine")
    runs = _named(loaded)
    if policy is not None:
        check_conditions(policy, [condition for run in runs.values() for condition in run.conditions])
    claims: list[Claim] = []
    refusals: list[Refusal] = []
    exhibits: list[tuple[str, ExhibitTable]] = []
    book = EvidenceBook(runs=runs, by=plan.by, statistics=plan.statistics, seed=plan.seed, progress=log)
    live = {item.run: item.live for item in loaded if item.live is not None}
    for examination, options in examinations:
        case = _case(plan, book, Choice(name=examination.name, options=options), live, folder)
        refusal = examination.refuses(case) or _unasked(examination, plan)
        if refusal is not None:
            refusals.append(refusal)
            log.note("refused", {"examination": examination.name})
            continue
        refusals += _refused_runs(examination, case)
        with log.step("examined", {"examination": examination.name}) as said:
            testimony = examination.examine(case)
            said["claims"], said["refusals"] = len(testimony.claims), len(testimony.refusals)
        refusals += testimony.refusals
        claims += testimony.claims
        exhibits += [(examination.name, exhibit) for exhibit in testimony.exhibits]
    if not claims:
        raise PlanError(
            "no examination could say anything",
            slug="plan-impossible",
            found="; ".join(f"{r.examination}: {r.because}" for r in refusals) or "no examination was chosen",
            remedy="`affidavit check TABLE` lists what is possible with this table and what would be needed",
        )
    return _report(plan, loaded, claims, refusals, exhibits, policy), book


def _unasked(examination: Examination, plan: AuditPlan) -> Refusal | None:
    """Refuse what is done on request only, where the plan names no examinations."""
    if plan.examinations is not None or not getattr(examination, "on_request", False):
        return None
    return Refusal(
        examination=examination.name,
        because="it takes its time, or asks what not every audit asks: it is done where a plan names it",
        remedy=f"name {examination.name} under `examinations` of the plan",
    )


def _named(loaded: Sequence[Loaded]) -> dict[str, Predictions]:
    """Return the runs by name; a run that took another's name would take its findings."""
    runs = {item.run: item.predictions for item in loaded}
    if len(runs) < len(loaded):
        named = [item.run for item in loaded]
        raise PlanError(
            "two runs have the same name",
            slug="plan-impossible",
            found=", ".join(sorted({name for name in named if named.count(name) > 1})),
            remedy="a table with several reasoners or instructions makes runs named RUN/REASONER/INSTRUCTION; rename "
            "the other run, or the values in the table",
        )
    return runs


def _refused_runs(examination: Examination, case: Case) -> tuple[Refusal, ...]:
    """Return the refusals of single runs, from an examination that tells runs apart."""
    refusals = getattr(examination, "refusals", None)
    return () if refusals is None else tuple(refusals(case))


def _case(plan: AuditPlan, book: EvidenceBook, choice: Choice, live: Mapping[str, Live], folder: Path) -> Case:
    return Case(
        runs=book.runs,
        by=plan.by,
        depth=plan.depth,
        statistics=plan.statistics,
        book=book,
        rng=np.random.default_rng(seed_of(plan.seed, choice.name)),
        options=choice.options,
        live=live,
        folder=folder,
        trained_on=_trained_on(plan, book.runs, folder),
        progress=book.progress,
    )


def _trained_on(plan: AuditPlan, runs: Mapping[str, Predictions], folder: Path) -> dict[str, TrainedOn]:
    """Return what trained the model of each run; the corpora are loaded when somebody asks for them."""
    found = {}
    for run in runs:
        named = [name for name in plan.runs if run == name or run.startswith(f"{name}/")]
        source = plan.runs.get(max(named, key=len, default=""))
        if source is None or source.trained is None:
            continue
        corpus = plan.training[source.trained.name].corpus
        load_it = partial(load_corpus, corpus.name, corpus.options, folder=folder)
        again = partial(train_again, plan, source.trained, folder)
        place = checkpoint_of(source.trained.name, plan, folder, seed=source.trained.seed)
        card, same = read_card(place) or {}, corpus == source.corpus
        found[run] = TrainedOn(
            training=source.trained.name, load=load_it, card=card, folder=place, same=same, again=again
        )
    return found


def _report(
    plan: AuditPlan,
    loaded: Sequence[Loaded],
    claims: Sequence[Claim],
    refusals: Sequence[Refusal],
    exhibits: Sequence[tuple[str, ExhibitTable]],
    policy: Policy | None,
) -> AuditReport:
    findings = decide(claims, policy, plan.statistics)
    decision = overall(findings, policy)
    sealed = _once([exhibit.sealed(examination) for examination, exhibit in exhibits])
    tables: dict[str, pa.Table] = {record.id: table for record, table in sealed}
    runs = {item.run: item.predictions for item in loaded}
    report = AuditReport(
        title=plan.title,
        plan=_without_folders(plan),
        policy=policy,
        policy_digest=None if policy is None else policy.digest,
        data=tuple(_description(item) for item in loaded),
        decision=decision,
        summary=summary(findings, decision),
        caveats=caveats(runs, policy),
        findings=findings,
        refusals=tuple(refusals),
        exhibits=tuple(record for record, _ in sealed),
        provenance=provenance(plan.execution),
    )
    return report.sealed(tables)


def _once(sealed: Sequence[tuple[Exhibit, pa.Table]]) -> list[tuple[Exhibit, pa.Table]]:
    """Return exhibits without those that repeat an earlier one word for word, as a legend that several hand over."""
    first: dict[tuple[str, str], tuple[Exhibit, pa.Table]] = {}
    for record, table in sealed:
        first.setdefault((record.id, record.digest), (record, table))
    return list(first.values())


def _without_folders(plan: AuditPlan) -> AuditPlan:
    """A report names files, not where on somebody's machine they lay."""
    runs = {
        name: source if source.table is None else source.model_copy(update={"table": Path(source.table).name})
        for name, source in plan.runs.items()
    }
    chosen = None if plan.examinations is None else tuple(map(_without_folder, plan.examinations))
    return plan.model_copy(update={"runs": runs, "examinations": chosen})


def _without_folder(choice: Choice) -> Choice:
    """Return an examination of a plan, of the files that it names only the names."""
    named = {option: _names_only(choice.options[option]) for option in FILES & set(choice.options)}
    return choice.model_copy(update={"options": {**choice.options, **named}}) if named else choice


def _names_only(files: Any) -> Any:  # noqa: ANN401 - an option: a file, or files by run
    if isinstance(files, Mapping):
        return {run: _names_only(file) for run, file in files.items()}
    if isinstance(files, list | tuple):
        return [_names_only(file) for file in files]
    return Path(files).name if isinstance(files, str) else files


def _description(item: Loaded) -> DataDescription:
    predictions = item.predictions
    return DataDescription(
        run=item.run,
        supplier=item.supplier,
        source=predictions.source_name,
        task=predictions.task,
        digest=predictions.digest,
        file_digest=predictions.file_digest or item.corpus_digest,
        n_rows=predictions.n_rows,
        n_units=None if predictions.unit == "row" else predictions.n_units,
        unit=predictions.unit,
        conditions=predictions.conditions,
        label_space=predictions.labels or None,
        columns=predictions.mapped.described(),
        assumptions=(*item.assumptions, *predictions.assumptions),
        licence=item.licence,
        models=predictions.models or None,
    )
