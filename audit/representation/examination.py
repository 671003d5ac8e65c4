"""Who is in the table, and with which labels? Shares of groups, what is unknown, and how labels are balanced.

Of each group: its share of units and of rows; the distance of its label distribution from everybody's (total variation,
0 to 1), beside the distance that as many units at random would have; and the fewest units that it has for any label.
Of each feature: the share of units whose level is not known, and one test that labels are distributed alike in every
group. Shares are of a sample of units, and have intervals; a count of units is exact.

The audited table is read under its fullest condition. The option `training` names a table of the training data, with
the same columns of groups, units and labels and without any predictions: its shares, units and label balance stand
beside (`..._in_training`), groups of the audit that are absent or thin in it (fewer units than the option `thin_units`)
are named, and who is in both is counted. `training_columns` names its columns where they are not recognised. Of a model
that the plan itself trains, the corpus of the training is taken; of others nothing is known without the option.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from affidavit.case import Case
from affidavit.claims import claim_rows, places_under
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibit_columns import BY_GROUP
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Refusal
from audit.representation.claims import SOURCES, Sample, feature_claims, group_claims
from audit.representation.counts import COUNTS, count_rows, label_tally
from audit.representation.training_claims import BESIDE, METRICS, Beside, beside_the_audit
from audit.representation.training_data import RepresentationOptions, refusals_of, training_data

NAME: Final = "representation"
VERSION: Final = "1"
Row = dict[str, Cell]


def refuses(case: Case) -> Refusal | None:
    """Refuse where no feature is named."""
    read_options(RepresentationOptions, case.options, of=f"examination {NAME}")
    if case.by:
        return None
    return Refusal(
        examination=NAME,
        because="no sensitive feature is named",
        remedy="name the columns of the groups: --by accent,age (plan: by)",
    )


def examine(case: Case) -> Testimony:
    """Describe every run under its fullest condition: features as findings, intersections in the exhibits."""
    options = read_options(RepresentationOptions, case.options, of=f"examination {NAME}")
    told = _Told()
    for done, run in enumerate(case.runs, start=1):
        samples = _samples(case, run)
        told.describe(samples)
        data = training_data(case, run, options)
        if isinstance(data, Refusal):
            told.refusals.append(data)
        elif data is not None:
            told.refusals += refusals_of(data, run=run)
            told.compare(beside_the_audit(case, samples, data, thin_units=options.thin_units))
        case.progress("describing who is in the table", done, len(case.runs))
    return told.testimony()


def _samples(case: Case, run: str) -> list[Sample]:
    """Return the groups of every family of a run under its fullest condition."""
    predictions = case.runs[run]
    tally = label_tally(predictions, case.by)
    return [
        Sample(
            place=place,
            evidence=case.book.evidence_of(run, tally, place.family),
            labels=predictions.labels if predictions.labelled else (),
        )
        for place in places_under(case, run, predictions.conditions[0], examination=NAME, method_version=VERSION)
        if place.family
    ]


@dataclass(slots=True)
class _Told:
    """What is said run by run."""

    claims: list[Claim] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    counts: list[Row] = field(default_factory=list)
    beside: list[Row] = field(default_factory=list)
    trained: list[Row] = field(default_factory=list)

    def describe(self, samples: Sequence[Sample]) -> None:
        """Add what the audited table holds."""
        for sample in samples:
            of_groups = group_claims(sample)
            self.rows += claim_rows(of_groups)
            self.counts += count_rows(sample)
            if len(sample.place.family) == 1:
                self.claims += [*of_groups, *feature_claims(sample)]

    def compare(self, beside: Beside) -> None:
        """Add what the training data hold."""
        self.claims += beside.claims
        self.beside += beside.rows
        self.trained += [row for sample in beside.samples for row in count_rows(sample)]

    def testimony(self) -> Testimony:
        """Return all of it."""
        tables = (
            ("representation-by-group", "Shares and label balance of every group", BY_GROUP, self.rows),
            ("label-counts", "Rows and units of every group by reference label", COUNTS, self.counts),
            ("training-beside-audit", "Training data beside the audited table", BESIDE, self.beside),
            ("training-label-counts", "Training data: every group by reference label", COUNTS, self.trained),
        )
        exhibits = tuple(
            ExhibitTable(
                id=name, title=title, columns=columns, values={c.name: [row[c.name] for row in found] for c in columns}
            )
            for name, title, columns, found in tables
            if found
        )
        return Testimony(claims=tuple(self.claims), exhibits=exhibits, refusals=tuple(self.refusals))


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Representation of groups and labels",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset(SOURCES) | METRICS,
    tasks=frozenset({Task.MULTICLASS, Task.TRANSCRIPTION}),
    function=examine,
    refusal=refuses,
)
