"""Does the model tell which canaries it was trained on, and more than it promised? An audit in one training run.

Whoever trains plants canaries, each by a fair coin of its own, and hands over what the trained model makes of each
(option `guesses`; `privacy.canaries.reading` says which columns). Guesses that are right more often than (epsilon,
delta)-privacy allows refute the promise. The lower bound stands beside its ceiling, what perfect guesses of as many
canaries would have shown; by group, everybody's guesses are compared, and each group has a bound of its own.

It speaks of the training and not of the predictions table. It refutes and never certifies; the exhibit
`privacy-instruments` says which broken mechanisms it cannot see.

Source: Steinke, Nasr, Jagielski 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from affidavit.case import Case
from affidavit.claims import group_name
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import ExhibitColumn, Refusal
from privacy.canaries.audited import Audited
from privacy.canaries.gap import gap_claim
from privacy.canaries.instruments import instruments_exhibit
from privacy.canaries.measures import GAUSSIAN_SOURCE, METRICS, NAME, SOURCE, VERSION
from privacy.canaries.options import OneRunOptions
from privacy.canaries.study import Study, held_against_ledger, study_of
from privacy.canaries.telling import (
    accuracy_claim,
    bounds_by_group,
    drop_claim,
    everybodys_bound,
    over_promise_claim,
)

ANY: Final = "any mechanism"
COLUMNS: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="features", type="text", description="the feature whose groups are listed, empty for everybody"),
    ExhibitColumn(name="group", type="text", description="the group"),
    ExhibitColumn(name="bound", type="text", description="for which mechanisms the bound holds, and its source"),
    ExhibitColumn(name="epsilon", type="number", description="lower bound of epsilon", unit="nats"),
    ExhibitColumn(name="ceiling", type="number", description="what perfect guesses would have shown", unit="nats"),
    ExhibitColumn(name="delta", type="number", description="delta of the bound"),
    ExhibitColumn(name="confidence", type="number", description="one-sided, after correction"),
    ExhibitColumn(name="n_canaries", type="integer", description="coins: canaries, or pairs of them"),
    ExhibitColumn(name="n_guesses", type="integer", description="guesses that were allowed"),
    ExhibitColumn(name="n_made", type="integer", description="of these made; the bound counts the others as wrong"),
    ExhibitColumn(name="n_correct", type="integer", description="of these right"),
    ExhibitColumn(name="n_corrected", type="integer", description="numbers of guesses that are corrected for"),
)


def _options(case: Case) -> OneRunOptions:
    return read_options(OneRunOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without canaries, with coins that were not fair, or with too few to show anything."""
    (run,) = case.runs
    found = study_of(case, run, _options(case))
    return found if isinstance(found, Refusal) else None


def together(case: Case) -> Refusal | None:
    """Refuse one table for several trainings."""
    options = _options(case)
    tables = [options.table_of(run) for run in case.runs]
    if len(set(tables)) == len(tables):
        return None
    return Refusal(
        examination=NAME,
        because="one table of canaries was named for several runs, and it is of one training",
        remedy="name the table of each run: guesses: {run: table}",
    )


def examine(case: Case) -> Testimony:
    """Answer for every run."""
    options = _options(case)
    claims: list[Claim] = []
    rows: list[dict[str, Cell]] = []
    refused: list[Refusal] = []
    for done, run in enumerate(case.runs, start=1):
        asked = study_of(case, run, options)
        if isinstance(asked, Refusal):
            raise TypeError(f"a refused run was examined: {asked.because}")
        study = held_against_ledger(asked)
        claims += _everybody(study)
        rows += _rows(study, study.everybody, "", "everybody")
        for feature in _features(study):
            found = [(level, study.of_group(feature, level)) for level in _levels(study, feature)]
            claims += _by_group(study, feature, found)
            for level, one in found:
                rows += _rows(study, one, feature, level)
        refused += _unsaid(study)
        case.progress("bounding epsilon by canaries", done, len(case.runs))
    exhibit = ExhibitTable(
        id="canary-epsilon-bounds",
        title="Lower bounds of epsilon by canaries, and what they could have shown",
        columns=COLUMNS,
        values={column.name: [row[column.name] for row in rows] for column in COLUMNS},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit, instruments_exhibit()), refusals=tuple(refused))


def _unsaid(study: Study) -> list[Refusal]:
    """Refuse the features of the audit that the table of canaries does not know."""
    lacking = [feature for feature in study.case.by if feature not in study.game.groups]
    if not lacking:
        return []
    return [
        Refusal(
            examination=NAME,
            run=study.run,
            because=f"the table of canaries does not say of whom it speaks by {', '.join(lacking)}",
            remedy=f"add {', '.join(f'group_{name}' for name in lacking)} to the table of canaries: of the patient "
            "that each canary was given to",
        )
    ]


def _everybody(study: Study) -> list[Claim]:
    claims = everybodys_bound(study)
    claims.append(accuracy_claim(study, study.everybody.right, {}))
    if study.promise is not None:
        claims.append(over_promise_claim(study, study.promise))
    drop = drop_claim(study)
    return [*claims, *([drop] if drop else [])]


def _features(study: Study) -> list[str]:
    """Return the features of the audit that the table of canaries knows."""
    return [feature for feature in study.case.by if feature in study.game.groups]


def _levels(study: Study, feature: str) -> tuple[str, ...]:
    """Return the groups of the run: those without canaries are undefined, and not left out."""
    return study.case.runs[study.run].levels[f"group_{feature}"]


def _by_group(study: Study, feature: str, found: Sequence[tuple[str, Audited]]) -> list[Claim]:
    claims = bounds_by_group(study, feature, found)
    claims += [accuracy_claim(study, study.right_of_group(feature, level), {feature: level}) for level, _ in found]
    return [*claims, gap_claim(study, feature, [level for level, _ in found])]


def _rows(study: Study, found: Audited, feature: str, group: str) -> list[dict[str, Cell]]:
    """Return the bound for any mechanism and that for Gaussian ones."""
    confidence, gaussian = study.options.confidence, found.gaussian(study.options.confidence)
    bounds = [(f"{ANY}: {SOURCE}", found.bound(confidence))]
    if gaussian is not None:
        said = f"Gaussian mechanisms, conditional: {GAUSSIAN_SOURCE}; {gaussian.epsilon.conditional}"
        bounds.append((said, gaussian.epsilon))
    return [
        {
            "run": study.run,
            "features": feature,
            "group": group_name({feature: group}) if feature else group,
            "bound": said,
            "epsilon": bound.epsilon if found.n_made else None,
            "ceiling": bound.ceiling if found.run.n_canaries else None,
            "delta": bound.delta,
            "confidence": bound.confidence,
            "n_canaries": found.run.n_canaries,
            "n_guesses": found.run.n_guesses,
            "n_made": found.n_made,
            "n_correct": found.run.n_correct,
            "n_corrected": bound.n_thresholds,
        }
        for said, bound in bounds
    ]


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Canaries in one training run",
    method_version=VERSION,
    access=("table",),
    metrics=METRICS,
    tasks=frozenset(Task),
    function=examine,
    refusal=refuses,
    together=together,
    on_request=True,
)
