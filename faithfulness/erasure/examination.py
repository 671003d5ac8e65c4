"""Is what a rationale points to what the prediction rests on? Comprehensiveness and sufficiency, from a table alone.

Both are losses of the probability of the answer that the whole input got: with the evidence erased (high where the
answer rested on it) and with the evidence alone (low where it suffices). Means over sizes are told as findings, the
curves over sizes as an exhibit; each beside the same with as much of the input drawn at random.

An input with holes is not like any that the model was trained on, and a short one even less so: only the difference to
the random control speaks of the rationale.

Source: DeYoung et al. 2020 (ERASER).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from affidavit.case import Case
from affidavit.claims import claim_rows, group_claims
from affidavit.confusion import FloatArray, Statistic, divide, ratio_statistic
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import ExplanationProperty, Refusal
from affidavit.tally import Tally, tally_outcomes
from faithfulness.erasure.operators import Erasure, erasures
from faithfulness.telling import Told, claims_of
from faithfulness.twins import (
    Judgements,
    MatchingOptions,
    lacking_twins,
    read_judgements,
    without_interventions,
    without_twins,
)

NAME: Final = "evidence-erasure"
VERSION: Final = "1"
SOURCE: Final = "DeYoung et al. 2020 (ERASER), equations 1 and 2, mean over sizes"
OUT_OF_DISTRIBUTION: Final = "inputs with parts erased are unlike those of training: read it beside the random control"
UNCONTROLLED: Final = "no control: nothing of the same size was erased at random"
METRICS: Final = frozenset(
    f"{test}{ending}"
    for test in ("comprehensiveness", "sufficiency")
    for ending in ("", "_random", "_beyond_random", "_normalised", "_difference", "_at_size")
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Study:
    """One test on the judgements that have every twin of it.

    Sums [4 + 2 C]: judgements; the loss by the rationale and at random, means over sizes; the loss without any input;
    then the loss at each of C sizes, by the rationale and at random.
    """

    case: Case
    run: str
    erasure: Erasure
    tally: Tally
    caveats: tuple[str, ...]

    @property
    def _better(self) -> bool:
        return self.erasure.test == "comprehensiveness"

    def _mean(self, ending: str, weights: Sequence[float], *, low: float, better: bool | None) -> Statistic:
        """Return weighted sums (from the second on) over judgements."""
        n_sums = self.tally.sums.shape[1]
        above = np.zeros(n_sums)
        above[1 : 1 + len(weights)] = weights
        name = f"{self.erasure.test}{ending}"
        plain = ratio_statistic(name, above, np.eye(n_sums)[0], source=SOURCE, higher_is_better=better)
        return replace(plain, low=low, counts_rows=False)

    @property
    def statistics(self) -> tuple[Statistic, ...]:
        """What is measured: the main one first, its control last."""
        found = [self._mean("", [1], low=-1.0, better=self._better)]
        if self.erasure.empty:
            found.append(self._normalised())
        if self.erasure.controlled:
            found.append(self._mean("_beyond_random", [1, -1], low=-2.0, better=self._better))
            found.append(self._mean("_random", [0, 1], low=-1.0, better=None))
        return tuple(found)

    @property
    def controls(self) -> tuple[str, ...]:
        """The metric of the control, where there is one."""
        return (f"{self.erasure.test}_random",) if self.erasure.controlled else ()

    def _normalised(self) -> Statistic:
        """Return the loss as a share of what is lost without any input; undefined where nothing is, or less."""

        def value(sums: FloatArray, reference: FloatArray) -> FloatArray:
            share = divide(sums[..., 1], sums[..., 3])
            return np.where(sums[..., 3] > 0, share, np.nan)  # over a gain, a loss would read as a gain

        return Statistic(
            name=f"{self.erasure.test}_normalised",
            value=value,
            low=-np.inf,
            high=None,
            higher_is_better=self._better,
            source=f"{SOURCE}, over the loss without any input",
        )

    def at_size(self, i: int, *, at_random: bool) -> Statistic:
        """Return the mean loss at the i-th size."""
        place = 3 + i + (len(self.erasure.chosen) if at_random else 0)
        weights = np.eye(place + 1)[place]
        return self._mean("_at_size", list(weights), low=-1.0, better=None)


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without erased evidence beside its base, without probabilities, or too large to be matched."""
    options = read_options(MatchingOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if not erasures(run.conditions):
        return without_interventions(
            NAME,
            "ask the supplier to judge the same utterances without what the rationale points to "
            "(T/without-rationale=20%), with that alone (T/only-rationale=20%), and both at random "
            "(T/without-random=20%, T/only-random=20%)",
        )
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run and every test that it has."""
    claims: list[Claim] = []
    refused: list[Refusal] = []
    curve: list[Claim] = []
    for done, (run, predictions) in enumerate(case.runs.items(), start=1):
        for erasure in erasures(predictions.conditions):
            study = _study(case, predictions, erasure)
            if study is None:
                refused.append(without_twins(NAME, run, erasure.base, erasure.conditions))
                continue
            found, sizes = _told(study)
            claims += found
            curve += sizes
        case.progress("comparing judgements of erased evidence", done, len(case.runs))
    rows = claim_rows(curve)
    exhibit = ExhibitTable(
        id="erasure-curves",
        title="Probability lost, by how much of the input was erased or kept",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,) if rows else (), refusals=tuple(refused))


def _study(case: Case, predictions: Predictions, erasure: Erasure) -> Study | None:
    """Count the judgements that have every twin; None where none has."""
    judgements = read_judgements(predictions, case.by, erasure.base, erasure.conditions)
    complete = np.all([judgements.twins[condition].judged for condition in erasure.conditions], axis=0)
    if not complete.any():
        return None
    rows = {name: values[complete] for name, values in judgements.rows.items()}
    sums = _sums(judgements, erasure)[complete]
    tally = tally_outcomes(predictions, case.by, condition=erasure.base, rows=rows, sums=sums)
    return Study(
        case=case,
        run=predictions.run,
        erasure=erasure,
        tally=tally,
        caveats=(
            f"compared with {erasure.base}: {', '.join(erasure.conditions)}",
            OUT_OF_DISTRIBUTION if erasure.controlled else UNCONTROLLED,
            *lacking_twins(complete, erasure.conditions),
        ),
    )


def _sums(judgements: Judgements, erasure: Erasure) -> FloatArray:
    """Return what each judgement adds."""

    def lost(conditions: Sequence[str]) -> FloatArray:
        twins = [judgements.likelihood - judgements.twins[condition].likelihood for condition in conditions]
        return np.stack(twins, axis=1) if twins else np.zeros((len(judgements.answer), 0))

    chosen = lost(list(erasure.chosen.values()))
    random = lost([erasure.random[size] for size in erasure.chosen]) if erasure.controlled else np.zeros_like(chosen)
    without = lost([erasure.empty])[:, 0] if erasure.empty else np.zeros(len(chosen))
    sums = [np.ones(len(chosen)), chosen.mean(axis=1), random.mean(axis=1), without, chosen, random]
    return np.asarray(np.nan_to_num(np.column_stack(sums)))


def _told(study: Study) -> tuple[list[Claim], list[Claim]]:
    """Return claims over all families, and those of single sizes for the exhibit."""
    test = study.erasure.test
    told = Told(
        examination=NAME,
        version=VERSION,
        run=study.run,
        tally=study.tally,
        statistics=study.statistics,
        property=ExplanationProperty.CAUSAL,
        compared=frozenset({test}),
        controls=study.controls,
        caveats=study.caveats,
    )
    sizes: list[Claim] = []
    for place in told.places(study.case):
        evidence = told.evidence(study.case, place)
        for at_random in (False, True) if study.erasure.controlled else (False,):
            names = study.erasure.random if at_random else study.erasure.chosen
            for i, condition in enumerate(names.values()):
                measured = measure(evidence, study.at_size(i, at_random=at_random))
                sizes += group_claims(replace(place, condition=condition), measured, caveats={})
    return claims_of(study.case, told), sizes


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Evidence erased, and evidence alone",
    method_version=VERSION,
    access=("table", "probabilities", "several conditions"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
