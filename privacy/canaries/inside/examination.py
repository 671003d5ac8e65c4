"""Does a step of private training hide a canary as well as its noise promises? The training's own code, run again.

A bounded number of steps is taken of the very mechanism that trained the model (`privacy.dpsgd`, with the options of
its card), among patients whom the model never met. Canaries are directions of the length of the clip norm, each in or
out by a coin. Told are, beside what the card and the accountants say: the lower bound of epsilon of one sampled run,
with its ceiling; the lower bound of mu of single steps, conditional on Gaussian noise; the noise multiplier that was
found; the furthest that any one unit moves a sum; and how the sizes of batches spread.

It audits the mechanism as it runs now, and not the training that was. It cannot see other code, other options, a
release beside the model, or noise that can be foretold: its own draws are from the plan's seed. Somebody else's
observations are read from a table (option `observations`): bounds alone.

Source: Nasr et al. 2023; Steinke, Nasr, Jagielski 2023; Andrew et al. 2024.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.errors import PlanError
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from affidavit.seeds import seed_of
from privacy.canaries.inside.checks import Checks, checked
from privacy.canaries.inside.exhibit import Row, checks_exhibit, rows_of, run_rows, step_row
from privacy.canaries.inside.games import Asked, Observed, observe
from privacy.canaries.inside.measures import METRICS, NAME, VERSION
from privacy.canaries.inside.models import Subject, mechanism_of, people_of, subject_of
from privacy.canaries.inside.options import GradientOptions
from privacy.canaries.inside.table import refuses_table, seen
from privacy.canaries.inside.telling import Told, claims_of, general_caveats, run_claims, step_claims
from privacy.canaries.instruments import instruments_exhibit
from privacy.dpsgd.gradients import trained_parameters

LEAST_AXES: Final = 20
"""Trained parameters under which too few canaries would each have a direction of its own."""
LEAST_STEPS: Final = 5
"""Under which draws cannot be judged."""


def _options(case: Case) -> GradientOptions:
    return read_options(GradientOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a run whose mechanism cannot be run, and a table from which nothing can be told."""
    options = _options(case)
    (run,) = case.runs
    table = options.table_of(run)
    if table is not None:
        return refuses_table(case, run, table, options)
    found = subject_of(case, run, options)
    return found if isinstance(found, Refusal) else None


def together(case: Case) -> Refusal | None:
    """Refuse one table for several runs: it is of one training."""
    if len(case.runs) < 2 or not isinstance(_options(case).observations, str):
        return None
    return Refusal(
        examination=NAME,
        because=f"one table of observations is named for {len(case.runs)} runs, and it is of one training",
        remedy="name the table of each run: observations: {run: table}",
    )


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    options, claims, rows, refused = _options(case), list[Claim](), list[Row](), list[Refusal]()
    for done, run in enumerate(case.runs, start=1):
        table = options.table_of(run)
        found = _of_table(case, run, table, options) if table is not None else _of_model(case, run, options)
        if isinstance(found, Refusal):
            refused.append(found)
        else:
            claims += found[0]
            rows += found[1]
            refused += found[2]
        case.progress("auditing steps with canaries", done, len(case.runs))
    return Testimony(
        claims=tuple(claims), exhibits=(checks_exhibit(rows), instruments_exhibit()), refusals=tuple(refused)
    )


_Answer = tuple[list[Claim], list[Row], list[Refusal]]


def _of_model(case: Case, run: str, options: GradientOptions) -> _Answer | Refusal:
    subject = subject_of(case, run, options)
    if isinstance(subject, Refusal):
        raise TypeError(f"a refused run was examined: {subject.because}")
    observed = _observed(case, subject, options)
    if isinstance(observed, Refusal):
        return observed
    rng = np.random.default_rng(seed_of(case.book.seed, NAME, run, "threshold"))
    checks = checked(observed, subject.declared, confidence=options.confidence, rng=rng)
    told = Told(case=case, run=run, caveats=general_caveats(subject.said, n_patients=observed.n_patients))
    claims = claims_of(told, checks, subject.declared)
    return claims, rows_of(run, checks, subject.declared), _unsampled(run, subject, checks)


def _observed(case: Case, subject: Subject, options: GradientOptions) -> Observed | Refusal:
    """Take the steps; what stands in their way (patients who share a dialogue, a model as it may not be) is a refusal.

    Raises:
        CheckpointError: the model does not open.
    """
    run = subject.run
    try:
        people = people_of(case, subject, at_most=options.patients)
        mechanism = mechanism_of(case, subject, people)
        n = sum(value.numel() for value in trained_parameters(mechanism.reasoner))
        if n < LEAST_AXES:
            return _refusal(run, f"training changes {n} parameters, and each canary takes one", "train more of it")
        asked = Asked(
            canaries=options.canaries,
            single_steps=options.single_steps,
            run_steps=max(LEAST_STEPS, min(options.run_steps, subject.declared.options.n_steps)),
            seed=seed_of(case.book.seed, NAME, run),
        )
        return observe(mechanism, people, asked, progress=case.progress)
    except PlanError as error:
        return _refusal(run, error.what, error.remedy or "mend the corpus or the model")
    except ValueError as error:
        return _refusal(run, f"nothing can be told from these steps: {error}", "look for losses that are no numbers")


def _unsampled(run: str, subject: Subject, checks: Checks) -> list[Refusal]:
    if checks.sampler is not None:
        return []
    rate = subject.declared.options.sample_rate
    return [_refusal(run, f"at rate {rate:g} every unit is in every step: nothing was drawn", "none is needed")]


def _of_table(case: Case, run: str, table: str, options: GradientOptions) -> _Answer:
    found = seen(case, run, table, options)
    told = Told(case=case, run=run, caveats=found.caveats)
    claims, rows = list[Claim](), list[Row]()
    if found.run is not None:
        refuted = found.refutes(found.run.p_value)
        claims += run_claims(told, found.run, refuted=refuted)
        rows += run_rows(found.run, refuted=refuted)
    if found.single is not None:
        refuted = found.refutes(found.single.p_value)
        claims += step_claims(told, found.single, confidence=found.confidence, refuted=refuted)
        rows.append(step_row(found.single, refuted=refuted))
    because = "a table of scores says nothing of the noise, of how units are drawn, and of how far one reaches"
    remedy = "let the model be opened with its losses, in a plan that trains it with dp-sgd"
    placed = [{"run": run, "confidence": found.confidence, **row} for row in rows]
    return claims, placed, [_refusal(run, because, remedy)]


def _refusal(run: str, because: str, remedy: str) -> Refusal:
    return Refusal(examination=NAME, run=run, because=because, remedy=remedy)


EXAMINATION: Final = FunctionExamination(
    name=NAME,
    title="Canary gradients in the steps of training",
    method_version=VERSION,
    access=("table",),
    metrics=METRICS,
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
    together=together,
    on_request=True,
    asks=("losses",),
)
