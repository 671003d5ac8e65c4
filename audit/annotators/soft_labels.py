"""Is the model as far from what annotators said in every group, and no further than they are from each other?

Needs `soft_<label>` columns: the share of annotators that gave each label. `jensen_shannon_divergence` (bits, 0 to 1)
is between the model's distribution and theirs, the mean over rows; without `prob_` columns the answer stands as
certain. The shares of few annotators are not the truth: at (0.5, 0.3, 0.2) the true distribution itself is 0.04 bits
from those of ten annotators and 0.10 from those of five, so groups that fewer labelled look further away.
`soft_cross_entropy` (bits) is what their answers cost the model. Where annotators disagree, a model cannot be near all
of them: the gap is given again after regression on the entropy of the annotators' answers (`..._adjusted`).

The human ceiling is on one scale with the model: `annotator_agreement` is the chance that an annotator gives the label
of another, `model_annotator_agreement` that a random annotator gave the model's label. `excess_agreement` is the
model's less the annotators': below zero the model agrees with people less than they do with each other; above zero it
can be, for it may always name the favourite. Between two groups the gap of the excess is the model's gap less the
annotators' gap, signed the same way round: what the model adds to a difference that people have already. Of these
three gaps it alone is tested.

How many annotators there were is no column of the table: the option `annotators` says it. Without it the annotators'
agreement lets each agree with themselves and is an upper bound, most where annotators are few.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import Place, claim_rows, gap_claim, group_claims, places_under
from affidavit.confusion import Statistic, ratio_statistic
from affidavit.evidence import Evidence
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import ExhibitTable
from affidavit.gaps import GapKind, measure_gap
from affidavit.intervals import measure
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Record, Refusal
from audit.annotators.adjustment import adjusted_claims
from audit.annotators.soft_sums import COLUMNS, SoftSums, count_soft_labels, has_probabilities, soft_labels

FloatArray = NDArray[np.float64]
NAME = "soft-labels"
VERSION = "1"
_ADJUSTED: Final = 5
"""The first columns, which the regression takes."""
EXCESS_SOURCE: Final = "model's agreement with annotators less their own: human ceiling gap, Fleiss 1971"


class SoftLabelOptions(Record):
    """The options of this examination in a plan."""

    annotators: int | None = Field(default=None, ge=2)
    """How many annotators labelled each row; without it their agreement is an upper bound."""
    floor: float = Field(default=0.001, gt=0, lt=1)
    """Probabilities below it count as it in cross-entropy: a table of three decimals cannot tell less, and one label
    that is excluded but was given would otherwise cost infinitely much."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without soft labels."""
    read_options(SoftLabelOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    return refuses_without_soft_labels(run, examination=NAME)


def refuses_without_soft_labels(run: Predictions, *, examination: str) -> Refusal | None:
    """Refuse a run that does not say what annotators answered."""
    if soft_labels(run):
        return None
    return Refusal(
        examination=examination,
        because="it needs soft labels, and the table has none",
        remedy="add the share of annotators who gave each label, in columns soft_<label>",
    )


def examine(case: Case) -> Testimony:
    """Compare model and annotators in every group under every condition."""
    options = read_options(SoftLabelOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    gaps: list[Claim] = []
    refusals: list[Refusal] = []
    for run, predictions in case.runs.items():
        counted = count_soft_labels(predictions, case.by, annotators=options.annotators, floor=options.floor)
        if refusal := counted.votes.refuses(options.annotators, run=run, examination=NAME):
            refusals.append(refusal)
            continue
        said = _Said(predictions, options, counted)
        for done, condition in enumerate(predictions.conditions_of_use, start=1):
            for place in places_under(case, run, condition, examination=NAME, method_version=VERSION):
                evidence = case.book.evidence_of(run, counted.tallies[condition], place.family)
                found, apart = _family(place, evidence, predictions, said)
                claims += found
                gaps += apart
            case.progress("comparing with soft labels", done, len(predictions.conditions_of_use))
    rows = claim_rows(claims)
    exhibit = ExhibitTable(
        id="soft-labels-by-group",
        title="Distance from annotators, and theirs from each other, in every group",
        columns=BY_GROUP,
        values={column.name: [row[column.name] for row in rows] for column in BY_GROUP},
    )
    exhibits = (exhibit,) if rows else ()
    return Testimony(claims=(*claims, *gaps), exhibits=exhibits, refusals=tuple(refusals))


def _mean(
    name: str, *columns: str, source: str, higher_is_better: bool | None, low: float = 0.0, high: float | None = 1.0
) -> Statistic:
    """Return the mean over rows of a column, or of one less another."""
    signs = (1.0, -1.0)
    numerator = np.zeros(len(COLUMNS))
    for sign, column in zip(signs, columns, strict=False):
        numerator[COLUMNS.index(column)] = sign
    rows = np.eye(len(COLUMNS))[0]
    made = ratio_statistic(name, numerator, rows, source=source, higher_is_better=higher_is_better, high=high)
    return replace(made, low=low, counts_rows=False)


DIVERGENCE: Final = _mean(
    "jensen_shannon_divergence",
    "divergence",
    source="Jensen-Shannon divergence in bits, mean over rows: Lin 1991, eq. 4.1; soft labels",
    higher_is_better=False,
)
CROSS_ENTROPY: Final = _mean(
    "soft_cross_entropy",
    "cross_entropy",
    source="cross-entropy in bits of annotators' answers under the model: Peterson et al. 2019",
    higher_is_better=False,
    high=None,
)
ENTROPY: Final = _mean(
    "annotator_entropy",
    "entropy",
    source="entropy in bits of the annotators' answers, mean over rows: Shannon 1948",
    higher_is_better=None,
    high=None,
)
ANNOTATORS: Final = _mean(
    "annotator_agreement",
    "annotators",
    source="share of pairs of annotators that agree: Fleiss 1971, eq. 2",
    higher_is_better=None,
)
MODEL: Final = _mean(
    "model_annotator_agreement",
    "model",
    source="share of annotators who gave the model's label: Fleiss 1971",
    higher_is_better=True,
)
EXCESS: Final = _mean("excess_agreement", "model", "annotators", source=EXCESS_SOURCE, higher_is_better=True, low=-1.0)
ADJUSTED: Final = "jensen_shannon_divergence_adjusted"
ADJUSTED_SOURCE: Final = (
    "group means after regression on annotator entropy: analysis of covariance, Fisher 1932; permutation "
    "of residuals, Freedman, Lane 1983"
)


class _Said:
    """What stands beside the numbers of one run."""

    def __init__(self, predictions: Predictions, options: SoftLabelOptions, counted: SoftSums) -> None:
        """Word the caveats once."""
        certain = () if has_probabilities(predictions) else ("no prob_ columns: the model's answer stands as certain",)
        self.divergence: tuple[str, ...] = certain
        floored = f"in {counted.floored} of {counted.n_rows} rows of the run a label that annotators gave has a "
        floored += f"probability below {options.floor:g}, and counts as {options.floor:g}"
        self.cross_entropy = (floored,) if counted.floored else ()
        self.annotators = annotator_caveats(options.annotators, counted.votes.uneven, counted.n_rows)


def annotator_caveats(annotators: int | None, uneven: int, n_rows: int) -> tuple[str, ...]:
    """Return what must be said of the number of annotators."""
    if annotators is None:
        return (
            "how many annotators there were is not said (option annotators): each is let agree with themselves, and "
            "the annotators' agreement is an upper bound",
        )
    taken = f"{annotators} annotators were taken for every row"
    return (
        f"{taken}; in {uneven} of {n_rows} rows of the run so many cannot have given the shares" if uneven else taken,
    )


def _family(place: Place, evidence: Evidence, predictions: Predictions, said: _Said) -> tuple[list[Claim], list[Claim]]:
    measured: list[tuple[Statistic, tuple[str, ...]]] = [(DIVERGENCE, said.divergence)]
    if has_probabilities(predictions):
        measured.append((CROSS_ENTROPY, said.cross_entropy))
    measured += [(ENTROPY, ()), (ANNOTATORS, said.annotators), (MODEL, ()), (EXCESS, said.annotators)]
    every_group = range(len(evidence.grouped.groups))
    claims = [
        claim
        for statistic, caveats in measured
        for claim in group_claims(place, measure(evidence, statistic), caveats=dict.fromkeys(every_group, caveats))
    ]
    if not place.family:
        return claims, []
    regressed = evidence.projected(lambda sums: sums[..., :_ADJUSTED])
    adjusted, adjusted_gap = adjusted_claims(place, regressed, ADJUSTED, source=ADJUSTED_SOURCE)
    gaps = [
        _gap(place, evidence, DIVERGENCE, said.divergence),
        adjusted_gap,
        _untested(_gap(place, evidence, ANNOTATORS, said.annotators)),
        _untested(_gap(place, evidence, MODEL, ())),
        _gap(place, evidence, EXCESS, said.annotators),
    ]
    return [*claims, *adjusted], gaps


def _gap(place: Place, evidence: Evidence, statistic: Statistic, caveats: tuple[str, ...]) -> Claim:
    kind = GapKind(name=f"{statistic.name}_difference", scale="difference")
    return gap_claim(place, measure_gap(evidence, [statistic], kind), source=statistic.source, caveats=caveats)


def _untested(claim: Claim) -> Claim:
    """Return a gap without its test: it is a part of the excess, which is tested, and every test costs the others."""
    return replace(claim, finding=claim.finding.model_copy(update={"test": None}))


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Soft labels and the human ceiling",
    method_version=VERSION,
    access=("table", "soft labels"),
    metrics=frozenset(
        {
            CROSS_ENTROPY.name,
            ENTROPY.name,
            ADJUSTED,
            f"{ADJUSTED}_difference",
            *(
                f"{statistic.name}{ending}"
                for statistic in (DIVERGENCE, ANNOTATORS, MODEL, EXCESS)
                for ending in ("", "_difference")
            ),
        }
    ),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
