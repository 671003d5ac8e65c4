"""By what factor can a group make a label more or less likely? Differential fairness of groups and intersections.

eps = max over classes k and groups s, s' of |ln P(predicted = k | s) - ln P(predicted = k | s')|: at eps = 0.7 somebody
is named angry twice as often as somebody else. Rates are smoothed, (N_ks + alpha) / (N_s + K alpha). The eps of
intersections bounds that of each of their features (their intersectionality property, on rates without smoothing).

Where there are reference labels, eps of the labels stands beside that of the model, and the bias amplification is
eps(model) - eps(labels): what the model adds to the differences between groups that the labels already show.

A maximum of logarithms over small cells is large by chance. So groups under `compared_units` units enter no maximum and
are named; the smallest count behind each number is told; beside it stands what chance alone gives (units dealt anew);
and its interval is of all pairs and classes together, from a posterior over units. No test: that rates are equal is
tested by demographic-parity.

The amplification is bounded by bounding model and labels at once on the same draws of units; it is wide, for the
difference of two maxima has no tighter bounds that hold everywhere.

Options: `alpha` (1), the smoothing.

Source: Foulds, Islam, Keya, Pan 2020 (An intersectional definition of fairness).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from pydantic import Field
from scipy.sparse import vstack

from affidavit.case import Case
from affidavit.examinations import Claim, FunctionExamination, Testimony
from affidavit.exhibits import Cell, ExhibitTable
from affidavit.options import read_options
from affidavit.plan import Task
from affidavit.records import Estimate, Interval, NullExpectation, Record, Refusal
from affidavit.seeds import seed_of
from affidavit.tally import FloatArray, GroupedSums
from audit.differential_fairness.class_shares import ClassShares
from audit.differential_fairness.epsilon import amplification_interval, epsilon, log_rates, smallest
from audit.differential_fairness.weighted_cells import exponential_cell_sums, folded, membership
from audit.subgroups.claims import Number, Site, claim_of, expectation_of, site_of
from audit.subgroups.conjunctions import Conjunctions
from audit.subgroups.draws import Dealt, Draws
from audit.subgroups.halves import cell_sums, cells_of
from audit.subgroups.listing import listed_column

NAME = "differential-fairness"
VERSION = "1"
EPSILON: Final = "differential_fairness_epsilon"
OF_LABELS: Final = f"{EPSILON}_labels"
AMPLIFICATION: Final = "differential_fairness_amplification"
SOURCE: Final = "differential fairness, smoothed: Foulds, Islam, Keya, Pan 2020"
_NAMED: Final = 6
TOO_FEW: Final = "fewer than two groups have the units to be compared"


COLUMNS: Final = (
    listed_column("run", "text", "the run"),
    listed_column("condition", "text", "what the reasoner was shown"),
    listed_column("features", "text", "the features whose groups are compared"),
    listed_column("of", "text", "model or labels"),
    listed_column("class", "text", "the label"),
    listed_column("epsilon", "number", "the greatest log ratio between two groups of naming this label"),
    listed_column("low", "number", "lower end of its interval, of all pairs and classes together"),
    listed_column("high", "number", "upper end of its interval"),
    listed_column("highest", "text", "the group with the highest rate"),
    listed_column("lowest", "text", "the group with the lowest rate"),
    listed_column(
        "least_count", "number", "rows (or weight) with this label in the group where they are fewest", "rows"
    ),
    listed_column("n", "integer", "rows of the compared groups", "rows"),
    listed_column("n_clusters", "integer", "units of the compared groups", "units"),
)


class DifferentialFairnessOptions(Record):
    """The options of this examination in a plan."""

    alpha: float = Field(default=1.0, gt=0, le=100)
    """Smoothing: what is added to every count, and the prior's weight of a class in effective observations."""


def options_of(case: Case) -> DifferentialFairnessOptions:
    """Return the options of a case.

    Raises:
        PlanError: an unknown key, or a value of the wrong kind.
    """
    return read_options(DifferentialFairnessOptions, case.options, of=f"examination {NAME}")


def refuses(case: Case) -> Refusal | None:
    """Refuse a plan that names no feature."""
    options_of(case)
    if case.by:
        return None
    return Refusal(examination=NAME, because="the plan names no feature to compare", remedy="name one in `by`")


@dataclass(frozen=True, kw_only=True, eq=False)
class Family:
    """One family of groups under one condition."""

    site: Site
    grouped: GroupedSums
    sides: Mapping[str, ClassShares]
    """`model`, and `labels` where there are some."""
    left_out: tuple[str, ...]
    chance: list[NullExpectation] = field(default_factory=list)
    """What chance alone gives, once it is drawn."""


