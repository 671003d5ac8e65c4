"""The training data beside the audited table: shares, units and label balance of every group, and who is missing.

A group of the audit that the training data do not know, or know by few units only, is named: what a model does to it
was learnt from others. Descriptions of training data are not tested: nothing is claimed of whom they were drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.case import Case, EvidenceBook
from affidavit.claims import Place, exactly, group_name
from affidavit.examinations import Claim, finding_id
from affidavit.exhibits import Cell
from affidavit.predictions import Predictions
from affidavit.records import Estimate, ExhibitColumn, Finding, Verdict
from affidavit.schema import UNKNOWN
from affidavit.seeds import seed_of
from affidavit.tally import families
from audit.representation.claims import SOURCES, Sample, feature_claims, group_claims
from audit.representation.counts import label_tally
from audit.representation.training_data import TrainingData

ENDING: Final = "_in_training"
UNITS: Final = f"units{ENDING}"
THIN: Final = f"thin_groups{ENDING}"
SHARED: Final = "also_in_training_share"
OWN_SOURCES: Final = {
    UNITS: "units of the training data in the group, counted",
    THIN: "groups of the audit with few or no units in the training data, counted",
    SHARED: "audited units whose id is in the training data, counted",
}
METRICS: Final = frozenset({*(f"{metric}{ENDING}" for metric in SOURCES), *OWN_SOURCES})
COUNTED: Final = "counted in this table, exact"
BESIDE: Final = (
    ExhibitColumn(name="run", type="text", description="the run"),
    ExhibitColumn(name="features", type="text", description="the features whose groups are listed"),
    ExhibitColumn(name="group", type="text", description="the group"),
    ExhibitColumn(name="metric", type="text", description="what is compared"),
    ExhibitColumn(name="audited", type="number", description="its value in the audited table"),
    ExhibitColumn(name="audited_low", type="number", description="lower bound"),
    ExhibitColumn(name="audited_high", type="number", description="upper bound"),
    ExhibitColumn(name="training", type="number", description="its value in the training data"),
    ExhibitColumn(name="training_low", type="number", description="lower bound"),
    ExhibitColumn(name="training_high", type="number", description="upper bound"),
    ExhibitColumn(name="units", type="integer", unit="units", description="units of the group in the training data"),
)
_SIDE_BY_SIDE: Final = ("unit_share", "row_share", "label_distance", "least_units_per_label")
_NAMED: Final = 8
Row = dict[str, Cell]


@dataclass(frozen=True, kw_only=True, eq=False)
class Beside:
    """What is to be said of one run's training data."""

    claims: tuple[Claim, ...]
    samples: tuple[Sample, ...]
    rows: tuple[Row, ...]


def beside_the_audit(case: Case, audited: Sequence[Sample], data: TrainingData, *, thin_units: int) -> Beside:
    """Describe the training data of a run by the groups of its audited samples, one for each family."""
    place = audited[0].place
    predictions = data.predictions
    book = EvidenceBook(
        runs={place.run: predictions},
        by=data.features,
        statistics=case.statistics,
        seed=seed_of(case.book.seed, "training"),
    )
    tally = label_tally(predictions, data.features)
    wanted = set(families(data.features, case.depth))
    claims: list[Claim] = [*_also_trained_on(case.runs[place.run], place, data)]
    samples, rows = [], []
    for there in audited:
        if there.place.family not in wanted:
            continue
        sample = Sample(
            place=replace(there.place, has_units=predictions.unit != "row"),
            evidence=book.evidence_of(place.run, tally, there.place.family),
            labels=predictions.labels if predictions.labelled else (),
            ending=ENDING,
            caveats=data.caveats,
        )
        samples.append(sample)
        rows += _rows(there, sample)
        if len(there.place.family) == 1:
            claims += [*group_claims(sample), *map(_untested, feature_claims(sample))]
            claims += _presence(there, sample, thin_units)
    return Beside(claims=tuple(claims), samples=tuple(samples), rows=tuple(rows))


def _untested(claim: Claim) -> Claim:
    return replace(claim, finding=claim.finding.model_copy(update={"test": None}))


def _units_of(sample: Sample) -> dict[tuple[tuple[str, str], ...], int]:
    units = sample.grouped.units()
    return {tuple(groups.items()): int(units[g]) for g, groups in enumerate(sample.grouped.groups)}


