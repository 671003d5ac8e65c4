"""`affidavit audit`, `affidavit run` and `affidavit demo`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from affidavit.bundle import check_output, write_bundle
from affidavit.cli.progress import shown_progress
from affidavit.cli.saying import one_line, say
from affidavit.digests import digest_of
from affidavit.errors import EXIT_CRITERION_FAILED, EXIT_DONE, EXIT_INCONCLUSIVE, PlanError
from affidavit.files import check_place
from affidavit.plan import (
    AuditPlan,
    BuiltIn,
    Choice,
    Feature,
    RunSource,
    Statistics,
    Task,
    built_in_plan,
    read_plan,
)
from affidavit.provenance import package_version
from affidavit.records import Refusal
from affidavit.report import AuditReport, Decision
from affidavit.run import run_plan
from affidavit.run_log import RunLog
from affidavit.verdicts import answers_demanded_but_open
from affidavit.yaml_files import describe_validation_error, did_you_mean

NAMED: Final = 8
"""Examinations that are named in one line before the rest is counted."""
TASK_REFUSAL: Final = "it speaks of "
OTHER_TASKS: Final = "made for tables of another task"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFlags:
    """The flags of `affidavit audit` as they were typed."""

    by: str
    policy: str | None
    columns: Sequence[str]
    bands: Sequence[str]
    per_utterance: Sequence[str]
    labels: str | None
    unlabelled: bool
    task: str | None
    examinations: Sequence[str]
    depth: int
    seed: int
    resamples: int
    permutations: int
    title: str | None
    supplier: str | None

    def plan(self, table: Path) -> AuditPlan:
        """Return the plan that the flags stand for."""
        by = split_list(self.by)
        labels = split_list(self.labels or "")
        source = RunSource(
            table=str(table),
            columns=pairs(self.columns, flag="--column"),
            task=task_named(self.task),
            supplier=self.supplier,
            label_space=labels or None,
        )
        try:
            return AuditPlan(
                title=self.title or f"Audit of {table.name}",
                runs={"predictions": source},
                by=by,
                depth=self.depth,
                features=_features(by, self.bands, self.per_utterance),
                labelled=not self.unlabelled,
                examinations=tuple(Choice(name=name) for name in self.examinations) or None,
                statistics=Statistics(n_resamples=self.resamples, n_permutations=self.permutations),
                policy=self.policy,
                seed=self.seed,
            )
        except ValidationError as error:
            raise PlanError(
                "the flags do not make a plan",
                slug="plan-invalid",
                found=describe_validation_error(error),
                remedy="`affidavit audit --help` describes each flag",
            ) from None


def audit_table(table: Path, flags: AuditFlags, *, out: Path, demand_answers: bool) -> int:
    """Audit a table and return the exit code."""
    return _carry_out(flags.plan(table), folder=Path.cwd(), out=out, demand_answers=demand_answers)


def run_file(path: Path, *, out: Path, demand_answers: bool) -> int:
    """Carry out a plan file and return the exit code."""
    return _carry_out(read_plan(path), folder=path.resolve().parent, out=out, demand_answers=demand_answers)


def run_demo(out: Path, *, plan: BuiltIn) -> int:
    """Carry out a built-in plan, `demo` or `simulated`; a failed criterion is its point, so it ends with 0.

    What it trains lies beside the report, so that it can be looked at, and so that a killed run goes on from there.
    """
    told = built_in_plan(plan)
    models = models_folder(out, told)
    if told.training:
        check_place(models)
    _carry_out(told, folder=models, out=out, demand_answers=False)
    if told.training:
        say(f"Models, the record of their rounds and the hospitals' ledgers: {models}")
    return EXIT_DONE


def models_folder(out: Path, plan: AuditPlan) -> Path:
    """Return where a built-in plan leaves what it trains: a folder for each plan and version.

    A ledger counts what was spent whatever spent it, so another version's training would find its budget gone.
    """
    named = digest_of([plan.claims(), package_version("affidavit")]).removeprefix("sha256:")
    return out.parent / f"{out.name}-models" / named[:12]


def _carry_out(plan: AuditPlan, *, folder: Path, out: Path, demand_answers: bool) -> int:
    check_place(out)
    check_output(out)
    if demand_answers and plan.policy is None:
        raise PlanError(
            "--demand-answers needs a policy: without one nothing is decided",
            slug="plan-impossible",
            remedy="add --policy, or in a plan `policy:`",
        )
    with shown_progress() as progress:
        log = RunLog("run", told=progress)
        report = run_plan(plan, folder=folder, progress=log)
        progress("writing the report", 0, None)
        write_bundle(report, out, log=log)
    tell(report, out)
    return exit_code(report, demand_answers=demand_answers)


def exit_code(report: AuditReport, *, demand_answers: bool) -> int:
    """Return 1 where a criterion failed, 3 where a demanded answer is open, else 0."""
    if report.decision is Decision.FAIL:
        return EXIT_CRITERION_FAILED
    everything = demand_answers and report.decision is Decision.INCONCLUSIVE
    if everything or answers_demanded_but_open(report.findings, report.policy):
        return EXIT_INCONCLUSIVE
    return EXIT_DONE


def tell(report: AuditReport, out: Path) -> None:
    """Print what was found, what could not be assessed, and where to look."""
    say(f"{one_line(report.title)}\nDecision: {report.decision}")
    for sentence in (*report.summary, *refusals_in_words(report.refusals)):
        say(f"  {sentence}")
    say(f"Report: {out / 'report.html'} (also report.md, report.json; {report.marking})")


def refusals_in_words(refusals: Sequence[Refusal]) -> list[str]:
    """Return what was not assessed, a line for each reason; what is made for other tasks shares one, and so do runs."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for refusal in refusals:
        because = OTHER_TASKS if refusal.because.startswith(TASK_REFUSAL) else refusal.because
        reasons.setdefault((refusal.run or "", because), []).append(refusal.examination)
    alike: dict[tuple[str, str], list[str]] = {}
    for (run, because), names in sorted(reasons.items(), key=lambda item: item[0][1] == OTHER_TASKS):
        alike.setdefault((_named(names), because), []).append(run)
    return [
        f"not assessed{f' of {_named(runs)}' if any(runs) else ''}, {names}: {because}"
        for (names, because), runs in alike.items()
    ]