def examine(case: Case) -> Testimony:
    """Measure every family under every condition."""
    alpha = options_of(case).alpha
    claims: list[Claim] = []
    cells: dict[str, list[Cell]] = {column.name: [] for column in COLUMNS}
    for run, predictions in case.runs.items():
        for done, condition in enumerate(predictions.conditions_of_use, start=1):
            families = [_family(case, run, condition, family, alpha) for family in case.families if family]
            _draw(case, run, condition, [family for family in families if len(family.sides["model"].compared) > 1])
            for family in families:
                claims += _claims(family)
                _add_rows(cells, family)
            case.progress("measuring differential fairness", done, len(predictions.conditions_of_use))
    title = "Differential fairness of every class"
    return Testimony(
        claims=tuple(claims), exhibits=(ExhibitTable(id=NAME, title=title, columns=COLUMNS, values=cells),)
    )


def _family(case: Case, run: str, condition: str, features: tuple[str, ...], alpha: float) -> Family:
    predictions = case.runs[run]
    grouped = case.book.matrices(run, condition, features)
    n, labels = len(predictions.labels), predictions.labels
    compared = np.flatnonzero((grouped.units() >= case.statistics.compared_units) & (grouped.rows() > 0))
    counts = _counts(grouped.sums, n, labelled=predictions.labelled)
    apart = np.setdiff1d(np.arange(len(grouped.groups)), compared)
    return Family(
        site=replace(site_of(case, run, condition, examination=NAME, method_version=VERSION), features=features),
        grouped=grouped,
        sides={
            name: ClassShares(grouped=grouped, counts=values, compared=compared, labels=labels, alpha=alpha)
            for name, values in counts.items()
        },
        left_out=tuple(", ".join(grouped.groups[int(g)].values()) for g in apart),
    )


def _draw(case: Case, run: str, condition: str, families: Sequence[Family]) -> None:
    """Draw the posteriors of all families under the same weights of units, block by block."""
    if not families:
        return
    predictions = case.runs[run]
    tally = case.book.tally(run, condition)
    cells = cells_of([tally])
    whole = cell_sums(tally, cells)
    named = Conjunctions(features=tally.features, levels=tally.levels, cells=cells, depth=1).cell_groups()
    members = [membership(named, family.grouped.groups, family.site.features) for family in families]
    ends = np.cumsum([part.shape[0] for part in members])[:-1]
    counts = _counts(whole.sums, len(predictions.labels), labelled=predictions.labelled)
    seed = seed_of(case.book.seed, run, NAME)
    rng = np.random.default_rng(seed)
    priors = np.random.default_rng(seed_of(case.book.seed, run, NAME, "prior"))
    values = np.concatenate(list(counts.values()), axis=1)
    for block in exponential_cell_sums(whole, values, n_draws=case.statistics.n_resamples, rng=rng):
        by_family = np.split(folded(vstack(members, format="csr"), block), ends, axis=1)
        for family, own in zip(families, by_family, strict=True):
            for name, part in zip(counts, np.split(own, len(counts), axis=2), strict=True):
                family.sides[name].draw(part, priors)
    dealt = Draws(options=case.statistics, seed=seed).dealt(whole, counts["model"])
    for family, own in zip(families, members, strict=True):
        by_group = None if dealt is None else Dealt(sums=folded(own, dealt.sums), exact=dealt.exact)
        family.chance.append(_chance(case, family, by_group))


def _counts(sums: FloatArray, n_labels: int, *, labelled: bool) -> dict[str, FloatArray]:
    """Return counts of the model's answers and, where there are some, of the labels, each [R, K]."""
    if not labelled:
        return {"model": sums}
    square = sums.reshape(-1, n_labels, n_labels)
    return {"model": square.sum(axis=1), "labels": square.sum(axis=2)}


def _claims(family: Family) -> list[Claim]:
    model, labels = family.sides["model"], family.sides.get("labels")
    if len(model.compared) < 2:
        metrics = (EPSILON,) if labels is None else (EPSILON, OF_LABELS, AMPLIFICATION)
        return [_undefined(family, metric) for metric in metrics]
    numbers = [_epsilon(family, EPSILON, model, chance=family.chance[0])]
    if labels is not None:
        numbers += [_epsilon(family, OF_LABELS, labels, chance=None), _amplification(family, model, labels)]
    return [claim_of(family.site, number) for number in numbers]