def _presence(audited: Sample, sample: Sample, thin_units: int) -> list[Claim]:
    """Return the units that each group of the audit has in the training data, and how many groups have few or none."""
    (feature,) = audited.place.family
    units, there = _units_of(sample), audited.grouped.rows()
    met = [groups for g, groups in enumerate(audited.grouped.groups) if there[g] and groups[feature] != UNKNOWN]
    known = {groups[feature]: units.get(tuple(groups.items()), 0) for groups in met}
    claims = [_counted(sample, UNITS, count, groups={feature: level}) for level, count in known.items()]
    absent = [level for level, count in known.items() if count == 0]
    thin = [f"{level} ({count})" for level, count in known.items() if 0 < count < thin_units]
    said = (
        *([f"absent from the training data: {_listed(absent)}"] if absent else []),
        *([f"fewer than {thin_units} units in the training data: {_listed(thin)}"] if thin else []),
    )
    claim = _counted(sample, THIN, len(absent) + len(thin), compared=audited.place.family)
    finding = claim.finding.model_copy(update={"caveats": (*said, *claim.finding.caveats)})
    return [*claims, replace(claim, finding=finding)]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return "; ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _counted(
    sample: Sample,
    metric: str,
    count: int,
    *,
    groups: Mapping[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Claim:
    said = () if sample.place.has_units else ("the training data have no ids of units: rows are counted",)
    everybody = int(sample.grouped.rows().sum())
    value = Exact(value=count, n=everybody, n_units=sample.n_units if sample.place.has_units else None)
    return _exactly(sample.place, metric, value, caveats=(*said, *sample.caveats), groups=groups, compared=compared)


def _also_trained_on(audited: Predictions, place: Place, data: TrainingData) -> list[Claim]:
    """Return the share of audited units whose id the training data have too; nothing where either has no ids."""
    trained = data.predictions
    if not {audited.unit, trained.unit} <= {"unit_id", "speaker_id"}:
        return []
    units = audited.levels["unit"]
    both = set(units) & set(trained.levels["unit"])
    value = Exact(value=len(both) / len(units), n=audited.n_rows, n_units=len(units))
    said = ("ids are compared as they are written", *data.caveats)
    return [_exactly(place, SHARED, value, caveats=said)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """What was counted, and over how much."""

    value: float
    n: int
    n_units: int | None


def _exactly(
    place: Place,
    metric: str,
    counted: Exact,
    *,
    caveats: tuple[str, ...],
    groups: Mapping[str, str] | None = None,
    compared: tuple[str, ...] | None = None,
) -> Claim:
    """Return what was counted: of these tables it is exact, and decides at every level."""
    interval_at = exactly(counted.value, method=COUNTED)
    finding = Finding(
        id=finding_id(place.run, place.condition, place.examination, metric, groups=groups, compared=compared or ()),
        examination=place.examination,
        method_version=place.method_version,
        metric=metric,
        higher_is_better=metric == UNITS,
        run=place.run,
        condition=place.condition,
        groups=dict(groups or {}),
        compared=compared,
        estimate=Estimate(
            value=counted.value, interval=interval_at(place.level), n=counted.n, n_clusters=counted.n_units
        ),
        verdict=Verdict.INFORMATIVE,
        source=OWN_SOURCES[metric],
        caveats=caveats,
    )
    return Claim(finding=finding, interval_at=interval_at)


def _rows(audited: Sample, sample: Sample) -> list[Row]:
    """Return the shares and the label balance of every group of the audit, in both tables."""
    first, second = (_by_group(group_claims(each)) for each in (audited, sample))
    units = _units_of(sample)
    rows: list[Row] = []
    for groups in audited.grouped.groups:
        key = tuple(groups.items())
        for metric in _SIDE_BY_SIDE:
            own, theirs = first.get((key, metric)), second.get((key, f"{metric}{ENDING}"))
            if own is None and theirs is None:
                continue
            rows.append(
                {
                    "run": audited.place.run,
                    "features": " x ".join(audited.place.family),
                    "group": group_name(groups),
                    "metric": metric,
                    **_cells("audited", own),
                    **_cells("training", theirs),
                    "units": units.get(key, 0),
                }
            )
    return rows


def _by_group(claims: Sequence[Claim]) -> dict[tuple[tuple[tuple[str, str], ...], str], Estimate]:
    return {(tuple(c.finding.groups.items()), c.finding.metric): c.finding.estimate for c in claims}


def _cells(side: str, estimate: Estimate | None) -> Row:
    interval = None if estimate is None else estimate.interval
    return {
        side: None if estimate is None else estimate.value,
        f"{side}_low": None if interval is None else interval.low,
        f"{side}_high": None if interval is None else interval.high,
    }