def _named(names: Sequence[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = len(unique) - NAMED
    return ", ".join(unique) if more <= 0 else f"{', '.join(unique[:NAMED])} and {more} more"


def split_list(text: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated list.

    >>> split_list("age, accent")
    ('age', 'accent')
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def pairs(texts: Sequence[str], *, flag: str) -> dict[str, str]:
    """Return NAME=VALUE flags as a mapping.

    Raises:
        PlanError: one has no equals sign.
    """
    for text in texts:
        if "=" not in text:
            raise PlanError(
                f"{flag} takes NAME=VALUE",
                slug="plan-invalid",
                found=text,
                remedy=f"write {flag} y_true=label",
            )
    return dict(text.split("=", 1) for text in texts)


def task_named(text: str | None) -> Task | None:
    """Return the task of a flag.

    Raises:
        PlanError: there is no such task.
    """
    if text is None:
        return None
    known = [task.value for task in Task]
    if text not in known:
        raise PlanError(
            f"{text!r} is not a task{did_you_mean(text, known)}",
            slug="plan-invalid",
            allowed=", ".join(known),
        )
    return Task(text)


def _features(by: Sequence[str], bands: Sequence[str], per_utterance: Sequence[str]) -> dict[str, Feature]:
    cuts = {name: _cuts(name, text) for name, text in pairs(bands, flag="--band").items()}
    for name in (*cuts, *per_utterance):
        if name not in by:
            raise PlanError(
                f"{name!r} is not among the features of --by{did_you_mean(name, list(by))}",
                slug="plan-invalid",
                allowed=", ".join(by) or "no features were named",
            )
    return {
        name: Feature(level="utterance" if name in per_utterance else "unit", bands=cuts.get(name))
        for name in dict.fromkeys((*cuts, *per_utterance))
    }


def _cuts(name: str, text: str) -> tuple[float, ...]:
    try:
        cuts = tuple(sorted(float(part) for part in split_list(text)))
    except ValueError:
        cuts = ()
    if not cuts or not all(map(math.isfinite, cuts)):
        raise PlanError(
            f"--band {name} takes numbers",
            slug="plan-invalid",
            found=text or "nothing",
            remedy=f"write --band {name}=30,50",
        )
    return cuts