def _undefined(family: Family, metric: str) -> Claim:
    n, n_units = _sizes(family)
    estimate = Estimate(value=None, why_no_interval=TOO_FEW, n=n, n_clusters=n_units)
    caveats = (_too_small(family.left_out),) if family.left_out else ()
    return claim_of(
        family.site,
        Number(
            metric=metric,
            estimate=estimate,
            source=SOURCE,
            interval_at=lambda level: TOO_FEW,
            caveats=caveats,
            unassessed=family.left_out,
        ),
    )


def _too_small(left_out: Sequence[str]) -> str:
    more = f" and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else ""
    return f"too small to be compared: {'; '.join(left_out[:_NAMED])}{more}"


def _estimate(family: Family, value: float, interval: Interval) -> Estimate:
    n, n_units = _sizes(family)
    return Estimate(value=value, interval=interval, n=n, n_clusters=n_units)


def _sizes(family: Family) -> tuple[int, int | None]:
    """Return rows and units of the compared groups; units None where rows are the units."""
    grouped, compared = family.grouped, family.sides["model"].compared
    n = int(grouped.rows()[compared].sum())
    if not family.site.has_units:
        return n, None
    return n, len(np.unique(grouped.unit[np.isin(grouped.group, compared)]))


def _epsilon(family: Family, metric: str, side: ClassShares, *, chance: NullExpectation | None) -> Number:
    per_class = side.logs.max(axis=0) - side.logs.min(axis=0)
    k = int(per_class.argmax())
    g, j = smallest(side.totals)
    smallest_count = f"the smallest count: {side.totals[g, j]:.6g} of {side.labels[j]} in {side.name(g)}"
    return Number(
        metric=metric,
        estimate=_estimate(family, float(per_class[k]), side.posterior.interval(family.site.level)),
        source=SOURCE,
        interval_at=side.posterior.interval,
        label=side.labels[k],
        ends=(side.name(int(side.logs[:, k].argmin())), side.name(int(side.logs[:, k].argmax()))),
        chance=chance,
        caveats=(smallest_count, *((_too_small(family.left_out),) if family.left_out else ())),
        unassessed=family.left_out,
    )


def _amplification(family: Family, model: ClassShares, labels: ClassShares) -> Number:
    value = float(epsilon(model.logs) - epsilon(labels.logs))

    def interval_at(level: float) -> Interval:
        return amplification_interval(model.posterior, labels.posterior, level)

    return Number(
        metric=AMPLIFICATION,
        estimate=_estimate(family, value, interval_at(family.site.level)),
        source="bias amplification, eps(model) - eps(labels): Foulds, Islam, Keya, Pan 2020",
        interval_at=interval_at,
        caveats=(_too_small(family.left_out),) if family.left_out else (),
        unassessed=family.left_out,
    )


def _chance(case: Case, family: Family, dealt: Dealt | None) -> NullExpectation:
    """Return what chance gives: units dealt anew to cells, else to the family's groups, else draws around equality."""
    model = family.sides["model"]
    if dealt is None:
        own = case.book.evidence(family.site.run, family.site.condition, family.site.features).permuted
        dealt = None if own is None else Dealt(sums=own.sums[:, :, -len(model.labels) :], exact=own.exact)
    if dealt is None:
        draws = model.posterior.around_equality()
        return expectation_of(draws, f"{len(draws)} posterior draws around equality")
    draws = epsilon(log_rates(dealt.sums[:, model.compared], model.alpha))
    return expectation_of(draws, dealt.named("units"))


def _add_rows(cells: dict[str, list[Cell]], family: Family) -> None:
    n, n_units = _sizes(family)
    for name, side in family.sides.items():
        if len(side.compared) < 2:
            continue
        low, high = side.posterior.bounds(family.site.level)
        for k, label in enumerate(side.labels):
            logs = side.logs[:, k]
            row: dict[str, Cell] = {
                "run": family.site.run,
                "condition": family.site.condition,
                "features": " x ".join(family.site.features),
                "of": name,
                "class": label,
                "epsilon": float(np.ptp(logs)),
                "low": float(low[k]),
                "high": float(high[k]),
                "highest": side.name(int(logs.argmax())),
                "lowest": side.name(int(logs.argmin())),
                "least_count": float(side.totals[:, k].min()),
                "n": n,
                "n_clusters": n_units,
            }
            for column, values in cells.items():
                values.append(row[column])


EXAMINATION = FunctionExamination(
    name=NAME,
    title="Differential fairness",
    method_version=VERSION,
    access=("table",),
    metrics=frozenset({EPSILON, OF_LABELS, AMPLIFICATION}),
    tasks=frozenset({Task.MULTICLASS}),
    function=examine,
    refusal=refuses,
)
