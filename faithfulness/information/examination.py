"""What do two modalities tell together, either, and each alone? From the answers in a table alone.

Redundancy, what either modality's answer tells; unique, what only one of them does; synergy, what neither tells
without the other: of two targets, and they are not the same question. Of the model's answer under all modalities they
describe what the model puts out. Of the reference label they describe the data as its answers to single modalities
show them, whatever the model does with both. Sources are answers, so that what a modality holds and the model's answer
under it alone does not show counts for nothing here.

Controls: each finding stands beside what the estimator gives when the target is dealt anew among utterances, and, where
judgements were repeated, beside how often the answer changes by itself; the exhibit holds the uncorrected numbers as
well. Groups with too few units, or too few utterances for as many cells, are named with the reason and get no number:
there, chance would be the most of it. Groups are shown side by side and not compared by a gap: information is bounded
by how much a group's answers vary at all, so that two groups may differ in it with a model that treats them alike.

Source: Bertschinger et al. 2014; Liang et al. 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pydantic import Field

from affidavit.case import Case
from affidavit.claims import group_name, level_cells
from affidavit.conditions import MODALITIES
from affidavit.estimates import estimate_cells, estimate_of
from affidavit.examinations import Claim, FunctionExamination, Testimony, finding_id, pending
from affidavit.exhibit_columns import ESTIMATE, PLACE
from affidavit.exhibits import ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.predictions import Predictions
from affidavit.records import Estimate, ExhibitColumn, Finding, Interval, NullExpectation, Refusal
from affidavit.seeds import seed_of
from faithfulness.information.answers import ANSWER, REFERENCE, Answers, judged_alone, read_answers, singles
from faithfulness.information.corrected import QUANTITIES, Corrected
from faithfulness.information.groups import Group, Measured, groups_of, measured
from faithfulness.information.repetition import NOISE, noise_claims
from faithfulness.twins import MatchingOptions, read_judgements

NAME: Final = "modality-information"
VERSION: Final = "1"
SOURCE: Final = "partial information decomposition: Bertschinger et al. 2014, Liang et al. 2023"
REMEDY: Final = (
    "ask the supplier to judge the same utterances under each modality alone as well (T, A, V beside TAV), or judge "
    "with the conditions `seven`"
)
OF_TARGET: Final = {
    ANSWER: "of the model's own answer under {base}: it describes what the model puts out, not the data",
    REFERENCE: "of the reference label: it describes the data and the model's answers to single modalities, not what "
    "the model does under {base}",
}
PREFIX: Final = {ANSWER: "", REFERENCE: "label_"}
SOURCES_ARE_ANSWERS: Final = "a modality counts as far as the model's answer under it alone shows"
NO_REPEATS: Final = "the table has no repetitions: how often the answer changes by chance alone is not known"
SPARSE: Final = "under {} utterances per cell that occurs: synergy may still be too high by chance"
AT_KINK: Final = "the two modalities tell about as much: redundancy and synergy may be too low, uniques too high"
_COMFORTABLE: Final = 10.0
_NULL_METHOD: Final = "the target dealt anew among the utterances, those of one unit kept together"
EXHIBIT: Final = (
    *PLACE,
    ExhibitColumn(name="target", type="text", description="what is told of: the model's answer, or the reference"),
    ExhibitColumn(name="first", type="text", description="the first modality"),
    ExhibitColumn(name="second", type="text", description="the second modality"),
    ExhibitColumn(name="quantity", type="text", description="which part of the information, or information"),
    *ESTIMATE,
    ExhibitColumn(name="plug_in", type="number", unit="bits", description="of the counts as they are: too large"),
    ExhibitColumn(name="null_mean", type="number", unit="bits", description="the estimate under a target dealt anew"),
    ExhibitColumn(name="null_high", type="number", unit="bits", description="its 95 % quantile over deals"),
)


class InformationOptions(MatchingOptions):
    """What a plan can tell this examination."""

    fewest_units: int = Field(default=20, ge=5)
    """Under so many units a group gets no number."""
    fewest_per_cell: float = Field(default=5.0, ge=1)
    """Under so many utterances for each cell that occurs a group gets no number."""
    most_labels: int = Field(default=10, ge=2)
    """A run with more labels is refused: time grows with the sixth power of their number."""
    blocks: int = Field(default=20, ge=5)
    """Blocks of units that are left out in turn."""
    deals: int = Field(default=40, ge=20)
    """How often the target is dealt anew."""


def refuses(case: Case) -> Refusal | None:
    """Refuse a run without answers under two single modalities beside a base, with too many labels, or too large."""
    options = read_options(InformationOptions, case.options, of=f"examination {NAME}")
    (run,) = case.runs.values()
    if singles(run.conditions) is None:
        because = "no condition shows two modalities together that were also shown each alone"
        return Refusal(examination=NAME, because=because, remedy=REMEDY)
    if len(run.labels) > options.most_labels:
        return Refusal(
            examination=NAME,
            because=f"there are {len(run.labels)} labels, and at most {options.most_labels} are taken",
            remedy="map them to coarser labels, or set the option most_labels of this examination in the plan",
        )
    return options.refuses(run, examination=NAME)


def examine(case: Case) -> Testimony:
    """Answer for every run, every target, every pair of modalities, everybody and each group of each feature."""
    options = read_options(InformationOptions, case.options, of=f"examination {NAME}")
    claims: list[Claim] = []
    refused: list[Refusal] = []
    rows: list[dict[str, str | int | float | None]] = []
    for run, predictions in case.runs.items():
        wanted = singles(predictions.conditions)
        if wanted is None:
            continue
        judgements = read_judgements(predictions, case.by, wanted.base, wanted.letters)
        answers = read_answers(judgements, case.by, wanted)
        if not len(answers.unit):
            refused.append(_nobody(run))
            continue
        noise = noise_claims(case, NAME, VERSION, judgements, judged_alone(judgements, wanted))
        claims += noise
        for told in _told(case, predictions, answers, options):
            rows += told.rows()
            if _is_found(told.target, told.group):
                claims += told.claims(repeated=bool(noise))
    exhibit = ExhibitTable(
        id="modality-information",
        title="Partial information of pairs of modalities",
        columns=EXHIBIT,
        values={column.name: [row[column.name] for row in rows] for column in EXHIBIT},
    )
    return Testimony(claims=tuple(claims), exhibits=(exhibit,) if rows else (), refusals=tuple(refused))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Told:
    """The quantities of one group, of one pair of modalities and one target."""

    predictions: Predictions
    answers: Answers
    target: str
    pair: tuple[str, str]
    group: Group
    measured: Measured
    level: float

    def claims(self, *, repeated: bool) -> list[Claim]:
        """Return a claim of each part of the information; the sums of parts stay in the exhibit."""
        return [self._claim(quantity, repeated=repeated) for quantity in range(4)]

    def _claim(self, quantity: int, *, repeated: bool) -> Claim:
        run, base, metric = (
            self.predictions.run,
            self.answers.singles.base,
            metrics_of(self.target, self.pair)[quantity],
        )
        estimate, null = self._estimate(quantity), self.measured.null
        verdict, because = pending(estimate)
        expectation = None
        if null is not None:
            mean, high = (float(each[quantity]) for each in (null.mean, null.high))
            expectation = NullExpectation(value=mean, high=high, method=_NULL_METHOD)
        finding = Finding(
            id=finding_id(run, base, NAME, metric, groups=self.group.groups),
            examination=NAME,
            method_version=VERSION,
            metric=metric,
            higher_is_better=None,
            run=run,
            condition=base,
            groups=self.group.groups,
            estimate=estimate,
            null_expectation=expectation,
            verdict=verdict,
            because=because,
            source=SOURCE,
            caveats=(*self._caveats(quantity), *([] if repeated else [NO_REPEATS])),
            controls=(finding_id(run, base, NAME, NOISE, groups=self.group.groups),) if repeated else None,
            exhibits=("modality-information",),
        )
        return Claim(finding=finding, interval_at=lambda level: self._interval(quantity, level))

    def _interval(self, quantity: int, level: float) -> Interval | str:
        found = self.measured.found
        return found if isinstance(found, str) else found.interval(quantity, level)

    def _estimate(self, quantity: int) -> Estimate:
        found, interval = self.measured.found, self._interval(quantity, self.level)
        return estimate_of(
            found.value(quantity) if isinstance(found, Corrected) else None,
            interval,
            n=self.measured.n_rows,
            n_units=None if self.predictions.unit == "row" else self.measured.n_units,
        )

    def _caveats(self, quantity: int) -> tuple[str, ...]:
        missing, per_cell = self.answers.left_out, self.measured.per_cell
        found = self.measured.found
        counted = isinstance(found, Corrected)
        return (
            OF_TARGET[self.target].format(base=self.answers.singles.base),
            SOURCES_ARE_ANSWERS,
            *([SPARSE.format(f"{_COMFORTABLE:g}")] if counted and per_cell < _COMFORTABLE else []),
            *([AT_KINK] if isinstance(found, Corrected) and found.at_kink(quantity) else []),
            *([f"{missing:,} judgements lack an answer under some single modality"] if missing else []),
        )

    def rows(self) -> list[dict[str, str | int | float | None]]:
        """Return the exhibit rows of all quantities."""
        first, second = (MODALITIES[letter] for letter in self.pair)
        found, null = self.measured.found, self.measured.null
        rows: list[dict[str, str | int | float | None]] = []
        for q, quantity in enumerate(QUANTITIES):
            estimate = self._estimate(q)
            rows.append(
                {
                    "run": self.predictions.run,
                    "condition": self.answers.singles.base,
                    "features": " x ".join(self.group.groups),
                    "group": group_name(self.group.groups),
                    **level_cells(self.group.groups),
                    "target": self.target,
                    "first": first,
                    "second": second,
                    "quantity": quantity,
                    **estimate_cells(estimate),
                    "plug_in": float(found.plug_in[q]) if isinstance(found, Corrected) else None,
                    "null_mean": None if null is None else float(null.mean[q]),
                    "null_high": None if null is None else float(null.high[q]),
                }
            )
        return rows


def metrics_of(target: str, pair: Sequence[str]) -> tuple[str, str, str, str]:
    """Return the metrics of redundancy, both uniques and synergy of a pair.

    >>> metrics_of("answer", "TA")[:2]
    ('redundancy_text_audio', 'unique_information_text_beside_audio')
    """
    first, second = (MODALITIES[letter] for letter in pair)
    unique = f"{PREFIX[target]}unique_information"
    return (
        f"{PREFIX[target]}redundancy_{first}_{second}",
        f"{unique}_{first}_beside_{second}",
        f"{unique}_{second}_beside_{first}",
        f"{PREFIX[target]}synergy_{first}_{second}",
    )


def _told(case: Case, predictions: Predictions, answers: Answers, options: InformationOptions) -> Iterator[_Told]:
    groups = groups_of(predictions, case.by)
    wanted = [(target, pair, group) for target in answers.targets for pair in answers.singles.pairs for group in groups]
    for done, (target, pair, group) in enumerate(wanted, start=1):
        rng = np.random.default_rng(seed_of(case.book.seed, predictions.run, NAME, group_name(group.groups)))
        # Dealing anew takes most of the time: only what becomes a finding has that beside it.
        limits = options if _is_found(target, group) else options.model_copy(update={"deals": 0})
        yield _Told(
            predictions=predictions,
            answers=answers,
            target=target,
            pair=pair,
            group=group,
            measured=measured(answers, target, pair, group=group, limits=limits, rng=rng),
            level=case.statistics.level,
        )
        case.progress(f"parting information of {predictions.run}", done, len(wanted))


def _is_found(target: str, group: Group) -> bool:
    """Return whether there are findings: of the answer for all, of the reference for everybody; else exhibit rows."""
    return target == ANSWER or not group.groups


def _nobody(run: str) -> Refusal:
    return Refusal(
        examination=NAME,
        run=run,
        because="no utterance was judged under the base and under each single modality",
        remedy="ask for the same utterances, instructions and repetitions under each of these conditions",
    )


METRICS: Final = frozenset(
    {NOISE, *(metric for target in PREFIX for pair in ("TA", "TV", "AV") for metric in metrics_of(target, pair))}
)
EXAMINATION = FunctionExamination(
    name=NAME,
    title="Information in pairs of modalities",
    method_version=VERSION,
    access=("table", "several conditions"),
    metrics=METRICS,
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
